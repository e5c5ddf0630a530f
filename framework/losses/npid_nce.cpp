// Instance discrimination by noise-contrastive estimation, in logistic form: with t = ln Z + ln(m /
// n), h = sigmoid(score / T - t).
#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "framework/losses/known_gradient.h"
#include "framework/losses/margin.h"
#include "framework/losses/npid.h"
#include "framework/losses/pairs.h"
#include "framework/losses/unit_rows.h"

// Shapes: n rows of this rank, N rows of all ranks, D dimensions, m noise items a row; A rows whose
// noise is looked at, C places for items, c and k of them in a tile.

namespace nearfar {
namespace {

constexpr const char* kName = "npid_nce";
constexpr int64_t kTileRows = 4096;  // float rows of 128: 2 MiB
constexpr int64_t kDeviceTileRows = int64_t{1} << 18;
constexpr uint8_t kNoiseStream = 1;  // beside those of dropped paths

/// Noise whose rows of the bank lie here: of this rank's features, or of all.
struct NoiseHere {
  at::Tensor feature_AD;  // unit rows
  at::Tensor row_AC;      // of the bank's piece
  at::Tensor absent_AC;   // places without an item; undefined: there are none
};

NoiseHere noise_here(Group& group, const Pairs& pairs, const at::Tensor& unit_nD,
                     const MemoryBank& bank, const at::Tensor& noise_nm) {
  if (!bank.sharded) return {unit_nD, noise_nm, {}};
  NoiseHere here{group.all_gather(unit_nD, pairs.rows), {}, {}};
  const at::Tensor row_Nm =
      group.all_gather(noise_nm.contiguous(), pairs.rows).sub(bank.place.begin);
  const at::Tensor present_Nm = row_Nm.ge(0).logical_and_(row_Nm.lt(bank.place.size()));
  // Each row's items that lie here come first, and no more places than the fullest row needs.
  const int64_t most = row_Nm.numel() == 0 ? 0 : present_Nm.sum(1).max().item<int64_t>();
  const at::Tensor order_NC = std::get<1>(present_Nm.to(at::kByte).sort(
                                              /*stable=*/true, /*dim=*/1, /*descending=*/true))
                                  .narrow(1, 0, most);
  here.absent_AC = present_Nm.gather(1, order_NC).logical_not_();
  here.row_AC = row_Nm.gather(1, order_NC).masked_fill_(here.absent_AC, 0);
  return here;
}

/// Calls visit(first feature, rows of the bank [c, k, D], scores / T [c, k] with -infinity for no
/// item) for every tile.
template <typename Visit>
void over_noise(const NoiseHere& here, const MemoryBank& bank, double scale, const Visit& visit) {
  const int64_t all = here.row_AC.size(0), places = here.row_AC.size(1);
  if (all == 0 || places == 0) return;
  const int64_t tile = bank.rows.is_cpu() ? kTileRows : kDeviceTileRows;
  const int64_t width = std::min(places, tile), height = std::max<int64_t>(1, tile / width);
  for (int64_t a = 0; a < all; a += height) {
    for (int64_t p = 0; p < places; p += width) {
      const auto cut = [&](const at::Tensor& of_AC) {
        return of_AC.narrow(0, a, std::min(height, all - a))
            .narrow(1, p, std::min(width, places - p));
      };
      const at::Tensor row_ck = cut(here.row_AC);
      const int64_t count = row_ck.size(0);
      const at::Tensor rows_ckD = bank.rows.index_select(0, row_ck.reshape(-1))
                                      .to(here.feature_AD.scalar_type())
                                      .view({count, row_ck.size(1), -1});
      const at::Tensor feature_cD1 = here.feature_AD.narrow(0, a, count).unsqueeze(2);
      at::Tensor score_ck = rows_ckD.bmm(feature_cD1).squeeze(2).mul_(scale);
      if (here.absent_AC.defined()) {
        score_ck.masked_fill_(cut(here.absent_AC), -std::numeric_limits<double>::infinity());
      }
      visit(a, rows_ckD, score_ck);
    }
  }
}

void check_noise(const Pairs& pairs, const at::Tensor& noise) {
  TORCH_CHECK(noise.dim() == 2 && noise.size(0) == pairs.count() && noise.size(1) > 0 &&
                  noise.scalar_type() == at::kLong,
              kName, ": expected noise items of shape [", pairs.count(), ", m] int64, got ",
              noise.sizes(), " of ", noise.scalar_type());
}

/// Features, the rows of their images, and their noise.
struct Problem {
  Pairs pairs;
  UnitRows feature_nD;
  at::Tensor row_nD;
  NoiseHere noise;
  double weight;

  Problem(Group& group, const Pairs& checked, const MemoryBank& bank, const at::Tensor& noise_nm,
          const Shard& own, const at::Tensor& index)
      : pairs(checked),
        feature_nD(pairs.first),
        row_nD(rows_of_images(group, bank, index, own, feature_nD.unit.scalar_type())),
        noise(noise_here(group, pairs, feature_nD.unit, bank, noise_nm)),
        weight(share_of_row(group, pairs.total)) {}

