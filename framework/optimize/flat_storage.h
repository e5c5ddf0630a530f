// All parameters of a recipe on one flat buffer, gradients and optimiser state beside them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "framework/recipe/recipe.h"

namespace nearfar {

/// A count of elements rounded up to the 64 bytes at whose multiples parameters start.
int64_t aligned(int64_t elements, const at::Tensor& like);

/// The elements of a flat buffer from `begin` on, in the shape of `like`; 4-d weights
/// channels-last.
at::Tensor view_like(const at::Tensor& like, const at::Tensor& flat, int64_t begin);

/// Moves the parameters of the groups onto one flat buffer and gives each a gradient that is a view
/// of a second one; backward then accumulates in place. 4-d weights are laid out channels-last.
/// Each group is one contiguous range, so an optimiser makes one pass per group. Every parameter
/// starts at a multiple of 64 bytes; the gaps hold zeros, in the gradient too.
class FlatStorage {
 public:
  /// Throws std::invalid_argument naming the parameter when one appears twice, or dtypes or devices
  /// differ.
  explicit FlatStorage(std::vector<ParameterGroup> groups);

  struct Range {
    int64_t begin = 0;
    int64_t end = 0;
  };
  const std::vector<ParameterGroup>& groups() const { return groups_; }
  Range range(size_t group) const { return ranges_[group]; }
  at::Tensor& parameters() { return parameters_; }
  at::Tensor& gradients() { return gradients_; }
  at::Device device() const { return parameters_.device(); }
  /// Zero, never undefined: an undefined gradient would leave the flat buffer.
  void zero_gradients();
  /// Zeros laid out like the parameters, for an optimiser's state.
  at::Tensor zeros_like_parameters() const { return at::zeros_like(parameters_); }
  /// A tensor laid out like the parameters, as name -> view with the parameter's shape: for naming
  /// what lies in an optimiser's flat state.
  std::vector<std::pair<std::string, at::Tensor>> named_views(const at::Tensor& flat) const;
  /// Where a parameter lies, without the gap behind it; throws std::out_of_range for a name that is
  /// not there.
  Range range_of(const std::string& name) const;

 private:
  std::vector<ParameterGroup> groups_;
  std::vector<Range> ranges_;
  std::map<std::string, Range> by_name_;
  at::Tensor parameters_, gradients_;
};

}  // namespace nearfar
