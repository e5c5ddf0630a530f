// Agreement of ranks.
#include "framework/train/agreement.h"

#include <sched.h>
#include <torch/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

#include "distributed/texts.h"
#include "framework/error.h"
#include "framework/train/device.h"
#include "framework/train/plan.h"

namespace nearfar {
namespace {

constexpr size_t kLargest = size_t{1} << 28;  // a state may list many skipped images

/// This host and the cores that this process may use there.
std::string cores_of_this_process() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  std::string text = std::string(host.data()) + ":";
  cpu_set_t cores;
  CPU_ZERO(&cores);
  sched_getaffinity(0, sizeof(cores), &cores);
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &cores)) text += " " + std::to_string(core);
  }
  return text;
}

/// What all ranks must have alike.
Json described(const ResolvedRun& run, bool goes_on) {
  RunConfig config = run.config;
  Json document = Json::object();
  document["settings"] = to_json([&config](Fields& field) { config.describe(field); });
  // May differ without changing a result, as hosts do.
  for (const char* key : {"path", "test_path", "workers"}) {
    document["settings"]["data"][key] = Json();
  }
  document["images"] = run.data.train->info().size;
  document["steps_per_epoch"] =
      EpochSampler(*run.data.train, sampler_plan(run.config)).steps_per_epoch();
  document["continues"] = goes_on;
  return document;
}

/// The first difference of two documents as "train.batch: 32 instead of 64"; empty: none.
std::string first_difference(const Json& mine, const Json& first, const std::string& key) {
  if (mine == first) return "";
  if (!mine.is_object() || !first.is_object()) {
    return key + ": " + to_text(mine, -1) + " instead of " + to_text(first, -1);
  }
  for (const auto& [name, value] : first.members()) {
    const std::string inner = key.empty() || key == "settings" ? name : key + "." + name;
    const Json* own = mine.find(name);
    if (own == nullptr) return inner + ": missing";
    const std::string found = first_difference(*own, value, inner);
    if (!found.empty()) return found;
  }
  return key + ": more keys";
}

}  // namespace

int cores_of_a_rank(Group& processes, int hosted) {
  const std::string mine = cores_of_this_process();
  const std::vector<std::string> all = gather_texts(processes, mine);
  const auto sharing = std::count(all.begin(), all.end(), mine) * hosted;
  const auto share = std::max<int64_t>(1, available_cores() / static_cast<int64_t>(sharing));
  std::vector<int64_t> shares;
  for (const std::string& text : gather_texts(processes, std::to_string(share))) {
    shares.push_back(std::stoll(text));
  }
  return static_cast<int>(*std::min_element(shares.begin(), shares.end()));
}

double largest_of_ranks(Group& group, double mine) {
  const std::vector<int64_t> ones(static_cast<size_t>(group.size()), 1);
  const at::Tensor number = at::full({1}, mine, at::kDouble).to(group.device());
  return group.all_gather(number, ones).max().item<double>();
}

void check_every_rank_has_images(const ResolvedRun& run, int ranks) {
  const int64_t batch = run.config.train.batch;
  if (batch < ranks) {
    throw ConfigError("train.batch: expected at least one image for each of " +
                      std::to_string(ranks) + " ranks, found " + std::to_string(batch));
  }
  const int64_t size = run.data.train->info().size;
  const int64_t last = size % batch;
  if (run.config.data.drop_last || last == 0 || last >= ranks) return;
  throw ConfigError("data.drop_last: expected true, or a last batch with an image for each of " +
                    std::to_string(ranks) + " ranks, found " + std::to_string(last) + " of " +
                    std::to_string(size) + " images left over by batches of " +
                    std::to_string(batch));
}

void check_same_run(Group& processes, const ResolvedRun& run, bool goes_on) {
  const Json mine = described(run, goes_on);
  const Json first = parse_json(broadcast_text(processes, to_text(mine)), "rank 0");
  const std::vector<std::string> found =
      gather_texts(processes, first_difference(parse_json(to_text(mine), "this rank"), first, ""));
  for (size_t rank = 0; rank < found.size(); ++rank) {
    if (found[rank].empty()) continue;
    throw ConfigError("rank " + std::to_string(rank) + " has another run than rank 0: " +
                      found[rank] + "; give all ranks the same command, environment and data");
  }
}

StartPoint agreed_start(Group& group, const RunFolder& folder, int64_t steps, Log& log) {
  Json document = Json::object();
  if (group.rank() == 0) {
    if (const auto generation = newest_generation(folder.checkpoints(), log)) {
      document["step"] = generation->step;
      document["path"] = generation->path;
      document["state"] = generation->state;
      document["finished"] = generation->step >= steps && std::filesystem::exists(folder.encoder());
    }
  }
  const Json agreed = parse_json(broadcast_text(group, to_text(document)), "rank 0's checkpoint",
                                 {.bytes = kLargest});
  StartPoint start;
  if (agreed.find("step") == nullptr) return start;
  start.generation =
      Generation{agreed.at("step").as_int(), agreed.at("path").as_string(), agreed.at("state")};
  start.finished = agreed.at("finished").as_bool();
  return start;
}

std::vector<int64_t> gather_numbers(Group& group, const std::vector<int64_t>& mine) {
  std::string bytes(mine.size() * sizeof(int64_t), '\0');
  std::memcpy(bytes.data(), mine.data(), bytes.size());
  std::vector<int64_t> all;
  for (const std::string& text : gather_texts(group, bytes)) {
    const size_t before = all.size();
    all.resize(before + text.size() / sizeof(int64_t));
    std::memcpy(all.data() + before, text.data(), text.size());
  }
  return all;
}

std::vector<int64_t> agreed_order(Group& group, std::vector<int64_t> order) {
  if (group.size() == 1) return order;
  const at::Tensor mine = at::tensor(order, at::kLong).to(group.device());
  const at::Tensor first = group.broadcast(mine, 0).cpu();
  return {first.data_ptr<int64_t>(), first.data_ptr<int64_t>() + first.numel()};
}

}  // namespace nearfar
