// A group that remembers what is started on its channels.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "distributed/forwarding_group.h"

namespace nearfar {

/// Where in their storage the tensors began that were summed in the background, in that order.
using Launches = std::vector<int64_t>;

/// Notes every start_all_sum of its channels in `launches`, which must outlive them.
class RecordedGroup final : public ForwardingGroup {
 public:
  RecordedGroup(Group& inner, Launches& launches) : ForwardingGroup(inner), launches_(launches) {}

  std::unique_ptr<Group> new_channel() override {
    return std::make_unique<Channel>(inner().new_channel(), launches_);
  }

 private:
  struct Owner {
    std::unique_ptr<Group> owned;
  };
  class Channel final : private Owner, public ForwardingGroup {
   public:
    Channel(std::unique_ptr<Group> inner, Launches& launches)
        : Owner{std::move(inner)}, ForwardingGroup(*owned), launches_(launches) {}
    std::unique_ptr<Pending> start_all_sum(at::Tensor tensor) override {
      launches_.push_back(tensor.storage_offset());
      return inner().start_all_sum(std::move(tensor));
    }

   private:
    Launches& launches_;
  };

  Launches& launches_;
};

}  // namespace nearfar
