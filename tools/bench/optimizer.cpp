// The updates of a ResNet-50 against LibTorch's fused SGD and against the memory that they move.
#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "framework/encoders/make_encoder.h"
#include "framework/optimize/optimizer.h"

namespace nearfar {
namespace {

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::shared_ptr<Encoder> resnet50() {
  EncoderConfig config;
  config.name = "resnet50";
  return make_encoder(config, 3, 224, NormPlan{});
}

/// A network on flat storage, with what one update of it needs.
struct Subject {
  Subject() : online(recipe.register_module("online", resnet50())) {
    ParameterGroup decayed{.name = "decayed", .parameters = {}, .fixed_rate = {}};
    ParameterGroup plain{
        .name = "plain", .parameters = {}, .decay = false, .adapt = false, .fixed_rate = {}};
    for (const auto& item : online->named_parameters()) {
      (item.value().dim() > 1 ? decayed : plain).parameters.emplace_back(item.key(), item.value());
    }
    storage = std::make_unique<FlatStorage>(std::vector<ParameterGroup>{decayed, plain});
    storage->gradients().normal_(0.0, 1e-3);
    update = {0.01, 1e-6, 0.5, at::zeros({1}, at::kFloat), {}};
  }
  torch::nn::Module recipe;
  std::shared_ptr<Encoder> online;
  std::unique_ptr<FlatStorage> storage;
  Update update;
};

/// Something to time; the first call warms up.
struct Work {
  const char* name;
  std::function<void()> run;
  std::vector<double> seconds;
};

/// The bytes of SGD's update, two arrays changed by a third, with one addition for each.
std::function<void()> memory_alone(Subject& subject) {
  using Wide = float __attribute__((vector_size(64)));
  const at::Tensor momentum = subject.storage->zeros_like_parameters();
  auto* p = reinterpret_cast<Wide*>(subject.storage->parameters().data_ptr());
  const auto* g = reinterpret_cast<const Wide*>(subject.storage->gradients().data_ptr());
  auto* v = reinterpret_cast<Wide*>(momentum.data_ptr());
  const auto count = static_cast<int64_t>(momentum.nbytes() / sizeof(Wide));
  const int64_t threads = at::get_num_threads();
  return [momentum, p, g, v, count, threads] {
    const auto move = [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        v[i] += g[i];
        p[i] += g[i];
      }
    };
    std::vector<std::thread> others;
    for (int64_t t = 1; t < threads; ++t) {
      others.emplace_back(move, count * t / threads, count * (t + 1) / threads);
    }
    move(0, count / threads);
    for (std::thread& other : others) other.join();
  };
}

/// at::_fused_sgd_ over the same flat tensors, a call a group.
std::function<void()> fused_sgd(Subject& subject) {
  const at::Tensor momentum = subject.storage->zeros_like_parameters();
  return [&subject, momentum] {
    for (size_t i = 0; i < 2; ++i) {
      const auto [begin, end] = subject.storage->range(i);
      const auto part = [begin = begin, end = end](const at::Tensor& flat) {
        return flat.narrow(0, begin, end - begin);
      };
      at::_fused_sgd_({part(subject.storage->parameters())}, {part(subject.storage->gradients())},
                      {part(momentum)}, 1e-6, 0.9, 0.01, 0.0, false, false, false, {},
                      subject.update.not_finite);
    }
  };
}

std::function<void()> step_of(Subject& subject, const OptimizerConfig& config,
                              const std::shared_ptr<Encoder>& target = nullptr) {
  std::vector<Follower> followers;
  if (target) followers.push_back({subject.online, target, [](double) { return 0.99; }});
  std::shared_ptr<Optimizer> optimizer = make_optimizer(
      config, *subject.storage, FollowerSet(followers, subject.recipe, *subject.storage));
  return [&subject, optimizer] { optimizer->step(subject.update); };
}

void print(const std::vector<Work>& works, int64_t elements) {
  const double sgd = median(works.front().seconds);
  std::printf("ResNet-50, %.1f million parameters, %d threads, %zu rounds (medians)\n",
              static_cast<double>(elements) / 1e6, at::get_num_threads(),
              works.front().seconds.size());
  for (const Work& work : works) {
    const double seconds = median(work.seconds);
    std::printf("%-24s %7.2f ms  %5.2f of LibTorch's fused SGD\n", work.name, 1e3 * seconds,
                seconds / sgd);
  }
}

void measure(double seconds) {
  const at::NoGradGuard no_grad;
  Subject subject;
  const auto target = subject.recipe.register_module("target", resnet50());
  std::vector<Work> works = {
      {"LibTorch's fused SGD", fused_sgd(subject), {}},
      {"its bytes alone", memory_alone(subject), {}},
      {"sgd", step_of(subject, {}), {}},
      {"lars, simclr", step_of(subject, {.name = "lars"}), {}},
      {"lars, clip", step_of(subject, {.name = "lars", .lars_convention = "clip"}), {}},
      {"adamw", step_of(subject, {.name = "adamw"}), {}},
      {"sgd and a follower", step_of(subject, {}, target), {}}};
  for (const Work& work : works) work.run();
  for (double spent = 0.0; spent < seconds;) {
    for (Work& work : works) {
      work.seconds.push_back(seconds_of(work.run));
      spent += work.seconds.back();
    }
  }
  print(works, subject.storage->parameters().numel());
}

}  // namespace
}  // namespace nearfar

int main(int argc, char** argv) {
  try {
    if (argc > 2) at::set_num_threads(std::atoi(argv[2]));
    nearfar::measure(argc > 1 ? std::atof(argv[1]) : 10.0);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
