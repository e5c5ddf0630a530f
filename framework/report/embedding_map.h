// Images as points of the plane, and images beside those that lie nearest to them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/json/json.h"
#include "framework/report/picture.h"

namespace nearfar {

/// One way to lay the images out.
struct MapLayout {
  std::string id;    // "tsne", "pca"
  std::string name;  // "t-SNE"
  std::string note;  // how to read it
  std::vector<double> x, y;
};

struct EmbeddingMap {
  std::vector<MapLayout> layouts;  // the first is shown first
  std::vector<int64_t> label;      // class of each image, -1: none
  std::vector<std::string> place;  // where each image comes from
  SpriteSheet thumbnails;          // in the order of the images
};

/// An image in a row of neighbours.
struct ShownImage {
  Picture picture;
  std::string place;
  int64_t label = -1;
  double similarity = 1.0;  // cosine, to the query
};

struct NeighborRow {
  ShownImage query;
  std::vector<ShownImage> neighbors;  // nearest first
};

struct NeighborPart {
  std::vector<NeighborRow> drawn;     // by the seed
  std::vector<NeighborRow> mistaken;  // whose neighbours mislead most; empty without labels
};

/// The whole part of the map; "" for a map without points. `class_names` is empty without labels.
std::string map_part(const EmbeddingMap& map, const std::vector<std::string>& class_names);

/// What the script needs: coordinates as drawn, labels, places, names, and the sprite sheet's form.
Json map_data(const EmbeddingMap& map, const std::vector<std::string>& class_names);

/// Rows of images, the nearest first, with cosines and marks where classes agree or not.
std::string neighbors_part(const NeighborPart& part, const std::vector<std::string>& class_names);

}  // namespace nearfar
