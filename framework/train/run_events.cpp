// Events of a run.
#include "framework/train/run_events.h"

#include <torch/types.h>

#include <algorithm>
#include <filesystem>

#include "framework/files/file_system.h"
#include "framework/log/clock.h"
#include "framework/train/signs_of_life.h"

namespace nearfar {
namespace {

constexpr int kBuckets = 30;
constexpr int64_t kMostHistograms = 50;  // of one tag in a run: a file of megabytes, not gigabytes

/// At most 4,096 of a tensor's values, evenly spaced.
std::vector<float> sample(const at::Tensor& tensor) {
  constexpr int64_t kMost = 4096;
  const at::Tensor flat = tensor.detach().reshape({-1});
  const int64_t stride = (flat.numel() + kMost - 1) / kMost;
  const at::Tensor some =
      (stride > 1 ? flat.slice(0, 0, flat.numel(), stride) : flat).to(at::kCPU, at::kFloat);
  const at::Tensor values = some.contiguous();
  return {values.data_ptr<float>(), values.data_ptr<float>() + values.numel()};
}

void add(Histograms& histograms, const std::string& tag, const at::Tensor& tensor) {
  if (!tensor.defined()) return;
  const auto histogram = count_in_buckets(sample(tensor), kBuckets);
  if (histogram) histograms.emplace_back(tag, *histogram);
}

/// views.png as it lies in the run's folder; nothing where none was drawn.
std::optional<EventImage> picture(const std::string& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  EventImage image;
  image.png = read_file(path);
  // The header of a PNG: 8 bytes of signature, 8 of the first chunk's head, width, height.
  if (image.png.size() < 24) return std::nullopt;
  const auto number = [&image](size_t offset) {
    int value = 0;
    for (size_t i = 0; i < 4; ++i) value = value << 8 | image.png[offset + i];
    return value;
  };
  image.width = number(16);
  image.height = number(20);
  return image;
}

Json settings_of(const ResolvedRun& run) {
  RunConfig config = run.config;
  return to_json([&config](Fields& field) { config.describe(field); });
}

}  // namespace

RunEvents::RunEvents(const ResolvedRun& run, const RunFolder& folder, const TrainPlan& plan,
                     int64_t step)
    : file_(folder.events(), step),
      steps_between_(plan.steps_per_epoch *
                     ((plan.epochs + kMostHistograms - 1) / kMostHistograms)) {
  if (step > 0) return;
  const Moment now{unix_time(), 0};
  const Json settings = settings_of(run);
  file_.write(settings_event(now, settings));
  file_.write(text_event(now, "settings", "```json\n" + to_text(settings) + "\n```"));
  if (const auto views = picture(folder.views())) file_.write(image_event(now, "views", *views));
}

void RunEvents::scalars(const Scalars& scalars, int64_t step) {
  file_.write(scalar_event({unix_time(), step}, scalars));
}

void RunEvents::warning(const std::string& text, int64_t step) {
  file_.write(text_event({unix_time(), step}, "warnings", text));
}

void RunEvents::histograms(const StepReport& report, Recipe& recipe, int64_t step) {
  if (step % steps_between_ != 0) return;
  const at::NoGradGuard no_grad;
  Histograms all;
  const at::Tensor& embedding = report.embeddings.front();
  add(all, "embedding/length",
      embedding.reshape({embedding.size(0), -1}).to(at::kFloat).norm(2, 1));
  const Cosines similar = cosines(embedding_pair(in_order(report.embeddings, recipe)));
  add(all, "embedding/positive_cosine", similar.positives);
  add(all, "embedding/negative_cosine", similar.negatives);
  for (const auto& item : recipe.named_parameters()) {
    // Biases and norms are many and say little.
    if (item.value().dim() < 2) continue;
    add(all, "weights/" + item.key(), item.value());
    add(all, "gradients/" + item.key(), item.value().grad());
  }
  file_.write(histogram_event({unix_time(), step}, all));
}

void RunEvents::end(int64_t step, bool success) {
  file_.write(end_event({unix_time(), step}, success));
}

}  // namespace nearfar
