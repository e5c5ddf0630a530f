// Verification: are two images of one class? Judged by their cosine.
#include "framework/evaluate/verification.h"

#include <torch/types.h>

#include <algorithm>
#include <numeric>

#include "framework/evaluate/random_streams.h"

namespace nearfar {
namespace {

struct ScoredPair {
  double score;
  Pair pair;
  bool positive;
  int64_t fold;
};

/// A part for each of `count` pairs, dealt after shuffling.
std::vector<int64_t> deal(size_t count, int64_t folds, Random random) {
  std::vector<int64_t> fold(count);
  for (size_t i = 0; i < count; ++i) fold[i] = static_cast<int64_t>(i) % folds;
  for (size_t i = count; i > 1; --i) {
    std::swap(fold[i - 1], fold[random.below(static_cast<int64_t>(i))]);
  }
  return fold;
}

/// All pairs, best score first.
std::vector<ScoredPair> in_order(const ScoredPairs& scored, int64_t folds, uint64_t seed) {
  std::vector<ScoredPair> all;
  const auto add = [&](const std::vector<Pair>& pairs, const std::vector<double>& scores,
                       bool positive) {
    const auto fold =
        deal(pairs.size(), folds, evaluation_random(seed, positive, EvaluationStream::pair_folds));
    for (size_t i = 0; i < pairs.size(); ++i) {
      all.push_back({scores[i], pairs[i], positive, fold[i]});
    }
  };
  add(scored.pairs.positives, scored.positive_scores, true);
  add(scored.pairs.negatives, scored.negative_scores, false);
  std::stable_sort(all.begin(), all.end(),
                   [](const ScoredPair& a, const ScoredPair& b) { return a.score > b.score; });
  return all;
}

/// Positives and negatives of a part, or of all others.
struct Counts {
  double positives = 0.0;
  double negatives = 0.0;

  void add(const ScoredPair& pair) { ++(pair.positive ? positives : negatives); }
  bool both() const { return positives > 0.0 && negatives > 0.0; }
};

/// (TAR + 1 - FAR) / 2 when `accepted` of `all` are.
double balanced_accuracy(const Counts& accepted, const Counts& all) {
  return 0.5 * (accepted.positives / all.positives + 1.0 - accepted.negatives / all.negatives);
}

/// The threshold that is best on the pairs outside `part`; accepting begins at the score itself or
/// above.
double best_threshold(const std::vector<ScoredPair>& ordered, int64_t part, const Counts& all) {
  Counts accepted;
  double best = 0.5;  // accepting nothing
  double threshold = std::numeric_limits<double>::infinity();
  double above = 0.0;
  bool open = false;  // the best ends at `above`, the next score is not yet known
  for (size_t i = 0; i < ordered.size(); ++i) {
    if (ordered[i].fold == part) continue;
    const double score = ordered[i].score;
    if (open && score < above) {
      threshold = 0.5 * (above + score);
      open = false;
    }
    accepted.add(ordered[i]);
    above = score;
    size_t next = i + 1;
    while (next < ordered.size() && ordered[next].fold == part) ++next;
    if (next < ordered.size() && ordered[next].score == score) continue;
    const double accuracy = balanced_accuracy(accepted, all);
    if (accuracy <= best) continue;
    best = accuracy;
    threshold = score;
    open = true;
  }
  return threshold;
}

/// One resampling: area under the curve where each pair counts by the copies of its images; -1
/// when one kind has no pair left.
double weighted_auc(const std::vector<ScoredPair>& ordered, const std::vector<double>& copies) {
  Counts accepted;
  Counts tied;
  double doubled = 0.0;
  for (size_t i = 0; i < ordered.size(); ++i) {
    const ScoredPair& scored = ordered[i];
    const double weight = copies[scored.pair.first] * copies[scored.pair.second];
    (scored.positive ? tied.positives : tied.negatives) += weight;
    if (i + 1 < ordered.size() && ordered[i + 1].score == scored.score) continue;
    doubled += tied.negatives * (2.0 * accepted.positives + tied.positives);
    accepted.positives += tied.positives;
    accepted.negatives += tied.negatives;
    tied = {};
  }
  return accepted.both() ? 0.5 * doubled / accepted.positives / accepted.negatives : -1.0;
}

/// Value at a share of the sorted list, on straight lines between its items.
double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const size_t below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

MeanAndSpread accuracy_on_folds(const ScoredPairs& scored, int64_t folds, uint64_t seed) {
  TORCH_CHECK(folds > 1, "accuracy_on_folds: expected at least two folds, got ", folds);
  const std::vector<ScoredPair> ordered = in_order(scored, folds, seed);
  std::vector<double> accuracies;
  for (int64_t part = 0; part < folds; ++part) {
    Counts inside;
    Counts outside;
    for (const ScoredPair& pair : ordered) (pair.fold == part ? inside : outside).add(pair);
    if (!inside.both() || !outside.both()) continue;
    const double threshold = best_threshold(ordered, part, outside);
    Counts accepted;
    for (const ScoredPair& pair : ordered) {
      if (pair.fold == part && pair.score >= threshold) accepted.add(pair);
    }
    accuracies.push_back(balanced_accuracy(accepted, inside));
  }
  TORCH_CHECK(!accuracies.empty(),
              "accuracy_on_folds: expected at least two pairs of each kind, got ",
              scored.positive_scores.size(), " and ", scored.negative_scores.size());
  return mean_and_spread(accuracies);
}

std::pair<double, double> auc_interval(const ScoredPairs& scored, int64_t images,
                                       int64_t replicates, uint64_t seed) {
  const std::vector<ScoredPair> ordered = in_order(scored, 1, seed);
  std::vector<double> areas;
  for (int64_t replicate = 0; replicate < replicates; ++replicate) {
    Random random = evaluation_random(seed, replicate, EvaluationStream::resampling);
    std::vector<double> copies(images, 0.0);
    for (int64_t i = 0; i < images; ++i) ++copies[random.below(images)];
    const double area = weighted_auc(ordered, copies);
    if (area >= 0.0) areas.push_back(area);
  }
  if (areas.empty()) return {0.0, 1.0};
  std::sort(areas.begin(), areas.end());
  return {quantile(areas, 0.025), quantile(areas, 0.975)};
}

}  // namespace nearfar
