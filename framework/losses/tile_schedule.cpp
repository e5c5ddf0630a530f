// Rounds of tiles.
#include "framework/losses/tile_schedule.h"

namespace nearfar {

std::vector<TileRound> all_tiles(int64_t blocks) {
  std::vector<TileRound> rounds;
  for (int64_t shift = 0; shift < blocks; ++shift) {
    TileRound& round = rounds.emplace_back();
    for (int64_t row = 0; row < blocks; ++row) round.push_back({row, (row + shift) % blocks});
  }
  return rounds;
}

std::vector<TileRound> pairs_of_blocks(int64_t blocks) {
  std::vector<TileRound> rounds(1);
  for (int64_t block = 0; block < blocks; ++block) rounds[0].push_back({block, block});
  // One player stays, the others move around a circle; with an odd number somebody rests.
  const int64_t players = blocks + blocks % 2;
  const int64_t circle = players - 1;
  for (int64_t turn = 0; turn < circle && blocks > 1; ++turn) {
    TileRound& round = rounds.emplace_back();
    const auto meet = [&](int64_t a, int64_t b) {
      if (a < blocks && b < blocks) round.push_back({a < b ? a : b, a < b ? b : a});
    };
    meet(circle, turn);
    for (int64_t i = 1; i < players / 2; ++i) {
      meet((turn + i) % circle, (turn + circle - i) % circle);
    }
  }
  return rounds;
}

}  // namespace nearfar
