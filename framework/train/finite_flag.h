// Whether every step was finite: a flag on the device that gates updates, and the host's late look
// at it.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace nearfar {

/// A step whose loss or gradient was not finite.
struct NotFinite {
  int64_t step = 0;  // updates that were made before it
  double loss = 0.0;
  double gradient_norm = 0.0;
};

/// What the ranks said at a step, summed.
struct StepVotes {
  int64_t step = 0;  // updates that were made before it
  std::vector<double> sums;
};

/// Once a step is not finite the flag stays up, so that the steps that a device has already been
/// given move nothing either: the state stays that of before the failing step.
class FiniteFlag {
 public:
  /// When the host looks at a step's flag: at once; or after it has given the device the next step,
  /// which keeps the device busy; or never, where steps are only counted and their numbers mean
  /// nothing.
  enum class Reading { at_once, late, never };

  FiniteFlag(at::Device device, Reading reading);

  /// Raises the flag when one of the two is not finite. loss, gradient_norm: 0-d on the device;
  /// votes: 1-d on the device, for the host to read with the flag.
  void note(int64_t step, const at::Tensor& loss, const at::Tensor& gradient_norm,
            const at::Tensor& votes = {});
  /// [1] float32 on the device: 0, or 1 from the first step on that was not finite.
  const at::Tensor& not_finite() const { return not_finite_; }
  Reading reading() const { return reading_; }
  /// The first step that was not finite, among those that the host may look at by now.
  std::optional<NotFinite> failure();
  /// The votes of the steps that failure() has come to since the last call, the oldest first. Which
  /// steps these are depends on nothing but the calls: the same on all ranks.
  std::vector<StepVotes> take_votes();
  /// The same among all noted steps; waits for the device.
  std::optional<NotFinite> settle();

 private:
  struct Noted {
    int64_t step;
    at::Tensor values;  // [3 + votes] on the host: loss, gradient norm, flag, votes
    std::optional<c10::Event> copied;
  };
  void look(const Noted& noted);

  at::Device device_;
  Reading reading_;
  at::Tensor not_finite_;
  std::deque<Noted> noted_;
  std::vector<StepVotes> votes_;
  std::optional<NotFinite> failure_;
};

}  // namespace nearfar
