// Hashes of tensors, compared over ranks.
#include "framework/train/replicas.h"

#include <xxhash.h>

#include <algorithm>
#include <map>

#include "framework/error.h"

namespace nearfar {
namespace {

constexpr size_t kNamed = 8;  // ranks that a sentence names before it counts the rest

int64_t hash_of(const std::string& name, const at::Tensor& tensor) {
  std::string head = name + " " + c10::toString(tensor.scalar_type());
  for (const int64_t size : tensor.sizes()) head += " " + std::to_string(size);
  const at::Tensor here = tensor.detach().cpu().contiguous();
  return static_cast<int64_t>(XXH3_64bits_withSeed(here.const_data_ptr(), here.nbytes(),
                                                   XXH3_64bits(head.data(), head.size())));
}

/// A row of every rank: [ranks, row.size()] on the host.
at::Tensor gather_rows(Group& group, const std::vector<int64_t>& row) {
  const at::Tensor mine = at::tensor(row, at::kLong).unsqueeze(0).to(group.device());
  return group.all_gather(mine, std::vector<int64_t>(static_cast<size_t>(group.size()), 1)).cpu();
}

std::string ranks_of(const std::vector<int64_t>& ranks) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (size_t i = 0; i < std::min(ranks.size(), kNamed); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(ranks[i]);
  }
  if (ranks.size() > kNamed) text += " and " + std::to_string(ranks.size() - kNamed) + " more";
  return text;
}

/// Who differs from whom, by a number of each rank: the most frequent one is taken as right, of
/// equally frequent ones that of the lowest rank.
std::string difference(const at::Tensor& by_rank) {
  std::map<int64_t, std::vector<int64_t>> holders;
  for (int64_t rank = 0; rank < by_rank.numel(); ++rank) {
    holders[by_rank[rank].item<int64_t>()].push_back(rank);
  }
  const auto right =
      std::max_element(holders.begin(), holders.end(), [](const auto& a, const auto& b) {
        return a.second.size() != b.second.size() ? a.second.size() < b.second.size()
                                                  : a.second.front() > b.second.front();
      });
  std::vector<int64_t> others;
  for (const auto& [value, ranks] : holders) {
    if (value != right->first) others.insert(others.end(), ranks.begin(), ranks.end());
  }
  std::sort(others.begin(), others.end());
  return ranks_of(others) + (others.size() == 1 ? " differs" : " differ") + " from " +
         ranks_of(right->second);
}

bool all_equal(const at::Tensor& by_rank) { return by_rank.eq(by_rank[0]).all().item<bool>(); }

}  // namespace

void broadcast_state(Group& group, const NamedTensors& state) {
  if (group.size() == 1) return;
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : state) {
    if (tensor.numel() > 0) tensor.detach().copy_(group.broadcast(tensor.detach().contiguous(), 0));
  }
}

void check_replicas(Group& group, const NamedTensors& state, int64_t step) {
  if (group.size() == 1) return;
  const at::NoGradGuard no_grad;
  std::vector<int64_t> hashes;
  for (const auto& [name, tensor] : state) hashes.push_back(hash_of(name, tensor));
  const auto whole =
      static_cast<int64_t>(XXH3_64bits(hashes.data(), hashes.size() * sizeof(int64_t)));
  const at::Tensor short_form = gather_rows(group, {static_cast<int64_t>(hashes.size()), whole});
  if (all_equal(short_form)) return;

  const std::string head =
      "after step " + std::to_string(step) + ": expected the same state on all ranks, found that ";
  const at::Tensor counts = short_form.select(1, 0);
  if (!all_equal(counts)) {
    throw EnvironmentError(head + "the number of tensors of " + difference(counts));
  }
  const at::Tensor all = gather_rows(group, hashes);
  int64_t first = -1, differing = 0;
  for (int64_t i = all.size(1); i-- > 0;) {
    if (all_equal(all.select(1, i))) continue;
    first = i;
    ++differing;
  }
  throw EnvironmentError(head + state[static_cast<size_t>(first)].first + " of " +
                         difference(all.select(1, first)) + " (" + std::to_string(differing) +
                         " of " + std::to_string(all.size(1)) + " tensors differ)");
}

}  // namespace nearfar
