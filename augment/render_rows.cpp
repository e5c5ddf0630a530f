// One view, row by row: a tile of rows is resampled, coloured, blurred and stored while it is in
// cache. Only contrast, which needs the mean of the whole picture, makes rows wait.
#include "augment/render_rows.h"

#include <algorithm>

#include "augment/row_blur.h"
#include "augment/row_resampler.h"

namespace nearfar {
namespace {

void store_row(const Kernels& kernels, const PlanarRows& row, const OutputRow& output, float* out) {
  kernels.store_float(row, output, out);
}

void store_row(const Kernels& kernels, const PlanarRows& row, const OutputRow& output,
               Bfloat16* out) {
  kernels.store_bfloat16(row, output, out);
}

/// The whole path of one view.
template <typename Value>
class ViewPath {
 public:
  ViewPath(const Kernels& kernels, const Image& image, const View& view, const RenderTarget& target,
           RenderScratch::Buffers& buffers, Value* out)
      : kernels_(kernels),
        view_(view),
        size_(target.size),
        channels_(image.channels),
        pitch_(rounded_up(target.size.width, kRowBlock)),
        resampler_(kernels, image, view, target, buffers),
        blur_(kernels, view, size_, view.grayscale ? 1 : channels_, buffers),
        output_{size_.width, channels_, {}, {}, nullptr},
        out_(out) {
    for (int c = 0; c < channels_; ++c) {
      output_.mean[c] = target.normalize.mean[c];
      output_.scale[c] = 1.0f / target.normalize.std[c];
    }
    if (target.past_caches && kernels.finish_streams != nullptr)
      output_.staging = buffers.staging.room(channels_ * pitch_);
    waits_ = next_contrast(0) < view.jitter_count;
    picture_ = buffers.picture.room((waits_ ? rounded_up(size_.height, kTileRows) : kTileRows) *
                                    channels_ * pitch_);
  }

  /// Every pass over the tiles but the first begins with a contrast, whose mean the one before
  /// took.
  void render() {
    int from = 0;
    int to = next_contrast(0);
    for (int top = 0; top < size_.height; top += kTileRows) {
      const PlanarRows tile = tile_at(top);
      resampler_.resample(top, tile.values, channels_ * pitch_);
      color_tile(top, tile, from, to);
    }
    while (to < view_.jitter_count) {
      mean_ = static_cast<float>(total_gray_ / (static_cast<double>(size_.height) * size_.width));
      total_gray_ = 0.0;
      from = to;
      to = next_contrast(from + 1);
      for (int top = 0; top < size_.height; top += kTileRows) {
        color_tile(top, tile_at(top), from, to);
      }
    }
    if (output_.staging != nullptr) kernels_.finish_streams();
  }

 private:
  PlanarRows tile_at(int top) const {
    return {picture_ + (waits_ ? top : 0) * channels_ * pitch_,
            std::min(kTileRows, size_.height - top), channels_, pitch_};
  }

  /// The first contrast among the jitter steps from `step` on, or their number.
  int next_contrast(int step) const {
    while (step < view_.jitter_count && view_.jitter[step].kind != Jitter::contrast) ++step;
    return step;
  }

  void color_tile(int top, const PlanarRows& tile, int from, int to) {
    for (int i = from; i < to; ++i) apply_jitter(view_.jitter[i], tile);
    if (to < view_.jitter_count) {
      total_gray_ += kernels_.sum_gray(tile, size_.width);
    } else {
      finish_tile(top, tile);
    }
  }

  /// Hue and saturation leave a picture of one channel as it is.
  void apply_jitter(const JitterStep& step, const PlanarRows& tile) {
    switch (step.kind) {
      case Jitter::brightness:
        return kernels_.adjust_brightness(tile, static_cast<float>(step.factor));
      case Jitter::contrast:
        return kernels_.adjust_contrast(tile, mean_, step.factor);
      case Jitter::saturation:
        if (channels_ == 3) kernels_.adjust_saturation(tile, step.factor);
        return;
      case Jitter::hue:
        if (channels_ == 3) kernels_.adjust_hue(tile, static_cast<float>(step.factor));
        return;
    }
  }

  /// Everything after the jitter; a blur holds rows back until those below them are there.
  void finish_tile(int top, const PlanarRows& tile) {
    if (view_.grayscale && channels_ == 3) kernels_.drop_color(tile);
    if (!blur_.changes()) return emit_rows(top, tile);
    blur_.take(top, tile);
    const int bottom = top + tile.rows;
    const int ready = bottom == size_.height ? bottom : bottom - blur_.reach_down();
    while (next_out_ < ready) {
      const int count = std::min(kTileRows, ready - next_out_);
      emit_rows(next_out_, blur_.give(next_out_, count));
      next_out_ += count;
    }
  }

  void emit_rows(int top, const PlanarRows& rows) {
    if (view_.solarize) kernels_.solarize(rows, static_cast<float>(view_.solarize_threshold));
    const int planes = view_.grayscale ? 1 : channels_;
    for (int y = 0; y < rows.rows; ++y) {
      float* values = rows.values + y * rows.planes * rows.pitch;
      store_row(kernels_, {values, 1, planes, rows.pitch}, output_,
                out_ + static_cast<size_t>(top + y) * size_.width * channels_);
    }
  }

  const Kernels& kernels_;
  const View& view_;
  const Size size_;
  const int channels_;
  const size_t pitch_;
  RowResampler resampler_;
  RowBlur blur_;
  OutputRow output_;
  Value* out_;
  bool waits_ = false;
  float* picture_ = nullptr;
  double total_gray_ = 0.0;
  float mean_ = 0.0f;
  int next_out_ = 0;
};

}  // namespace

void render_rows(const Kernels& kernels, const Image& image, const View& view,
                 const RenderTarget& target, RenderScratch::Buffers& buffers, float* out) {
  ViewPath<float>(kernels, image, view, target, buffers, out).render();
}

void render_rows(const Kernels& kernels, const Image& image, const View& view,
                 const RenderTarget& target, RenderScratch::Buffers& buffers, Bfloat16* out) {
  ViewPath<Bfloat16>(kernels, image, view, target, buffers, out).render();
}

}  // namespace nearfar
