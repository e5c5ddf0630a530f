// The order in which tiles of a matrix are visited: in rounds whose tiles share no rows and no
// columns, so that threads never add to the same place.
#pragma once

#include <cstdint>
#include <vector>

namespace nearfar {

/// The tile in block row `row` and block column `column`.
struct TilePlace {
  int64_t row, column;
  bool operator==(const TilePlace&) const = default;
};

/// Tiles that may be visited at the same time.
using TileRound = std::vector<TilePlace>;

/// Every tile of a matrix of blocks x blocks once.
std::vector<TileRound> all_tiles(int64_t blocks);

/// Every unordered pair of blocks once, a block with itself included: a tournament (the circle
/// method), after a round of those on the diagonal.
std::vector<TileRound> pairs_of_blocks(int64_t blocks);

}  // namespace nearfar
