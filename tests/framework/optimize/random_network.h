// A recipe of random parameters, and another of the same shapes that follows it.
#pragma once

#include <torch/types.h>

#include <memory>
#include <string>
#include <vector>

#include "framework/recipe/recipe.h"

namespace nearfar {

/// Flat parameters p0, p1, ... of the given lengths.
struct RandomNetwork : torch::nn::Module {
  RandomNetwork(const std::vector<int64_t>& lengths, at::ScalarType type) {
    for (size_t i = 0; i < lengths.size(); ++i) {
      register_parameter("p" + std::to_string(i), at::zeros({lengths[i]}, type));
    }
  }
};

/// The networks' owner, as a FollowerSet wants one.
struct FollowedNetwork : torch::nn::Module {
  FollowedNetwork(const std::vector<int64_t>& lengths, at::ScalarType type)
      : online(register_module("online", std::make_shared<RandomNetwork>(lengths, type))),
        target(register_module("target", std::make_shared<RandomNetwork>(lengths, type))) {}
  std::vector<Follower> followers(double momentum) const {
    return {{online, target, [momentum](double) { return momentum; }}};
  }
  std::shared_ptr<RandomNetwork> online, target;
};

}  // namespace nearfar
