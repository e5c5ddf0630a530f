// One rank alone, and the rows of every rank.
#include "distributed/group.h"

#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>

#include "distributed/shard.h"

namespace nearfar {
namespace {

void check_rows(const char* collective, const at::Tensor& tensor,
                const std::vector<int64_t>& rows) {
  if (rows.size() == 1 && tensor.dim() > 0 && tensor.size(0) == rows[0]) return;
  std::ostringstream message;
  message << collective
          << ": rank 0 of 1: expected one row count and a tensor of that many rows, got "
          << rows.size() << " row counts adding up to "
          << std::accumulate(rows.begin(), rows.end(), int64_t{0}) << " and shape "
          << tensor.sizes();
  throw std::invalid_argument(message.str());
}

}  // namespace

at::Tensor SoloGroup::all_gather(const at::Tensor& mine, const std::vector<int64_t>& rows) {
  check_rows("all_gather", mine, rows);
  return mine;
}

at::Tensor SoloGroup::all_sum(const at::Tensor& mine) { return mine; }

at::Tensor SoloGroup::sum_scatter(const at::Tensor& all, const std::vector<int64_t>& rows) {
  check_rows("sum_scatter", all, rows);
  return all;
}

at::Tensor SoloGroup::broadcast(const at::Tensor& mine, int root) {
  if (root != 0) {
    throw std::invalid_argument("broadcast: rank 0 of 1: expected root 0, got " +
                                std::to_string(root));
  }
  return mine;
}

std::unique_ptr<Pending> SoloGroup::start_all_sum(at::Tensor) { return std::make_unique<Done>(); }

std::unique_ptr<Group> SoloGroup::new_channel() { return std::make_unique<SoloGroup>(); }

void Group::set_deadline(std::chrono::milliseconds) {}
void Group::set_step(int64_t) {}
void Group::report_failure(const std::string&) noexcept {}

std::vector<int64_t> rows_by_rank(int64_t total, int ranks) {
  std::vector<int64_t> rows;
  for (int rank = 0; rank < ranks; ++rank) rows.push_back(shard(total, ranks, rank).size());
  return rows;
}

}  // namespace nearfar
