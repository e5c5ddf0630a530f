// Gradients averaged over ranks while backward still goes on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "distributed/group.h"
#include "framework/optimize/flat_storage.h"
#include "framework/train/gradient_buckets.h"

namespace nearfar {

struct ExchangeOptions {
  BucketLimits buckets;
  /// Gradients travel, and are summed, in bfloat16: half the bytes of float32, each value rounded
  /// once by its rank and once for each rank that is added. The average is written back in the
  /// parameters' own type, whichever it is.
  bool bfloat16 = false;
};

/// Averages the gradients of a FlatStorage in buckets. A bucket is sent when backward has added to
/// its last parameter and all buckets before it are sent: in one order on every rank, whatever the
/// order in which gradients arrive there. It goes through a channel of its own, since collectives
/// inside backward go on meanwhile. One rank alone sends nothing.
///
/// A step is begin(), backward passes, launch_rest(), finish(). Outside of it, backward passes
/// leave the exchange alone.
class GradientExchange {
 public:
  /// `registered`: see cut_buckets(). `storage` and `group` must outlive the object. A collective.
  /// Throws std::invalid_argument naming a parameter that already tells somebody of its gradients.
  GradientExchange(FlatStorage& storage, Group& group, const std::vector<std::string>& registered,
                   const ExchangeOptions& options = {});
  ~GradientExchange();
  GradientExchange(const GradientExchange&) = delete;
  GradientExchange& operator=(const GradientExchange&) = delete;

  /// Before the first backward of a step; gradients are zero. Forgets a step that was not finished.
  void begin();
  /// Before the last backward: what it does not reach from `roots` changes no more. What it reaches
  /// may change once: std::logic_error for a gradient that changes after it was sent (backward
  /// inside backward).
  void last_backward_begins(const std::vector<at::Tensor>& roots);
  /// After the last backward: sends what is left, also parameters that no backward reached.
  void launch_rest();
  /// Waits for all; gradients are then the averages over ranks, and zero in frozen groups.
  void finish();

  /// Names of all parameters, in the storage's order.
  const std::vector<std::string>& parameters() const { return names_; }
  /// Which of them got no gradient since begin() although they require one and are not frozen.
  std::vector<bool> unused() const;
  const std::vector<Bucket>& buckets() const { return buckets_; }

 private:
  struct Parameter {
    at::Tensor tensor;
    bool frozen = true;
    size_t bucket = 0;     // unless frozen
    bool touched = false;  // got a gradient in this step
    bool awaited = false;  // gets one in the last backward
  };
  struct Arrival;

  void watch_parameters();
  void arrived(size_t parameter);
  void launch_ready();
  void launch(const Bucket& bucket);
  at::Tensor slice(const at::Tensor& flat, const Bucket& bucket) const;

  FlatStorage& storage_;
  Group& group_;
  std::unique_ptr<Group> channel_;
  std::vector<Bucket> buckets_;  // in the order of sending
  std::vector<std::string> names_;
  std::vector<Parameter> parameters_;
  std::vector<size_t> awaited_in_bucket_;
  at::Tensor wire_;  // as long as the gradients, where another type travels
  std::vector<std::unique_ptr<Pending>> pending_;  // of the buckets sent
  bool in_step_ = false;
  bool in_last_backward_ = false;
};

}  // namespace nearfar
