// Small whole numbers, whose sums over ranks are exact in every type.
#include "tests/distributed/processes/collective_laws.h"

#include <torch/types.h>

#include <stdexcept>

#include "distributed/shard.h"

namespace nearfar {
namespace {

at::Tensor rows_of(int rank, int64_t rows, at::ScalarType type, at::Device device) {
  return at::arange(rows * 3, at::kLong)
      .add(7 * rank + 1)
      .remainder(31)
      .view({rows, 3})
      .to(type)
      .to(device);
}

/// All collectives in one dtype with `total` rows shared out.
void check_type(Group& group, at::ScalarType type, int64_t total) {
  const std::string name = std::string(c10::toString(type)) + " of " + std::to_string(total);
  const std::vector<int64_t> rows = rows_by_rank(total, group.size());
  std::vector<at::Tensor> pieces, wholes;
  for (int rank = 0; rank < group.size(); ++rank) {
    pieces.push_back(rows_of(rank, rows[rank], type, group.device()));
    wholes.push_back(rows_of(rank, total, type, group.device()));
  }
  const at::Tensor gathered = group.all_gather(pieces[group.rank()], rows);
  require(gathered.equal(at::cat(pieces)), "all_gather " + name);
  const at::Tensor mine = wholes[group.rank()];
  for (int root = 0; root < group.size(); ++root) {
    require(group.broadcast(mine, root).equal(wholes[root]), "broadcast " + name);
  }
  if (type == at::kBool) return;
  at::Tensor sum = wholes[0];
  for (int rank = 1; rank < group.size(); ++rank) sum = sum + wholes[rank];
  require(group.all_sum(mine).equal(sum), "all_sum " + name);
  const Shard own = shard(total, group.size(), group.rank());
  require(group.sum_scatter(mine, rows).equal(sum.slice(0, own.begin, own.end)),
          "sum_scatter " + name);
  at::Tensor in_place = mine.clone();
  group.start_all_sum(in_place)->wait();
  require(in_place.equal(sum), "start_all_sum " + name);
  require(mine.equal(rows_of(group.rank(), total, type, group.device())), "left as it was " + name);
}

}  // namespace

void require(bool holds, const std::string& what) {
  if (!holds) throw std::logic_error("does not hold: " + what);
}

void check_every_collective(Group& group) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf, at::kLong,
                                    at::kInt, at::kByte, at::kBool}) {
    for (const int64_t total : {8, 7, 1, 0}) check_type(group, type, total);
  }
  const int size = group.size();
  const at::Tensor scalar = at::scalar_tensor(group.rank() + 1.0, at::kDouble).to(group.device());
  const at::Tensor sum = group.all_sum(scalar);
  require(sum.dim() == 0 && sum.item<double>() == size * (size + 1) / 2.0, "all_sum of a scalar");
  require(group.broadcast(scalar, size - 1).item<double>() == size, "broadcast of a scalar");
  group.barrier();
  const auto channel = group.new_channel();
  require(channel->all_sum(scalar).equal(sum), "all_sum on another channel");
}

}  // namespace nearfar
