// `nearfar bench`: what this machine makes of the user's data.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "framework/data/load_speed.h"
#include "framework/data/resident.h"
#include "framework/data/view_speed.h"
#include "framework/error.h"
#include "framework/log/quantities.h"
#include "framework/train/device.h"
#include "tools/nearfar/bench_report.h"
#include "tools/nearfar/commands.h"
#include "tools/nearfar/policy_list.h"
#include "tools/nearfar/view_source.h"

namespace nearfar {
namespace {

constexpr int64_t kSampled = 64;
constexpr double kRoundSeconds = 1.2;
constexpr int kMostRounds = 15;

/// Images of the size that ImageNet's mostly have, smooth with noise, where no data is given.
std::shared_ptr<const Dataset> synthetic_images() {
  constexpr int kImages = 16, kHeight = 375, kWidth = 500;
  ResidentImages made;
  made.info = {"synthetic", "synthetic", "synthetic", kImages, 3, kHeight, kWidth, {}};
  made.pixels.resize(size_t{kImages} * kHeight * kWidth * 3);
  made.files.push_back({"synthetic", 0});
  Random random(0, 0, 0, Purpose::evaluation);
  size_t at = 0;
  for (int image = 0; image < kImages; ++image) {
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < 3 * kWidth; ++x) {
        const double wave = std::sin(0.02 * y + image) * std::cos(0.013 * x - image);
        made.pixels[at++] = static_cast<uint8_t>(120.0 + 100.0 * wave + 30.0 * random.uniform());
      }
    }
  }
  return std::make_shared<ResidentDataset>(std::move(made));
}

/// The data that is named, or the synthetic images with a published policy, SimCLR's unless named.
ViewSource open_source(const BenchArguments& arguments, Log& log) {
  const std::vector<std::string>& words = arguments.request.words;
  if (!words.empty() && !is_assignment(words.front())) return open_views(arguments.request, log);
  if (arguments.what == "data") {
    throw ConfigError("bench data: expected a data set (see nearfar bench --help)");
  }
  if (!arguments.request.recipe.empty() || !arguments.request.preset.empty()) {
    throw ConfigError("bench augment: --recipe and --preset go with a data set, --policy without");
  }
  for (const std::string& word : words) {
    if (!word.starts_with("data.")) continue;
    throw ConfigError(word + ": data.KEY goes with a data set; the synthetic images have view.KEY");
  }
  const std::string policy = arguments.request.policy.empty() ? "simclr" : arguments.request.policy;
  ViewSource source;
  source.data = synthetic_images();
  source.policies = published_views(policy, words);
  source.sheet.title = policy + " views of synthetic images of 500x375";
  return source;
}

/// As many threads as asked for, else the workers of a run, else one a core.
int threads_of(const BenchArguments& arguments, const ViewSource& source) {
  if (arguments.threads > 0) return arguments.threads;
  return arguments.what == "data" ? source.plan.workers : available_cores();
}

BenchmarkPlan plan_of(const BenchArguments& arguments, const ViewSource& source) {
  BenchmarkPlan plan;
  plan.seconds = arguments.seconds;
  plan.rounds = std::clamp(static_cast<int>(arguments.seconds / kRoundSeconds), 3, kMostRounds);
  plan.threads = threads_of(arguments, source);
  return plan;
}

Tick shown_on(ProgressBar& bar, const BenchmarkPlan& plan) {
  const double start = steady_now();
  return [&bar, plan, start](double done) {
    Progress progress;
    progress.step = std::llround(done * plan.rounds);
    progress.total_steps = plan.rounds;
    progress.training = false;
    progress.seconds_left = (steady_now() - start) * (1.0 - done) / done;
    bar.update(progress);
  };
}

std::vector<GpuRate> rates_of(const BenchArguments& arguments, const std::vector<int64_t>& sides) {
  std::vector<GpuRate> rates;
  if (arguments.rate > 0.0) rates.push_back({"yours", "", 0, arguments.rate, "--rate"});
  for (GpuRate& rate : gpu_rates(largest_side(sides))) rates.push_back(std::move(rate));
  return rates;
}

/// "2 x 224", "2 x 224 + 6 x 96".
std::string sides_text(const std::vector<int64_t>& sides) {
  std::string text;
  for (size_t i = 0; i < sides.size();) {
    size_t end = i;
    while (end < sides.size() && sides[end] == sides[i]) ++end;
    text +=
        (text.empty() ? "" : " + ") + std::to_string(end - i) + " x " + std::to_string(sides[i]);
    i = end;
  }
  return text;
}

void measure(const BenchArguments& arguments, const ViewSource& source, const Tick& tick,
             BenchReport& report) {
  if (arguments.what == "augment") {
    const ImageSample sample(*source.data, kSampled);
    ViewSpeed speed = measure_views(sample.images(), source.policies, report.plan, tick);
    report.one_core = speed.one_thread;
    report.all_cores = speed.all_threads;
    report.feeding = report.one_core;
    report.stages = std::move(speed.stages);
    return;
  }
  LoadSpeed speed = measure_loading(source.data, source.policies, source.plan, report.plan, tick);
  report.one_core = speed.one_worker;
  report.all_cores = speed.all_workers;
  report.feeding = speed.unrendered;
  report.gpu_renders = true;
  report.stages = std::move(speed.stages);
  report.first_read = speed.first_read;
  report.file_bytes = speed.bytes;
}

/// Others on the same cores slow everything down: a rate that is too low should say why.
void warn_where_busy(Log& log) {
  double load = 0.0;
  const int cores = available_cores();
  if (getloadavg(&load, 1) != 1 || load < 0.3 * cores) return;
  log.warning("bench: this machine is busy (a load of " + format_fixed(load, 1) + " on " +
              std::to_string(cores) + " cores): the rates are lower limits");
}

}  // namespace

int run_bench(const BenchArguments& arguments, Console& console) {
  if (arguments.request.policy == "list") {
    list_policies(console);
    return 0;
  }
  if (arguments.what.empty()) {
    throw ConfigError("bench: expected WHAT, augment or data (see nearfar bench --help)");
  }
  const ViewSource source = open_source(arguments, console.log());
  warn_where_busy(console.log());
  BenchReport report;
  report.kind = arguments.what;
  report.plan = plan_of(arguments, source);
  report.threads = report.plan.threads;
  for (const ViewPolicy& policy : source.policies) report.sides.push_back(policy.size);
  report.title = source.sheet.title + ": " + sides_text(report.sides) + " px";
  report.rates = rates_of(arguments, report.sides);
  measure(arguments, source, shown_on(console.progress(), report.plan), report);
  const TableStyle style = isatty(STDOUT_FILENO) != 0 ? TableStyle::terminal : TableStyle::plain;
  console.result(to_words(report, style), to_document(report));
  return 0;
}

}  // namespace nearfar
