// Results of the judges as entries of evaluation.json, and numbers as its reader sees them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "framework/evaluate/knn_protocol.h"
#include "framework/evaluate/linear_probe.h"
#include "framework/json/json.h"

namespace nearfar {

/// Key of a share of labels: "1.0", "0.1", "0.01".
std::string fraction_key(double fraction);

/// A fraction in per cent: "86.4 %", "1 %"; at most two decimals, none that are zero.
std::string percent_text(double fraction);

/// {headline: mean of the values, "spread", "seeds", "interval"}: how the entry of any method
/// begins.
Json headline_report(const char* headline, const std::vector<double>& values,
                     std::pair<double, double> interval);

/// {"top1", "spread", "seeds", "top5", "interval", "per_class"} over the draws of labelled subsets.
/// top1, top5 and per_class are means (fractions), spread the standard deviation of top1 over
/// draws, interval Wilson's 95 % for top1 by the size of the test set. top5 is null with up to five
/// classes, per_class null for a class without test images.
Json accuracy_report(const std::vector<Accuracy>& draws);

/// accuracy_report with "settings": what was chosen for each draw and how.
Json linear_report(const std::vector<LinearProbeResult>& draws, const LinearProbeConfig& config,
                   int64_t labelled);
/// For each draw the setting that was best left-one-out.
Json knn_report(const std::vector<KnnResult>& draws, const KnnConfig& config, int64_t labelled);
/// The one setting that is best on the test set, averaged over draws: draws[i][setting].
Json best_knn_report(const std::vector<std::vector<Accuracy>>& draws, const KnnConfig& config,
                     int64_t labelled);

}  // namespace nearfar
