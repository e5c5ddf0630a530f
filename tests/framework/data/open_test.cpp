// Recognition of data sets and folders of images: order, labels, parts, links, errors.
#include "framework/data/open.h"

#include <gtest/gtest.h>

#include "framework/data/image_tree.h"
#include "tests/framework/data/array_files.h"
#include "tests/framework/data/folder_tests.h"
#include "tests/framework/data/picture_files.h"

namespace nearfar {
namespace {

const Bytes& small_jpeg() {
  static const Bytes bytes = encode_jpeg(sample_picture(8, 8));
  return bytes;
}

DataParts open_path(const std::string& path, Log& log) {
  DataConfig config;
  config.path = path;
  return open_data(config, log);
}

DataParts open_path(const std::string& path) {
  Log log;
  return open_path(path, log);
}

std::vector<std::string> places(const Dataset& data) {
  std::vector<std::string> result;
  for (int64_t i = 0; i < data.info().size; ++i) {
    result.push_back(data.place(i).substr(data.info().path.size() + 1));
  }
  return result;
}

std::string error_of(const std::string& path) {
  return message_of<DataError>([&] { open_path(path); });
}

TEST(OpenFolder, LabelsAreTheFirstFolders) {
  TemporaryFolder folder;
  for (const char* name : {"class10/a.JPG", "class2/deep/er/img10.jpeg", "class2/img2.jpg",
                           "class2/img10.jpg", ".hidden/x.jpg", "class2/.x.jpg", "readme.txt"}) {
    folder.write(name, small_jpeg());
  }
  folder.write("class10/b.png", encode_through_opencv(".png", sample_picture(4, 6)));
  std::vector<std::string> lines;
  Log log([&](Level, const std::string& line) { lines.push_back(line); });
  const DataParts parts = open_path(folder.path(), log);
  EXPECT_EQ(places(*parts.train),
            (std::vector<std::string>{"class2/deep/er/img10.jpeg", "class2/img2.jpg",
                                      "class2/img10.jpg", "class10/a.JPG", "class10/b.png"}));
  EXPECT_EQ(parts.train->info().class_names, (std::vector<std::string>{"class2", "class10"}));
  EXPECT_EQ(parts.train->label(2), 0);
  EXPECT_EQ(parts.train->label(3), 1);
  EXPECT_EQ(parts.test, nullptr);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(contains(lines[0], "(folder), 5 train, of any size colour, 2 classes")) << lines[0];
  PixelBuffer storage;
  const Image png = parts.train->read(4, storage);
  EXPECT_EQ(png.height, 4);
  EXPECT_EQ(png.width, 6);
}

TEST(OpenFolder, AnImageOutsideOfFoldersMeansNoLabels) {
  TemporaryFolder folder;
  folder.write("a/1.jpg", small_jpeg());
  folder.write("2.jpg", small_jpeg());
  const DataParts parts = open_path(folder.path());
  EXPECT_TRUE(parts.train->info().class_names.empty());
  EXPECT_EQ(parts.train->label(0), -1);
  EXPECT_EQ(parts.train->info().size, 2);
}

TEST(OpenFolder, LinksAndLoopsCountOnce) {
  TemporaryFolder folder;
  folder.write("b/1.jpg", small_jpeg());
  folder.write("b/2.jpg", small_jpeg());
  std::filesystem::create_directory(folder / "a");
  std::filesystem::create_symlink("../b/1.jpg", folder / "a/0.jpg");
  std::filesystem::create_hard_link(folder / "b/2.jpg", folder / "b/3.jpg");
  std::filesystem::create_directory_symlink("..", folder / "b/loop");
  std::filesystem::create_directory_symlink("b", folder / "c");
  std::vector<std::string> lines;
  Log log([&](Level, const std::string& line) { lines.push_back(line); });
  const DataParts parts = open_path(folder.path(), log);
  EXPECT_EQ(places(*parts.train), (std::vector<std::string>{"b/1.jpg", "b/2.jpg"}));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "data: " + folder.path() +
                          ": left out 2 paths that lead to an image that is counted already");
}

TEST(OpenFolder, TrainAndTestAreParts) {
  TemporaryFolder folder;
  for (const char* name : {"train/cat/1.jpg", "train/dog/1.jpg", "train/emu/1.jpg", "val/emu/1.jpg",
                           "val/dog/1.jpg"}) {
    folder.write(name, small_jpeg());
  }
  const DataParts parts = open_path(folder.path());
  EXPECT_EQ(parts.train->info().size, 3);
  ASSERT_NE(parts.test, nullptr);
  EXPECT_EQ(parts.test->label(0), 1);  // dog
  EXPECT_EQ(parts.test->label(1), 2);  // emu
  EXPECT_EQ(parts.test->info().class_names, parts.train->info().class_names);
  folder.write("test/loose.jpg", small_jpeg());
  EXPECT_EQ(open_path(folder.path()).test->info().path, folder / "val");
}

TEST(OpenFolder, ClassesAreThoseOfAllParts) {
  TemporaryFolder folder;
  for (const char* name : {"train/cat/1.jpg", "train/emu/1.jpg", "test/dog/1.jpg", "test/yak/1.jpg",
                           "test/emu/1.jpg"}) {
    folder.write(name, small_jpeg());
  }
  const DataParts parts = open_path(folder.path());
  EXPECT_EQ(parts.train->info().class_names,
            (std::vector<std::string>{"cat", "dog", "emu", "yak"}));
  EXPECT_EQ(parts.test->info().class_names, parts.train->info().class_names);
  EXPECT_EQ(parts.train->label(1), 2);  // emu
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(parts.test->label(i), i + 1);
}

TEST(OpenFolder, ValBesideTestIsOpenedWhereItIsAskedFor) {
  TemporaryFolder folder;
  for (const char* name : {"train/cat/1.jpg", "test/cat/1.jpg", "val/cat/1.jpg", "val/cat/2.jpg"}) {
    folder.write(name, small_jpeg());
  }
  DataConfig config;
  config.path = folder.path();
  Log log;
  EXPECT_EQ(open_data(config, log).val, nullptr);
  config.val_fraction = 0.5;
  EXPECT_EQ(open_data(config, log).val->info().size, 2);
  config.val_fraction = 0.0;
  config.evaluate_on = "val";
  const DataParts parts = open_data(config, log);
  EXPECT_EQ(parts.val->info().path, folder / "val");
  EXPECT_EQ(parts.test->info().path, folder / "test");
}

TEST(OpenFolder, ATrainFolderAmongOthersIsAClass) {
  TemporaryFolder folder;
  folder.write("train/1.jpg", small_jpeg());
  folder.write("plane/1.jpg", small_jpeg());
  EXPECT_EQ(open_path(folder.path()).train->info().class_names,
            (std::vector<std::string>{"plane", "train"}));
}

TEST(OpenFolder, TestPathIsAlignedByClassName) {
  TemporaryFolder train, test;
  for (const char* name : {"a/1.jpg", "b/1.jpg", "c/1.jpg"}) train.write(name, small_jpeg());
  for (const char* name : {"c/1.jpg", "b/1.jpg"}) test.write(name, small_jpeg());
  DataConfig config;
  config.path = train.path();
  config.test_path = test.path();
  Log log;
  const DataParts parts = open_data(config, log);
  EXPECT_EQ(parts.test->label(0), 1);
  EXPECT_EQ(parts.test->label(1), 2);
  test.write("d/1.jpg", small_jpeg());
  test.write("aa/1.jpg", small_jpeg());
  // Classes of the test set alone follow those of the training set, which keep their numbers.
  const DataParts more = open_data(config, log);
  EXPECT_EQ(more.train->info().class_names, (std::vector<std::string>{"a", "b", "c", "aa", "d"}));
  EXPECT_EQ(more.test->info().class_names, more.train->info().class_names);
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(more.train->label(i), i);
  EXPECT_EQ(more.test->label(0), 3);  // aa
  EXPECT_EQ(more.test->label(3), 4);  // d
}

TEST(OpenData, WhatIsNoDataIsNamed) {
  TemporaryFolder folder;
  EXPECT_TRUE(contains(error_of(folder / "nowhere"), (folder / "nowhere") + ": no such folder"));
  std::filesystem::create_directory(folder / "empty");
  EXPECT_TRUE(contains(error_of(folder / "empty"), (folder / "empty") + ": the folder is empty"));
  folder.write("texts/a.txt", std::string("words"));
  EXPECT_TRUE(contains(error_of(folder / "texts"), "no images found among 1 files; accepted:"));
  EXPECT_TRUE(contains(error_of(folder / "texts/a.txt"), "not a folder"));
  folder.write("bad/1.jpg", std::string("words"));
  folder.write("bad/2.png", Bytes{});
  EXPECT_EQ(error_of(folder / "bad"),
            (folder / "bad") + ": none of the 2 images can be read; first: " +
                (folder / "bad/1.jpg") + ": not a JPEG, PNG, WebP, BMP or TIFF image");
}

TEST(OpenData, OneImageIsASetOfOne) {
  TemporaryFolder folder;
  folder.write("cats/First One.JPG", small_jpeg());
  folder.write("cats/2.jpg", small_jpeg());
  const auto set = open_path(folder / "cats/First One.JPG").train;
  EXPECT_EQ(set->info().size, 1);
  EXPECT_EQ(set->place(0), folder / "cats/First One.JPG");
  EXPECT_TRUE(set->info().class_names.empty());
  folder.write("bad.png", std::string("words"));
  EXPECT_TRUE(contains(error_of(folder / "bad.png"), "none of the 1 images can be read"));
}

TEST(OpenData, AForcedFormatMustBeThere) {
  TemporaryFolder folder;
  folder.write("1.jpg", small_jpeg());
  DataConfig config;
  config.path = folder.path();
  Log log;
  for (const char* format : {"idx", "cifar10", "cifar100"}) {
    config.format = format;
    EXPECT_TRUE(contains(message_of<DataError>([&] { open_data(config, log); }),
                         folder.path() + ": expected "))
        << format;
  }
  config.format = "folder";
  EXPECT_EQ(open_data(config, log).train->info().size, 1);
}

TEST(OpenData, ListsAndArraysAreRecognisedByName) {
  TemporaryFolder folder;
  folder.write("4.jpg", small_jpeg());
  const std::string list = "path\n4.jpg\n";
  const std::string array = folder.write("My Set.NPY", npy_file("|u1", {1, 2, 2}, {1, 2, 3, 4}));
  EXPECT_EQ(open_path(folder.write("list.csv", list)).train->info().format, "csv");
  EXPECT_EQ(open_path(folder.write("list.TSV", list)).train->info().name, "list");
  EXPECT_EQ(open_path(array).train->info().format, "npy");
  EXPECT_EQ(open_path(array).train->info().name, "my-set");
  EXPECT_TRUE(contains(error_of(folder.write("list.txt", list)), "not a folder"));
  DataConfig config;
  config.path = folder / "list.txt";
  config.format = "csv";
  config.test_path = folder / "list.csv";
  Log log;
  EXPECT_EQ(open_data(config, log).test->info().size, 1);
  config.path = folder.path();
  EXPECT_TRUE(contains(message_of<DataError>([&] { open_data(config, log); }),
                       "expected a file, found none of them (data.format)"));
}

TEST(OpenData, TheTestSetHasTheTargetsOfTheTrainingSet) {
  TemporaryFolder folder;
  folder.write("4.jpg", small_jpeg());
  DataConfig config;
  config.path = folder.write("train.csv", std::string("path,target\n4.jpg,1\n"));
  config.test_path = folder.write("test.csv", std::string("path\n4.jpg\n"));
  Log log;
  EXPECT_TRUE(contains(message_of<DataError>([&] { open_data(config, log); }),
                       "test.csv: expected 1 targets like " + config.path + ", found 0"));
}

TEST(OpenData, ShortNamesFitRunFolders) {
  TemporaryFolder folder;
  folder.write("My Photos (2020)/1.jpg", small_jpeg());
  EXPECT_EQ(open_path(folder / "My Photos (2020)/").train->info().name, "my-photos--2020-");
}

}  // namespace
}  // namespace nearfar
