// Triplet losses by sorting each anchor's negatives.
#include "framework/losses/triplet.h"

#include <torch/types.h>

#include <limits>

#include "framework/distances/norms.h"
#include "framework/error.h"
#include "framework/losses/sorted_negatives.h"
#include "framework/losses/unit_rows.h"
#include "framework/widened.h"

namespace nearfar {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Distances of a labelled batch with who is whose positive and negative.
struct AnchorDistances {
  AnchorDistances(const char* name, Group& group, const at::Tensor& embeddings,
                  const at::Tensor& label, const TripletSpace& space, const Shard& own) {
    const LabelledBatch batch = gather_labelled(name, group, embeddings, label, own);
    distance_nN = space.distances(batch.anchors_nd, batch.all_Nd);
    positives_nN = batch.positives();
    negatives_nN = batch.negatives();
  }
  at::Tensor distance_nN, positives_nN, negatives_nN;
};

/// Which negatives make triplets of a kind with a positive at distance p: D(a, n) from `above` up
/// to `until`, as counts into the sorted negatives.
struct Window {
  at::Tensor above_nN, until_nN;
};

Window window_of(TripletKind kind, const SortedNegatives& negatives, const at::Tensor& distance_nN,
                 double margin) {
  const at::Tensor none_nN = at::zeros_like(distance_nN, at::kLong);
  const auto at_most = [&](double more) { return negatives.count_at_most(distance_nN + more); };
  switch (kind) {
    case TripletKind::easy:
      return {at_most(margin), none_nN + negatives.count_n1()};
    case TripletKind::semihard:
      return {at_most(0.0), at_most(margin)};
    case TripletKind::hard:
      return {none_nN, at_most(0.0)};
    case TripletKind::violating:
      return {none_nN, at_most(margin)};
    case TripletKind::all:
      break;
  }
  return {none_nN, none_nN + negatives.count_n1()};
}

/// [limit - D(a, n)]+ summed over a window is the window cut at the limit, without the bracket.
struct Terms {
  at::Tensor sum, triplets, nonzero;
};

Terms terms_of(const AnchorDistances& anchors, TripletKind kind, double margin) {
  const SortedNegatives negatives(anchors.distance_nN, anchors.negatives_nN);
  const Window window = window_of(kind, negatives, anchors.distance_nN.detach(), margin);
  const at::Tensor limit_nN = anchors.distance_nN.to(at::kDouble) + margin;
  const at::Tensor cut_nN = at::maximum(
      at::minimum(window.until_nN, negatives.count_below(anchors.distance_nN.detach() + margin)),
      window.above_nN);
  const at::Tensor size_nN = cut_nN - window.above_nN;
  const at::Tensor sum_nN =
      size_nN * limit_nN - negatives.sum_until(cut_nN) + negatives.sum_until(window.above_nN);
  const at::Tensor& chosen_nN = anchors.positives_nN;
  return {(sum_nN * chosen_nN).sum().to(anchors.distance_nN.scalar_type()),
          ((window.until_nN - window.above_nN) * chosen_nN).sum(), (size_nN * chosen_nN).sum()};
}

at::Tensor picked(const at::Tensor& values_nN, const at::Tensor& column_n) {
  return values_nN.gather(1, column_n.unsqueeze(1)).squeeze(1);
}

}  // namespace

at::Tensor TripletSpace::distances(const at::Tensor& x, const at::Tensor& y) const {
  const auto in_space = [this](const at::Tensor& rows) {
    return normalize ? normalized_rows(widened(rows)) : widened(rows);
  };
  const at::Tensor u = in_space(x), v = in_space(y);
  return squared ? SquaredEuclideanDistance().matrix(u, v) : LpDistance(2.0).matrix(u, v);
}

at::Tensor triplet_loss_of_rows(const at::Tensor& anchor, const at::Tensor& positive,
                                const at::Tensor& negative, double margin, bool squared) {
  TORCH_CHECK(anchor.dim() == 2 && anchor.size(0) > 0 && anchor.sizes() == positive.sizes() &&
                  anchor.sizes() == negative.sizes(),
              "triplet_explicit: expected anchors, positives and negatives of one shape [N, d], N "
              "> 0, got ",
              anchor.sizes(), ", ", positive.sizes(), " and ", negative.sizes());
  const auto apart = [squared, from = widened(anchor)](const at::Tensor& other) {
    return squared ? SquaredEuclideanDistance().rows(from, widened(other))
                   : LpDistance(2.0).rows(from, widened(other));
  };
  return (apart(positive) - apart(negative) + margin).relu().mean();
}

