// .csv and .tsv lists: columns, parts, labels, targets, and what is refused with its line.
#include "framework/data/image_list.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "tests/framework/data/folder_tests.h"
#include "tests/framework/data/picture_files.h"

namespace nearfar {
namespace {

/// A folder with six images and a list of them.
class Lists : public ::testing::Test {
 protected:
  Lists() {
    for (const char* name : {"a/1.jpg", "a/2.jpg", "3, \"x\".jpg", "4.jpg", "5.jpg", "6.jpg"}) {
      folder_.write(name, encode_jpeg(sample_picture(8, 6)));
    }
  }
  DataParts open(const std::string& text, const std::string& name = "list.csv") {
    Log log([this](Level, const std::string& line) { said_ += line + "\n"; });
    return open_image_list(folder_.write(name, text), "list", 1 << 20, log);
  }
  /// The message behind "LIST".
  std::string error(const std::string& text) {
    const std::string message = message_of<DataError>([&] { open(text); });
    EXPECT_TRUE(message.starts_with(folder_ / "list.csv")) << message;
    return message.substr(std::min(message.size(), (folder_ / "list.csv").size()));
  }

  TemporaryFolder folder_;
  std::string said_;
};

TEST_F(Lists, AnEmptyLabelIsNoneAndMinusOneIsAClass) {
  const DataParts parts = open("path,label\n4.jpg,1\n5.jpg,-1\n6.jpg,\n");
  EXPECT_EQ(parts.train->info().class_names, (std::vector<std::string>{"-1", "1"}));
  EXPECT_EQ(parts.train->label(1), 0);
  EXPECT_EQ(parts.train->label(2), -1);
}

TEST_F(Lists, PartsLabelsAndTargets) {
  const std::string absolute = folder_ / "a/../5.jpg";
  const DataParts parts = open(
      "label,path,target_x,split,age,target_y\r\n"
      "img10,a/1.jpg,1.5,train,3,-2\r\n"
      "img2,\"3, \"\"x\"\".jpg\",1e-3,,4,0\r\n"
      ",./4.jpg,7,val,5,8\r\n"
      "img10," +
      absolute + ",0.5,test,6,0.25\r\n");
  EXPECT_EQ(parts.train->info().size, 2);
  EXPECT_EQ(parts.val->info().size, 1);
  EXPECT_EQ(parts.test->info().size, 1);
  EXPECT_EQ(parts.train->info().format, "csv");
  EXPECT_EQ(parts.test->info().class_names, (std::vector<std::string>{"img2", "img10"}));
  EXPECT_EQ(parts.train->label(0), 1);
  EXPECT_EQ(parts.train->label(1), 0);
  EXPECT_EQ(parts.val->label(0), -1);
  EXPECT_EQ(parts.test->label(0), 1);
  EXPECT_EQ(parts.train->info().targets, (std::vector<std::string>{"target_x", "target_y"}));
  EXPECT_EQ(parts.train->target(1)[0], 1e-3f);
  EXPECT_EQ(parts.val->target(0)[1], 8.0f);
  EXPECT_EQ(parts.train->place(1), folder_ / "3, \"x\".jpg");
  EXPECT_EQ(parts.val->place(0), folder_ / "4.jpg");
  EXPECT_EQ(parts.test->place(0), folder_ / "5.jpg");
  PixelBuffer storage;
  EXPECT_EQ(parts.test->read(0, storage).width, 6);
  EXPECT_TRUE(contains(said_, "columns left out: age\n")) << said_;
}

TEST_F(Lists, ValIsTheTestPartWhereThereIsNoOther) {
  const DataParts parts = open("path,split\n4.jpg,train\n5.jpg,val\n");
  EXPECT_EQ(parts.val, nullptr);
  EXPECT_EQ(parts.test->info().size, 1);
  EXPECT_TRUE(parts.train->info().class_names.empty());
  EXPECT_TRUE(parts.train->info().targets.empty());
}

TEST_F(Lists, TabsSeparateInTsvFiles) {
  const DataParts parts = open("path\tlabel\n4.jpg\ta,b\n", "list.Tsv");
  EXPECT_EQ(parts.train->info().class_names, (std::vector<std::string>{"a,b"}));
}

TEST_F(Lists, WhatDoesNotFitIsNamedByLine) {
  EXPECT_EQ(error(""), ": the list is empty");
  EXPECT_EQ(error("path,label\n"), ": expected rows below the columns, found none");
  EXPECT_EQ(error("4.jpg,2\n5.jpg,3\n"),
            ":1: expected a first line that names the columns, \"path\" among them (and label, "
            "target, target_NAME, split), found \"4.jpg, 2\"");
  EXPECT_EQ(error("path,path\n4.jpg,5.jpg\n"), ":1: column \"path\" is there twice");
  EXPECT_EQ(error("path, label\n4.jpg, a\n"),
            ":1: the name of column \" label\" begins or ends with a space");
  EXPECT_EQ(error("path,label\n4.jpg,a\n5.jpg\n"), ":3: expected 2 fields, found 1");
  EXPECT_EQ(error("path,split\n4.jpg,eval\n"),
            ":2: split: expected train, val or test, found \"eval\"");
  EXPECT_EQ(error("path,target\n4.jpg,1.5x\n"),
            ":2: target: expected a finite number, found \"1.5x\"");
  EXPECT_EQ(error("path,target\n4.jpg,\n"), ":2: target: expected a finite number, found \"\"");
  EXPECT_EQ(error("path,target\n4.jpg,nan\n"),
            ":2: target: expected a finite number, found \"nan\"");
  EXPECT_EQ(error("path,label\n,a\n"), ":2: path: expected an image file, found nothing");
  EXPECT_EQ(error("path\n4.jpg\n5.jpg\na/../4.jpg\n"),
            ":4: path: a/../4.jpg is there already, in line 2");
  EXPECT_EQ(error("path\n4.jpg\nb.jpg\na.jpg\n"),
            ":3: " + folder_ / "b.jpg" + ": no such file; 2 of 3 files of the list are missing");
  EXPECT_EQ(error("path\n\"4.jpg\n"), ":2: a quote is never closed");
}

TEST_F(Lists, OfUnreadableImagesAreRefused) {
  folder_.write("bad.jpg", std::string("no image"));
  EXPECT_TRUE(contains(error("path\nbad.jpg\n"), "none of the 1 images can be read"));
}

RC_GTEST_FIXTURE_PROP(Lists, ChangedListsAreReadOrRefused, ()) {
  std::string text = "path,label,target,split\n4.jpg,a,1,\n5.jpg,b,2,val\na/1.jpg,\"c,\",3,test\n";
  const auto changes = *rc::gen::inRange(1, 5);
  for (int i = 0; i < changes; ++i) {
    text[*rc::gen::inRange<size_t>(0, text.size())] = *rc::gen::oneOf(
        rc::gen::element(',', '"', '\n', '\r', '.', '/', '\0'), rc::gen::arbitrary<char>());
  }
  try {
    open(text);
  } catch (const DataError& message) {
    RC_ASSERT(std::string(message.what()).starts_with(folder_ / "list.csv"));
  }
}

}  // namespace
}  // namespace nearfar
