// Open-set identification: a gallery that grows after training, and probes that are in no gallery.
#include "framework/evaluate/open_set.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <set>
#include <utility>

#include "framework/evaluate/cosines.h"
#include "framework/evaluate/labelled_subset.h"
#include "framework/evaluate/random_streams.h"
#include "framework/evaluate/roc.h"

namespace nearfar {
namespace {

using Classes = std::vector<int64_t>;

constexpr int64_t kProbesAtATime = 256;  // they stay in cache for all templates

/// Positions of the rows of these classes, ascending.
at::Tensor rows_of(const at::Tensor& label, const Classes& classes) {
  return at::isin(label, at::tensor(classes, at::kLong)).nonzero().view(-1);
}

/// Probes of some classes against a gallery.
struct Probes {
  Identification match;
  at::Tensor label;
};

/// Images of classes, as the protocol enrols and probes with them.
class Images {
 public:
  Images(const OpenSetInputs& inputs, int64_t enrolled_images, uint64_t seed)
      : inputs_(inputs), enrolled_images_(enrolled_images), seed_(seed) {}

  /// From now on the mean of these classes' images to enrol is subtracted.
  void centre_on(const Classes& classes) {
    mean_ = inputs_.enrol.index_select(0, rows_of(inputs_.enrol_label, classes)).mean(0);
  }

  /// Enrols each class with a seeded draw of its images.
  void enrol(Gallery& gallery, const Classes& classes) const {
    for (const int64_t identity : classes) {
      const at::Tensor own = rows_of(inputs_.enrol_label, {identity});
      Random random = evaluation_random(seed_, identity, EvaluationStream::enrolment);
      const at::Tensor drawn =
          sample_positions(own.size(0), enrolled_images_, random.next_uint64());
      gallery.enrol(identity, centred(inputs_.enrol, own.index_select(0, drawn)));
    }
  }

  Probes probe(const Gallery& gallery, const Classes& classes) const {
    const at::Tensor rows = rows_of(inputs_.probe_label, classes);
    return {gallery.identify(centred(inputs_.probe, rows)),
            inputs_.probe_label.index_select(0, rows)};
  }

 private:
  at::Tensor centred(const at::Tensor& all, const at::Tensor& rows) const {
    const at::Tensor chosen = all.index_select(0, rows);
    return mean_.defined() ? chosen - mean_ : chosen;
  }

