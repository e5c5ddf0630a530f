// The seeded split of a data set without a test part.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>

#include "augment/random.h"
#include "framework/data/open.h"
#include "framework/data/subset.h"

namespace nearfar {
namespace {

/// Members of one class, in ascending order, and how many of them go to the test part.
struct Stratum {
  int64_t label = 0;
  std::vector<int64_t> members;
  int64_t test = 0;
  double rest = 0.0;  // share of an image lost to rounding down
};

std::vector<Stratum> strata_by_class(const Dataset& whole) {
  std::map<int64_t, std::vector<int64_t>> members;
  for (int64_t i = 0; i < whole.info().size; ++i) members[whole.label(i)].push_back(i);
  std::vector<Stratum> strata;
  for (auto& [label, indices] : members) strata.push_back({label, std::move(indices)});
  return strata;
}

/// Largest remainders: the test part has round(size * fraction) images in all.
void share_out(std::vector<Stratum>& strata, int64_t total) {
  int64_t size = 0;
  for (const Stratum& stratum : strata) size += static_cast<int64_t>(stratum.members.size());
  int64_t left = total;
  for (Stratum& stratum : strata) {
    const double exact =
        static_cast<double>(stratum.members.size()) * static_cast<double>(total) / size;
    stratum.test = static_cast<int64_t>(std::floor(exact));
    stratum.rest = exact - static_cast<double>(stratum.test);
    left -= stratum.test;
  }
  std::vector<Stratum*> order;
  for (Stratum& stratum : strata) order.push_back(&stratum);
  std::stable_sort(order.begin(), order.end(),
                   [](const Stratum* a, const Stratum* b) { return a->rest > b->rest; });
  for (int64_t i = 0; i < left; ++i) ++order[static_cast<size_t>(i)]->test;
}

}  // namespace

DataParts split_data(std::shared_ptr<const Dataset> whole, double test_fraction, uint64_t seed) {
  if (!(test_fraction >= 0.0 && test_fraction < 1.0)) {
    throw std::invalid_argument("split_data: expected 0 <= test_fraction < 1, got " +
                                std::to_string(test_fraction));
  }
  const auto total =
      static_cast<int64_t>(std::llround(static_cast<double>(whole->info().size) * test_fraction));
  if (total == 0) return {whole, nullptr};
  std::vector<Stratum> strata = strata_by_class(*whole);
  share_out(strata, total);
  std::vector<int64_t> train;
  std::vector<int64_t> test;
  for (Stratum& stratum : strata) {
    Random random(seed, 0, static_cast<uint64_t>(stratum.label + 1), Purpose::split);
    std::vector<int64_t>& members = stratum.members;
    for (int64_t i = 0; i < stratum.test; ++i) {
      std::swap(members[i], members[i + random.below(static_cast<int64_t>(members.size()) - i)]);
    }
    test.insert(test.end(), members.begin(), members.begin() + stratum.test);
    train.insert(train.end(), members.begin() + stratum.test, members.end());
  }
  std::sort(train.begin(), train.end());
  std::sort(test.begin(), test.end());
  return {subset(whole, std::move(train)), subset(whole, std::move(test))};
}

}  // namespace nearfar
