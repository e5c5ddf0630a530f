// Retrieval: does a ranking by cosine put the images of a query's class first?
#include "framework/evaluate/retrieval.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "framework/evaluate/cosines.h"

namespace nearfar {
namespace {

struct Ranked {
  double cosine;
  int64_t row;
};

bool nearer(const Ranked& a, const Ranked& b) {
  return a.cosine != b.cosine ? a.cosine > b.cosine : a.row < b.row;
}

/// What one query found; `size` is R.
struct Found {
  int64_t size = 0;
  int64_t first_hit = 0;  // place of the first hit in the ranking, from 0
  double r_precision = 0.0;
  double map_at_r = 0.0;
  double map = 0.0;
};

/// Sorted hits in buckets of equal width in cosine: a binary search over all of them would take
/// most of the time. Buckets are monotone in the cosine, rounding included, so the places are
/// exact.
class HitPlaces {
 public:
  explicit HitPlaces(const std::vector<Ranked>& hits)
      : hits_(hits), start_(hits.size() + 2, static_cast<int64_t>(hits.size())) {
    const double range = hits.front().cosine - hits.back().cosine;
    if (range > 1e-30) scale_ = static_cast<double>(hits.size()) / range;
    for (size_t i = hits.size(); i > 0; --i) {
      start_[bucket(hits[i - 1].cosine)] = static_cast<int64_t>(i - 1);
    }
    for (size_t b = start_.size() - 1; b > 0; --b)
      start_[b - 1] = std::min(start_[b - 1], start_[b]);
  }

  /// How many hits come before a row that is not farther than the last of them.
  int64_t before(const Ranked& row) const {
    const size_t b = bucket(row.cosine);
    const auto place =
        std::lower_bound(hits_.begin() + start_[b], hits_.begin() + start_[b + 1], row, nearer);
    return place - hits_.begin();
  }

 private:
  size_t bucket(double cosine) const {
    return static_cast<size_t>(std::max(0.0, (hits_.front().cosine - cosine) * scale_));
  }

  const std::vector<Ranked>& hits_;
  std::vector<int64_t> start_;  // of each bucket's hits; buckets without hits end where they begin
  double scale_ = 0.0;
};

/// For each hit the number of other rows between it and the hit before: the ranking itself is never
/// sorted.
std::vector<int64_t> rows_between(const std::vector<Ranked>& hits, const double* cosine,
                                  const int64_t* label, int64_t rows, int64_t wanted) {
  const HitPlaces places(hits);
  const double last = hits.back().cosine;
  std::vector<int64_t> others(hits.size() + 1, 0);
  for (int64_t row = 0; row < rows; ++row) {
    if (label[row] == wanted || cosine[row] < last) continue;
    ++others[places.before({cosine[row], row})];
  }
  return others;
}

Found judge_ranking(const double* cosine, const int64_t* label, int64_t rows, int64_t own,
                    int64_t wanted) {
  std::vector<Ranked> hits;
  for (int64_t row = 0; row < rows; ++row) {
    if (label[row] == wanted && row != own) hits.push_back({cosine[row], row});
  }
  Found found;
  found.size = static_cast<int64_t>(hits.size());
  if (hits.empty()) return found;
  std::sort(hits.begin(), hits.end(), nearer);
  const std::vector<int64_t> others = rows_between(hits, cosine, label, rows, wanted);
  const double size = static_cast<double>(found.size);
  int64_t before = 0;
  for (int64_t hit = 0; hit < found.size; ++hit) {
    before += others[hit];
    const int64_t place = before + hit;
    if (hit == 0) found.first_hit = place;
    const double precision = static_cast<double>(hit + 1) / static_cast<double>(place + 1);
    found.map += precision / size;
    if (place >= found.size) continue;
    found.r_precision += 1.0 / size;
    found.map_at_r += precision / size;
  }
  return found;
}

RetrievalScores summarize(const std::vector<Found>& all) {
  RetrievalScores result;
  for (const Found& found : all) result.queries += found.size > 0;
  result.lonely = static_cast<int64_t>(all.size()) - result.queries;
  if (result.queries == 0) return result;
  const double count = static_cast<double>(result.queries);
  for (const Found& found : all) {
    if (found.size == 0) continue;
    for (size_t i = 0; i < kRecallAt.size(); ++i) {
      result.recall[i] += found.first_hit < kRecallAt[i] ? 1.0 : 0.0;
    }
    result.r_precision += found.r_precision / count;
    result.map_at_r += found.map_at_r / count;
    result.map += found.map / count;
  }
  for (double& recall : result.recall) recall /= count;
  double squares = 0.0;
  for (const Found& found : all) {
    if (found.size == 0) continue;
    squares += (found.map_at_r - result.map_at_r) * (found.map_at_r - result.map_at_r);
  }
  if (result.queries > 1) result.map_at_r_error = std::sqrt(squares / (count * (count - 1.0)));
  return result;
}

void check_labels(const at::Tensor& label, const at::Tensor& rows, const char* name) {
  TORCH_CHECK(label.dim() == 1 && label.scalar_type() == at::kLong && rows.dim() == 2 &&
                  label.size(0) == rows.size(0),
              "retrieval: expected an int64 label for each of the rows of ", name, ", got ",
              label.scalar_type(), " ", label.sizes(), " for ", rows.sizes());
}

/// `own` holds each query's row in the gallery; -1: it is none of them.
RetrievalScores judge_queries(const at::Tensor& queries, const at::Tensor& query_label,
                              const at::Tensor& gallery, const at::Tensor& gallery_label,
                              const std::vector<int64_t>& own) {
  const at::Tensor wanted = query_label.contiguous();
  const at::Tensor label = gallery_label.contiguous();
  std::vector<Found> found(queries.size(0));
  for_each_query(queries, gallery, [&](int64_t query, const double* cosine) {
    found[query] = judge_ranking(cosine, label.data_ptr<int64_t>(), gallery.size(0), own[query],
                                 wanted.data_ptr<int64_t>()[query]);
  });
  return summarize(found);
}

}  // namespace

RetrievalScores retrieval_scores(const at::Tensor& features, const at::Tensor& label,
                                 const at::Tensor& queries) {
  const at::NoGradGuard no_grad;
  check_labels(label, features, "features");
  const at::Tensor rows = unit_rows(features);
  const at::Tensor positions = queries.contiguous();
  const int64_t* own = positions.data_ptr<int64_t>();
  return judge_queries(rows.index_select(0, positions), label.index_select(0, positions), rows,
                       label, {own, own + positions.size(0)});
}

RetrievalScores retrieval_scores(const at::Tensor& queries, const at::Tensor& query_label,
                                 const at::Tensor& gallery, const at::Tensor& gallery_label) {
  const at::NoGradGuard no_grad;
  check_labels(query_label, queries, "queries");
  check_labels(gallery_label, gallery, "gallery");
  return judge_queries(unit_rows(queries), query_label, unit_rows(gallery), gallery_label,
                       std::vector<int64_t>(queries.size(0), -1));
}

}  // namespace nearfar
