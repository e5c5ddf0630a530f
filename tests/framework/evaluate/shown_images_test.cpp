// The images of a report: samples, thumbnails, maps, and neighbours against a naive search.
#include "framework/evaluate/shown_images.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "framework/data/subset.h"
#include "tests/framework/data/made_dataset.h"
#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

TEST(SeededSample, IsAscendingDifferentAndFair) {
  const std::vector<int64_t> sample = seeded_sample(1000, 100, 7, 0);
  EXPECT_EQ(std::set<int64_t>(sample.begin(), sample.end()).size(), 100u);
  EXPECT_TRUE(std::is_sorted(sample.begin(), sample.end()));
  EXPECT_EQ(sample, seeded_sample(1000, 100, 7, 0));
  EXPECT_NE(sample, seeded_sample(1000, 100, 8, 0));
  EXPECT_NE(sample, seeded_sample(1000, 100, 7, 1));
  EXPECT_EQ(seeded_sample(5, 100, 7, 0), (std::vector<int64_t>{0, 1, 2, 3, 4}));
  // How often each of 10 indices is among 3 of them: 3,000 of 10,000 seeds, deviation 46; six of
  // these leave the ten counts one false alarm in 5 * 10^7.
  std::vector<int> seen(10, 0);
  for (uint64_t seed = 0; seed < 10000; ++seed) {
    for (const int64_t index : seeded_sample(10, 3, seed, 0)) ++seen[static_cast<size_t>(index)];
  }
  for (const int count : seen) EXPECT_NEAR(count, 3000, 276);
}

TEST(Thumbnails, OfSmallImagesAreTheirPixels) {
  for (const int channels : {1, 3}) {
    const MadeDataset data(3, channels, 8, 8, 0);
    EXPECT_EQ(thumbnail_side(data.info(), 48), 16) << "tiny images are enlarged";
    const std::vector<Canvas> pictures = thumbnails(data, 8, 2);
    ASSERT_EQ(pictures.size(), 3u);
    PixelBuffer storage;
    for (int64_t i = 0; i < 3; ++i) {
      const Image image = data.read(i, storage);
      const Canvas& picture = pictures[static_cast<size_t>(i)];
      for (int p = 0; p < 64; ++p) {
        for (int c = 0; c < 3; ++c) {
          ASSERT_EQ(picture.pixels[p * 3 + c],
                    image.pixels[p * channels + (channels == 3 ? c : 0)]);
        }
      }
    }
  }
  EXPECT_EQ(thumbnail_side(MadeDataset(1, 3, 0, 0, 0).info(), 48), 48);
  EXPECT_EQ(thumbnail_side(MadeDataset(1, 3, 300, 28, 0).info(), 48), 28);
}

Features features_of(const at::Tensor& rows, const at::Tensor& label) {
  Features features;
  features.features = rows.to(at::kFloat);
  features.label = label;
  for (int64_t i = 0; i < rows.size(0); ++i) features.places.push_back("p" + std::to_string(i));
  return features;
}

// Rows that differ in length alone are one point: the map is that of directions.
TEST(MapImages, TakesDirectionsAndIsWidestAlongX) {
  const at::Tensor label = synthetic::labels(60, 3, 1);
  const at::Tensor rows = synthetic::clouds(label, 3, 6, 4.0, 2);
  const at::Tensor scaled = rows * (synthetic::normal({60, 1}, 3).abs() + 0.5);
  const std::vector<Canvas> pictures(60, make_canvas(4, 4, {}));
  const EmbeddingMap map = map_images(features_of(rows, label), pictures, 10.0);
  const EmbeddingMap same = map_images(features_of(scaled, label), pictures, 10.0);
  ASSERT_EQ(map.layouts.size(), 2u);
  for (size_t i = 0; i < 60; ++i) {
    ASSERT_NEAR(map.layouts[1].x[i], same.layouts[1].x[i], 1e-5);
    ASSERT_EQ(map.label[i], label[static_cast<int64_t>(i)].item<int64_t>());
  }
  for (const MapLayout& layout : map.layouts) {
    double wide = 0.0, high = 0.0;
    for (size_t i = 0; i < 60; ++i) {
      wide += layout.x[i] * layout.x[i];
      high += layout.y[i] * layout.y[i];
    }
    EXPECT_GT(wide, high) << layout.id;
  }
  EXPECT_EQ(map.thumbnails.side, 4);
}

