// Gathering and summing as autograd functions whose backward is the exact adjoint.
#include "distributed/gather.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

namespace nearfar {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// A group is no tensor: it travels through the context as an address. It outlives every graph that
// is made with it, as it outlives the step.
Group& group_of(AutogradContext* context) {
  return *reinterpret_cast<Group*>(context->saved_data["group"].toInt());
}

void save(AutogradContext* context, Group* group, const std::vector<int64_t>& rows) {
  context->saved_data["group"] = static_cast<int64_t>(reinterpret_cast<intptr_t>(group));
  context->saved_data["rows"] = rows;
}

// Gathering and scattering the sum are each other's adjoint, so each is the other's backward, at
// every order of differentiation.
struct ScatterSum;

struct Gather : torch::autograd::Function<Gather> {
  static Variable forward(AutogradContext* context, const Variable& mine, Group* group,
                          const std::vector<int64_t>& rows) {
    save(context, group, rows);
    return group->all_gather(mine.contiguous(), rows);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients);
};

struct ScatterSum : torch::autograd::Function<ScatterSum> {
  static Variable forward(AutogradContext* context, const Variable& all, Group* group,
                          const std::vector<int64_t>& rows) {
    save(context, group, rows);
    return group->sum_scatter(all.contiguous(), rows);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return {
        Gather::apply(gradients[0], &group_of(context), context->saved_data["rows"].toIntVector()),
        Variable(), Variable()};
  }
};

variable_list Gather::backward(AutogradContext* context, variable_list gradients) {
  return {ScatterSum::apply(gradients[0], &group_of(context),
                            context->saved_data["rows"].toIntVector()),
          Variable(), Variable()};
}

// Every rank's result depends on every rank's input with derivative one: its own adjoint.
struct Sum : torch::autograd::Function<Sum> {
  static Variable forward(AutogradContext* context, const Variable& mine, Group* group) {
    save(context, group, {});
    return group->all_sum(mine.contiguous());
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return {Sum::apply(gradients[0], &group_of(context)), Variable()};
  }
};

}  // namespace

at::Tensor gather_with_grad(Group& group, const at::Tensor& mine,
                            const std::vector<int64_t>& rows) {
  return Gather::apply(mine, &group, rows);
}

at::Tensor sum_with_grad(Group& group, const at::Tensor& mine) { return Sum::apply(mine, &group); }

}  // namespace nearfar
