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

  void describe(auto& field) {
    field("name", name, {"sgd"}, "update rule");
    field("learning_rate", learning_rate, 0.0, 1000.0, "before scaling; see optimizer.scaling");
    field("scaling", scaling, {"linear", "sqrt", "none"},
          "linear: times batch / 256; sqrt: times the root of batch; none");
    field("momentum", momentum, 0.0, 1.0, "momentum of the update");
    field("dampening", dampening, 0.0, 1.0, "dampening of the momentum");
    field("nesterov", nesterov, "Nesterov's momentum");
    field("weight_decay", weight_decay, 0.0, 10.0, "L2 decay of the groups that decay");
    field("exclude", exclude, {"auto", "1d", "none"},
          "what weight decay and adaptation leave out: 1d (biases, norms) or none; auto: as "
          "published, none for sgd, 1d for the others");
  }
};

}  // namespace nearfar
