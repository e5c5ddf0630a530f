// The images that labels are learned from: as many of every class.
#include "framework/train/labelled_part.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace nearfar {
namespace {

/// Images whose label is their number modulo the classes; no pixels are ever read.
class Labelled final : public Dataset {
 public:
  Labelled(int64_t size, int64_t classes, bool last_is_labelled = true)
      : last_is_labelled_(last_is_labelled) {
    info_.size = size;
    for (int64_t c = 0; c < classes; ++c) info_.class_names.push_back(std::to_string(c));
  }
  const DatasetInfo& info() const override { return info_; }
  int64_t label(int64_t index) const override {
    if (index == info_.size - 1 && !last_is_labelled_) return -1;
    return index % static_cast<int64_t>(info_.class_names.size());
  }
  std::string place(int64_t index) const override { return std::to_string(index); }
  Image read(int64_t, PixelBuffer&) const override { return {}; }

 private:
  DatasetInfo info_;
  bool last_is_labelled_;
};

std::set<std::string> places(const Dataset& part) {
  std::set<std::string> found;
  for (int64_t i = 0; i < part.info().size; ++i) found.insert(part.place(i));
  return found;
}

DataConfig share(double labels) {
  DataConfig config;
  config.label_fraction = labels;
  return config;
}

TEST(LabelledPart, HasAsManyImagesOfEveryClass) {
  const auto train = std::make_shared<Labelled>(400, 4);
  const DataParts data{train, std::make_shared<Labelled>(8, 4)};
  const auto part = labelled_part(data, share(0.1), 5);
  std::map<int64_t, int64_t> counts;
  for (int64_t i = 0; i < part->info().size; ++i) ++counts[part->label(i)];
  EXPECT_EQ(counts, (std::map<int64_t, int64_t>{{0, 10}, {1, 10}, {2, 10}, {3, 10}}));
  EXPECT_EQ(places(*part).size(), 40U);
  EXPECT_EQ(places(*part), places(*labelled_part(data, share(0.1), 5)));
  EXPECT_NE(places(*part), places(*labelled_part(data, share(0.1), 6)));
  EXPECT_EQ(labelled_part(data, share(1.0), 5)->info().size, 400);
}

TEST(LabelledPart, NeedsALabelForEveryImage) {
  const DataParts data{std::make_shared<Labelled>(8, 4, false), std::make_shared<Labelled>(8, 4)};
  try {
    labelled_part(data, share(0.5), 5);
    FAIL() << "expected a DataError";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(),
                 "7: expected a label to learn from (data.label_fraction), found none");
  }
}

}  // namespace
}  // namespace nearfar
