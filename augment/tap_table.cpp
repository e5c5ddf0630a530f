// Filling of tap tables.
#include "augment/tap_table.h"

#include <algorithm>

namespace nearfar {

void TapTable::fill(Interpolation interpolation, int input_size, int output_size, bool mirrored,
                    float scale) {
  room_ = most_taps(interpolation, input_size, output_size);
  taps_.resize(output_size);
  weights_.resize(static_cast<size_t>(output_size) * room_);
  for (int index = 0; index < output_size; ++index) {
    const int place = mirrored ? output_size - 1 - index : index;
    float* weights = weights_.data() + static_cast<size_t>(place) * room_;
    TapRange taps = resample_taps(interpolation, input_size, output_size, index, weights);
    // Without a change of size all taps but one weigh nothing, and often an outer one does not.
    int leading = 0;
    while (leading + 1 < taps.count && weights[leading] == 0.0f) ++leading;
    while (taps.count > leading + 1 && weights[taps.count - 1] == 0.0f) --taps.count;
    taps = {taps.first + leading, taps.count - leading};
    for (int tap = 0; tap < taps.count; ++tap) weights[tap] = weights[tap + leading] * scale;
    taps_[place] = taps;
  }
}

void ColumnTable::fill(const TapTable& table, int input_size, int output_size, int channels) {
  channels_ = channels;
  taps_ = 1;
  for (int x = 0; x < output_size; ++x) taps_ = std::max(taps_, table.taps(x).count);
  const auto pitch = static_cast<int>(rounded_up(output_size, kRowBlock));
  const size_t count = static_cast<size_t>(pitch) * channels;
  place_.resize(count);
  weights_.assign(count * taps_, 0.0f);
  for (int x = 0; x < pitch; ++x) {
    const TapRange taps = table.taps(std::min(x, output_size - 1));
    const int first = std::min(taps.first, input_size - taps_);
    for (int c = 0; c < channels; ++c) place_[x * channels + c] = first * channels + c;
    if (x >= output_size) continue;
    const float* from = table.weights(x);
    float* to = weights_.data() + (taps.first - first) * count + x * channels;
    for (int tap = 0; tap < taps.count; ++tap) std::fill_n(to + tap * count, channels, from[tap]);
  }
  narrow_ = true;
  lowest_.resize(count / kRowBlock);
  for (size_t block = 0; block < lowest_.size(); ++block) {
    const auto places = place_.begin() + static_cast<ptrdiff_t>(block * kRowBlock);
    const auto [lowest, highest] = std::minmax_element(places, places + kRowBlock);
    lowest_[block] = *lowest;
    narrow_ = narrow_ && *highest - *lowest < 2 * kRowBlock;
  }
}

ColumnTaps ColumnTable::taps() const {
  return {channels_, taps_, place_.size(), place_.data(), weights_.data(), lowest_.data(), narrow_};
}

}  // namespace nearfar
