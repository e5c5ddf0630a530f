// Checks that need no other rank.
#include "distributed/collective_checks.h"

#include <torch/types.h>

#include <numeric>
#include <sstream>
#include <stdexcept>

namespace nearfar {
namespace {

constexpr size_t kPiecesNamed = 16;

template <typename Expected, typename Got>
[[noreturn]] void refuse(const Group& group, const char* collective, const Expected& expected,
                         const Got& got) {
  std::ostringstream message;
  message << collective << ": rank " << group.rank() << " of " << group.size() << ": expected "
          << expected << ", got " << got;
  throw std::invalid_argument(message.str());
}

void check_tensor(const Group& group, const char* collective, const at::Tensor& tensor) {
  if (!tensor.defined()) refuse(group, collective, "a tensor", "none");
  if (tensor.device().type() != group.device().type()) {
    refuse(group, collective, "a tensor on " + group.device().str(), tensor.device().str());
  }
  if (!tensor.is_contiguous()) {
    std::ostringstream strides;
    strides << "strides " << tensor.strides();
    refuse(group, collective, "a contiguous tensor", strides.str());
  }
}

}  // namespace

std::string describe(const Group& group, const char* collective, const at::Tensor& tensor) {
  check_tensor(group, collective, tensor);
  std::ostringstream text;
  text << tensor.scalar_type() << ' ' << tensor.sizes();
  return text.str();
}

std::string describe_rows(const Group& group, const char* collective, const at::Tensor& tensor,
                          const std::vector<int64_t>& rows, RowsOf whose) {
  check_tensor(group, collective, tensor);
  if (rows.size() != static_cast<size_t>(group.size())) {
    refuse(group, collective, std::to_string(group.size()) + " row counts", rows.size());
  }
  const int64_t total = std::accumulate(rows.begin(), rows.end(), int64_t{0});
  const int64_t expected_rows =
      whose == RowsOf::all_ranks ? total : rows[static_cast<size_t>(group.rank())];
  if (tensor.dim() == 0 || tensor.size(0) != expected_rows) {
    std::ostringstream shape;
    shape << "shape " << tensor.sizes();
    refuse(group, collective, std::to_string(expected_rows) + " rows", shape.str());
  }
  std::vector<int64_t> whole = tensor.sizes().vec();
  whole[0] = total;
  std::ostringstream text;
  text << tensor.scalar_type() << ' ' << at::IntArrayRef(whole) << " in pieces of ";
  for (size_t i = 0; i < rows.size() && i < kPiecesNamed; ++i) {
    text << (i == 0 ? "" : ", ") << rows[i];
  }
  if (rows.size() > kPiecesNamed) text << ", ...";
  return text.str();
}

void check_summable(const Group& group, const char* collective, const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
    case at::kDouble:
    case at::kHalf:
    case at::kBFloat16:
    case at::kByte:
    case at::kChar:
    case at::kInt:
    case at::kLong:
      return;
    default:
      refuse(group, collective, "numbers that can be summed over ranks", tensor.scalar_type());
  }
}

void check_root(const Group& group, int root) {
  if (root < 0 || root >= group.size()) {
    refuse(group, "broadcast", "a root below " + std::to_string(group.size()), root);
  }
}

int64_t fingerprint(const std::string& text) {
  uint64_t hash = 14695981039346656037ULL;  // FNV-1a
  for (const char letter : text) {
    hash = (hash ^ static_cast<unsigned char>(letter)) * 1099511628211ULL;
  }
  return static_cast<int64_t>(hash);
}

}  // namespace nearfar