  /// [n] float64.
  at::Tensor positive_n() const {
    return feature_nD.unit.mul(row_nD).sum(1).to(at::kDouble).mul_(pairs.scale);
  }
};

Pairs checked(Group& group, const at::Tensor& feature, double temperature, const at::Tensor& noise,
              const Shard& own) {
  const Pairs pairs =
      make_pairs(kName, group, feature, feature, temperature, rows_of_shards(kName, group, own));
  check_noise(pairs, noise);
  return pairs;
}

ValueAndGradients compute(Group& group, const Problem& p, const MemoryBank& bank,
                          const at::Tensor& threshold) {
  const at::ScalarType type = p.feature_nD.unit.scalar_type();
  at::Tensor noise_loss_A = at::zeros({p.noise.feature_AD.size(0)}, threshold.options());
  at::Tensor pull_AD = at::zeros_like(p.noise.feature_AD);
  over_noise(p.noise, bank, p.pairs.scale,
             [&](int64_t first, const at::Tensor& rows_ckD, const at::Tensor& score_ck) {
               const at::Tensor margin_ck = score_ck.to(at::kDouble).sub_(threshold);
               const int64_t count = rows_ckD.size(0);
               noise_loss_A.narrow(0, first, count).add_(loss_of_margin(margin_ck).sum(1));
               pull_AD.narrow(0, first, count)
                   .add_(at::sigmoid(margin_ck).to(type).unsqueeze(1).bmm(rows_ckD).squeeze(1));
             });
  if (bank.sharded) {
    noise_loss_A = group.sum_scatter(noise_loss_A, p.pairs.rows);
    pull_AD = group.sum_scatter(pull_AD, p.pairs.rows);
  }
  const at::Tensor margin_n = threshold - p.positive_n();
  const at::Tensor loss = (loss_of_margin(margin_n) + noise_loss_A).sum().mul_(p.weight);
  const at::Tensor attraction_n1 = at::sigmoid(margin_n).to(type).unsqueeze(1);
  const at::Tensor gradient_nD = pull_AD.addcmul(p.row_nD, attraction_n1, -1.0);
  return {loss.to(type), {p.feature_nD.through(gradient_nD.mul(p.pairs.scale * p.weight))}};
}

}  // namespace

at::Tensor draw_noise(Random random, const Shard& own, int64_t count, int64_t images) {
  const uint64_t key = random.next_uint64();
  const at::Tensor noise = at::empty({own.size(), count}, at::kLong);
  int64_t* items = noise.mutable_data_ptr<int64_t>();
  at::parallel_for(0, own.size(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      Random of_row(key, 0, static_cast<uint64_t>(own.begin + row), Purpose::recipe, kNoiseStream);
      for (int64_t k = 0; k < count; ++k) items[row * count + k] = of_row.below(images);
    }
  });
  return noise;
}

at::Tensor npid_log_partition(Group& group, const at::Tensor& feature, const MemoryBank& bank,
                              double temperature, const at::Tensor& noise, PartitionScores scores,
                              const Shard& own, const at::Tensor& index) {
  const at::NoGradGuard no_grad;
  const Problem p(group, checked(group, feature.detach(), temperature, noise, own), bank, noise,
                  own, index);
  const bool with_positive = scores == PartitionScores::noise_and_positive;
  const at::Tensor positive_n = p.positive_n();
  at::Tensor log_sum = at::full({}, -std::numeric_limits<double>::infinity(), positive_n.options());
  if (with_positive && positive_n.numel() > 0) log_sum = positive_n.logsumexp(0);
  over_noise(p.noise, bank, p.pairs.scale,
             [&](int64_t, const at::Tensor&, const at::Tensor& score_ck) {
               log_sum = at::logaddexp(log_sum, score_ck.to(at::kDouble).flatten().logsumexp(0));
             });
  const std::vector<int64_t> one_row(static_cast<size_t>(group.size()), 1);
  const auto count = static_cast<double>(p.pairs.total * (noise.size(1) + (with_positive ? 1 : 0)));
  return group.all_gather(log_sum.reshape({1}), one_row).logsumexp(0) +
         std::log(static_cast<double>(bank.place.total) / count);
}

at::Tensor npid_nce(Group& group, const at::Tensor& feature, const MemoryBank& bank,
                    double temperature, const at::Tensor& log_partition, const at::Tensor& noise,
                    const Shard& own, const at::Tensor& index) {
  const Pairs pairs = checked(group, feature, temperature, noise, own);
  const at::Tensor threshold =
      log_partition.to(at::kDouble) +
      std::log(static_cast<double>(noise.size(1)) / static_cast<double>(bank.place.total));
  return with_known_gradient(kName, Factor::any, {pairs.first}, [&](bool) {
    return compute(group, Problem(group, pairs, bank, noise, own, index), bank, threshold);
  });
}

double npid_nce_random_guess(int64_t noise) {
  const auto m = static_cast<double>(noise);
  return std::log1p(m) + m * std::log1p(1.0 / m);
}

}  // namespace nearfar
