// Pieces of buffers, as checkpoints need them.
#include "framework/train/sharded_state.h"

#include <algorithm>

#include "framework/error.h"
#include "framework/recipe/sharded_buffers.h"

namespace nearfar {
namespace {

constexpr int64_t kBytesAtOnce = int64_t{8} << 20;  // of each rank

void add(ShardedRows& rows, const std::string& name, torch::nn::Module& module,
         const Group& group) {
  const auto* sharded = dynamic_cast<const ShardedBuffers*>(&module);
  if (sharded == nullptr) return;
  const auto buffers = module.named_buffers(/*recurse=*/false);
  for (const auto& [buffer, total] : sharded->sharded_buffers()) {
    const int64_t mine = shard(total, group.size(), group.rank()).size();
    TORCH_CHECK(buffers.contains(buffer), name, ": expected a buffer ", buffer,
                ", which it says to hold in pieces");
    TORCH_CHECK(buffers[buffer].dim() > 0 && buffers[buffer].size(0) == mine, name, ".", buffer,
                ": expected the ", mine, " rows of rank ", group.rank(), " of ", total, ", got ",
                buffers[buffer].sizes());
    rows.emplace(name.empty() ? buffer : name + "." + buffer, total);
  }
}

/// On rank 0, rows of all ranks on the host; `piece` elsewhere.
at::Tensor whole_of(Group& group, const at::Tensor& piece, int64_t total) {
  const int ranks = group.size();
  std::vector<int64_t> shape = piece.sizes().vec();
  shape[0] = 1;
  const int64_t row_bytes = c10::multiply_integers(shape) * piece.element_size();
  const int64_t most = std::max<int64_t>(1, kBytesAtOnce / std::max<int64_t>(1, row_bytes));
  shape[0] = total;
  const bool keeps = group.rank() == 0;
  const at::Tensor whole = keeps ? at::empty(shape, piece.options().device(at::kCPU)) : piece;
  for (int64_t from = 0; from < shard(total, ranks, 0).size(); from += most) {
    std::vector<int64_t> rows;
    for (int rank = 0; rank < ranks; ++rank) {
      rows.push_back(std::clamp<int64_t>(shard(total, ranks, rank).size() - from, 0, most));
    }
    const int64_t mine = rows[static_cast<size_t>(group.rank())];
    const at::Tensor all =
        group.all_gather(piece.narrow(0, std::min(from, piece.size(0)), mine).contiguous(), rows);
    int64_t begin = 0;
    for (int rank = 0; rank < ranks && keeps; ++rank) {
      const int64_t count = rows[static_cast<size_t>(rank)];
      whole.narrow(0, shard(total, ranks, rank).begin + (count > 0 ? from : 0), count)
          .copy_(all.narrow(0, begin, count));
      begin += count;
    }
  }
  return whole;
}

}  // namespace

ShardedRows sharded_rows(Recipe& recipe, const Group& group) {
  ShardedRows rows;
  add(rows, "", recipe, group);
  for (const auto& item : recipe.named_modules("", /*include_self=*/false)) {
    add(rows, item.key(), *item.value(), group);
  }
  return rows;
}

NamedTensors replicated(const NamedTensors& state, const ShardedRows& sharded) {
  NamedTensors alike;
  for (const auto& named : state) {
    if (!sharded.contains(named.first)) alike.push_back(named);
  }
  return alike;
}

NamedTensors put_together(Group& group, const NamedTensors& state, const ShardedRows& sharded) {
  if (group.size() == 1 || sharded.empty()) return state;
  const at::NoGradGuard no_grad;
  NamedTensors whole = state;
  for (auto& [name, tensor] : whole) {
    const auto rows = sharded.find(name);
    if (rows != sharded.end()) tensor = whole_of(group, tensor, rows->second);
  }
  return whole;
}

void cut_to_pieces(SafetensorsFile& file, const ShardedRows& sharded, const Group& group) {
  if (group.size() == 1) return;
  for (auto& [name, tensor] : file.tensors) {
    const auto rows = sharded.find(name);
    if (rows == sharded.end()) continue;
    const int64_t found = tensor.shape.empty() ? 0 : tensor.shape.front();
    if (found != rows->second) {
      throw CheckpointError(file.path + ": " + name + ": expected the " +
                            std::to_string(rows->second) + " rows of all ranks, found " +
                            std::to_string(found));
    }
    const Shard own = shard(rows->second, group.size(), group.rank());
    const size_t row_bytes = found == 0 ? 0 : tensor.bytes.size() / static_cast<size_t>(found);
    const auto at_row = [&](int64_t row) {
      return tensor.bytes.begin() + static_cast<int64_t>(row_bytes) * row;
    };
    tensor.bytes = std::vector<uint8_t>(at_row(own.begin), at_row(own.end));
    tensor.shape.front() = own.size();
  }
}

}  // namespace nearfar
