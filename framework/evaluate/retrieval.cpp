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

/// The places of the hits follow from counting, for each other row, the hits that come before it:
/// the ranking itself is never sorted.
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
  std::vector<int64_t> others(hits.size() + 1, 0);  // rows with exactly so many hits before them
  for (int64_t row = 0; row < rows; ++row) {
    if (label[row] == wanted || row == own) continue;
    if (cosine[row] < hits.back().cosine) continue;  // behind the last hit: moves none
    const auto place = std::lower_bound(hits.begin(), hits.end(), Ranked{cosine[row], row}, nearer);
    ++others[place - hits.begin()];
  }
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
