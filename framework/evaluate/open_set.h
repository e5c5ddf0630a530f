// Open-set identification: a gallery that grows after training, and probes that are in no gallery.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace nearfar {

struct OpenSetConfig {
  int64_t splits = 5;
  double development = 0.3;
  int64_t enrolled_images = 10;

  void describe(auto& field) {
    field("splits", splits, int64_t{1}, int64_t{1000},
          "times that the classes are dealt to their roles anew; their deviation is the spread");
    field("development", development, 0.0, 0.9,
          "share of the classes that everything is fitted on; at least two of them");
    field("enrolled_images", enrolled_images, int64_t{1}, int64_t{1000000},
          "at most so many training images of a class make its template");
  }
};

/// Classes by what they are used for; no class has two roles. `development` is for everything that
/// is fitted (the mean, the thresholds), `first` is enrolled at once, `later` joins the gallery
/// afterwards, `unknown` is never enrolled.
struct ClassRoles {
  std::vector<int64_t> development;
  std::vector<int64_t> first;
  std::vector<int64_t> later;
  std::vector<int64_t> unknown;
};

/// The fewest classes that all roles can be dealt to.
inline constexpr int64_t kFewestOpenSetClasses = 5;

/// Deals classes by the seed: a share to development (two at least, and leaving three), the rest
/// half to the gallery (rounded up, half of those later, rounded down), half unknown. Throws
/// c10::Error for fewer than kFewestOpenSetClasses.
ClassRoles draw_roles(const std::vector<int64_t>& classes, double development, uint64_t seed);

/// Best match of each probe: cosine [P] double and identity [P] int64.
struct Identification {
  at::Tensor cosine;
  at::Tensor identity;
};

/// Templates by identity. Enrolling adds a template and changes nothing else: no training, and the
/// cosine of a probe to earlier identities stays to the bit.
class Gallery {
 public:
  /// Template: mean of the unit rows of images [n, d], n > 0, scaled to norm 1.
  void enrol(int64_t identity, const at::Tensor& images);
  /// The nearest template to each of the probes [P, d], of equal ones the one enrolled first.
  /// Precondition: something is enrolled.
  Identification identify(const at::Tensor& probes) const;
  int64_t size() const { return static_cast<int64_t>(identities_.size()); }

 private:
  void identify_block(const at::Tensor& probes, at::Tensor best, at::Tensor identity) const;

  std::vector<int64_t> identities_;
  std::vector<at::Tensor> templates_;  // [d] double each
};

/// False alarm rates at which detection is reported.
inline constexpr std::array<double, 3> kOpenSetFar{0.1, 0.01, 0.001};

/// Identification against one gallery (ISO/IEC 19795-1; Phillips, Grother, Micheals 2011). Mated
/// probes are of enrolled identities, nonmated ones are not.
struct OpenSetScores {
  int64_t identities = 0;
  int64_t mated = 0;
  int64_t nonmated = 0;
  double rank1 = 0.0;  // mated probes whose best match is their own identity, without a threshold
  double auroc = 0.0;  // chance that a mated probe's best cosine exceeds a nonmated one's
  /// Detection and identification rate: mated probes matched to their identity at or above the
  /// lowest threshold that at most a share of kOpenSetFar of the nonmated probes reach. Nothing
  /// where there are too few nonmated probes to measure the share.
  std::array<std::optional<double>, 3> dir{};
  std::array<std::optional<double>, 3> threshold{};
};

/// mated: matches of probes whose true identities are mated_label [P].
OpenSetScores open_set_scores(const Identification& mated, const at::Tensor& mated_label,
                              const Identification& nonmated, int64_t identities);

/// What a threshold from elsewhere does: false alarms among nonmated probes, detection of mated
/// ones.
struct CarriedThreshold {
  double far = 0.0;
  double dir = 0.0;
};

/// The protocol for one dealing of the classes.
struct OpenSetResult {
  ClassRoles roles;
  OpenSetScores before;  // `first` enrolled
  OpenSetScores after;   // `first` and `later` enrolled
  /// Mated probes of `first` alone, in the larger gallery: what its growth costs them.
  OpenSetScores earlier_after;
  /// Thresholds chosen on development classes, one half of them enrolled, carried over to `after`.
  std::array<std::optional<CarriedThreshold>, 3> carried{};
};

/// Features and labels of images to enrol, and of probes.
struct OpenSetInputs {
  at::Tensor enrol;        // [N, d]
  at::Tensor enrol_label;  // [N] int64
  at::Tensor probe;        // [Q, d]
  at::Tensor probe_label;  // [Q] int64
};

/// Classes with images to enrol and to probe with, ascending.
std::vector<int64_t> open_set_classes(const OpenSetInputs& inputs);

/// Deals the classes by the seed and measures. Centred: the mean of the development classes' rows
/// of `enrol` is subtracted from all rows first. Nothing is fitted on other classes.
OpenSetResult open_set_protocol(const OpenSetInputs& inputs, const OpenSetConfig& config,
                                bool centred, uint64_t seed);

}  // namespace nearfar
