// What `nearfar report` shows of the images.
#pragma once

#include <cstdint>

namespace nearfar {

struct ReportConfig {
  int64_t points = 1000;
  double perplexity = 30.0;
  int64_t gallery = 4000;
  int64_t queries = 6;
  int64_t neighbors = 8;
  int64_t seed = 0;

  void describe(auto& field) {
    field("points", points, int64_t{2}, int64_t{5000},
          "images on the map; the time of t-SNE grows with their square");
    field("perplexity", perplexity, 1.0, 500.0, "neighbours that t-SNE keeps close to each image");
    field("gallery", gallery, int64_t{1}, int64_t{1000000},
          "training images among which neighbours are looked for");
    field("queries", queries, int64_t{0}, int64_t{100},
          "rows of neighbours drawn at random, and as many of the worst mistakes");
    field("neighbors", neighbors, int64_t{1}, int64_t{50}, "images in each of these rows");
    field("seed", seed, int64_t{0}, int64_t{1} << 53, "of the images that are shown");
  }
};

}  // namespace nearfar
