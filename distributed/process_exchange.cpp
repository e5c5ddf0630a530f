// Collectives of ranks out of collectives of processes.
#include "distributed/process_exchange.h"

#include <torch/types.h>
#include <xxhash.h>

#include <numeric>
#include <stdexcept>

#include "distributed/peer_error.h"
#include "distributed/texts.h"

namespace nearfar {
namespace {

constexpr char kReturn[] = "return";

/// Largest power of two that divides `count`: ranks of a process in such blocks are nodes of the
/// tree, whatever the number of processes.
int aligned_block(int count) { return count & -count; }

}  // namespace

ProcessExchange::ProcessExchange(std::shared_ptr<Group> processes, int ranks)
    : processes_(std::move(processes)), count_(ranks / processes_->size()), ranks_(ranks) {
  if (ranks < 1 || ranks % processes_->size() != 0) {
    throw std::invalid_argument("hosted ranks: expected a multiple of the " +
                                std::to_string(processes_->size()) + " processes, got " +
                                std::to_string(ranks));
  }
}

void ProcessExchange::agree(const std::string& terms, const std::string& refusal) {
  // One number says whether there is anything to talk about.
  const XXH64_hash_t hash = XXH3_64bits(terms.data(), terms.size());
  const int64_t mark = refusal.empty() ? static_cast<int64_t>(hash | 1) : 0;
  const std::vector<int64_t> ones(static_cast<size_t>(processes_->size()), 1);
  const at::Tensor marks =
      processes_->all_gather(at::full({1}, mark, at::kLong).to(processes_->device()), ones).cpu();
  if (mark != 0 && marks.eq(mark).all().item<bool>()) return;

  const std::vector<std::string> refusals = gather_texts(*processes_, refusal);
  for (const std::string& text : refusals) {
    if (!text.empty()) throw std::invalid_argument(text);
  }
  const std::vector<std::string> all = gather_texts(*processes_, terms);
  for (size_t process = 0; process < all.size(); ++process) {
    const std::string rank = "rank " + std::to_string(process * count_);
    const std::string& waiting = all[all[0] == kReturn ? process : 0];
    if (all[process] == all[0]) continue;
    if (all[process] == kReturn) throw PeerError(waiting + ": " + rank + " has returned");
    if (all[0] == kReturn) throw PeerError(waiting + ": rank 0 has returned");
    throw std::invalid_argument(all[process].substr(0, all[process].find(' ')) + ": " + rank +
                                ": expected " + all[0] + " like rank 0, got " + all[process]);
  }
}

void ProcessExchange::agree(const std::vector<Contribution>& contributions) {
  std::string refusal;
  try {
    check_together(contributions, first(), ranks_);
  } catch (const std::invalid_argument& error) {
    if (processes_->size() == 1) throw;
    refusal = error.what();
  }
  if (processes_->size() == 1) return;
  agree(refusal.empty() ? terms_of(contributions[0]) : contributions[0].collective, refusal);
}

void ProcessExchange::end() {
  if (processes_->size() > 1) agree(kReturn, "");
}

at::Tensor ProcessExchange::gather(const std::vector<Contribution>& contributions) {
  std::vector<at::Tensor> pieces;
  for (const Contribution& one : contributions) pieces.push_back(one.tensor);
  const at::Tensor mine = pieces.size() == 1 ? pieces[0] : at::cat(pieces);
  if (processes_->size() == 1) return mine;
  std::vector<int64_t> rows;
  const std::vector<int64_t>& all = contributions[0].rows;
  for (auto begin = all.begin(); begin != all.end(); begin += count_) {
    rows.push_back(std::accumulate(begin, begin + count_, int64_t{0}));
  }
  return processes_->all_gather(mine, rows);
}

at::Tensor ProcessExchange::sum(const std::vector<Contribution>& contributions) {
  const at::Tensor& like = contributions[0].tensor;
  const int block = processes_->size() == 1 ? count_ : aligned_block(count_);
  std::vector<at::Tensor> sums;
  for (int begin = 0; begin < count_; begin += block) {
    std::vector<at::Tensor> terms;
    for (int i = begin; i < begin + block; ++i) terms.push_back(contributions[i].tensor);
    sums.push_back(sum_in_tree(std::move(terms), /*may_overwrite=*/false));
  }
  if (processes_->size() == 1) return sums[0];
  if (like.numel() == 0) return at::empty_like(like);
  const auto blocks = static_cast<int64_t>(sums.size());
  const at::Tensor mine = blocks == 1 ? sums[0].unsqueeze(0) : at::stack(sums);
  const at::Tensor all = processes_->all_gather(
      mine, std::vector<int64_t>(static_cast<size_t>(processes_->size()), blocks));
  return sum_in_tree(all.unbind(0), /*may_overwrite=*/true);
}

at::Tensor ProcessExchange::broadcast(const std::vector<Contribution>& contributions) {
  const int process = contributions[0].root / count_;
  const bool is_root = process == processes_->rank();
  const at::Tensor& values = contributions[is_root ? contributions[0].root % count_ : 0].tensor;
  const at::Tensor result = processes_->broadcast(values, process);
  // Every rank gets memory of its own.
  return count_ > 1 && result.is_alias_of(values) ? result.clone() : result;
}

at::Tensor ProcessExchange::perform(const std::vector<Contribution>& contributions) {
  const at::NoGradGuard no_grad;
  agree(contributions);
  const std::string& collective = contributions[0].collective;
  if (collective == "all_gather") return gather(contributions);
  if (collective == "broadcast") return broadcast(contributions);
  if (collective == "all_sum" || collective == "sum_scatter") return sum(contributions);
  return {};
}

}  // namespace nearfar
