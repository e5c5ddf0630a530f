// The arithmetic of every update rule, element by element: one source for the CPU and the GPU.
#pragma once

#include <cmath>
#include <cstdint>

#include "augment/host_device.h"

namespace nearfar {

/// How an element moves.
enum class Method : int32_t { momentum, adamw };

/// What LARS multiplies a parameter's step by, from the norms of parameter p and gradient g.
enum class Adaptation : int32_t {
  none,
  decayed_norm,  // eta |p| / |g + wd p|: google-research/simclr, facebookresearch/moco-v3
  summed_norms,  // eta |p| / (|g| + wd |p| + eps), off where wd is 0: lightly
  clipped        // min(that / rate, 1), wd or not: LARC, solo-learn's clip_lr
};

/// What holds for a whole run.
struct Rule {
  Method method = Method::momentum;
  Adaptation adaptation = Adaptation::none;
  bool rate_inside = false;  // the momentum holds rate times step (SimCLR), not the step
  bool nesterov = false;
  bool clip_each = false;  // clip by each parameter's norm, not by that of all
  double momentum = 0.0;
  double dampening = 0.0;
  double beta1 = 0.0;
  double beta2 = 0.0;
  double eps = 0.0;
  double eta = 0.0;
  double clip = 0.0;  // largest norm of gradients; 0: any
};

/// What holds for a group of parameters.
struct GroupRule {
  double rate_scale = 1.0;
  double fixed_rate = 0.0;
  bool fixed = false;  // fixed_rate instead of the scheduled rate
  bool decay = true;
  bool adapt = true;
  bool frozen = false;
};

inline constexpr int kMostFollowers = 8;

/// What holds for one step.
struct StepNumbers {
  double rate = 0.0;
  double weight_decay = 0.0;
  double follow[kMostFollowers] = {};  // each follower's 1 - momentum
};

/// Sums over a parameter or a piece of it: of p, of the gradient as it came, and of the clipped
/// gradient + decay * p. Without initial values, as a GPU's shared memory wants it.
struct SquareSums {
  double parameter, gradient, decayed;
};

NEARFAR_HOST_DEVICE inline void add(SquareSums& sums, const SquareSums& more) {
  sums.parameter += more.parameter;
  sums.gradient += more.gradient;
  sums.decayed += more.decayed;
}

/// Whether a step needs the SquareSums of parameters.
NEARFAR_HOST_DEVICE inline bool needs_sums(const Rule& rule) {
  return rule.adaptation != Adaptation::none || (rule.clip > 0.0 && rule.clip_each);
}

/// What clipping multiplies gradients of that norm by: torch.nn.utils.clip_grad_norm_, DINO's
/// clip_gradients.
NEARFAR_HOST_DEVICE inline double clip_factor(const Rule& rule, double norm) {
  const double factor = rule.clip / (norm + 1e-6);
  return factor < 1.0 ? factor : 1.0;
}

NEARFAR_HOST_DEVICE inline double decay_of(const GroupRule& group, const StepNumbers& step) {
  return group.decay ? step.weight_decay : 0.0;
}

/// What one step does to the elements of one parameter.
struct Coefficients {
  double gradient = 1.0;  // clipping
  double decay = 0.0;     // adamw: the share of the parameter that goes
  double trust = 1.0;     // times gradient + decay * parameter
  double rate = 0.0;
  double fresh = 1.0;  // momentum: share of the new step; adamw: 1 / sqrt(1 - beta2^t)
};

NEARFAR_HOST_DEVICE inline void adapt(const Rule& rule, const SquareSums& sums, Coefficients& c) {
  const double parameter = sqrt(sums.parameter);
  const double gradient = c.gradient * sqrt(sums.gradient);
  if (rule.adaptation == Adaptation::decayed_norm) {
    const double decayed = sqrt(sums.decayed);
    if (parameter > 0.0 && decayed > 0.0) c.trust = rule.eta * parameter / decayed;
    return;
  }
  if (rule.adaptation == Adaptation::summed_norms && c.decay == 0.0) return;
  if (parameter == 0.0 || gradient == 0.0) {
    c.decay = 0.0;
    return;
  }
  c.trust = rule.eta * parameter / (gradient + c.decay * parameter + rule.eps);
  if (rule.adaptation == Adaptation::clipped) {
    c.trust = c.trust < c.rate ? c.trust / c.rate : 1.0;
  }
}

/// A parameter's step. `steps`: updates made before. `all_norm`: of all gradients, where clip needs
/// it.
NEARFAR_HOST_DEVICE inline Coefficients coefficients(const Rule& rule, const GroupRule& group,
                                                     const StepNumbers& step,
                                                     const SquareSums& sums, double all_norm,
                                                     int64_t steps) {
  Coefficients c;
  c.rate = group.fixed ? group.fixed_rate : step.rate * group.rate_scale;
  c.decay = decay_of(group, step);
  if (rule.clip > 0.0) {
    c.gradient = clip_factor(rule, rule.clip_each ? sqrt(sums.gradient) : all_norm);
  }
  if (rule.method == Method::adamw) {
    const auto t = static_cast<double>(steps + 1);
    c.decay *= c.rate;
    c.rate /= 1.0 - pow(rule.beta1, t);
    c.fresh = 1.0 / sqrt(1.0 - pow(rule.beta2, t));
    return c;
  }
  if (group.adapt && rule.adaptation != Adaptation::none) adapt(rule, sums, c);
  if (rule.rate_inside) {
    c.trust *= c.rate;
    c.rate = 1.0;
  }
  c.fresh = steps == 0 ? 1.0 : 1.0 - rule.dampening;
  return c;
}

/// The same in the parameters' type.
template <typename T>
struct ElementStep {
  T gradient, decay, trust, rate, fresh;
  T momentum;
  T first_fresh, second_kept, second_fresh, eps;  // adamw: 1 - beta1, beta2, 1 - beta2

