// Stratified draws, held-out parts and what two sets share.
#include "framework/data/split.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "augment/random.h"
#include "framework/data/classes.h"
#include "framework/data/subset.h"
#include "framework/json/json.h"
#include "framework/log/quantities.h"

namespace nearfar {
namespace fs = std::filesystem;
namespace {

// Streams of the split's seed: no draw depends on another.
constexpr uint64_t kTestStream = 0;
constexpr uint64_t kValStream = 1;
constexpr uint64_t kLimitStream = 2;
// Within a class of a stream: which images, and which of equal classes gives one more.
constexpr uint8_t kMembers = 0;
constexpr uint8_t kLots = 1;

/// Members of one class, in ascending order, and how many of them are drawn.
struct Stratum {
  int64_t label = 0;
  std::vector<int64_t> members;
  int64_t drawn = 0;
  double rest = 0.0;  // share of an image lost to rounding down
  uint64_t lot = 0;   // decides between equal rests
};

std::vector<Stratum> strata_by_class(const Dataset& whole) {
  std::map<int64_t, std::vector<int64_t>> members;
  for (int64_t i = 0; i < whole.info().size; ++i) members[whole.label(i)].push_back(i);
  std::vector<Stratum> strata;
  for (auto& [label, indices] : members) strata.push_back({label, std::move(indices)});
  return strata;
}

/// The classes that a held-out part can be drawn from: images without a label judge nothing, and
/// nothing is known of a class whose only image is held out. All where there are no others.
std::vector<Stratum> strata_to_hold_out(const Dataset& whole) {
  std::vector<Stratum> all = strata_by_class(whole);
  std::vector<Stratum> fit;
  std::copy_if(all.begin(), all.end(), std::back_inserter(fit), [](const Stratum& stratum) {
    return stratum.label >= 0 && stratum.members.size() > 1;
  });
  return fit.empty() ? all : fit;
}

int64_t size_of(const std::vector<Stratum>& strata) {
  int64_t size = 0;
  for (const Stratum& stratum : strata) size += static_cast<int64_t>(stratum.members.size());
  return size;
}

/// Largest remainders, equal ones by lot: `total` images in all.
void share_out(std::vector<Stratum>& strata, int64_t total) {
  const int64_t size = size_of(strata);
  int64_t left = total;
  for (Stratum& stratum : strata) {
    const double exact =
        static_cast<double>(stratum.members.size()) * static_cast<double>(total) / size;
    stratum.drawn = static_cast<int64_t>(std::floor(exact));
    stratum.rest = exact - static_cast<double>(stratum.drawn);
    left -= stratum.drawn;
  }
  std::vector<Stratum*> order;
  for (Stratum& stratum : strata) order.push_back(&stratum);
  std::stable_sort(order.begin(), order.end(), [](const Stratum* a, const Stratum* b) {
    return a->rest != b->rest ? a->rest > b->rest : a->lot < b->lot;
  });
  for (int64_t i = 0; i < left; ++i) ++order[static_cast<size_t>(i)]->drawn;
}

Random random_of(const Stratum& stratum, uint64_t seed, uint64_t stream, uint8_t index) {
  return Random(seed, stream, static_cast<uint64_t>(stratum.label + 1), Purpose::split, index);
}

/// `total` images of the strata drawn by stream `stream` of the seed: positions in ascending order.
std::vector<int64_t> draw_stratified(std::vector<Stratum> strata, int64_t total, uint64_t seed,
                                     uint64_t stream) {
  for (Stratum& stratum : strata) {
    stratum.lot = random_of(stratum, seed, stream, kLots).next_uint64();
  }
  share_out(strata, total);
  std::vector<int64_t> drawn;
  for (Stratum& stratum : strata) {
    Random random = random_of(stratum, seed, stream, kMembers);
    std::vector<int64_t>& members = stratum.members;
    for (int64_t i = 0; i < stratum.drawn; ++i) {
      std::swap(members[i], members[i + random.below(static_cast<int64_t>(members.size()) - i)]);
    }
    drawn.insert(drawn.end(), members.begin(), members.begin() + stratum.drawn);
  }
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

/// What ascending positions leave of `size` images.
std::vector<int64_t> others(const std::vector<int64_t>& positions, int64_t size) {
  std::vector<int64_t> all(static_cast<size_t>(size)), left;
  std::iota(all.begin(), all.end(), 0);
  std::set_difference(all.begin(), all.end(), positions.begin(), positions.end(),
                      std::back_inserter(left));
  return left;
}

DataParts split_by(std::shared_ptr<const Dataset> whole, double fraction, uint64_t seed,
                   uint64_t stream) {
  std::vector<Stratum> strata = strata_to_hold_out(*whole);
  const int64_t size = size_of(strata);
  const int64_t total =
      std::min(size - 1, static_cast<int64_t>(std::llround(static_cast<double>(size) * fraction)));
  if (total <= 0) return {whole};
  std::vector<int64_t> drawn = draw_stratified(std::move(strata), total, seed, stream);
  std::vector<int64_t> left = others(drawn, whole->info().size);
  return {subset(whole, std::move(left)), subset(whole, std::move(drawn))};
}

bool can_be_judged(const DatasetInfo& info) {
  return !info.class_names.empty() || !info.targets.empty();
}

void say_held_out(const DataParts& parts, const std::string& purpose, const std::string& key,
                  double fraction, const DataConfig& config, Log& log) {
  const int64_t held = parts.test->info().size;
  log.info("data: " + format_count(held) + " of " + format_count(held + parts.train->info().size) +
           " training images are held out " + purpose + " (" + key + "=" +
           to_text(Json(fraction), -1) + ", data.split_seed=" + std::to_string(config.split_seed) +
           ")");
}

/// Where images come from, alike for all ways to name it.
class FullPlaces {
 public:
  std::string of(const Dataset& data, int64_t index) {
    const std::string place = data.place(index);
    const size_t row = place.ends_with(']') ? place.rfind('[') : place.size();
    return file(place.substr(0, row)) + place.substr(std::min(row, place.size()));
  }

 private:
  std::string file(const std::string& path) {
    std::error_code unknown;
    if (fs::is_symlink(path, unknown)) return fs::weakly_canonical(path, unknown).string();
    const size_t slash = path.rfind('/');
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    return folder(slash == std::string::npos ? "" : path.substr(0, slash + 1)) + "/" + name;
  }

  /// Each is asked for once: files are many, folders few.
  const std::string& folder(const std::string& path) {
    const auto [known, fresh] = folders_.try_emplace(path);
    if (!fresh) return known->second;
    std::error_code unknown;
    std::string& full = known->second;
    full = fs::weakly_canonical(fs::current_path() / path, unknown).string();
    while (full.ends_with('/')) full.pop_back();
    return full;
  }

  std::unordered_map<std::string, std::string> folders_;
};

}  // namespace

DataParts split_data(std::shared_ptr<const Dataset> whole, double test_fraction, uint64_t seed) {
  if (!(test_fraction >= 0.0 && test_fraction < 1.0)) {
    throw std::invalid_argument("split_data: expected 0 <= test_fraction < 1, got " +
                                std::to_string(test_fraction));
  }
  return split_by(std::move(whole), test_fraction, seed, kTestStream);
}

std::shared_ptr<const Dataset> draw_images(std::shared_ptr<const Dataset> whole, int64_t count,
                                           uint64_t seed) {
  if (count >= whole->info().size) return whole;
  return subset(whole, draw_stratified(strata_by_class(*whole), count, seed, kLimitStream));
}

DataParts divide_data(const DataParts& opened, const DataConfig& config, Log& log) {
  const auto seed = static_cast<uint64_t>(config.split_seed);
  DataParts parts = opened;
  if (!parts.test && can_be_judged(parts.train->info())) {
    const DataParts split = split_by(parts.train, config.test_fraction, seed, kTestStream);
    parts.train = split.train;
    parts.test = split.test;
    if (split.test) {
      say_held_out(split, "for the evaluation", "data.test_fraction", config.test_fraction, config,
                   log);
    }
  }
  if (!parts.val && config.val_fraction > 0.0) {
    const DataParts split = split_by(parts.train, config.val_fraction, seed, kValStream);
    parts.train = split.train;
    parts.val = split.test;
    if (split.test) {
      say_held_out(split, "to choose settings by", "data.val_fraction", config.val_fraction, config,
                   log);
    }
  }
  // Behind the held-out parts: an image that judges is the same whatever classes are chosen.
  parts = choose_classes(parts, config.classes, log);
  if (config.limit > 0 && config.limit < parts.train->info().size) {
    log.info("data: " + format_count(config.limit) + " of " +
             format_count(parts.train->info().size) +
             " training images are used (data.limit, data.split_seed=" +
             std::to_string(config.split_seed) + ")");
    parts.train = draw_images(parts.train, config.limit, seed);
  }
  if (config.evaluate_on == "val") {
    if (!parts.val) {
      throw ConfigError("data.evaluate_on=val: " + parts.train->info().path +
                        " has no val part of its own; expected data.val_fraction above 0");
    }
    parts.test = parts.val;
  }
  return parts;
}

int64_t shared_images(const Dataset& a, const std::vector<std::shared_ptr<const Dataset>>& others) {
  FullPlaces full;
  std::unordered_set<std::string> places;
  for (const auto& other : others) {
    for (int64_t i = 0; i < other->info().size; ++i) places.insert(full.of(*other, i));
  }
  int64_t shared = 0;
  for (int64_t i = 0; i < a.info().size; ++i) shared += places.count(full.of(a, i)) > 0 ? 1 : 0;
  return shared;
}

}  // namespace nearfar
