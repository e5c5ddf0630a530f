// From config, log and evaluation to the first lines of a page.
#include "framework/report/run_facts.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "framework/log/quantities.h"
#include "framework/report/html.h"

namespace nearfar {
namespace {

const Json* find_path(const Json& value, std::initializer_list<const char*> keys) {
  const Json* found = &value;
  for (const char* key : keys) {
    found = found != nullptr && found->is_object() ? found->find(key) : nullptr;
  }
  return found;
}

std::string text_of(const Json* value) {
  return value != nullptr && value->is_string() ? value->as_string() : "";
}

/// The last number that the log has of a key.
const Json* last_of(const std::vector<Json>& log, const char* key) {
  for (auto line = log.rbegin(); line != log.rend(); ++line) {
    const Json* value = line->find(key);
    if (value != nullptr && value->is_number()) return value;
  }
  return nullptr;
}

std::string percent(double fraction) { return format_fixed(100.0 * fraction, 1) + " %"; }

/// A method's top-1 with all labels, beside raw pixels.
void add_accuracy(std::vector<Fact>& facts, const Json& evaluation, const char* method,
                  const char* name) {
  const Json* top1 = find_path(evaluation, {"methods", method, "encoder", "1.0", "top1"});
  if (top1 == nullptr || !top1->is_number()) return;
  const Json* raw = find_path(evaluation, {"methods", method, "raw_pixels", "1.0", "top1"});
  facts.push_back({name, percent(top1->as_double()),
                   raw != nullptr && raw->is_number() ? "raw pixels " + percent(raw->as_double())
                                                      : "top-1, all labels"});
}

double median_of(const std::vector<Json>& log, const char* key) {
  std::vector<double> values;
  for (const Json& line : log) {
    const Json* value = line.find(key);
    if (value != nullptr && value->is_number()) values.push_back(value->as_double());
  }
  if (values.empty()) return std::nan("");
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void add_training(std::vector<Fact>& facts, const RunPage& page) {
  const Json* loss = last_of(page.log, "loss");
  const Json* guess = last_of(page.log, "random_guess_loss");
  if (loss != nullptr) {
    facts.push_back({"Loss", short_number(loss->as_double()),
                     guess == nullptr ? "" : "random guess " + short_number(guess->as_double())});
  }
  const Json* step = last_of(page.log, "step");
  const Json* epoch = last_of(page.log, "epoch");
  const Json* batch = find_path(page.config, {"train", "batch"});
  if (step != nullptr) {
    std::string note = epoch == nullptr ? "" : format_fixed(epoch->as_double(), 1) + " epochs";
    if (batch != nullptr) note += (note.empty() ? "" : ", ") + ("batch " + to_text(*batch, -1));
    facts.push_back({page.finished ? "Steps" : "Steps so far", format_count(step->as_int()), note});
  }
  const double rate = median_of(page.log, "images_per_second");
  if (std::isfinite(rate)) {
    const std::string precision = text_of(find_path(page.config, {"train", "precision"}));
    const std::string device = text_of(find_path(page.config, {"device"}));
    facts.push_back({"Images per second", format_count(std::llround(rate)),
                     "median" + (device.empty() ? "" : ", " + device) +
                         (precision.empty() ? "" : ", " + precision)});
  }
}

}  // namespace

std::vector<Fact> run_facts(const RunPage& page) {
  std::vector<Fact> facts;
  add_accuracy(facts, page.evaluation, "linear", "Linear probe");
  add_accuracy(facts, page.evaluation, "knn", "Nearest neighbours");
  add_training(facts, page);
  const Json* first = page.log.empty() ? nullptr : page.log.front().find("time");
  const Json* last = last_of(page.log, "time");
  if (first != nullptr && first->is_number() && last != nullptr) {
    facts.push_back(
        {"Time", format_duration(last->as_double() - first->as_double()), "by the log"});
  }
  return facts;
}

std::string run_subtitle(const RunPage& page) {
  std::string line;
  const auto add = [&line](const std::string& word) {
    if (!word.empty()) line += (line.empty() ? "" : " · ") + word;
  };
  add(text_of(find_path(page.config, {"recipe", "name"})));
  add(text_of(find_path(page.config, {"encoder", "name"})));
  const std::filesystem::path data = text_of(find_path(page.config, {"data", "path"}));
  add((data.has_filename() ? data.filename() : data.parent_path().filename()).string());
  return line;
}

}  // namespace nearfar
