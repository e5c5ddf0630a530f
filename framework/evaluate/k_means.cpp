// k-means: Lloyd's iterations, seeded starts, restarts.
#include "framework/evaluate/k_means.h"

#include <torch/types.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "framework/evaluate/random_streams.h"

namespace nearfar {
namespace {

constexpr int64_t kBlockValues = int64_t{1} << 20;  // 8 MB of double

/// Rows of one block: neither its distances to k centres nor the rows themselves are large.
int64_t block_rows(int64_t k, int64_t width) {
  return std::max<int64_t>(1, kBlockValues / std::max(k, width));
}

/// Calls block(first, rows) for all rows in order, in double.
template <typename Function>
void for_each_block(const at::Tensor& features, int64_t k, const Function& block) {
  const int64_t step = block_rows(k, features.size(1));
  for (int64_t first = 0; first < features.size(0); first += step) {
    block(first, features.narrow(0, first, std::min(step, features.size(0) - first)));
  }
}

at::Tensor assign(const at::Tensor& features, const at::Tensor& centers, bool spherical) {
  at::Tensor result = at::empty({features.size(0)}, at::kLong);
  const at::Tensor half_norm = (centers * centers).sum(1).mul_(0.5);
  for_each_block(features, centers.size(0), [&](int64_t first, const at::Tensor& rows) {
    at::Tensor nearness = at::mm(rows, centers.t());
    if (!spherical) nearness.sub_(half_norm);
    result.narrow(0, first, rows.size(0)).copy_(nearness.argmax(1));
  });
  return result;
}

/// Squared distance [N] double of each row to its centre.
at::Tensor distances(const at::Tensor& features, const at::Tensor& centers,
                     const at::Tensor& assignment) {
  at::Tensor result = at::empty({features.size(0)}, at::kDouble);
  for_each_block(features, centers.size(0), [&](int64_t first, const at::Tensor& rows) {
    const at::Tensor own = assignment.narrow(0, first, rows.size(0));
    const at::Tensor difference =
        rows.to(at::kDouble) - centers.index_select(0, own).to(at::kDouble);
    result.narrow(0, first, rows.size(0)).copy_((difference * difference).sum(1));
  });
  return result;
}

/// Empty clusters start anew at the rows that are farthest from their centres.
void refill(at::Tensor& centers, const at::Tensor& count, const at::Tensor& features,
            const at::Tensor& distance) {
  const int64_t empty = (count == 0).sum().item<int64_t>();
  if (empty == 0) return;
  const at::Tensor farthest = std::get<1>(distance.sort(/*stable=*/true, 0, /*descending=*/true));
  int64_t taken = 0;
  for (int64_t c = 0; c < centers.size(0); ++c) {
    if (count[c].item<int64_t>() > 0) continue;
    centers[c].copy_(features[farthest[taken++].item<int64_t>()]);
  }
}

/// Means of the clusters; spherical: of norm 1, where the mean is 0 the centre stays.
at::Tensor update(const at::Tensor& features, const at::Tensor& before,
                  const at::Tensor& assignment, bool spherical) {
  const int64_t k = before.size(0);
  const at::Tensor count = at::bincount(assignment, {}, k);
  at::Tensor sum = at::zeros(before.sizes(), at::kDouble);
  for_each_block(features, k, [&](int64_t first, const at::Tensor& rows) {
    const at::Tensor own = assignment.narrow(0, first, rows.size(0)).unsqueeze(1);
    const at::Tensor member = at::zeros({rows.size(0), k}, rows.options()).scatter_(1, own, 1);
    sum.add_(at::mm(member.t(), rows).to(at::kDouble));
  });
  const at::Tensor scale =
      spherical ? sum.norm(2, {1}, /*keepdim=*/true) : count.to(at::kDouble).unsqueeze(1);
  at::Tensor centers =
      at::where(scale > 0, sum / scale, before.to(at::kDouble)).to(features.scalar_type());
  if ((count == 0).any().item<bool>()) {
    refill(centers, count, features, distances(features, before, assignment));
  }
  return centers;
}

void check_features(const at::Tensor& features, int64_t k) {
  TORCH_CHECK(features.dim() == 2 &&
                  (features.scalar_type() == at::kFloat || features.scalar_type() == at::kDouble),
              "k-means: expected features [N, d] float32 or float64, got ", features.scalar_type(),
              " ", features.sizes());
  TORCH_CHECK(k > 0 && k <= features.size(0), "k-means: expected 0 < k <= ", features.size(0),
              " rows, got k = ", k);
  TORCH_CHECK(at::isfinite(features.sum()).item<bool>(), "k-means: expected finite features");
}

}  // namespace

KMeans lloyd(const at::Tensor& features, const at::Tensor& centers, const KMeansOptions& options) {
  const at::NoGradGuard no_grad;
  TORCH_CHECK(centers.dim() == 2 && centers.scalar_type() == features.scalar_type(),
              "k-means: expected centers [k, d] of the features' type, got ", centers.scalar_type(),
              " ", centers.sizes());
  check_features(features, centers.size(0));
  KMeans result;
  result.centers = centers;
  while (!result.converged && result.iterations < options.max_iterations) {
    const at::Tensor assignment = assign(features, result.centers, options.spherical);
    ++result.iterations;
    result.converged = result.assignment.defined() && assignment.equal(result.assignment);
    result.assignment = assignment;
    if (!result.converged) {
      result.centers = update(features, result.centers, assignment, options.spherical);
    }
  }
  result.inertia = distances(features, result.centers, result.assignment).sum().item<double>();
  return result;
}

at::Tensor k_means_plus_plus(const at::Tensor& features, int64_t k, uint64_t seed) {
  const at::NoGradGuard no_grad;
  check_features(features, k);
  const int64_t rows = features.size(0);
  Random random = evaluation_random(seed, 0, EvaluationStream::centers);
  at::Tensor nearest = at::ones({rows}, at::kDouble);  // weights of the next draw
  std::vector<int64_t> chosen;
  while (static_cast<int64_t>(chosen.size()) < k) {
    const double* weight = nearest.data_ptr<double>();
    double left = random.uniform() * nearest.sum().item<double>();
    int64_t row = 0;
    while (row + 1 < rows && left >= weight[row]) left -= weight[row++];
    // Rounding may carry the walk past the last row with weight.
    while (row > 0 && weight[row] == 0.0) --row;
    chosen.push_back(row);
    const at::Tensor own = at::zeros({rows}, at::kLong);
    const at::Tensor distance = distances(features, features.narrow(0, row, 1), own);
    nearest = chosen.size() == 1 ? distance : at::minimum(nearest, distance);
    if (!(nearest > 0).any().item<bool>()) nearest.fill_(1.0);
  }
  return features.index_select(0, at::tensor(chosen, at::kLong));
}

KMeans k_means(const at::Tensor& features, int64_t k, int64_t restarts, uint64_t seed,
               const KMeansOptions& options) {
  TORCH_CHECK(restarts > 0, "k-means: expected at least one start, got ", restarts);
  KMeans best;
  Random seeds = evaluation_random(seed, 1, EvaluationStream::centers);
  for (int64_t i = 0; i < restarts; ++i) {
    const KMeans result =
        lloyd(features, k_means_plus_plus(features, k, seeds.next_uint64()), options);
    if (i == 0 || result.inertia < best.inertia) best = result;
  }
  return best;
}

}  // namespace nearfar
