// Parameters and gradients as views of two flat buffers.
#include "framework/optimize/flat_storage.h"

#include <torch/types.h>

#include <sstream>
#include <stdexcept>
#include <unordered_set>

namespace nearfar {
namespace {

constexpr int64_t kAlignment = 64;  // bytes: a cache line, and the widest vector register

void check_alike(const std::string& name, const at::Tensor& parameter, const at::Tensor& first) {
  if (parameter.scalar_type() == first.scalar_type() && parameter.device() == first.device()) {
    return;
  }
  std::ostringstream message;
  message << "FlatStorage: parameter \"" << name << "\": expected " << first.scalar_type() << " on "
          << first.device() << " like the first parameter, got " << parameter.scalar_type()
          << " on " << parameter.device();
  throw std::invalid_argument(message.str());
}

}  // namespace

int64_t aligned(int64_t elements, const at::Tensor& like) {
  const int64_t step = kAlignment / static_cast<int64_t>(like.element_size());
  return (elements + step - 1) / step * step;
}

at::Tensor view_like(const at::Tensor& like, const at::Tensor& flat, int64_t begin) {
  const at::Tensor elements = flat.narrow(0, begin, like.numel());
  if (like.dim() != 4) return elements.view(like.sizes());
  return elements.view({like.size(0), like.size(2), like.size(3), like.size(1)})
      .permute({0, 3, 1, 2});
}

FlatStorage::FlatStorage(std::vector<ParameterGroup> groups) : groups_(std::move(groups)) {
  const at::Tensor* first = nullptr;
  std::unordered_set<const c10::TensorImpl*> seen;
  int64_t end = 0;
  for (const ParameterGroup& group : groups_) {
    const int64_t begin = end;
    for (const auto& [name, parameter] : group.parameters) {
      if (first == nullptr) first = &parameter;
      check_alike(name, parameter, *first);
      const Range range{end, end + parameter.numel()};
      if (!seen.insert(parameter.unsafeGetTensorImpl()).second ||
          !by_name_.emplace(name, range).second) {
        throw std::invalid_argument("FlatStorage: parameter \"" + name +
                                    "\": expected in one group once, found twice");
      }
      end = aligned(range.end, parameter);
    }
    ranges_.push_back({begin, end});
  }
  const at::NoGradGuard no_grad;
  const at::TensorOptions options = first == nullptr ? at::TensorOptions() : first->options();
  parameters_ = at::zeros({end}, options.requires_grad(false));
  gradients_ = at::zeros_like(parameters_);
  const auto values = named_views(parameters_);
  const auto gradients = named_views(gradients_);
  size_t next = 0;
  for (ParameterGroup& group : groups_) {
    for (auto& [name, parameter] : group.parameters) {
      values[next].second.copy_(parameter);
      // Into the tensor that the module holds, so that the module goes on with the flat one.
      parameter.set_data(values[next].second);
      parameter.mutable_grad() = gradients[next].second;
      ++next;
    }
  }
}

void FlatStorage::zero_gradients() { gradients_.zero_(); }

std::vector<std::pair<std::string, at::Tensor>> FlatStorage::named_views(
    const at::Tensor& flat) const {
  std::vector<std::pair<std::string, at::Tensor>> views;
  for (const ParameterGroup& group : groups_) {
    for (const auto& [name, parameter] : group.parameters) {
      views.emplace_back(name, view_like(parameter, flat, range_of(name).begin));
    }
  }
  return views;
}

FlatStorage::Range FlatStorage::range_of(const std::string& name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    throw std::out_of_range("FlatStorage: no parameter \"" + name + "\"");
  }
  return found->second;
}

}  // namespace nearfar
