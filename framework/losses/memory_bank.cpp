// Reading and moving rows of a bank. The host waits for no device.
#include "framework/losses/memory_bank.h"

#include <torch/types.h>

#include <vector>

#include "framework/losses/unit_rows.h"
#include "framework/widened.h"

// Shapes: n samples of this rank, N of all ranks, D dimensions.

namespace nearfar {
namespace {

void check_images(const MemoryBank& bank, const at::Tensor& index) {
  TORCH_CHECK(index.dim() == 1 && index.scalar_type() == at::kLong,
              "memory bank: expected images [n] int64, got ", index.sizes(), " of ",
              index.scalar_type());
  if (!index.is_cpu() || index.numel() == 0) return;
  const auto first = index.min().item<int64_t>(), last = index.max().item<int64_t>();
  TORCH_CHECK(first >= 0 && last < bank.place.total, "memory bank: expected images in [0, ",
              bank.place.total, "), got ", first < 0 ? first : last);
}

/// Which of these images have their rows here.
at::Tensor lies_here(const MemoryBank& bank, const at::Tensor& image) {
  return image.ge(bank.place.begin).logical_and_(image.lt(bank.place.end));
}

/// Their rows here, where they have any: some row otherwise. Precondition: the bank has rows.
at::Tensor local_row(const MemoryBank& bank, const at::Tensor& image) {
  return image.sub(bank.place.begin).clamp_(0, bank.place.size() - 1);
}

/// What a batch writes: for each of its samples, by image, one that counts for that image.
struct Writes {
  at::Tensor image_N, sample_N;

  explicit Writes(const at::Tensor& index_N) {
    const auto [sorted_N, order_N] = index_N.sort(/*stable=*/true, /*dim=*/0, /*descending=*/false);
    image_N = sorted_N;
    const int64_t count = index_N.size(0);
    // The place of the last of each run of one image, seen from every place of the run.
    const at::Tensor place_N = at::arange(count, index_N.options());
    at::Tensor end_N = place_N.clone();
    end_N.narrow(0, 0, count - 1)
        .masked_fill_(image_N.narrow(0, 0, count - 1).eq(image_N.narrow(0, 1, count - 1)), count);
    end_N = std::get<0>(end_N.flip(0).cummin(0)).flip(0);
    sample_N = order_N.index_select(0, end_N);
  }
};

}  // namespace

at::Tensor rows_of_images(Group& group, const MemoryBank& bank, const at::Tensor& index,
                          const Shard& own, at::ScalarType type) {
  check_images(bank, index);
  if (!bank.sharded) return bank.rows.index_select(0, index).to(type);
  const std::vector<int64_t> rows = rows_by_rank(own.total, group.size());
  const at::Tensor image_N = group.all_gather(index.contiguous(), rows);
  at::Tensor rows_ND = at::zeros({own.total, bank.rows.size(1)}, bank.rows.options().dtype(type));
  if (bank.place.size() > 0) {
    rows_ND = bank.rows.index_select(0, local_row(bank, image_N))
                  .to(type)
                  .masked_fill(lies_here(bank, image_N).logical_not_().unsqueeze(1), 0.0);
  }
  return group.sum_scatter(rows_ND, rows);
}

void update_bank(Group& group, const MemoryBank& bank, const at::Tensor& feature,
                 const at::Tensor& index, double momentum, const Shard& own) {
  check_images(bank, index);
  const at::NoGradGuard no_grad;
  const std::vector<int64_t> rows = rows_by_rank(own.total, group.size());
  const at::ScalarType type =
      widened(at::promote_types(feature.scalar_type(), bank.rows.scalar_type()));
  const at::Tensor unit_ND = group.all_gather(UnitRows(feature.to(type)).unit, rows);
  const at::Tensor index_N = group.all_gather(index.contiguous(), rows);
  if (own.total == 0 || bank.place.size() == 0) return;
  Writes writes(index_N);
  at::Tensor any;
  if (bank.sharded) {
    // What lies elsewhere repeats a write that happens here: equal writes to one row do no harm.
    const at::Tensor here_N = lies_here(bank, writes.image_N);
    any = here_N.any();
    const at::Tensor place_N = at::arange(own.total, index_N.options());
    const at::Tensor repeated_N = at::where(here_N, place_N, here_N.to(at::kLong).argmax());
    writes.image_N = writes.image_N.index_select(0, repeated_N);
    writes.sample_N = writes.sample_N.index_select(0, repeated_N);
  }
  const at::Tensor row_N = local_row(bank, writes.image_N);
  const at::Tensor old_ND = bank.rows.index_select(0, row_N).to(type);
  const at::Tensor feature_ND = unit_ND.index_select(0, writes.sample_N);
  at::Tensor new_ND = UnitRows(old_ND.mul(momentum).add_(feature_ND, 1.0 - momentum)).unit;
  if (bank.sharded) new_ND = at::where(any, new_ND, old_ND);
  bank.rows.index_copy_(0, row_N, new_ND.to(bank.rows.scalar_type()));
}

}  // namespace nearfar