  const OpenSetInputs& inputs_;
  int64_t enrolled_images_;
  uint64_t seed_;
  at::Tensor mean_;
};

std::vector<double> values(const at::Tensor& tensor) {
  const at::Tensor contiguous = tensor.contiguous();
  const double* data = contiguous.data_ptr<double>();
  return {data, data + contiguous.numel()};
}

double share(const at::Tensor& condition) {
  return condition.to(at::kDouble).mean().item<double>();
}

/// Mated probes that are matched to their own identity at or above the threshold.
double detection_rate(const Identification& mated, const at::Tensor& label, double threshold) {
  return share((mated.identity == label).logical_and_(mated.cosine >= threshold));
}

/// The lowest threshold that at most `far` of the nonmated probes reach: just above the first
/// rejected one.
std::optional<double> threshold_at(const RocCurve& curve, double far) {
  const auto point = point_at_far(curve, far);
  if (!point) return std::nullopt;
  const auto rejected =
      std::find_if(curve.points.begin(), curve.points.end(), [&](const OperatingPoint& other) {
        return other.accepted_negatives > point->accepted_negatives;
      });
  if (rejected == curve.points.end()) return -std::numeric_limits<double>::infinity();
  return std::nextafter(rejected->threshold, std::numeric_limits<double>::infinity());
}

Classes together(Classes a, const Classes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

OpenSetScores score(const Probes& mated, const Probes& nonmated, const Gallery& gallery) {
  return open_set_scores(mated.match, mated.label, nonmated.match, gallery.size());
}

/// Thresholds at kOpenSetFar on the development classes: one half (rounded up) is enrolled, the
/// other is not.
OpenSetScores develop(const Images& images, const Classes& development) {
  const auto half = development.begin() + static_cast<int64_t>(development.size() + 1) / 2;
  const Classes enrolled(development.begin(), half);
  Gallery gallery;
  images.enrol(gallery, enrolled);
  return score(images.probe(gallery, enrolled), images.probe(gallery, {half, development.end()}),
               gallery);
}

}  // namespace

ClassRoles draw_roles(const Classes& classes, double development, uint64_t seed) {
  const auto count = static_cast<int64_t>(classes.size());
  TORCH_CHECK(count >= kFewestOpenSetClasses, "open-set protocol: expected at least ",
              kFewestOpenSetClasses, " classes, got ", count);
  Classes order = classes;
  Random random = evaluation_random(seed, 0, EvaluationStream::roles);
  for (int64_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  const int64_t wanted = std::llround(development * static_cast<double>(count));
  const int64_t fitted = std::clamp<int64_t>(wanted, 2, count - 3);
  const int64_t enrolled = (count - fitted + 1) / 2;
  const int64_t later = enrolled / 2;
  const auto from = order.begin();
  const auto gallery = from + fitted;
  return {{from, gallery},
          {gallery, gallery + enrolled - later},
          {gallery + enrolled - later, gallery + enrolled},
          {gallery + enrolled, order.end()}};
}

void Gallery::enrol(int64_t identity, const at::Tensor& images) {
  TORCH_CHECK(images.dim() == 2 && images.size(0) > 0,
              "Gallery::enrol: expected images [n, d], n > 0, got ", images.sizes());
  const at::Tensor mean = unit_rows(images).to(at::kDouble).mean(0, /*keepdim=*/true);
  identities_.push_back(identity);
  templates_.push_back(unit_rows(mean).squeeze(0));
}

Identification Gallery::identify(const at::Tensor& probes) const {
  TORCH_CHECK(!templates_.empty(), "Gallery::identify: expected an enrolled identity, got none");
  const at::Tensor rows = unit_rows(probes);
  Identification best{
      at::full({rows.size(0)}, -std::numeric_limits<double>::infinity(), at::kDouble),
      at::zeros({rows.size(0)}, at::kLong)};
  for (int64_t first = 0; first < rows.size(0); first += kProbesAtATime) {
    const int64_t count = std::min(kProbesAtATime, rows.size(0) - first);
    identify_block(rows.narrow(0, first, count), best.cosine.narrow(0, first, count),
                   best.identity.narrow(0, first, count));
  }
  return best;
}

void Gallery::identify_block(const at::Tensor& probes, at::Tensor best, at::Tensor identity) const {
  // One template at a time: its cosines must not depend on how many others there are.
  for (size_t i = 0; i < templates_.size(); ++i) {
    const at::Tensor cosine =
        at::mv(probes, templates_[i].to(probes.scalar_type())).to(at::kDouble);
    const at::Tensor nearer = cosine > best;
    best.copy_(at::where(nearer, cosine, best));
    identity.masked_fill_(nearer, identities_[i]);
  }
}

OpenSetScores open_set_scores(const Identification& mated, const at::Tensor& mated_label,
                              const Identification& nonmated, int64_t identities) {
  OpenSetScores scores;
  scores.identities = identities;
  scores.mated = mated.cosine.size(0);
  scores.nonmated = nonmated.cosine.size(0);
  const RocCurve curve = roc_curve(values(mated.cosine), values(nonmated.cosine));
  scores.rank1 = share(mated.identity == mated_label);
  scores.auroc = auc(curve);
  for (size_t i = 0; i < kOpenSetFar.size(); ++i) {
    scores.threshold[i] = threshold_at(curve, kOpenSetFar[i]);
    if (scores.threshold[i]) {
      scores.dir[i] = detection_rate(mated, mated_label, *scores.threshold[i]);
    }
  }
  return scores;
}

Classes open_set_classes(const OpenSetInputs& inputs) {
  const auto distinct = [](const at::Tensor& label) {
    const at::Tensor labels = label.contiguous();
    const int64_t* data = labels.data_ptr<int64_t>();
    return std::set<int64_t>(data, data + labels.numel());
  };
  const std::set<int64_t> enrol = distinct(inputs.enrol_label);
  const std::set<int64_t> probes = distinct(inputs.probe_label);
  Classes both;
  std::set_intersection(enrol.begin(), enrol.end(), probes.begin(), probes.end(),
                        std::back_inserter(both));
  return both;
}

OpenSetResult open_set_protocol(const OpenSetInputs& inputs, const OpenSetConfig& config,
                                bool centred, uint64_t seed) {
  const at::NoGradGuard no_grad;
  OpenSetResult result;
  result.roles = draw_roles(open_set_classes(inputs), config.development, seed);
  const ClassRoles& roles = result.roles;
  Images images(inputs, config.enrolled_images, seed);
  if (centred) images.centre_on(roles.development);
  Gallery gallery;
  images.enrol(gallery, roles.first);
  result.before =
      score(images.probe(gallery, roles.first), images.probe(gallery, roles.unknown), gallery);
  images.enrol(gallery, roles.later);
  const Probes mated = images.probe(gallery, together(roles.first, roles.later));
  const Probes nonmated = images.probe(gallery, roles.unknown);
  result.after = score(mated, nonmated, gallery);
  result.earlier_after = score(images.probe(gallery, roles.first), nonmated, gallery);
  const OpenSetScores developed = develop(images, roles.development);
  for (size_t i = 0; i < kOpenSetFar.size(); ++i) {
    if (!developed.threshold[i]) continue;
    const double threshold = *developed.threshold[i];
    result.carried[i] = {share(nonmated.match.cosine >= threshold),
                         detection_rate(mated.match, mated.label, threshold)};
  }
  return result;
}

}  // namespace nearfar
