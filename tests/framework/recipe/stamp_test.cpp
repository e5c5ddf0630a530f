// Stamps of recipe libraries are read from the file, compared, and refused before any code runs.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/recipe/library.h"
#include "framework/recipe/package.h"
#include "framework/recipe/stamp_reader.h"
#include "tests/paths.h"

namespace nearfar {
namespace {

const std::string kSimClr = std::string(NEARFAR_BUILD_DIR) + "/recipes/simclr.so";

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const PluginError& error) {
    return error.what();
  }
  return "no PluginError";
}

std::string write_temporary(const std::string& name, const std::vector<uint8_t>& bytes) {
  const std::string path = testing::TempDir() + name;
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  return path;
}

TEST(Stamp, OfABuiltInRecipeIsThisPrograms) {
  EXPECT_EQ(read_stamp(kSimClr), NEARFAR_STAMP);
  EXPECT_NE(read_stamp(kSimClr).find("torch=" NEARFAR_TORCH_VERSION), std::string::npos);
}

TEST(Stamp, DifferencesAreNamedWithBothValues) {
  EXPECT_EQ(
      message_of(
          [] { check_stamp("a.so", "interface=2;torch=2.10.0", "interface=1;torch=2.11.0"); }),
      "a.so: built for another program (interface: this program has 1, the library 2; torch: this "
      "program has 2.11.0, the library 2.10.0); rebuild it against this nearfar: cmake -B BUILD "
      "-Dnearfar_DIR=" +
          package_folder() + " && cmake --build BUILD");
  EXPECT_EQ(message_of([] { check_stamp("a.so", "interface=1", "interface=1"); }),
            "no PluginError");
}

TEST(Stamp, CudaCountsForLibrariesThatHaveSome) {
  const std::string ours = "interface=1;cuda=13.0";
  EXPECT_EQ(message_of([&] { check_stamp("a.so", "interface=1", ours); }), "no PluginError");
  EXPECT_EQ(message_of([&] { check_stamp("a.so", "interface=1;cuda=13.0", ours); }),
            "no PluginError");
  EXPECT_NE(message_of([&] {
              check_stamp("a.so", "interface=1;cuda=12.8", ours);
            }).find("cuda: this program has 13.0, the library 12.8"),
            std::string::npos);
  EXPECT_NE(message_of([&] {
              check_stamp("a.so", "cuda=13.0", ours);
            }).find("interface: this program has 1, the library nothing"),
            std::string::npos);
}

TEST(Stamp, EntriesAreReadByKey) {
  EXPECT_EQ(stamp_entry(program_stamp(), "interface"), std::to_string(kRecipeInterface));
  EXPECT_EQ(stamp_entry("a=1;b=2", "b"), "2");
  EXPECT_EQ(stamp_entry("a=1;b=2", "c"), "");
}

TEST(Stamp, FilesWithoutOneAreRefused) {
  EXPECT_NE(message_of([] { read_stamp("/no/such/library.so"); }).find("/no/such/library.so"),
            std::string::npos);
  const std::string text = write_temporary("text.so", {'h', 'e', 'l', 'l', 'o'});
  EXPECT_NE(message_of([&] { read_stamp(text); }).find("expected a 64-bit ELF library"),
            std::string::npos);
  EXPECT_NE(
      message_of([] { read_stamp(NEARFAR_BUILD_DIR "/libnearfar.so"); }).find("no nearfar stamp"),
      std::string::npos);
}

TEST(Stamp, TruncatedLibrariesNeverReadBeyondTheirEnd) {
  const std::vector<uint8_t> whole = read_file(kSimClr);
  for (size_t size = 0; size < whole.size(); size += whole.size() / 37 + 1) {
    const std::string path =
        write_temporary("cut.so", {whole.begin(), whole.begin() + static_cast<int64_t>(size)});
    EXPECT_NE(message_of([&] { read_stamp(path); }), "no PluginError") << size;
  }
}

TEST(Library, AMismatchedOneIsRefusedBeforeItIsOpened) {
  std::vector<uint8_t> bytes = read_file(kSimClr);
  const std::string stamp = "torch=" NEARFAR_TORCH_VERSION;
  const auto found = std::search(bytes.begin(), bytes.end(), stamp.begin(), stamp.end());
  ASSERT_NE(found, bytes.end());
  *(found + 6) = '9';
  const std::string path = write_temporary("mismatched.so", bytes);
  EXPECT_NE(message_of([&] { open_recipe(path); }).find("rebuild it against this nearfar"),
            std::string::npos);
}

TEST(Library, AnUnknownNameOffersTheNearest) {
  try {
    open_recipe("simcrl");
    FAIL();
  } catch (const UnknownRecipeError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean \"simclr\"?"), std::string::npos);
  }
}

TEST(Library, APathInTheConfigLeadsToTheRecipeOfThatName) {
  EXPECT_EQ(open_recipe("simclr", "").path, kSimClr);
  EXPECT_EQ(open_recipe("simclr", kSimClr).path, kSimClr);
  EXPECT_EQ(open_recipe("simclr", "/no/such/library.so").path, kSimClr);  // it moved: by name
  EXPECT_EQ(open_recipe(kSimClr, "/no/such/library.so").path, kSimClr);
  EXPECT_THROW(open_recipe("supervised", kSimClr), ConfigError);
  try {
    open_recipe("triplet", "/no/such/library.so");
    FAIL();
  } catch (const UnknownRecipeError& error) {
    EXPECT_NE(std::string(error.what()).find("/no/such/library.so"), std::string::npos);
  }
}

TEST(Library, BuiltInRecipesAreListed) {
  bool found = false;
  for (const RecipeListing& listing : list_recipes()) {
    EXPECT_EQ(listing.problem, "") << listing.path;
    found |= listing.name == "simclr";
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace nearfar
