// What a user may say about the update rule.
#pragma once

#include <string>

namespace nearfar {

struct OptimizerConfig {
  std::string name = "sgd";
  double learning_rate = 0.3;
  std::string scaling = "linear";
  double momentum = 0.9;
  double dampening = 0.0;
  bool nesterov = false;
  double weight_decay = 1e-6;
  std::string exclude = "auto";
  std::string lars_convention = "simclr";
  double eta = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double clip_gradient = 0.0;
  std::string clip_by = "all";

  void describe(auto& field) {
    field("name", name, {"sgd", "lars", "adamw"}, "update rule");
    field("learning_rate", learning_rate, 0.0, 1000.0, "before scaling; see optimizer.scaling");
    field("scaling", scaling, {"linear", "sqrt", "none"},
          "linear: times batch / 256; sqrt: times the root of batch; none");
    field("momentum", momentum, 0.0, 1.0, "momentum of sgd and lars");
    field("dampening", dampening, 0.0, 1.0, "dampening of sgd's momentum");
    field("nesterov", nesterov, "Nesterov's momentum, of sgd and lars");
    field("weight_decay", weight_decay, 0.0, 10.0,
          "decay of what optimizer.exclude does not leave out");
    field("exclude", exclude, {"auto", "1d", "none"},
          "what weight decay and adaptation leave out: 1d (biases, norms) or none; auto: as "
          "published, none for sgd, 1d for the others");
    field("lars_convention", lars_convention, {"simclr", "mocov3", "lightly", "clip"},
          "whose LARS: simclr: the rate inside the momentum; mocov3 (and Barlow Twins): outside; "
          "lightly: norms summed; clip: as lightly, never above the rate (solo-learn's clip_lr)");
    field("eta", eta, 0.0, 10.0, "trust coefficient of lars");
    field("beta1", beta1, 0.0, 0.999999, "decay of adamw's first moment");
    field("beta2", beta2, 0.0, 0.999999, "decay of adamw's second moment");
    field("eps", eps, 0.0, 1.0, "beside the divisor of adamw, and of lars as lightly and clip");
    field("clip_gradient", clip_gradient, 0.0, 1e6,
          "gradients of a larger norm are scaled down to it; 0: never");
    field("clip_by", clip_by, {"all", "parameter"},
          "norm that is clipped: of all gradients together, or each parameter's (DINO)");
  }
};

}  // namespace nearfar
