// Some of a set's classes: which images stay, what they are called, and what is refused.
#include "framework/data/classes.h"

#include <gtest/gtest.h>

#include <set>

#include "framework/data/map.h"
#include "framework/data/split.h"
#include "tests/framework/data/folder_tests.h"
#include "tests/framework/data/made_dataset.h"

namespace nearfar {
namespace {

using Names = std::vector<std::string>;

/// Image i of class i % 5, or without a label where that is 4.
std::shared_ptr<const Dataset> animals(int64_t size,
                                       const Names& names = {"cat", "dog", "fox", "owl"}) {
  return map_labels(
      std::make_shared<MadeDataset>(size, 1, 2, 2, 5),
      [](int64_t label) { return label == 4 ? -1 : label; }, names);
}

DataParts chosen(const DataParts& parts, const Names& wanted) {
  Log log;
  return choose_classes(parts, wanted, log);
}

std::set<std::string> places(const std::shared_ptr<const Dataset>& data) {
  std::set<std::string> all;
  for (int64_t i = 0; data != nullptr && i < data->info().size; ++i) all.insert(data->place(i));
  return all;
}

TEST(ChosenClasses, KeepTheirNamesAndOrderAndCountFromZero) {
  const auto whole = animals(40);
  // However they are written: by name or number, in any order.
  for (const Names& wanted : {Names{"owl", "dog"}, Names{"1", "owl"}, Names{"3", "1"}}) {
    const auto train = chosen({whole}, wanted).train;
    EXPECT_EQ(train->info().class_names, (Names{"dog", "owl"}));
    ASSERT_EQ(train->info().size, 16);
    PixelBuffer storage, expected_storage;
    for (int64_t i = 0; i < 16; ++i) {
      const int64_t original = i / 2 * 5 + (i % 2 == 0 ? 1 : 3);
      EXPECT_EQ(train->place(i), whole->place(original));
      EXPECT_EQ(train->label(i), i % 2);
      EXPECT_EQ(train->read(i, storage).pixels[0],
                whole->read(original, expected_storage).pixels[0]);
    }
  }
}

TEST(ChosenClasses, AreAllWhereNoneIsNamed) {
  const DataParts parts{animals(40), animals(15)};
  EXPECT_EQ(chosen(parts, {}).train, parts.train);
  EXPECT_EQ(chosen(parts, {}).test, parts.test);
}

TEST(ChosenClasses, HoldForEveryPart) {
  const auto val_of_one_class = map_labels(std::make_shared<MadeDataset>(7, 1, 2, 2, 1),
                                           [](int64_t) { return 2; }, {"cat", "dog", "fox", "owl"});
  std::string said;
  Log log([&](Level, const std::string& line) { said += line + "\n"; });
  const DataParts parts =
      choose_classes({animals(40), animals(15), val_of_one_class}, {"fox", "cat"}, log);
  EXPECT_EQ(parts.train->info().size, 16);
  EXPECT_EQ(parts.test->info().size, 6);
  EXPECT_EQ(parts.test->info().class_names, (Names{"cat", "fox"}));
  ASSERT_EQ(parts.val->info().size, 7);
  EXPECT_EQ(parts.val->label(0), 1);
  EXPECT_EQ(said,
            "data: 16 of 40 training, 7 of 7 val, 6 of 15 test images are of 2 of 4 classes "
            "(data.classes): cat, fox\n");
  EXPECT_EQ(chosen({animals(40), animals(15), val_of_one_class}, {"dog"}).val, nullptr);
}

// A list's labels may be numbers in another order than theirs: the name is meant.
TEST(ChosenClasses, ANameComesBeforeANumber) {
  const auto train = chosen({animals(20, {"3", "2", "1", "0"})}, {"3"}).train;
  EXPECT_EQ(train->info().class_names, Names{"3"});
  EXPECT_EQ(train->place(0), "made[0]");
}

TEST(ChosenClasses, UnknownRepeatedAndMissingOnesAreRefused) {
  const auto refused = [](const std::shared_ptr<const Dataset>& data, const Names& wanted) {
    return message_of<ConfigError>([&] { chosen({data}, wanted); });
  };
  const auto whole = animals(40);
  EXPECT_EQ(
      refused(whole, {"dgo"}),
      "data.classes: \"dgo\" is no class of /made; expected some of cat, dog, fox, owl; did you "
      "mean \"dog\"?");
  EXPECT_EQ(refused(whole, {"zebra"}),
            "data.classes: \"zebra\" is no class of /made; expected some of cat, dog, fox, owl");
  for (const char* number : {"4", "-1", "1.0", "1x", ""}) {
    EXPECT_NE(refused(whole, {number}).find("is no class of /made"), std::string::npos) << number;
  }
  EXPECT_EQ(refused(whole, {"dog", "1"}),
            "data.classes: \"1\" is there twice; expected each class once");
  EXPECT_EQ(refused(std::make_shared<MadeDataset>(4, 1, 2, 2, 0), {"dog"}),
            "data.classes: expected a set with labels, found none in /made");
  EXPECT_EQ(message_of<DataError>([&] { chosen({animals(2)}, {"fox"}); }),
            "/made: holds no training image of the classes of data.classes");
  Names many;
  for (int i = 0; i < 30; ++i) many.push_back("class" + std::to_string(i));
  const std::string text = refused(animals(40, many), {"zebra"});
  EXPECT_TRUE(text.ends_with("class18, class19, ... (30 in all)")) << text;
}

// Which images are held out is settled first: no choice of classes lets an image change sides.
TEST(ChosenClasses, DoNotChangeWhichImagesJudge) {
  DataConfig all;
  all.val_fraction = 0.2;
  DataConfig some = all, others = all;
  some.classes = {"cat", "owl"};
  others.classes = {"dog", "fox"};
  const auto whole = std::make_shared<MadeDataset>(200, 1, 2, 2, 4);
  const auto named =
      map_labels(whole, [](int64_t label) { return label; }, {"cat", "dog", "fox", "owl"});
  Log log;
  const DataParts full = divide_data({named}, all, log);
  const DataParts a = divide_data({named}, some, log), b = divide_data({named}, others, log);
  for (const auto part : {&DataParts::train, &DataParts::test, &DataParts::val}) {
    std::set<std::string> both = places(a.*part);
    both.merge(places(b.*part));
    EXPECT_EQ(both, places(full.*part));
    EXPECT_EQ((a.*part)->info().size + (b.*part)->info().size, (full.*part)->info().size);
  }
  some.limit = 20;
  some.evaluate_on = "val";
  const DataParts few = divide_data({named}, some, log);
  EXPECT_EQ(few.train->info().size, 20);
  EXPECT_EQ(shared_images(*few.train, {a.train}), 20);
  EXPECT_EQ(places(few.test), places(a.val));
}

}  // namespace
}  // namespace nearfar
