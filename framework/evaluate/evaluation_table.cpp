// The document of evaluation.json as a table, and in a sentence.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "framework/evaluate/evaluation.h"
#include "framework/evaluate/method.h"
#include "framework/evaluate/report.h"

namespace nearfar {
namespace {

struct Measured {
  double value = 0.0;  // of the headline
  double spread = 0.0;
  int64_t seeds = 1;
  double standard_error = 0.0;  // of the value, by the size of the test set
};

/// The encoder against the better of the baselines, in one row of the table.
struct Margin {
  double difference = 0.0;  // fraction
  double noise = 0.0;       // standard deviation of the difference
  std::string baseline;
  std::string labels;

  double in_noise() const {
    if (difference == 0.0) return 0.0;
    return noise > 0.0 ? difference / noise : std::copysign(HUGE_VAL, difference);
  }
};

std::string fixed(double value, const char* format = "%.1f") {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::optional<Measured> read(const EvaluationMethod& method, const Json& sources,
                             const std::string& source, const std::string& key) {
  const Json* fractions = sources.find(source);
  const Json* entry = fractions == nullptr ? nullptr : fractions->find(key);
  if (entry == nullptr) return std::nullopt;
  const auto& interval = entry->at("interval").items();
  if (interval.size() != 2) throw ConfigError("evaluation: interval: expected two numbers");
  const double width = interval[1].as_double() - interval[0].as_double();
  return Measured{entry->at(method.headline).as_double(), entry->at("spread").as_double(),
                  entry->at("seeds").as_int(), width / (2.0 * 1.959963984540054)};
}

double fraction_of(const std::string& key) {
  char* end = nullptr;
  const double fraction = std::strtod(key.c_str(), &end);
  if (key.empty() || *end != '\0') {
    throw ConfigError("evaluation: expected a fraction of labels as key, found \"" + key + "\"");
  }
  return fraction;
}

std::string cell(const std::optional<Measured>& measured) {
  if (!measured) return "-";
  std::string text = fixed(100.0 * measured->value);
  if (measured->seeds > 1) text += " ± " + fixed(100.0 * measured->spread);
  return text;
}

std::optional<Margin> compare(const std::optional<Measured>& encoder,
                              const std::optional<Measured>& untrained,
                              const std::optional<Measured>& raw_pixels,
                              const std::string& labels) {
  if (!encoder || (!untrained && !raw_pixels)) return std::nullopt;
  const bool raw_is_better = !untrained || (raw_pixels && raw_pixels->value >= untrained->value);
  const Measured& best = raw_is_better ? *raw_pixels : *untrained;
  const double variance = encoder->spread * encoder->spread + best.spread * best.spread +
                          encoder->standard_error * encoder->standard_error +
                          best.standard_error * best.standard_error;
  return Margin{encoder->value - best.value, std::sqrt(variance),
                raw_is_better ? "raw pixels" : "the untrained encoder", labels};
}

/// Judges by the row where the encoder does worst.
std::string sentence(const EvaluationMethod& method, const std::vector<Margin>& margins) {
  const Margin& worst = *std::min_element(
      margins.begin(), margins.end(),
      [](const Margin& a, const Margin& b) { return a.in_noise() < b.in_noise(); });
  const std::string labels = method.fits_labels ? " with " + worst.labels + " of the labels" : "";
  const std::string difference = fixed(100.0 * worst.difference, "%+.1f") + " points against " +
                                 worst.baseline + labels + ", " +
                                 fixed(std::abs(worst.in_noise())) + " times the noise";
  const std::string name = method.name;
  if (worst.difference <= 0.0) {
    return name + ": the encoder does not beat both baselines: " + difference + ".\n";
  }
  const std::string sure = worst.in_noise() > 1.0 ? "" : ", but not by more than the noise";
  return name + ": the encoder beats both baselines" + sure + "; its smallest lead is " +
         difference + ".\n";
}

/// Adds the method's rows to the table; returns what the encoder's leads say.
std::string add_rows(Table& table, const EvaluationMethod& method, const Json& sources) {
  std::vector<Margin> margins;
  for (const auto& row : sources.members().front().second.members()) {
    const std::string& key = row.first;
    const auto encoder = read(method, sources, "encoder", key);
    const auto untrained = read(method, sources, "untrained", key);
    const auto raw = read(method, sources, "raw_pixels", key);
    const std::string labels = percent_text(fraction_of(key));
    const auto margin = compare(encoder, untrained, raw, labels);
    if (margin) margins.push_back(*margin);
    table.add_row({method.name, method.title, method.fits_labels ? labels : "-", cell(encoder),
                   cell(untrained), cell(raw),
                   margin ? fixed(100.0 * margin->difference, "%+.1f") : "-"});
  }
  return margins.empty() ? "" : sentence(method, margins);
}

}  // namespace

std::string evaluation_table(const Json& document, TableStyle style) {
  Table table({"method", "measure", "labels", "encoder", "untrained", "raw pixels", "lead"});
  std::string remarks;
  std::string sentences;
  for (const auto& [name, sources] : document.at("methods").members()) {
    if (sources.members().empty()) continue;
    const EvaluationMethod& method = find_method(name);
    sentences += add_rows(table, method, sources);
    if (*method.remark != '\0') remarks += name + ": " + method.remark + ".\n";
  }
  return table.to_text(style) +
         "In %, ± its standard deviation over draws. Lead: encoder minus the better baseline.\n"
         "Noise: that deviation and the finite test set together.\n" +
         remarks + sentences;
}

}  // namespace nearfar
