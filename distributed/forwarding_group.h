// A group in front of another one: what wraps a group overrides what it changes.
#pragma once

#include <utility>

#include "distributed/group.h"

namespace nearfar {

/// Hands every call on to `inner`, which must outlive it.
class ForwardingGroup : public Group {
 public:
  explicit ForwardingGroup(Group& inner) : inner_(inner) {}
  int rank() const override { return inner_.rank(); }
  int size() const override { return inner_.size(); }
  at::Device device() const override { return inner_.device(); }
  at::Tensor all_gather(const at::Tensor& mine, const std::vector<int64_t>& rows) override {
    return inner_.all_gather(mine, rows);
  }
  at::Tensor all_sum(const at::Tensor& mine) override { return inner_.all_sum(mine); }
  at::Tensor sum_scatter(const at::Tensor& all, const std::vector<int64_t>& rows) override {
    return inner_.sum_scatter(all, rows);
  }
  at::Tensor broadcast(const at::Tensor& mine, int root) override {
    return inner_.broadcast(mine, root);
  }
  void barrier() override { inner_.barrier(); }
  std::unique_ptr<Pending> start_all_sum(at::Tensor tensor) override {
    return inner_.start_all_sum(std::move(tensor));
  }
  std::unique_ptr<Group> new_channel() override { return inner_.new_channel(); }
  void set_deadline(std::chrono::milliseconds deadline) override { inner_.set_deadline(deadline); }
  void set_step(int64_t step) override { inner_.set_step(step); }
  void report_failure(const std::string& reason) noexcept override {
    inner_.report_failure(reason);
  }

 protected:
  Group& inner() { return inner_; }

 private:
  Group& inner_;
};

}  // namespace nearfar
