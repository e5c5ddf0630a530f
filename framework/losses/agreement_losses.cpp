// BYOL, SimSiam, DINO.
#include "framework/losses/agreement_losses.h"

#include <torch/types.h>

#include "framework/distances/angles.h"
#include "framework/losses/pairs.h"
#include "framework/widened.h"

namespace nearfar {
namespace {

/// The sum of cos(p1, z2) and cos(p2, z1) over this rank's rows, without gradient to z.
at::Tensor crossed_cosines(const at::Tensor& p1, const at::Tensor& p2, const at::Tensor& z1,
                           const at::Tensor& z2) {
  const CosineDistance distance;
  return 2.0 - distance.rows(p1, z2.detach()) - distance.rows(p2, z1.detach());
}

}  // namespace

at::Tensor byol_loss(Group& group, const at::Tensor& p1, const at::Tensor& p2, const at::Tensor& z1,
                     const at::Tensor& z2, const Shard& own) {
  return (4.0 - 2.0 * crossed_cosines(p1, p2, z1, z2)).sum() * share_of_row(group, own.total);
}

at::Tensor simsiam_loss(Group& group, const at::Tensor& p1, const at::Tensor& p2,
                        const at::Tensor& z1, const at::Tensor& z2, const Shard& own) {
  return crossed_cosines(p1, p2, z1, z2).sum() * (-0.5 * share_of_row(group, own.total));
}

at::Tensor dino_loss(Group& group, const at::Tensor& teacher, const at::Tensor& student,
                     const at::Tensor& center, const DinoTemperatures& temperatures,
                     const Shard& own) {
  TORCH_CHECK(teacher.dim() == 3 && student.dim() == 3 && teacher.size(0) == 2 &&
                  student.size(0) >= 2 && teacher[0].sizes() == student[0].sizes() &&
                  center.dim() == 1 && center.size(0) == teacher.size(2),
              "dino: expected a teacher [2, n, K], a student [V, n, K], V >= 2, and a centre [K], "
              "got ",
              teacher.sizes(), ", ", student.sizes(), " and ", center.sizes());
  const at::Tensor target_2nK =
      ((widened(teacher.detach()) - center.detach()) / temperatures.teacher).softmax(2);
  const at::Tensor log_VnK = (widened(student) / temperatures.student).log_softmax(2);
  // Every pair by its sum over views, without those of a view with itself.
  const at::Tensor all = (target_2nK.sum(0) * log_VnK.sum(0)).sum();
  const at::Tensor same = (target_2nK * log_VnK.narrow(0, 0, 2)).sum();
  const double pairs = 2.0 * static_cast<double>(student.size(0)) - 2.0;
  return (same - all) * (share_of_row(group, own.total) / pairs);
}

at::Tensor moved_center(Group& group, const at::Tensor& teacher, const at::Tensor& center,
                        double momentum, const Shard& own) {
  const at::NoGradGuard no_grad;
  const at::Tensor sum_K = group.all_sum(widened(teacher).sum(at::IntArrayRef{0, 1}).contiguous());
  const double rows = static_cast<double>(teacher.size(0) * own.total);
  const at::Tensor moved_K = widened(center) * momentum + sum_K * ((1.0 - momentum) / rows);
  return moved_K.to(center.scalar_type());
}

}  // namespace nearfar