  NEARFAR_HOST_DEVICE ElementStep(const Rule& rule, const Coefficients& c)
      : gradient(static_cast<T>(c.gradient)),
        decay(static_cast<T>(c.decay)),
        trust(static_cast<T>(c.trust)),
        rate(static_cast<T>(c.rate)),
        fresh(static_cast<T>(c.fresh)),
        momentum(static_cast<T>(rule.momentum)),
        first_fresh(static_cast<T>(1.0 - rule.beta1)),
        second_kept(static_cast<T>(rule.beta2)),
        second_fresh(static_cast<T>(1.0 - rule.beta2)),
        eps(static_cast<T>(rule.eps)) {}
};

/// p -= rate d with d = trust (clip g + decay p): no momentum.
struct PlainMove {
  template <typename T>
  NEARFAR_HOST_DEVICE static inline void move(const ElementStep<T>& s, T& p, T g, T&, T&) {
    p -= s.rate * (s.trust * (s.gradient * g + s.decay * p));
  }
};

/// v = momentum v + fresh d; p -= rate v: torch.optim.SGD and every LARS.
struct MomentumMove {
  template <typename T>
  NEARFAR_HOST_DEVICE static inline void move(const ElementStep<T>& s, T& p, T g, T& v, T&) {
    v = s.momentum * v + s.fresh * (s.trust * (s.gradient * g + s.decay * p));
    p -= s.rate * v;
  }
};

/// The same with p -= rate (d + momentum v).
struct NesterovMove {
  template <typename T>
  NEARFAR_HOST_DEVICE static inline void move(const ElementStep<T>& s, T& p, T g, T& v, T&) {
    const T d = s.trust * (s.gradient * g + s.decay * p);
    v = s.momentum * v + s.fresh * d;
    p -= s.rate * (d + s.momentum * v);
  }
};

/// torch.optim.AdamW (Loshchilov and Hutter 2019): m and q the biased moments,
/// p -= rate wd p, then rate / (1 - beta1^t) m / (sqrt(q / (1 - beta2^t)) + eps).
struct AdamwMove {
  template <typename T>
  NEARFAR_HOST_DEVICE static inline void move(const ElementStep<T>& s, T& p, T g, T& m, T& q) {
    const T clipped = s.gradient * g;
    m += s.first_fresh * (clipped - m);
    q = s.second_kept * q + s.second_fresh * (clipped * clipped);
    p = p - s.decay * p - s.rate * (m / (sqrt(q) * s.fresh + s.eps));
  }
};

/// A follower's element on its way to `online`; as torch.lerp, exact at weights 0 and 1.
template <typename T>
NEARFAR_HOST_DEVICE inline T followed(T target, T online, T weight) {
  return weight < static_cast<T>(0.5) ? target + weight * (online - target)
                                      : online - (online - target) * (static_cast<T>(1) - weight);
}

}  // namespace nearfar
