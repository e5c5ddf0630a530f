// Whether every step was finite: a flag on the device that gates updates, and the host's late look
// at it.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <cstdint>
#include <deque>
#include <optional>

namespace nearfar {

/// A step whose loss or gradient was not finite.
struct NotFinite {
  int64_t step = 0;  // updates that were made before it
  double loss = 0.0;
  double gradient_norm = 0.0;
};

/// Once a step is not finite the flag stays up, so that the steps that a device has already been
/// given move nothing either: the state stays that of before the failing step.
class FiniteFlag {
 public:
  /// When the host looks at a step's flag: at once, or after it has given the device the next step,
  /// which keeps the device busy.
  enum class Reading { at_once, late };

  FiniteFlag(at::Device device, Reading reading);

  /// Raises the flag when one of the two is not finite. loss, gradient_norm: 0-d on the device.
  void note(int64_t step, const at::Tensor& loss, const at::Tensor& gradient_norm);
  /// [1] float32 on the device: 0, or 1 from the first step on that was not finite.
  const at::Tensor& not_finite() const { return not_finite_; }
  Reading reading() const { return reading_; }
  /// The first step that was not finite, among those that the host may look at by now.
  std::optional<NotFinite> failure();
  /// The same among all noted steps; waits for the device.
  std::optional<NotFinite> settle();

 private:
  struct Noted {
    int64_t step;
    at::Tensor values;  // [3] on the host: loss, gradient norm, flag
    std::optional<c10::Event> copied;
  };
  std::optional<NotFinite> look(size_t leave);

  at::Device device_;
  Reading reading_;
  at::Tensor not_finite_;
  std::deque<Noted> noted_;
  std::optional<NotFinite> failure_;
};

}  // namespace nearfar
