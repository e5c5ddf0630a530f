// Orders of epochs.
#include "framework/data/sampler.h"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "augment/random.h"
#include "framework/data/loader.h"
#include "framework/log/quantities.h"

namespace nearfar {
namespace {

// Indices of Random's streams of one epoch: classes and rows of batches; images by class.
constexpr uint8_t kClasses = 1;
constexpr uint8_t kRows = 2;
constexpr uint8_t kImages = 3;

void shuffle(std::span<int64_t> items, Random& random) {
  for (auto i = static_cast<int64_t>(items.size()) - 1; i > 0; --i) {
    std::swap(items[i], items[random.below(i + 1)]);
  }
}

/// Items in rounds: each round holds every item once, in random order.
class Rounds {
 public:
  Rounds(std::vector<int64_t> items, Random random)
      : items_(std::move(items)), random_(random), next_(size()) {}

  /// The next `count`, all different while there are so many: where a round ends among them, the
  /// next one begins with others. Beyond that every item comes once and the rest is taken.
  std::vector<int64_t> take(int64_t count) {
    std::vector<int64_t> taken;
    for (; count >= size(); count -= size()) {
      taken.insert(taken.end(), items_.begin(), items_.end());
    }
    const int64_t left = std::min(count, size() - next_);
    const auto from = items_.begin() + next_;
    taken.insert(taken.end(), from, from + left);
    next_ += left;
    if (left == count) return taken;
    begin_round({taken.end() - left, taken.end()}, count - left);
    taken.insert(taken.end(), items_.begin(), items_.begin() + next_);
    return taken;
  }

 private:
  int64_t size() const { return static_cast<int64_t>(items_.size()); }

  /// A new round whose first `count` items, which are taken, are none of `others`.
  void begin_round(const std::vector<int64_t>& others, int64_t count) {
    shuffle(items_, random_);
    const auto is_other = [&others](int64_t item) {
      return std::find(others.begin(), others.end(), item) != others.end();
    };
    for (int64_t i = 0; i < count; ++i) {
      while (is_other(items_[i])) {
        std::swap(items_[i], items_[count + random_.below(size() - count)]);
      }
    }
    next_ = count;
  }

  std::vector<int64_t> items_;
  Random random_;
  int64_t next_;
};

[[noreturn]] void refuse(const std::string& expected, const std::string& found) {
  throw ConfigError("data.sampler=balanced: expected " + expected + ", found " + found);
}

void check_balanced(const SamplerPlan& plan, const DatasetInfo& info, int64_t classes) {
  if (classes == 0) {
    refuse("labels, one folder per class for instance", info.path + ", which has none");
  }
  const std::string sizes = "data.classes_per_batch=" + std::to_string(plan.classes_per_batch) +
                            " and data.images_per_class=" + std::to_string(plan.images_per_class);
  if (plan.classes_per_batch < 1 || plan.images_per_class < 1) {
    refuse("at least one class and one image of it in a batch", sizes);
  }
  if (plan.batch % plan.classes_per_batch != 0 ||
      plan.batch / plan.classes_per_batch != plan.images_per_class) {
    refuse("data.classes_per_batch * data.images_per_class to be train.batch=" +
               std::to_string(plan.batch),
           sizes);
  }
  if (plan.classes_per_batch > classes) {
    refuse("data.classes_per_batch of at most the " + std::to_string(classes) +
               " classes that have images",
           std::to_string(plan.classes_per_batch));
  }
}

}  // namespace

EpochSampler::EpochSampler(const Dataset& data, const SamplerPlan& plan)
    : plan_(plan), size_(data.info().size) {
  if (!plan.balanced) return;
  std::map<int64_t, std::vector<int64_t>> members;
  for (int64_t i = 0; i < size_; ++i) members[data.label(i)].push_back(i);
  for (auto& [label, images] : members) {
    if (label < 0) {
      unlabelled_ = static_cast<int64_t>(images.size());
    } else {
      members_.push_back(std::move(images));
    }
  }
  check_balanced(plan, data.info(), classes());
}

int64_t EpochSampler::steps_per_epoch() const {
  if (plan_.balanced) return std::max<int64_t>(1, size_ / plan_.batch);
  return nearfar::steps_per_epoch(size_, plan_.batch, plan_.drop_last);
}

std::vector<int64_t> EpochSampler::order(uint64_t seed, int64_t epoch) const {
  return plan_.balanced ? balanced_order(seed, epoch) : epoch_order(seed, epoch, size_);
}

std::vector<int64_t> EpochSampler::balanced_order(uint64_t seed, int64_t epoch) const {
  const auto stream = [&](int64_t item, uint8_t index) {
    return Random(seed, static_cast<uint64_t>(epoch), static_cast<uint64_t>(item), Purpose::order,
                  index);
  };
  std::vector<int64_t> all(members_.size());
  std::vector<Rounds> images;
  for (int64_t c = 0; c < classes(); ++c) {
    all[c] = c;
    images.emplace_back(members_[c], stream(c, kImages));
  }
  Rounds turns(std::move(all), stream(0, kClasses));
  Random rows = stream(0, kRows);
  std::vector<int64_t> order;
  for (int64_t step = 0; step < steps_per_epoch(); ++step) {
    const auto begin = static_cast<int64_t>(order.size());
    for (const int64_t c : turns.take(plan_.classes_per_batch)) {
      const std::vector<int64_t> taken = images[c].take(plan_.images_per_class);
      order.insert(order.end(), taken.begin(), taken.end());
    }
    shuffle({order.begin() + begin, order.end()}, rows);
  }
  return order;
}

double EpochSampler::images_seen() const {
  if (!plan_.balanced) {
    return static_cast<double>(std::min(size_, steps_per_epoch() * plan_.batch));
  }
  const int64_t turns = steps_per_epoch() * plan_.classes_per_batch;
  const int64_t sure = turns / classes();
  const double more = static_cast<double>(turns % classes()) / static_cast<double>(classes());
  double seen = 0.0;
  for (const std::vector<int64_t>& images : members_) {
    const auto size = static_cast<int64_t>(images.size());
    const auto after = [&](int64_t count) {
      return static_cast<double>(std::min(size, count * plan_.images_per_class));
    };
    seen += (1.0 - more) * after(sure) + more * after(sure + 1);
  }
  return seen;
}

std::string EpochSampler::words() const {
  if (!plan_.balanced) return "";
  const double seen = images_seen();
  std::string text =
      "batches of " + format_count(plan_.classes_per_batch) + " of " + format_count(classes()) +
      " classes with " + format_count(plan_.images_per_class) + " images each, " +
      format_count(steps_per_epoch()) + " batches an epoch, which shows " +
      format_fixed(100.0 * seen / static_cast<double>(size_), 1) + " % of the images";
  if (small_classes() > 0) {
    text += "; classes with fewer than " + format_count(plan_.images_per_class) +
            " images, which repeat them: " + format_count(small_classes());
  }
  if (unlabelled_ > 0) text += "; left out without a label: " + format_count(unlabelled_);
  return text;
}

/// Classes with fewer than images_per_class images.
int64_t EpochSampler::small_classes() const {
  return std::count_if(members_.begin(), members_.end(), [this](const auto& images) {
    return static_cast<int64_t>(images.size()) < plan_.images_per_class;
  });
}

}  // namespace nearfar