at::Tensor triplet_loss(Group& group, const at::Tensor& embeddings, const at::Tensor& label,
                        const TripletOptions& options, const Shard& own) {
  const AnchorDistances anchors("triplet", group, embeddings, label, options.space, own);
  const Terms terms = terms_of(anchors, options.kind, options.margin);
  return mean_over_ranks(group, terms.sum,
                         options.reduction == Reduction::nonzero ? terms.nonzero : terms.triplets);
}

HardestRows batch_hard(Group& group, const at::Tensor& embeddings, const at::Tensor& label,
                       double margin, bool soft, const TripletSpace& space, const Shard& own) {
  const AnchorDistances anchors("batch_hard", group, embeddings, label, space, own);
  const at::Tensor values_nN = anchors.distance_nN.detach();
  const at::Tensor positive_n = values_nN.masked_fill(~anchors.positives_nN, -kInfinity).argmax(1);
  const at::Tensor negative_n = values_nN.masked_fill(~anchors.negatives_nN, kInfinity).argmin(1);
  const at::Tensor valid_n = anchors.positives_nN.any(1) & anchors.negatives_nN.any(1);
  const at::Tensor gap_n =
      picked(anchors.distance_nN, positive_n) - picked(anchors.distance_nN, negative_n);
  const at::Tensor term_n = soft ? at::softplus(gap_n) : (gap_n + margin).relu();
  return {mean_over_ranks(group, (term_n * valid_n).sum(), valid_n.sum()),
          positive_n.masked_fill(~valid_n, -1), negative_n.masked_fill(~valid_n, -1)};
}

ChosenNegatives facenet_semihard(Group& group, const at::Tensor& embeddings,
                                 const at::Tensor& label, double margin, const Shard& own) {
  const TripletSpace squared_unit{true, true};
  const AnchorDistances anchors("facenet_semihard", group, embeddings, label, squared_unit, own);
  const SortedNegatives negatives(anchors.distance_nN, anchors.negatives_nN);
  const at::Tensor next_nN = negatives.count_at_most(anchors.distance_nN.detach());
  const at::Tensor last_n1 = negatives.count_n1() - 1;
  const at::Tensor place_nN = at::minimum(next_nN, last_n1).clamp_min(0);
  const at::Tensor chosen_nN = anchors.positives_nN & (last_n1 >= 0);
  const at::Tensor gap_nN = anchors.distance_nN - negatives.distance_at(place_nN) + margin;
  const at::Tensor terms_nN = at::where(chosen_nN, gap_nN, 0.0).relu();
  return {mean_over_ranks(group, terms_nN.sum(), anchors.positives_nN.sum()),
          negatives.column_at(place_nN).masked_fill(~chosen_nN, -1)};
}

at::Tensor list_triplets(const at::Tensor& distances, const at::Tensor& label, TripletKind kind,
                         double margin) {
  TORCH_CHECK(distances.dim() == 2 && distances.size(0) == distances.size(1) && label.dim() == 1 &&
                  label.size(0) == distances.size(0),
              "triplet_mining: expected distances [N, N] and labels [N], got ", distances.sizes(),
              " and ", label.sizes());
  const at::Tensor same = label.unsqueeze(1) == label.unsqueeze(0);
  const at::Tensor other = ~same;
  const at::Tensor self = at::eye(label.size(0), same.options());
  const at::Tensor valid = (same & ~self).unsqueeze(2) & other.unsqueeze(1);
  const at::Tensor wide = widened(distances);
  const at::Tensor excess = wide.unsqueeze(1) - wide.unsqueeze(2);
  switch (kind) {
    case TripletKind::easy:
      return (valid & (excess > margin)).nonzero();
    case TripletKind::semihard:
      return (valid & (excess > 0) & (excess <= margin)).nonzero();
    case TripletKind::hard:
      return (valid & (excess <= 0)).nonzero();
    case TripletKind::violating:
      return (valid & (excess <= margin)).nonzero();
    case TripletKind::all:
      break;
  }
  return valid.nonzero();
}

const std::vector<std::string>& triplet_kind_names() {
  static const std::vector<std::string> names = {"all", "easy", "semihard", "hard", "violating"};
  return names;
}

TripletKind triplet_kind(const std::string& name) {
  const std::vector<std::string>& names = triplet_kind_names();
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<TripletKind>(i);
  }
  throw ConfigError("kind: " + name + ": expected all, easy, semihard, hard or violating");
}

}  // namespace nearfar
