// Densities by tiles of cosines, draws by exponential waiting times, and the loss by attention over
// the drawn rows.
#include "framework/losses/density_negatives.h"

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "framework/losses/moco.h"
#include "framework/losses/unit_rows.h"
#include "framework/ship.h"
#include "framework/widened.h"

// Shapes: n samples of this rank, D dimensions, C images drawn; R rows and k neighbours, c columns.

namespace nearfar {
namespace {

constexpr int64_t kTileRows = 1024;  // 16 MiB of float cosines
constexpr int64_t kTileColumns = 4096;
constexpr int64_t kBlock = 4096;       // images of one stream
constexpr uint8_t kDrawStream = 2;     // beside those of dropped paths and of noise
constexpr double kShortest = 0x1p-54;  // half the smallest step of the uniform numbers

/// Images [begin, end).
struct Range {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

Range overlap(const Range& a, const Range& b) {
  const int64_t begin = std::max(a.begin, b.begin);
  return {begin, std::max(begin, std::min(a.end, b.end))};
}

/// The images whose densities each rank computes: whole tiles of rows. The grid of tiles does not
/// depend on the ranks, and so no rounding does.
std::vector<Range> ranges_of_ranks(int64_t images, int ranks) {
  const int64_t tiles = (images + kTileRows - 1) / kTileRows;
  std::vector<Range> ranges;
  for (int rank = 0; rank < ranks; ++rank) {
    const Shard mine = shard(tiles, ranks, rank);
    ranges.push_back(
        {std::min(mine.begin * kTileRows, images), std::min(mine.end * kTileRows, images)});
  }
  return ranges;
}

std::vector<int64_t> sizes_of(const std::vector<Range>& ranges) {
  std::vector<int64_t> sizes;
  for (const Range& range : ranges) sizes.push_back(range.size());
  return sizes;
}

/// The unit rows of images that lie in one tile of columns, on every rank. Sharded, a collective.
at::Tensor unit_rows_of(Group& group, const MemoryBank& bank, const Range& wanted) {
  const at::ScalarType type = widened(bank.rows.scalar_type());
  const auto part = [&](const Range& range) {
    return bank.rows.slice(0, range.begin - bank.place.begin, range.end - bank.place.begin)
        .to(type);
  };
  if (!bank.sharded) return UnitRows(part(wanted)).unit;
  std::vector<Range> pieces;
  for (int rank = 0; rank < group.size(); ++rank) {
    const Shard place = shard(bank.place.total, group.size(), rank);
    pieces.push_back(overlap(wanted, {place.begin, place.end}));
  }
  const at::Tensor mine = part(pieces[static_cast<size_t>(group.rank())]).contiguous();
  return UnitRows(group.all_gather(mine, sizes_of(pieces))).unit;
}

template <typename Visit>
void over_columns(Group& group, const MemoryBank& bank, const Visit& visit) {
  for (int64_t c = 0; c < bank.place.total; c += kTileColumns) {
    const Range columns{c, std::min(c + kTileColumns, bank.place.total)};
    visit(columns, unit_rows_of(group, bank, columns));
  }
}

/// The largest cosines so far of some rows to others.
void keep_nearest(const at::Tensor& nearest_Rk, const at::Tensor& row_RD, const Range& rows,
                  const at::Tensor& column_cD, const Range& columns) {
  const at::Tensor cosine_Rc = row_RD.mm(column_cD.t());
  const Range both = overlap(rows, columns);
  if (both.size() > 0) {
    cosine_Rc.narrow(0, both.begin - rows.begin, both.size())
        .narrow(1, both.begin - columns.begin, both.size())
        .diagonal()
        .fill_(-std::numeric_limits<double>::infinity());
  }
  const int64_t count = nearest_Rk.size(1);
  const at::Tensor new_Rk = std::get<0>(cosine_Rc.topk(std::min(count, columns.size()), 1));
  nearest_Rk.copy_(std::get<0>(at::cat({nearest_Rk, new_Rk}, 1).topk(count, 1)));
}

/// ln of an exponential waiting time of rate 1 for each image, on the host.
at::Tensor log_waiting_times(Random random, int64_t images) {
  const uint64_t key = random.next_uint64();
  const at::Tensor times = at::empty({images}, at::kDouble);
  double* values = times.mutable_data_ptr<double>();
  at::parallel_for(0, (images + kBlock - 1) / kBlock, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      Random of_block(key, 0, static_cast<uint64_t>(block), Purpose::recipe, kDrawStream);
      for (int64_t i = block * kBlock; i < std::min((block + 1) * kBlock, images); ++i) {
        values[i] = std::log(std::max(-std::log1p(-of_block.uniform()), kShortest));
      }
    }
  });
  return times;
}

/// The rows of some images, the same on every rank, on every rank. Sharded, a collective.
at::Tensor rows_for_all(Group& group, const MemoryBank& bank, const at::Tensor& image_C,
                        at::ScalarType type) {
  if (!bank.sharded) return bank.rows.index_select(0, image_C).to(type);
  const Shard own = shard(image_C.size(0), group.size(), group.rank());
  const at::Tensor mine = image_C.slice(0, own.begin, own.end);
  return group.all_gather(rows_of_images(group, bank, mine, own, type).contiguous(),
                          rows_by_rank(own.total, group.size()));
}

}  // namespace

