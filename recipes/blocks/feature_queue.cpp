// The ring of keys.
#include "recipes/blocks/feature_queue.h"

#include <torch/types.h>

#include <algorithm>

#include "framework/losses/unit_rows.h"

namespace nearfar {

FeatureQueue::FeatureQueue(int64_t length, int64_t width)
    : FeatureQueue(length, width, Shard{0, length, length}, /*sharded=*/false) {}

FeatureQueue::FeatureQueue(const FeatureQueueConfig& config, int64_t width, const Group& group)
    : FeatureQueue(config.length, width,
                   config.sharded ? shard(config.length, group.size(), group.rank())
                                  : Shard{0, config.length, config.length},
                   config.sharded) {}

FeatureQueue::FeatureQueue(int64_t length, int64_t width, const Shard& place, bool sharded)
    : length_(length), place_(place), sharded_(sharded) {
  TORCH_CHECK(length > 0 && width > 0, "FeatureQueue: expected rows and features, got ", length,
              " and ", width);
  const at::TensorOptions number = at::TensorOptions(at::kLong);
  rows_ = register_buffer("rows", at::zeros({place.size(), width}));
  index_ = register_buffer("index", at::full({place.size()}, -1, number));
  pointer_.buffer = register_buffer("pointer", at::zeros({}, number));
  filled_.buffer = register_buffer("filled", at::zeros({}, number));
  pointer_.version = pointer_.buffer._version();
  filled_.version = filled_.buffer._version();
}

int64_t FeatureQueue::Count::read() {
  if (version != buffer._version()) {
    value = buffer.item<int64_t>();
    version = buffer._version();
  }
  return value;
}

void FeatureQueue::Count::write(int64_t number) {
  buffer.fill_(number);
  value = number;
  version = buffer._version();
}

void FeatureQueue::enqueue(Group& group, const at::Tensor& keys, const at::Tensor& index,
                           const Shard& own) {
  const at::NoGradGuard no_grad;
  const std::vector<int64_t> rows = rows_by_rank(own.total, group.size());
  append(group.all_gather(UnitRows(keys).unit, rows), group.all_gather(index.contiguous(), rows));
}

void FeatureQueue::append(const at::Tensor& unit_rows, const at::Tensor& index) {
  TORCH_CHECK(unit_rows.dim() == 2 && unit_rows.size(1) == rows_.size(1) && index.dim() == 1 &&
                  index.size(0) == unit_rows.size(0),
              "FeatureQueue: expected keys of shape [n, ", rows_.size(1), "] and n indices, got ",
              unit_rows.sizes(), " and ", index.sizes());
  const at::NoGradGuard no_grad;
  const int64_t count = unit_rows.size(0), kept = std::min(count, length_);
  const int64_t begin = (pointer() + count - kept) % length_;
  const int64_t before_end = std::min(kept, length_ - begin);
  const auto part = [count](const at::Tensor& all, int64_t last, int64_t size) {
    return all.narrow(0, count - last, size);  // `size` of the last `last`
  };
  write(begin, part(unit_rows, kept, before_end), part(index, kept, before_end));
  const int64_t wrapped = kept - before_end;
  write(0, part(unit_rows, wrapped, wrapped), part(index, wrapped, wrapped));
  filled_.write(std::min(length_, filled() + count));
  pointer_.write((pointer() + count) % length_);
}

/// Rows for the ring from `position` on; those that lie here are kept.
void FeatureQueue::write(int64_t position, const at::Tensor& rows, const at::Tensor& index) {
  const int64_t begin = std::max(position, place_.begin);
  const int64_t end = std::min(position + rows.size(0), place_.end);
  if (begin >= end) return;
  const auto copy = [&](const at::Tensor& to, const at::Tensor& from) {
    to.narrow(0, begin - place_.begin, end - begin)
        .copy_(from.narrow(0, begin - position, end - begin));
  };
  copy(rows_, rows);
  copy(index_, index);
}

Negatives FeatureQueue::negatives() {
  const int64_t count = std::clamp(filled() - place_.begin, int64_t{0}, place_.size());
  return {rows_.narrow(0, 0, count), index_.narrow(0, 0, count), sharded_};
}

int64_t FeatureQueue::filled() { return filled_.read(); }

int64_t FeatureQueue::pointer() { return pointer_.read(); }

std::vector<std::pair<std::string, int64_t>> FeatureQueue::sharded_buffers() const {
  if (!sharded_) return {};
  return {{"rows", length_}, {"index", length_}};
}

}  // namespace nearfar
