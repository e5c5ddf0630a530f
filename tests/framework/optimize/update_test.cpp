// The pass over flat storage against plain definitions, for random parameters, groups and rules.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <torch/types.h>

#include <random>

#include "framework/optimize/optimizer.h"
#include "framework/optimize/update_kernels.h"
#include "tests/framework/optimize/emulated_update.h"
#include "tests/framework/optimize/naive_update.h"
#include "tests/framework/optimize/random_network.h"

namespace nearfar {
namespace {

constexpr int kSteps = 4;

/// What a trial is made of; equal seeds give equal values.
struct Trial {
  OptimizerConfig config;
  std::vector<int64_t> lengths;
  std::vector<ParameterGroup> flags;  // one group a parameter, still empty
  std::vector<int> zero;              // of each parameter: 1 starts at zero, 2 has a zero gradient
  at::ScalarType type = at::kDouble;
  unsigned seed = 0;
};

Numbers normal_numbers(std::mt19937& generator, int64_t count, bool zero) {
  std::normal_distribution<float> normal;  // exact in float32 too
  Numbers numbers(static_cast<size_t>(count));
  for (double& number : numbers) number = zero ? 0.0 : normal(generator);
  return numbers;
}

void write(at::Tensor place, const Numbers& numbers) {
  place.copy_(at::tensor(numbers, at::TensorOptions(at::kDouble)));
}

/// What a run of a trial leaves behind.
struct Result {
  at::Tensor parameters;
  std::vector<at::Tensor> targets;
  std::vector<std::pair<std::string, at::Tensor>> state;
};

std::vector<ParameterGroup> groups_of(const Trial& trial, const RandomNetwork& network) {
  std::vector<ParameterGroup> groups = trial.flags;
  for (size_t i = 0; i < groups.size(); ++i) {
    const std::string name = "p" + std::to_string(i);
    groups[i].parameters = {{name, network.named_parameters()[name]}};
  }
  return groups;
}

/// Runs the real thing; `check`(step, storage) after each step.
Result run(
    const Trial& trial, const DeviceUpdate& device = {},
    const std::function<void(int, FlatStorage&)>& check = [](int, FlatStorage&) {}) {
  std::mt19937 generator(trial.seed);
  FollowedNetwork recipe(trial.lengths, trial.type);
  {
    const at::NoGradGuard no_grad;
    for (size_t i = 0; i < trial.lengths.size(); ++i) {
      write(recipe.online->parameters()[i],
            normal_numbers(generator, trial.lengths[i], trial.zero[i] == 1));
    }
  }
  FlatStorage storage(groups_of(trial, *recipe.online));
  FollowerSet followers(recipe.followers(0.7), recipe, storage);
  const auto optimizer = make_optimizer(trial.config, storage, std::move(followers), device);
  for (int step = 0; step < kSteps; ++step) {
    auto gradients = storage.named_views(storage.gradients());
    for (size_t i = 0; i < gradients.size(); ++i) {
      write(gradients[i].second,
            normal_numbers(generator, trial.lengths[i], trial.zero[i] == 2 && step == 2));
    }
    const double rate = 0.1 * step;  // 0 first, as in a warm-up
    optimizer->step({rate, trial.config.weight_decay, 0.0, at::zeros({1}, at::kFloat),
                     storage.gradients().to(at::kDouble).norm()});
    check(step, storage);
  }
  Result result{storage.parameters().clone(), {}, {}};
  for (const at::Tensor& target : recipe.target->parameters()) {
    result.targets.push_back(target.clone());
  }
  for (const auto& [name, tensor] : optimizer->state()) {
    result.state.emplace_back(name, tensor.clone());
  }
  return result;
}

/// The same by the naive definitions: the parameters after each step.
std::vector<std::vector<Numbers>> run_naively(const Trial& trial) {
  std::mt19937 generator(trial.seed);
  std::vector<NaiveParameter> parameters;
  for (size_t i = 0; i < trial.lengths.size(); ++i) {
    parameters.emplace_back(trial.config, trial.flags[i],
                            normal_numbers(generator, trial.lengths[i], trial.zero[i] == 1));
  }
  std::vector<std::vector<Numbers>> trace;
  for (int step = 0; step < kSteps; ++step) {
    std::vector<Numbers> gradients;
    Numbers norms;
    for (size_t i = 0; i < trial.lengths.size(); ++i) {
      gradients.push_back(
          normal_numbers(generator, trial.lengths[i], trial.zero[i] == 2 && step == 2));
      norms.push_back(norm_of(gradients.back()));
    }
    std::vector<Numbers>& values = trace.emplace_back();
    for (size_t i = 0; i < parameters.size(); ++i) {
      parameters[i].step(gradients[i], 0.1 * step, norm_of(norms));
      values.push_back(parameters[i].values());
    }
  }
  return trace;
}

/// Every update rule with settings that make a difference.
std::vector<OptimizerConfig> rules() {
  std::vector<OptimizerConfig> rules;
  const auto sgd = [&](double momentum, double dampening, bool nesterov) {
    rules.push_back(
        {.name = "sgd", .momentum = momentum, .dampening = dampening, .nesterov = nesterov});
  };
  sgd(0.9, 0.0, false);
  sgd(0.9, 0.0, true);
  sgd(0.8, 0.3, false);
  sgd(0.0, 0.0, false);
  for (const char* convention : {"simclr", "mocov3", "lightly", "clip"}) {
    for (const bool nesterov : {false, true}) {
      if (nesterov && std::string(convention) == "mocov3") continue;
      rules.push_back(
          {.name = "lars", .nesterov = nesterov, .lars_convention = convention, .eta = 0.05});
    }
  }
  rules.push_back({.name = "lars", .momentum = 0.0, .lars_convention = "mocov3", .eta = 0.05});
  rules.push_back({.name = "adamw", .beta2 = 0.95, .eps = 1e-6});
  return rules;
}

Trial random_trial(at::ScalarType type) {
  Trial trial;
  trial.type = type;
  trial.config = *rc::gen::elementOf(rules());
  trial.config.weight_decay = *rc::gen::element(0.0, 0.01, 0.3);
  trial.config.clip_gradient = *rc::gen::element(0.0, 0.5, 1e5);
  if (trial.config.name != "lars") {
    trial.config.clip_by = *rc::gen::element<std::string>("all", "parameter");
  }
  // Around the widths of lanes, blocks and chunks.
  trial.lengths = *rc::gen::container<std::vector<int64_t>>(
      3, rc::gen::element<int64_t>(1, 7, 15, 16, 17, 255, 256, 257, 1000, 16384, 16385, 33000));
  for (size_t i = 0; i < trial.lengths.size(); ++i) {
    ParameterGroup group{.name = "g" + std::to_string(i), .parameters = {}, .fixed_rate = {}};
    group.decay = *rc::gen::element(true, true, false);
    group.adapt = *rc::gen::element(true, true, false);
    group.frozen = *rc::gen::element(false, false, false, true);
    group.rate_scale = *rc::gen::element(1.0, 0.5);
    if (*rc::gen::element(false, false, true)) group.fixed_rate = 0.07;
    trial.flags.push_back(group);
    trial.zero.push_back(*rc::gen::element(0, 0, 1, 2));
  }
  trial.seed = *rc::gen::arbitrary<unsigned>();
  return trial;
}

/// Largest distance between a run and the naive one, relative to the largest value.
double worst_error(const Trial& trial, const DeviceUpdate& device) {
  const auto expected = run_naively(trial);
  double worst = 0.0;
  run(trial, device, [&](int step, FlatStorage& storage) {
    const auto views = storage.named_views(storage.parameters());
    for (size_t i = 0; i < views.size(); ++i) {
      const Numbers& naive = expected[static_cast<size_t>(step)][i];
      const at::Tensor numbers = at::tensor(naive, at::TensorOptions(at::kDouble));
      const double scale = 1.0 + numbers.abs().max().item<double>();
      const at::Tensor distance = (views[i].second.to(at::kDouble) - numbers).abs();
      worst = std::max(worst, distance.max().item<double>() / scale);
      // NaN would not show in a maximum.
      if (!distance.isfinite().all().item<bool>()) worst = INFINITY;
    }
  });
  return worst;
}

// Four steps of values near 1; norms of up to 33,000 numbers summed in another order.
RC_GTEST_PROP(Update, EqualsTheDefinitionsInDouble, ()) {
  RC_ASSERT(worst_error(random_trial(at::kDouble), {}) < 1e-13);
}

// Some tens of float32 roundings.
RC_GTEST_PROP(Update, EqualsTheDefinitionsInFloat, ()) {
  RC_ASSERT(worst_error(random_trial(at::kFloat), {}) < 3e-6);
}

RC_GTEST_PROP(Update, TheKernelsOfAGpuEqualTheDefinitions, ()) {
  RC_ASSERT(worst_error(random_trial(at::kDouble), emulated_device()) < 1e-13);
  RC_ASSERT(worst_error(random_trial(at::kFloat), emulated_device()) < 3e-6);
}

bool equal(const Result& a, const Result& b) {
  bool same = a.parameters.equal(b.parameters) && a.state.size() == b.state.size();
  for (size_t i = 0; same && i < a.targets.size(); ++i) same = a.targets[i].equal(b.targets[i]);
  for (size_t i = 0; same && i < a.state.size(); ++i) {
    same = a.state[i].second.equal(b.state[i].second);
  }
  return same;
}

RC_GTEST_PROP(Update, DoesNotDependOnTheNumberOfThreads, ()) {
  const Trial trial = random_trial(*rc::gen::element(at::kFloat, at::kDouble));
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Result one = run(trial);
  for (const int threads : {2, 3, 7}) {
    at::set_num_threads(threads);
    RC_ASSERT(equal(run(trial), one));
  }
  at::set_num_threads(before);
}

const UpdateKernels* tested_kernels = nullptr;

template <typename T>
const char* run_with_tested_kernels(const UpdatePass<T>* pass, void*) {
  run_on_cpu(*pass, *tested_kernels);
  return nullptr;
}

RC_GTEST_PROP(Update, EveryInstructionSetComputesTheSameBits, ()) {
  const Trial trial = random_trial(*rc::gen::element(at::kFloat, at::kDouble));
  const Result fastest = run(trial);
  for (const UpdateKernels* kernels : available_update_kernels()) {
    tested_kernels = kernels;
    const DeviceUpdate device{run_with_tested_kernels<float>, run_with_tested_kernels<double>};
    RC_ASSERT(equal(run(trial, device), fastest));
  }
}

RC_GTEST_PROP(Update, TheKernelsDoNotDependOnTheOrderOfThreads, ()) {
  const Trial trial = random_trial(at::kFloat);
  const Result forwards = run(trial, emulated_device());
  threads_run_backwards = true;
  const Result backwards = run(trial, emulated_device());
  threads_run_backwards = false;
  RC_ASSERT(equal(forwards, backwards));
}

/// Targets that start at the online values and after each step go 0.3 of the way to the new ones,
/// in the arithmetic of the parameters' type.
template <typename T>
void expect_followed(const Trial& trial, const DeviceUpdate& device) {
  std::mt19937 generator(trial.seed);
  std::vector<std::vector<T>> targets;
  for (size_t i = 0; i < trial.lengths.size(); ++i) {
    const Numbers start = normal_numbers(generator, trial.lengths[i], trial.zero[i] == 1);
    targets.emplace_back(start.begin(), start.end());
  }
  const Result result = run(trial, device, [&](int, FlatStorage& storage) {
    const auto views = storage.named_views(storage.parameters());
    for (size_t i = 0; i < views.size(); ++i) {
      const T* online = views[i].second.data_ptr<T>();
      for (size_t k = 0; k < targets[i].size(); ++k) {
        targets[i][k] += static_cast<T>(1.0 - 0.7) * (online[k] - targets[i][k]);
      }
    }
  });
  for (size_t i = 0; i < targets.size(); ++i) {
    const T* moved = result.targets[i].data_ptr<T>();
    RC_ASSERT(std::equal(targets[i].begin(), targets[i].end(), moved));
  }
}

RC_GTEST_PROP(Update, FollowersEqualAMoveOfTheirOwnToTheBit, ()) {
  expect_followed<float>(random_trial(at::kFloat), {});
  expect_followed<double>(random_trial(at::kDouble), {});
  expect_followed<float>(random_trial(at::kFloat), emulated_device());
}

RC_GTEST_PROP(Update, GapsStayZero, ()) {
  const Trial trial = random_trial(at::kFloat);
  run(trial, {}, [&](int, FlatStorage& storage) {
    double inside = 0.0;
    for (const auto& [name, view] : storage.named_views(storage.parameters())) {
      inside += view.to(at::kDouble).abs().sum().template item<double>();
    }
    const double all = storage.parameters().to(at::kDouble).abs().sum().item<double>();
    RC_ASSERT(std::abs(all - inside) <= 1e-12 * all);
  });
}

}  // namespace
}  // namespace nearfar
