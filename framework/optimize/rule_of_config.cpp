// From the optimiser's settings to the numbers of its rule.
#include "framework/optimize/rule_of_config.h"

#include <sstream>

#include "framework/error.h"

namespace nearfar {
namespace {

[[noreturn]] void refuse(const std::string& key, const std::string& what) {
  throw ConfigError("optimizer." + key + ": " + what);
}

void check_name(const OptimizerConfig& config) {
  if (config.name == "sgd" || config.name == "lars" || config.name == "adamw") return;
  refuse("name", "expected sgd, lars or adamw, got \"" + config.name + "\"");
}

void check_momentum(const OptimizerConfig& config) {
  if (config.dampening != 0.0 && config.name != "sgd") {
    refuse("dampening", "goes with optimizer.name=sgd, got " + config.name);
  }
  if (!config.nesterov) return;
  if (config.name == "adamw") refuse("nesterov", "goes with sgd and lars, got adamw");
  if (config.momentum == 0.0 || config.dampening != 0.0) {
    std::ostringstream message;
    message << "expected momentum above 0 and dampening 0, got momentum " << config.momentum
            << " and dampening " << config.dampening;
    refuse("nesterov", message.str());
  }
  if (config.name == "lars" && config.lars_convention == "mocov3") {
    refuse("nesterov", "lars_convention=mocov3 has none; simclr, lightly and clip have");
  }
}

void adapt_as(const OptimizerConfig& config, Rule& rule) {
  const std::string& convention = config.lars_convention;
  if (convention == "simclr" || convention == "mocov3") {
    rule.adaptation = Adaptation::decayed_norm;
  } else if (convention == "lightly") {
    rule.adaptation = Adaptation::summed_norms;
  } else if (convention == "clip") {
    rule.adaptation = Adaptation::clipped;
  } else {
    refuse("lars_convention",
           "expected simclr, mocov3, lightly or clip, got \"" + convention + "\"");
  }
  rule.rate_inside = convention == "simclr";
}

void clip_as(const OptimizerConfig& config, Rule& rule) {
  if (config.clip_by != "all" && config.clip_by != "parameter") {
    refuse("clip_by", "expected all or parameter, got \"" + config.clip_by + "\"");
  }
  rule.clip = config.clip_gradient;
  rule.clip_each = config.clip_by == "parameter";
  if (rule.clip > 0.0 && rule.clip_each && config.name == "lars") {
    refuse("clip_by", "parameter goes with sgd and adamw; lars scales each parameter's step");
  }
}

}  // namespace

Rule rule_of(const OptimizerConfig& config) {
  check_name(config);
  check_momentum(config);
  Rule rule;
  rule.method = config.name == "adamw" ? Method::adamw : Method::momentum;
  if (config.name == "lars") adapt_as(config, rule);
  clip_as(config, rule);
  rule.nesterov = config.nesterov;
  rule.momentum = config.momentum;
  rule.dampening = config.dampening;
  rule.beta1 = config.beta1;
  rule.beta2 = config.beta2;
  rule.eps = config.eps;
  rule.eta = config.eta;
  return rule;
}

}  // namespace nearfar
