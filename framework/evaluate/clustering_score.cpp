// How much a clustering and the labels tell about each other.
#include "framework/evaluate/clustering_score.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

namespace nearfar {
namespace {

/// How often each label, each cluster and each pair of them occurs.
struct Contingency {
  std::map<std::pair<int64_t, int64_t>, int64_t> pairs;
  std::map<int64_t, int64_t> labels;
  std::map<int64_t, int64_t> clusters;
  int64_t size = 0;

  double share(int64_t count) const {
    return static_cast<double>(count) / static_cast<double>(size);
  }
  /// Whether each label is one cluster and each cluster one label.
  bool one_to_one() const {
    return pairs.size() == labels.size() && pairs.size() == clusters.size();
  }
};

Contingency count(const at::Tensor& label, const at::Tensor& cluster) {
  TORCH_CHECK(label.dim() == 1 && label.sizes() == cluster.sizes() && label.size(0) > 0 &&
                  label.scalar_type() == at::kLong && cluster.scalar_type() == at::kLong,
              "clustering_scores: expected label and cluster [N] int64, N > 0, got ",
              label.scalar_type(), " ", label.sizes(), " and ", cluster.scalar_type(), " ",
              cluster.sizes());
  const at::Tensor labels = label.contiguous();
  const at::Tensor clusters = cluster.contiguous();
  Contingency table;
  table.size = label.size(0);
  for (int64_t i = 0; i < table.size; ++i) {
    const int64_t a = labels.data_ptr<int64_t>()[i];
    const int64_t b = clusters.data_ptr<int64_t>()[i];
    ++table.pairs[{a, b}];
    ++table.labels[a];
    ++table.clusters[b];
  }
  return table;
}

double entropy(const std::map<int64_t, int64_t>& counts, const Contingency& table) {
  double result = 0.0;
  for (const auto& [value, count] : counts) {
    result -= table.share(count) * std::log(table.share(count));
  }
  return result;
}

/// log(p(label, cluster) / (p(label) p(cluster))) of a pair that occurs.
double pointwise_information(const Contingency& table, const std::pair<int64_t, int64_t>& pair,
                             int64_t together) {
  return std::log(table.share(together)) - std::log(table.share(table.labels.at(pair.first))) -
         std::log(table.share(table.clusters.at(pair.second)));
}

double mutual_information(const Contingency& table) {
  double result = 0.0;
  for (const auto& [pair, together] : table.pairs) {
    result += table.share(together) * pointwise_information(table, pair, together);
  }
  return std::max(0.0, result);
}

/// Counts and how many classes or clusters have them: equal sizes share a term.
std::map<int64_t, int64_t> sizes_of(const std::map<int64_t, int64_t>& counts) {
  std::map<int64_t, int64_t> sizes;
  for (const auto& [value, count] : counts) ++sizes[count];
  return sizes;
}

/// Vinh, Epps and Bailey (2010), equation 24, with logarithms of factorials.
double expected_information(const Contingency& table) {
  const int64_t n = table.size;
  std::vector<double> factorial(n + 1, 0.0);
  for (int64_t i = 1; i <= n; ++i) factorial[i] = std::lgamma(static_cast<double>(i) + 1.0);
  double result = 0.0;
  for (const auto& [a, of_a] : sizes_of(table.labels)) {
    for (const auto& [b, of_b] : sizes_of(table.clusters)) {
      const double fixed =
          factorial[a] + factorial[b] + factorial[n - a] + factorial[n - b] - factorial[n];
      const double independent = std::log(table.share(a)) + std::log(table.share(b));
      double sum = 0.0;
      for (int64_t m = std::max<int64_t>(1, a + b - n); m <= std::min(a, b); ++m) {
        const double chance = std::exp(fixed - factorial[m] - factorial[a - m] - factorial[b - m] -
                                       factorial[n - a - b + m]);
        sum += table.share(m) * (std::log(table.share(m)) - independent) * chance;
      }
      result += sum * static_cast<double>(of_a) * static_cast<double>(of_b);
    }
  }
  return result;
}

/// Each image moves the score by its own pointwise information and entropies; the expected
/// information, which depends on the sizes alone, counts as known.
double ami_error(const Contingency& table, const ClusteringScores& scores, double range) {
  double squares = 0.0;
  for (const auto& [pair, together] : table.pairs) {
    const double information = pointwise_information(table, pair, together);
    const double entropy = -0.5 * (std::log(table.share(table.labels.at(pair.first))) +
                                   std::log(table.share(table.clusters.at(pair.second))));
    const double mean_entropy = 0.5 * (scores.label_entropy + scores.cluster_entropy);
    const double influence =
        (information - scores.mutual_information - scores.ami * (entropy - mean_entropy)) / range;
    squares += table.share(together) * influence * influence;
  }
  return std::sqrt(squares / static_cast<double>(table.size));
}

}  // namespace

ClusteringScores clustering_scores(const at::Tensor& label, const at::Tensor& cluster) {
  const Contingency table = count(label, cluster);
  ClusteringScores scores;
  scores.label_entropy = entropy(table.labels, table);
  scores.cluster_entropy = entropy(table.clusters, table);
  scores.mutual_information = mutual_information(table);
  scores.expected_information = expected_information(table);
  if (table.one_to_one()) {
    scores.nmi = scores.nmi_sqrt = scores.ami = 1.0;
    return scores;
  }
  const double mean = 0.5 * (scores.label_entropy + scores.cluster_entropy);
  const double range = mean - scores.expected_information;
  // With one label or one cluster there is nothing to know.
  if (scores.label_entropy == 0.0 || scores.cluster_entropy == 0.0) return scores;
  scores.nmi = scores.mutual_information / mean;
  scores.nmi_sqrt =
      scores.mutual_information / std::sqrt(scores.label_entropy * scores.cluster_entropy);
  scores.ami = (scores.mutual_information - scores.expected_information) / range;
  scores.ami_error = ami_error(table, scores, range);
  return scores;
}

}  // namespace nearfar
