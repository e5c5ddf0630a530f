// `nearfar doctor --distributed`: the ranks that are there, their links and their mathematics.
#include <ATen/Parallel.h>
#include <unistd.h>

#include "distributed/join.h"
#include "distributed/link_speed.h"
#include "distributed/thread_group.h"
#include "framework/checkpoint/manifest.h"
#include "framework/files/file_system.h"
#include "framework/log/quantities.h"
#include "framework/log/table.h"
#include "framework/train/agreement.h"
#include "framework/train/device.h"
#include "framework/train/rank_roster.h"
#include "framework/train/rank_self_test.h"
#include "tools/nearfar/doctor.h"

namespace nearfar {
namespace {

constexpr int kThreadRanks = 2;  // that one rank alone asks its questions of
constexpr double kLargestClockSpread = 1.0;

/// What is tested: a run's settings, or those of a recipe without any data.
struct Subject {
  RunConfig config;
  DatasetInfo data;
  std::string recipe_hash, settings_hash;
};

RunSources sources_of_subject(const DoctorArguments& arguments) {
  RunSources sources = doctor_sources(arguments);
  if (merge_sources(sources, Json::object(), "").find("recipe.name") == nullptr) {
    sources.assignments.push_back("recipe.name=simclr");
  }
  return sources;
}

Subject find_subject(const RunSources& sources, Log& log) {
  Subject subject;
  subject.config = given_config(sources);
  if (subject.config.data.path.empty()) {
    subject.data.class_names = {"a", "b", "c"};
  } else {
    const ResolvedRun run = resolve_run(sources, log);
    subject.config = run.config;
    subject.data = run.data.train->info();
  }
  const std::string library = read_text(recipe_of(sources).path);
  subject.recipe_hash = xxh3_hex(library.data(), library.size());
  const std::string settings =
      to_text(to_json([&](Fields& field) { subject.config.describe(field); }), -1);
  subject.settings_hash = xxh3_hex(settings.data(), settings.size());
  return subject;
}

struct Findings {
  std::string started_by;
  std::vector<RankEntry> roster;
  LinkSpeed links;
  int compared_ranks = 0;
  std::vector<std::pair<SelfTestBatch, GradientDifference>> comparisons;
  std::string recipe;
};

void compare(Findings& findings, const Subject& subject, Group& group) {
  findings.compared_ranks = group.size();
  for (const SelfTestBatch& batch : all_self_tests(group.size())) {
    const GradientDifference worst =
        compare_with_one_rank(subject.config, subject.data, group, batch);
    require_same_gradient(worst, subject.config, subject.data, group.size());
    findings.comparisons.emplace_back(batch, worst);
  }
}

/// Every rank does this; all throw or none does.
Findings examine(const Subject& subject, const Ranks& ranks, at::Device device) {
  Group& group = *ranks.group;
  Findings findings;
  findings.started_by = ranks.placement.source;
  findings.recipe = subject.config.recipe.name;
  RankEntry mine;
  mine.local_rank = ranks.placement.local_rank;
  mine.device = device.str();
  mine.recipe = subject.recipe_hash;
  mine.settings = subject.settings_hash;
  findings.roster = gather_roster(group, mine);
  require_same_program(findings.roster);
  if (group.size() > 1) {
    findings.links = measure_links(group);
    compare(findings, subject, group);
  } else {
    run_ranks(kThreadRanks, [&](Group& threads) {
      Findings of_thread;
      compare(of_thread, subject, threads);
      if (threads.rank() > 0) return;
      findings.compared_ranks = of_thread.compared_ranks;
      findings.comparisons = of_thread.comparisons;
    });
  }
  group.barrier();  // who serves the store leaves last
  return findings;
}

Json to_document(const Findings& findings) {
  Json document = Json::object();
  document["ranks"] = static_cast<int64_t>(findings.roster.size());
  document["started_by"] = findings.started_by;
  Json roster = Json::array();
  for (const RankEntry& entry : findings.roster) {
    roster.push_back(Json::object({{"rank", entry.rank},
                                   {"host", entry.host},
                                   {"local_rank", entry.local_rank},
                                   {"device", entry.device},
                                   {"process", entry.process},
                                   {"clock_lead_seconds", entry.clock_lead},
                                   {"nearfar", entry.nearfar},
                                   {"libtorch", entry.libtorch},
                                   {"recipe_hash", entry.recipe},
                                   {"settings_hash", entry.settings}}));
  }
  document["roster"] = std::move(roster);
  if (findings.roster.size() > 1) {
    const LinkSpeed& links = findings.links;
    document["links"] = Json::object({{"latency_seconds", links.latency_seconds},
                                      {"bytes", links.bytes},
                                      {"sum_seconds", links.sum_seconds},
                                      {"sum_bytes_per_second", links.sum_bytes_per_second},
                                      {"gather_seconds", links.gather_seconds},
                                      {"gather_bytes_per_second", links.gather_bytes_per_second}});
  }
  document["recipe"] = findings.recipe;
  document["compared_ranks"] = findings.compared_ranks;
  document["compared_as"] = findings.roster.size() > 1 ? "ranks" : "threads";
  Json comparisons = Json::array();
  for (const auto& [batch, worst] : findings.comparisons) {
    comparisons.push_back(Json::object({{"batch", batch.name},
                                        {"images", batch.batch},
                                        {"difference", worst.difference},
                                        {"parameter", worst.parameter}}));
  }
  document["gradients"] = std::move(comparisons);
  return document;
}

std::string roster_words(const Findings& findings, TableStyle style) {
  Table table({"RANK", "HOST", "LOCAL RANK", "DEVICE", "PROCESS"});
  for (const RankEntry& entry : findings.roster) {
    table.add_row({std::to_string(entry.rank), entry.host, std::to_string(entry.local_rank),
                   entry.device, std::to_string(entry.process)});
  }
  const RankEntry& first = findings.roster.front();
  const bool several = findings.roster.size() > 1;
  return table.to_text(style) + "\nnearfar " + first.nearfar + ", LibTorch " + first.libtorch +
         ", recipe library " + first.recipe.substr(0, 8) + ", settings " +
         first.settings.substr(0, 8) + (several ? ": the same on all ranks" : "") + "\n";
}

std::string link_words(const Findings& findings) {
  const LinkSpeed& links = findings.links;
  const auto collective = [&](const char* name, double seconds, double rate) {
    return std::string(name) + " of " + format_bytes(links.bytes) + ": " +
           format_fixed(1e3 * seconds, 1) + " ms, each rank sends " +
           format_bytes(static_cast<int64_t>(rate)) + "/s\n";
  };
  return "clocks: within " + format_significant(1e3 * clock_spread(findings.roster), 3) +
         " ms\nlatency: " + format_significant(1e3 * links.latency_seconds, 3) +
         " ms for a sum of one number\n" +
         collective("sum", links.sum_seconds, links.sum_bytes_per_second) +
         collective("gather", links.gather_seconds, links.gather_bytes_per_second);
}

std::string gradient_words(const Findings& findings, TableStyle style) {
  Table table({"BATCH", "IMAGES", "DIFFERENCE", "LARGEST AT"});
  for (const auto& [batch, worst] : findings.comparisons) {
    table.add_row({batch.name, std::to_string(batch.batch), format_significant(worst.difference, 2),
                   worst.parameter});
  }
  const std::string count = std::to_string(findings.compared_ranks);
  return "gradient(" + count + " ranks) == gradient(1 rank) for " + findings.recipe +
         (findings.roster.size() > 1 ? "" : ", the ranks being threads of this process") + "\n\n" +
         table.to_text(style);
}

std::string to_words(const Findings& findings, TableStyle style) {
  if (findings.roster.size() == 1) {
    return "one rank alone: no other to talk to; nearfar launch --ranks N, torchrun, srun or "
           "mpirun start several\n\n" +
           roster_words(findings, style) + "\n" + gradient_words(findings, style);
  }
  return format_count(static_cast<int64_t>(findings.roster.size())) + " ranks, started by " +
         findings.started_by + "\n\n" + roster_words(findings, style) + link_words(findings) +
         "\n" + gradient_words(findings, style);
}

}  // namespace

int run_distributed(const DoctorArguments& arguments, Console& console) {
  const RunSources sources = sources_of_subject(arguments);
  const RunConfig given = given_config(sources);
  JoinOptions joining;
  joining.deadline = std::chrono::milliseconds(static_cast<int64_t>(1e3 * given.train.deadline));
  joining.device = open_device(resolve_device(given.device), console.placement().local_rank);
  if (joining.device.is_cuda() && console.placement().ranks > 1) {
    joining.make_device_backend = cuda_backend();
  }
  const Ranks ranks = join(console.placement(), joining);
  for (const std::string& note : ranks.placement.notes) console.log().info(note);
  try {
    at::set_num_threads(cores_of_a_rank(*ranks.group, 1));
    const Findings findings = examine(find_subject(sources, console.log()), ranks, joining.device);
    if (clock_spread(findings.roster) > kLargestClockSpread) {
      console.log().warning("clocks differ by " + format_duration(clock_spread(findings.roster)) +
                            ": times in logs of different hosts do not compare");
    }
    const TableStyle style = isatty(STDOUT_FILENO) != 0 ? TableStyle::terminal : TableStyle::plain;
    console.result(to_words(findings, style), to_document(findings));
  } catch (const std::exception& error) {
    ranks.group->report_failure(error.what());
    throw;
  }
  return 0;
}

}  // namespace nearfar