at::Tensor local_densities(Group& group, const MemoryBank& bank, int64_t neighbours) {
  const at::NoGradGuard no_grad;
  const int64_t images = bank.place.total;
  TORCH_CHECK(neighbours >= 1 && neighbours < images, "local_densities: expected from 1 to ",
              images - 1, " neighbours in a bank of ", images, " rows, got ", neighbours);
  const std::vector<Range> ranges = ranges_of_ranks(images, group.size());
  const Range mine = ranges[static_cast<size_t>(group.rank())];
  const at::TensorOptions options = bank.rows.options().dtype(widened(bank.rows.scalar_type()));
  const at::Tensor rows = at::empty({mine.size(), bank.rows.size(1)}, options);
  over_columns(group, bank, [&](const Range& columns, const at::Tensor& column_cD) {
    const Range both = overlap(mine, columns);
    rows.slice(0, both.begin - mine.begin, both.end - mine.begin)
        .copy_(column_cD.slice(0, both.begin - columns.begin, both.end - columns.begin));
  });
  const at::Tensor nearest =
      at::full({mine.size(), neighbours}, -std::numeric_limits<double>::infinity(), options);
  over_columns(group, bank, [&](const Range& columns, const at::Tensor& column_cD) {
    for (int64_t r = mine.begin; r < mine.end; r += kTileRows) {
      const Range tile{r, std::min(r + kTileRows, mine.end)};
      keep_nearest(nearest.narrow(0, r - mine.begin, tile.size()),
                   rows.narrow(0, r - mine.begin, tile.size()), tile, column_cD, columns);
    }
  });
  return group.all_gather(nearest.to(at::kDouble).mean(1), sizes_of(ranges));
}

at::Tensor draw_by_density(const Random& random, const at::Tensor& density, double gamma,
                           int64_t count) {
  const at::NoGradGuard no_grad;
  TORCH_CHECK(density.dim() == 1 && density.is_floating_point() && std::isfinite(gamma),
              "draw_by_density: expected densities [images] and a finite gamma, got ",
              density.sizes(), " of ", density.scalar_type(), " and ", gamma);
  TORCH_CHECK(count >= 1 && count <= density.size(0), "draw_by_density: expected from 1 to ",
              density.size(0), " images to draw, got ", count);
  const at::Tensor arrival = ship(log_waiting_times(random, density.size(0)), density.device()) -
                             density.to(at::kDouble) * gamma;
  return std::get<1>(arrival.topk(count, 0, /*largest=*/false, /*sorted=*/true));
}

DensityNegatives draw_density_negatives(const Random& random, const at::Tensor& density,
                                        double gamma, int64_t count, const at::Tensor& index) {
  TORCH_CHECK(index.dim() == 1 && index.scalar_type() == at::kLong,
              "draw_density_negatives: expected images [n] int64, got ", index.sizes(), " of ",
              index.scalar_type());
  TORCH_CHECK(count >= 1 && count < density.size(0), "draw_density_negatives: expected from 1 to ",
              density.size(0) - 1, " negatives of an image among ", density.size(0),
              " images, got ", count);
  const at::Tensor image_C = draw_by_density(random, density, gamma, count + 1);
  const at::Tensor drawn_n = index.unsqueeze(1).eq(image_C).any(1);
  return {image_C, at::where(drawn_n, index, image_C[count])};
}

at::Tensor density_contrast(Group& group, const at::Tensor& feature, const MemoryBank& bank,
                            const DensityNegatives& negatives, double temperature, const Shard& own,
                            const at::Tensor& index) {
  const at::ScalarType type = widened(feature.scalar_type());
  const at::Tensor key_nD = rows_of_images(group, bank, index, own, type);
  const at::Tensor row_CD = UnitRows(rows_for_all(group, bank, negatives.image_C, type)).unit;
  return moco_loss(group, feature.to(type), key_nD, {row_CD, negatives.image_C, false}, temperature,
                   own, negatives.left_out_n);
}

double density_contrast_random_guess(int64_t count) { return moco_random_guess(count); }

}  // namespace nearfar
