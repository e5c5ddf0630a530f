// `nearfar doctor --plan`: a run over many ranks as tables.
#include <unistd.h>

#include "framework/log/quantities.h"
#include "framework/log/table.h"
#include "framework/train/device.h"
#include "framework/train/distribution_plan.h"
#include "tools/nearfar/doctor.h"

namespace nearfar {
namespace {

constexpr int kUsualGpusPerHost = 8;

/// Where the run shall be: the device that the settings name, here or on another machine.
std::string device_of(const RunSources& sources) {
  const std::string device = given_config(sources).device;
  return device == "auto" ? resolve_device(device) : device;
}

Json to_document(const CollectiveCounts& counts, const DistributionPlan& plan) {
  Json document = Json::object();
  for (const Collective kind : kCollectives) {
    const Traffic& traffic = counts[kind];
    document[name_of(kind)] =
        Json::object({{"calls", traffic.calls},
                      {"payload_bytes", traffic.payload},
                      {"sent_bytes", bytes_sent(kind, traffic.payload, plan.ranks)}});
  }
  document["total"] =
      Json::object({{"calls", counts.total().calls},
                    {"payload_bytes", counts.total().payload},
                    {"sent_bytes", bytes_sent(counts, plan.ranks)},
                    {"sent_bytes_between_hosts_by_each_host",
                     bytes_leaving_host(counts, plan.ranks, plan.hosts)},
                    {"sent_bytes_between_hosts",
                     plan.hosts * bytes_leaving_host(counts, plan.ranks, plan.hosts)}});
  return document;
}

Json to_document(const RankMemory& memory, bool measured) {
  return Json::object({{"parameters", memory.parameters},
                       {"gradients", memory.gradients},
                       {"optimizer", memory.optimizer},
                       {"buffers", memory.buffers},
                       {"activations", memory.activations},
                       {"activations_measured", measured},
                       {"batches", memory.batches},
                       {"total", memory.total()}});
}

Json to_document(const DistributionPlan& plan, const RunConfig& config) {
  Json document = Json::object();
  document["recipe"] = config.recipe.name;
  document["encoder"] = config.encoder.name;
  document["ranks"] = plan.ranks;
  document["gpus_per_host"] = plan.gpus_per_host;
  document["hosts"] = plan.hosts;
  document["batch"] = plan.batch;
  document["images_per_rank"] =
      Json::object({{"largest", plan.largest_piece}, {"smallest", plan.smallest_piece}});
  document["memory_per_rank"] = to_document(plan.memory, plan.activations_measured);
  document["start"] = to_document(plan.start, plan);
  document["step"] = to_document(plan.step, plan);
  document["check_ranks_every"] = config.train.check_ranks;
  document["check"] = to_document(plan.check, plan);
  return document;
}

std::string memory_table(const DistributionPlan& plan, TableStyle style) {
  const RankMemory& memory = plan.memory;
  Table table({"MEMORY OF A RANK", "BYTES", ""});
  const auto add = [&table](const char* name, int64_t bytes) {
    table.add_row({name, format_count(bytes), format_bytes(bytes)});
  };
  add("parameters", memory.parameters);
  add("gradients", memory.gradients);
  add("optimizer", memory.optimizer);
  add("buffers", memory.buffers);
  add(plan.activations_measured ? "activations" : "activations, about", memory.activations);
  add("batches that wait", memory.batches);
  add("total", memory.total());
  return table.to_text(style);
}

/// What is exchanged at one occasion: kinds that do not occur are left out.
void add_rows(Table& table, const std::string& when, const CollectiveCounts& counts, int ranks) {
  for (const Collective kind : kCollectives) {
    const Traffic& traffic = counts[kind];
    if (traffic.calls == 0) continue;
    const int64_t sent = bytes_sent(kind, traffic.payload, ranks);
    table.add_row({when, name_of(kind), format_count(traffic.calls), format_count(traffic.payload),
                   format_count(sent), format_bytes(sent)});
  }
}

std::string traffic_table(const DistributionPlan& plan, const RunConfig& config, TableStyle style) {
  Table table({"WHEN", "COLLECTIVE", "CALLS", "PAYLOAD BYTES", "SENT BY A RANK", ""});
  add_rows(table, "each step", plan.step, plan.ranks);
  add_rows(table, "at the start", plan.start, plan.ranks);
  if (config.train.check_ranks > 0) {
    add_rows(table, "every " + format_count(config.train.check_ranks) + " steps", plan.check,
             plan.ranks);
  }
  return table.to_text(style);
}

std::string between_hosts(const DistributionPlan& plan) {
  const int64_t sent = bytes_sent(plan.step, plan.ranks);
  const int64_t leaving = bytes_leaving_host(plan.step, plan.ranks, plan.hosts);
  std::string text = "a step: " + format_bytes(sent) + " sent by each rank";
  if (plan.hosts > 1) {
    text += ", " + format_bytes(leaving) + " by each host to another, " +
            format_bytes(plan.hosts * leaving) + " between hosts in all";
  }
  return text +
         "\nW ranks in a ring send, of a payload S: sums 2 (W - 1) / W S, gathers and scatters "
         "(W - 1) / W S, broadcasts (W - 1) / W S on average;\nranks of a host are neighbours in "
         "the ring, so a host sends to the next what one rank sends\n";
}

std::string to_words(const DistributionPlan& plan, const RunConfig& config, TableStyle style) {
  const auto counted = [](int64_t count, const std::string& what) {
    return format_count(count) + " " + what + (count == 1 ? "" : "s");
  };
  std::string pieces = format_count(plan.largest_piece);
  if (plan.smallest_piece < plan.largest_piece) {
    pieces = format_count(plan.smallest_piece) + " or " + pieces;
  }
  return config.recipe.name + " with " + config.encoder.name + " on " +
         counted(plan.ranks, "rank") + ", " + counted(plan.hosts, "host") + " with up to " +
         counted(plan.gpus_per_host, "GPU") + "\nbatch: " + counted(plan.batch, "image") + ", " +
         pieces + " on each rank\n\n" + memory_table(plan, style) + "\n" +
         traffic_table(plan, config, style) + "\n" + between_hosts(plan);
}

}  // namespace

int run_plan(const DoctorArguments& arguments, Console& console) {
  RunSources sources = doctor_sources(arguments);
  const std::string device = device_of(sources);
  const bool on_gpu = device == "cuda";
  if (on_gpu && !has_nvidia_driver()) {
    console.log().warning(
        "device=cuda: there is no GPU here; planned on the CPU, where activations may take another "
        "amount of memory; all else is the same");
  }
  sources.preset_device = device;
  sources.assignments.push_back("device=cpu");
  const ResolvedRun run = resolve_run(sources, console.log());
  if (run.config.train.reduction == "ordered") {
    console.log().warning(
        "train.reduction=ordered: planned as fast; ordered sums move more between ranks");
  }
  const TableStyle style = isatty(STDOUT_FILENO) != 0 ? TableStyle::terminal : TableStyle::plain;
  const int gpus = arguments.gpus_per_host == 0 ? kUsualGpusPerHost : arguments.gpus_per_host;
  const DistributionPlan plan = plan_distribution(run, arguments.ranks, gpus, on_gpu);
  console.result(to_words(plan, run.config, style), to_document(plan, run.config));
  return 0;
}

}  // namespace nearfar
