// Tables and documents of benchmarks.
#include "tools/nearfar/bench_report.h"

#include <algorithm>
#include <cmath>

#include "framework/log/quantities.h"

namespace nearfar {
namespace {

/// Three significant digits, or whole numbers with separators.
std::string rate_text(double rate) {
  if (rate >= 100.0) return format_count(std::llround(rate));
  return format_fixed(rate, rate >= 10.0 ? 1 : 2);
}

std::string milliseconds_text(double seconds) {
  const double value = 1e3 * seconds;
  return format_fixed(value, value >= 10.0 ? 1 : value >= 0.1 ? 3 : 4);
}

std::string cores_text(double cores) {
  return format_fixed(cores, cores >= 9.95 ? 0 : cores >= 0.95 ? 1 : 2);
}

std::string percent(double share) { return format_fixed(100.0 * share, 0) + "%"; }

std::string worker(const BenchReport& report) {
  return report.kind == "data" ? "worker" : "thread";
}

std::string workers(const BenchReport& report) {
  return std::to_string(report.threads) + " " + worker(report) + "s";
}

std::string rate_table(const BenchReport& report, TableStyle style) {
  const auto views = static_cast<double>(report.sides.size());
  Table table({"", report.sides.size() == 2 ? "PAIRS/S" : "IMAGES/S", "FROM", "TO", "VIEWS/S"});
  const auto add = [&](const std::string& name, const Spread& rate) {
    table.add_row({name, rate_text(rate.median), rate_text(rate.low), rate_text(rate.high),
                   rate_text(views * rate.median)});
  };
  add("1 " + worker(report), report.one_core);
  if (report.threads > 1) add(workers(report), report.all_cores);
  if (report.gpu_renders) add("1 worker, a GPU renders", report.feeding);
  return table.to_text(style);
}

std::string stage_table(const BenchReport& report, TableStyle style) {
  Table table({"STAGE", "MS/IMAGE", "SHARE"});
  for (const StageTime& stage : report.stages) {
    table.add_row({stage.name, milliseconds_text(stage.seconds.median), percent(stage.share)});
  }
  return table.to_text(style);
}

std::string gpu_table(const BenchReport& report, TableStyle style) {
  Table table({"GPU", "TRAINS", "IMAGES/S", "CORES", "RATE FROM"});
  for (const GpuRate& rate : report.rates) {
    table.add_row({rate.gpu, rate.network, rate_text(rate.images_per_second),
                   cores_text(cores_needed(report, rate.images_per_second)), rate.source});
  }
  return table.to_text(style);
}

/// What the cores of the table do, and at which rate.
std::string feeding_text(const BenchReport& report) {
  if (report.gpu_renders) {
    return "cores that feed a GPU that renders the views itself (device=cuda), at the rate of 1 "
           "worker that reads, decodes and draws:\n";
  }
  return "cores that feed a GPU if the CPU renders the views, at the rate of 1 " + worker(report) +
         ", without reading and decoding:\n";
}

/// What the largest share means, and what helps.
std::string limit_text(const BenchReport& report) {
  const StageTime& limit = slowest(report.stages);
  std::string text = "limit: " + limit.name + ", " + percent(limit.share) + " of the time";
  if (limit.name == "decode") {
    text += "; images stored at no more than twice the size of the views decode faster";
  } else if (limit.name == "read") {
    text += "; a faster disk or fewer, larger files help";
  } else if (limit.name == "blur") {
    text += "; its cost grows with sigma";
  } else if (limit.name == "render") {
    text += "; with device=cuda the GPU does it";
  }
  return text + "\n";
}

std::string first_read_text(const BenchReport& report) {
  if (report.first_read <= 0.0) return "";
  return "first reading of a file: " + milliseconds_text(report.first_read) + " ms for " +
         format_bytes(std::llround(report.file_bytes)) +
         " (the disk's speed where the cache was cold)\n";
}

Json spread_document(const Spread& spread, double scale) {
  Json document = Json::object();
  document["median"] = scale * spread.median;
  document["low"] = scale * spread.low;
  document["high"] = scale * spread.high;
  return document;
}

Json rate_document(const BenchReport& report, const Spread& images_per_second, int threads) {
  Json document = Json::object();
  document["threads"] = threads;
  document["images_per_second"] = spread_document(images_per_second, 1.0);
  document["views_per_second"] =
      spread_document(images_per_second, static_cast<double>(report.sides.size()));
  return document;
}

Json gpu_document(const BenchReport& report, const GpuRate& rate) {
  Json document = Json::object();
  document["gpu"] = rate.gpu;
  document["network"] = rate.network;
  document["images_per_second"] = rate.images_per_second;
  document["cores"] = cores_needed(report, rate.images_per_second);
  document["source"] = rate.source;
  return document;
}

}  // namespace

int64_t largest_side(const std::vector<int64_t>& sides) {
  return *std::max_element(sides.begin(), sides.end());
}

double cores_needed(const BenchReport& report, double images_per_second) {
  return images_per_second / report.feeding.median;
}

std::string to_words(const BenchReport& report, TableStyle style) {
  std::string text = report.title + "\n\n" + rate_table(report, style) + "\n" +
                     stage_table(report, style) + "\n" + limit_text(report) +
                     first_read_text(report);
  if (report.threads > 1) {
    const double speedup = report.all_cores.median / report.one_core.median;
    text += format_fixed(speedup, 2) + "x on " + workers(report) + "; ";
  }
  text += "medians of " + std::to_string(report.plan.rounds) + " rounds\n";
  if (report.rates.empty()) return text;
  return text + "\n" + feeding_text(report) + gpu_table(report, style);
}

Json to_document(const BenchReport& report) {
  Json document = Json::object();
  document["bench"] = report.kind;
  document["title"] = report.title;
  document["views"] = Json::array();
  for (const int64_t side : report.sides) document["views"].push_back(side);
  document["one_core"] = rate_document(report, report.one_core, 1);
  document["all_cores"] = rate_document(report, report.all_cores, report.threads);
  document["all_cores"]["speedup"] = report.all_cores.median / report.one_core.median;
  document["feeding_core"] = rate_document(report, report.feeding, 1);
  document["feeding_core"]["gpu_renders"] = report.gpu_renders;
  document["stages"] = Json::object();
  for (const StageTime& stage : report.stages) {
    document["stages"][stage.name]["milliseconds"] = spread_document(stage.seconds, 1e3);
    document["stages"][stage.name]["share"] = stage.share;
  }
  document["limit"] = slowest(report.stages).name;
  if (report.first_read > 0.0) {
    document["first_read"]["milliseconds"] = 1e3 * report.first_read;
    document["first_read"]["bytes"] = report.file_bytes;
  }
  document["gpus"] = Json::array();
  for (const GpuRate& rate : report.rates) document["gpus"].push_back(gpu_document(report, rate));
  document["rounds"] = report.plan.rounds;
  document["seconds"] = report.plan.seconds;
  return document;
}

}  // namespace nearfar
