// Rows of neighbours for a report: queries drawn at random, and the worst mistakes.
#include <torch/types.h>

#include <algorithm>
#include <map>

#include "framework/data/subset.h"
#include "framework/evaluate/nearest_neighbors.h"
#include "framework/evaluate/shown_images.h"

namespace nearfar {
namespace {

constexpr uint8_t kQueryStream = 2;

/// The nearest gallery rows of one query.
struct Nearest {
  std::vector<int64_t> row;
  std::vector<double> similarity;
};

int64_t label_of(const ImageSample& sample, int64_t row) {
  return sample.features.label.data_ptr<int64_t>()[row];
}

/// For each query its k nearest; one more is searched for where it may find itself.
std::vector<Nearest> nearest_of(const ImageSample& queries, const ImageSample& gallery,
                                bool same_set, int64_t k) {
  const Neighbors found = nearest_neighbors(gallery.features.features, queries.features.features,
                                            k + (same_set ? 1 : 0));
  const at::Tensor cosine = found.similarity.to(at::kDouble).contiguous();
  std::vector<Nearest> all(queries.index.size());
  for (size_t q = 0; q < all.size(); ++q) {
    for (int64_t i = 0; i < found.index.size(1); ++i) {
      const auto at = static_cast<int64_t>(q) * found.index.size(1) + i;
      const int64_t row = found.index.data_ptr<int64_t>()[at];
      const bool itself = same_set && gallery.index[static_cast<size_t>(row)] == queries.index[q];
      if (itself || static_cast<int64_t>(all[q].row.size()) == k) continue;
      all[q].row.push_back(row);
      all[q].similarity.push_back(cosine.data_ptr<double>()[at]);
    }
  }
  return all;
}

/// How much more the neighbours speak for another class than for the query's own: sums of cosines.
double mistake_of(const ImageSample& queries, const ImageSample& gallery, int64_t query,
                  const Nearest& nearest) {
  const int64_t own = label_of(queries, query);
  std::map<int64_t, double> votes;
  for (size_t i = 0; i < nearest.row.size(); ++i) {
    votes[label_of(gallery, nearest.row[i])] += nearest.similarity[i];
  }
  double other = 0.0;
  for (const auto& [label, sum] : votes) {
    if (label != own && label >= 0) other = std::max(other, sum);
  }
  return other - votes[own];
}

/// Queries that lose the vote, the worst first.
std::vector<int64_t> worst_mistakes(const ImageSample& queries, const ImageSample& gallery,
                                    const std::vector<Nearest>& nearest, int64_t count) {
  std::vector<std::pair<double, int64_t>> mistakes;
  for (size_t q = 0; q < nearest.size(); ++q) {
    const auto query = static_cast<int64_t>(q);
    if (label_of(queries, query) < 0) continue;
    const double mistake = mistake_of(queries, gallery, query, nearest[q]);
    if (mistake > 0.0) mistakes.emplace_back(-mistake, query);
  }
  std::sort(mistakes.begin(), mistakes.end());
  std::vector<int64_t> worst;
  for (const auto& mistake : mistakes) {
    if (static_cast<int64_t>(worst.size()) < count) worst.push_back(mistake.second);
  }
  return worst;
}

/// Shows rows of a sample; each picture is read when it is wanted.
class Shower {
 public:
  Shower(const ImageSample& sample, int workers)
      : sample_(sample),
        workers_(workers),
        side_(thumbnail_side(sample.images->info(), kNeighborSide)) {}

  std::vector<ShownImage> show(const std::vector<int64_t>& rows) const {
    const std::vector<Canvas> pictures = thumbnails(*subset(sample_.images, rows), side_, workers_);
    std::vector<ShownImage> shown;
    for (size_t i = 0; i < rows.size(); ++i) {
      shown.push_back({encode_picture(pictures[i], kNeighborBytes),
                       sample_.features.places[static_cast<size_t>(rows[i])],
                       label_of(sample_, rows[i]), 1.0});
    }
    return shown;
  }

 private:
  const ImageSample& sample_;
  int workers_;
  int side_;
};

}  // namespace

NeighborPart neighbor_part(const ImageSample& queries, const ImageSample& gallery, bool same_set,
                           const ReportConfig& config, int workers) {
  const std::vector<Nearest> nearest = nearest_of(queries, gallery, same_set, config.neighbors);
  const Shower query_images(queries, workers), gallery_images(gallery, workers);
  const auto rows_of = [&](const std::vector<int64_t>& chosen) {
    std::vector<NeighborRow> rows;
    const std::vector<ShownImage> shown = query_images.show(chosen);
    for (size_t i = 0; i < chosen.size(); ++i) {
      const Nearest& own = nearest[static_cast<size_t>(chosen[i])];
      rows.push_back({shown[i], gallery_images.show(own.row)});
      for (size_t n = 0; n < own.row.size(); ++n) {
        rows.back().neighbors[n].similarity = own.similarity[n];
      }
    }
    return rows;
  };
  const auto count = static_cast<int64_t>(queries.index.size());
  const auto seed = static_cast<uint64_t>(config.seed);
  return {rows_of(seeded_sample(count, config.queries, seed, kQueryStream)),
          rows_of(worst_mistakes(queries, gallery, nearest, config.queries))};
}

}  // namespace nearfar
