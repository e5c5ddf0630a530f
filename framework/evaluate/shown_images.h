// The images of a report: which ones, where they lie, what lies nearest, and how they look small.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/data/dataset.h"
#include "framework/evaluate/features.h"
#include "framework/report/embedding_map.h"
#include "framework/report/report_config.h"

namespace nearfar {

/// `count` different indices in [0, size), all of them where there are no more; ascending, a pure
/// function of the arguments. Samples of different `stream` are independent.
std::vector<int64_t> seeded_sample(int64_t size, int64_t count, uint64_t seed, uint8_t stream);

/// What evaluation sees of each image, as RGB of `side` x `side` pixels.
std::vector<Canvas> thumbnails(const Dataset& dataset, int side, int workers);

/// The side of thumbnails: at most `largest`, and no more than small images have.
int thumbnail_side(const DatasetInfo& info, int largest);

/// The map of images by their features [N, d], scaled to length 1: by t-SNE and by the first two
/// principal components. `pictures` has one thumbnail for each row.
EmbeddingMap map_images(const Features& features, const std::vector<Canvas>& pictures,
                        double perplexity);

/// Images with their features and where each is in its data set.
struct ImageSample {
  std::shared_ptr<const Dataset> images;  // the sample alone
  std::vector<int64_t> index;             // in the whole set
  Features features;
};

/// Rows of the nearest gallery images: of queries drawn by the seed, and of those whose neighbours
/// vote most for another class than theirs. `same_set`: both samples come from one set, and no
/// image is its own neighbour.
NeighborPart neighbor_part(const ImageSample& queries, const ImageSample& gallery, bool same_set,
                           const ReportConfig& config, int workers);

}  // namespace nearfar