struct Samples {
  ImageSample queries, gallery;
};

/// Two samples of one made set of 200 images with random features.
Samples made_samples() {
  const auto whole = std::make_shared<MadeDataset>(200, 1, 8, 8, 4);
  const at::Tensor rows = synthetic::normal({200, 5}, 4);
  const auto take = [&](const std::vector<int64_t>& index) {
    const at::Tensor chosen = at::tensor(index, at::kLong);
    const at::Tensor label = chosen.remainder(4);
    return ImageSample{subset(whole, index), index,
                       features_of(rows.index_select(0, chosen), label)};
  };
  return {take(seeded_sample(200, 40, 1, 0)), take(seeded_sample(200, 120, 1, 1))};
}

double cosine(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.to(at::kDouble), y = b.to(at::kDouble);
  return x.dot(y).item<double>() / (x.norm().item<double>() * y.norm().item<double>());
}

// Float32 features: cosines agree to 1e-6.
TEST(NeighborPart, RowsAreTheNearestWithoutTheImageItself) {
  const Samples samples = made_samples();
  ReportConfig config;
  config.neighbors = 5;
  config.queries = 6;
  const NeighborPart part = neighbor_part(samples.queries, samples.gallery, true, config, 1);
  ASSERT_EQ(part.drawn.size(), 6u);
  const std::vector<int64_t> drawn = seeded_sample(40, 6, 0, 2);
  for (size_t r = 0; r < 6; ++r) {
    const int64_t query = drawn[r];
    std::vector<double> all;
    for (size_t g = 0; g < samples.gallery.index.size(); ++g) {
      if (samples.gallery.index[g] == samples.queries.index[query]) continue;
      all.push_back(cosine(samples.queries.features.features[query],
                           samples.gallery.features.features[static_cast<int64_t>(g)]));
    }
    std::sort(all.rbegin(), all.rend());
    ASSERT_EQ(part.drawn[r].neighbors.size(), 5u);
    for (size_t n = 0; n < 5; ++n) {
      EXPECT_NEAR(part.drawn[r].neighbors[n].similarity, all[n], 1e-6);
    }
    EXPECT_EQ(part.drawn[r].query.label, samples.queries.index[query] % 4);
  }
}

TEST(NeighborPart, MistakesLoseTheVoteTheWorstFirst) {
  const Samples samples = made_samples();
  ReportConfig config;
  config.queries = 100;
  const NeighborPart part = neighbor_part(samples.queries, samples.gallery, true, config, 1);
  ASSERT_GT(part.mistaken.size(), 3u);
  ASSERT_LT(part.mistaken.size(), part.drawn.size());
  double last = 1e9;
  for (const NeighborRow& row : part.mistaken) {
    double own = 0.0, other[4] = {};
    for (const ShownImage& image : row.neighbors) {
      (image.label == row.query.label ? own : other[image.label]) += image.similarity;
    }
    const double mistake = *std::max_element(other, other + 4) - own;
    EXPECT_GT(mistake, 0.0);
    EXPECT_LE(mistake, last + 1e-12);
    last = mistake;
  }
}

TEST(NeighborPart, WithoutLabelsNothingIsAMistake) {
  Samples samples = made_samples();
  samples.queries.features.label.fill_(-1);
  samples.gallery.features.label.fill_(-1);
  const NeighborPart part = neighbor_part(samples.queries, samples.gallery, false, {}, 1);
  EXPECT_TRUE(part.mistaken.empty());
  EXPECT_EQ(part.drawn.size(), 6u);
}

}  // namespace
}  // namespace nearfar
