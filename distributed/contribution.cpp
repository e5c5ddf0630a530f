// Checks of contributions, and their sum.
#include "distributed/contribution.h"

#include <torch/types.h>

#include <numeric>
#include <sstream>
#include <stdexcept>

namespace nearfar {
namespace {

[[noreturn]] void refuse(const Contribution& of, int rank, const std::string& expected,
                         const std::string& got) {
  throw std::invalid_argument(of.collective + ": rank " + std::to_string(rank) + ": expected " +
                              expected + ", got " + got);
}

template <typename Value>
std::string text(const Value& value) {
  std::ostringstream stream;
  stream << value;
  return stream.str();
}

std::string text(const std::vector<int64_t>& values) { return text(at::IntArrayRef(values)); }

bool has_rows(const Contribution& contribution) {
  return contribution.collective == "all_gather" || contribution.collective == "sum_scatter";
}

/// The shape that a rank's tensor must have, given the first one's.
std::vector<int64_t> expected_shape(const Contribution& first, int first_rank, int rank) {
  std::vector<int64_t> shape = first.tensor.sizes().vec();
  if (!has_rows(first)) return shape;
  if (shape.empty()) refuse(first, first_rank, "a tensor with rows", "a scalar");
  shape[0] = first.collective == "all_gather"
                 ? first.rows[static_cast<size_t>(rank)]
                 : std::accumulate(first.rows.begin(), first.rows.end(), int64_t{0});
  return shape;
}

void check_arguments(const Contribution& of, int rank, const Contribution& first, int first_rank,
                     int ranks) {
  if (of.collective != first.collective) {
    refuse(of, rank, first.collective + " like rank " + text(first_rank), of.collective);
  }
  if (of.rows != first.rows) refuse(of, rank, "rows " + text(first.rows), text(of.rows));
  if (of.root != first.root) refuse(of, rank, "root " + text(first.root), text(of.root));
  if (has_rows(of) && of.rows.size() != static_cast<size_t>(ranks)) {
    refuse(of, rank, text(ranks) + " row counts", text(of.rows.size()));
  }
  if (of.root < 0 || of.root >= ranks) {
    refuse(of, rank, "a root below " + text(ranks), text(of.root));
  }
}

void check_tensor(const Contribution& of, int rank, const Contribution& first, int first_rank) {
  if (of.tensor.scalar_type() != first.tensor.scalar_type()) {
    refuse(of, rank, text(first.tensor.scalar_type()), text(of.tensor.scalar_type()));
  }
  const std::vector<int64_t> shape = expected_shape(first, first_rank, rank);
  if (of.tensor.sizes() != at::IntArrayRef(shape)) {
    refuse(of, rank, "shape " + text(shape), text(of.tensor.sizes()));
  }
  if (!of.tensor.is_contiguous()) {
    refuse(of, rank, "a contiguous tensor", "strides " + text(of.tensor.strides()));
  }
}

/// A term of a sum, and whether it may be overwritten.
struct Term {
  at::Tensor value;
  bool is_free = false;
};

Term sum_of(Term left, Term right) {
  if (left.is_free) return {left.value.add_(right.value), true};
  // To the bit the same in either order.
  if (right.is_free) return {right.value.add_(left.value), true};
  return {left.value + right.value, true};
}

}  // namespace

void check_together(const std::vector<Contribution>& contributions, int first, int ranks) {
  for (size_t i = 0; i < contributions.size(); ++i) {
    const int rank = first + static_cast<int>(i);
    check_arguments(contributions[i], rank, contributions[0], first, ranks);
    if (!contributions[0].tensor.defined()) continue;
    check_tensor(contributions[i], rank, contributions[0], first);
  }
}

std::string terms_of(const Contribution& contribution) {
  std::string terms = contribution.collective;
  if (!contribution.tensor.defined()) return terms;
  const at::IntArrayRef shape = contribution.tensor.sizes();
  terms += " of " + text(contribution.tensor.scalar_type()) + " " +
           text(has_rows(contribution) ? shape.slice(1) : shape);
  if (has_rows(contribution)) terms += " in rows " + text(contribution.rows);
  if (contribution.collective == "broadcast") terms += " from rank " + text(contribution.root);
  return terms;
}

at::Tensor sum_in_tree(std::vector<at::Tensor> terms, bool may_overwrite) {
  std::vector<Term> nodes;
  for (at::Tensor& term : terms) nodes.push_back({std::move(term), may_overwrite});
  while (nodes.size() > 1) {
    std::vector<Term> next;
    for (size_t i = 0; i + 1 < nodes.size(); i += 2) {
      next.push_back(sum_of(std::move(nodes[i]), std::move(nodes[i + 1])));
    }
    if (nodes.size() % 2 == 1) next.push_back(std::move(nodes.back()));
    nodes = std::move(next);
  }
  return nodes.front().value;
}

}  // namespace nearfar
