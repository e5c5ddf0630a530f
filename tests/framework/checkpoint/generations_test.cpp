// Generations: what is saved comes back, what is damaged is named and skipped, old ones go in time.
#include "framework/checkpoint/generations.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "framework/checkpoint/manifest.h"
#include "framework/error.h"
#include "tests/framework/files/temporary_folder.h"

namespace nearfar {
namespace {

class Generations : public testing::Test {
 protected:
  Generation save(int64_t step, const std::string& text = "weights", int64_t keep = 3) {
    const std::vector<uint8_t> bytes(text.begin(), text.end());
    return save_generation(real_file_system(), checkpoints_, step,
                           Json::object({{"step", Json(step)}, {"rate", Json(0.1)}}),
                           {{"model.safetensors", bytes}, {"empty", {}}}, keep);
  }
  std::string generation(int64_t step) const {
    return checkpoints_ + "/gen-" + std::to_string(step);
  }
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(checkpoints_)) {
      found.insert(entry.path().filename().string());
    }
    return found;
  }
  int64_t newest_step() {
    warnings_.clear();
    Log log([this](Level, const std::string& message) { warnings_.push_back(message); });
    const auto found = newest_generation(checkpoints_, log);
    return found ? found->step : -1;
  }
  void replace(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  /// Replaces text in the manifest of a generation; its checksum stays.
  void edit_manifest(int64_t step, const std::string& from, const std::string& to) {
    const std::string path = generation(step) + "/MANIFEST.json";
    std::string text = read_text(path);
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << text;
    replace(path, text.replace(at, from.size(), to));
  }
  /// Of two generations the damaged second is skipped with this reason.
  void expect_skipped(const std::string& reason) {
    EXPECT_EQ(newest_step(), 1);
    ASSERT_EQ(warnings_.size(), 1u);
    EXPECT_NE(warnings_[0].find(reason), std::string::npos) << warnings_[0];
    EXPECT_NE(warnings_[0].find(generation(2)), std::string::npos) << warnings_[0];
    EXPECT_EQ(warnings_[0].find('\n'), std::string::npos);
  }

  TemporaryFolder folder_;
  std::string checkpoints_ = folder_ / "checkpoints";
  std::vector<std::string> warnings_;
};

// XXH3 128 bits of the empty input, seed 0 (xxHash's own sanity checks).
TEST(Xxh3, EqualsThePublishedValue) {
  EXPECT_EQ(xxh3_hex(nullptr, 0), "99aa06d3014798d86001c324468d497f");
}

TEST_F(Generations, NoneInAMissingOrEmptyFolder) {
  EXPECT_EQ(newest_step(), -1);
  std::filesystem::create_directories(checkpoints_ + "/gen-7.tmp");
  std::filesystem::create_directories(checkpoints_ + "/gen-07");
  std::filesystem::create_directories(checkpoints_ + "/gen--7");
  std::filesystem::create_directories(checkpoints_ + "/other");
  EXPECT_EQ(newest_step(), -1);
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(Generations, ComeBackAsSaved) {
  const Generation saved = save(12);
  EXPECT_EQ(saved.step, 12);
  EXPECT_EQ(saved.path, generation(12));
  const Generation loaded = load_generation(generation(12));
  EXPECT_EQ(loaded.step, 12);
  EXPECT_TRUE(loaded.state == Json::object({{"step", Json(int64_t{12})}, {"rate", Json(0.1)}}));
  EXPECT_EQ(read_text(loaded.path + "/model.safetensors"), "weights");
  EXPECT_EQ(read_text(loaded.path + "/empty"), "");
  EXPECT_EQ(names(), (std::set<std::string>{"gen-12"}));
}

TEST_F(Generations, NewestIsByNumberNotByText) {
  for (const int64_t step : {9, 10, 100}) save(step);
  EXPECT_EQ(newest_step(), 100);
  std::filesystem::remove_all(generation(100));
  EXPECT_EQ(newest_step(), 10);
}

TEST_F(Generations, KeepTheNewestAndNeverFewerThanTwo) {
  for (const int64_t step : {1, 2, 3, 4, 5}) save(step, "w", 3);
  EXPECT_EQ(names(), (std::set<std::string>{"gen-3", "gen-4", "gen-5"}));
  save(6, "w", 1);
  EXPECT_EQ(names(), (std::set<std::string>{"gen-5", "gen-6"}));
}

TEST_F(Generations, DamagedOnesDoNotCountAsKept) {
  for (const int64_t step : {1, 2, 3}) save(step, "w", 3);
  replace(generation(3) + "/empty", "x");
  save(4, "w", 2);
  EXPECT_EQ(names(), (std::set<std::string>{"gen-2", "gen-3", "gen-4"}));
  save(5, "w", 2);
  EXPECT_EQ(names(), (std::set<std::string>{"gen-4", "gen-5"}));
}

TEST_F(Generations, OfOneStepReplaceEachOther) {
  save(1);
  save(2, "first");
  save(2, "second");
  EXPECT_EQ(read_text(generation(2) + "/model.safetensors"), "second");
  EXPECT_EQ(names(), (std::set<std::string>{"gen-1", "gen-2"}));
  replace(generation(2) + "/empty", "x");
  save(2, "third");
  EXPECT_EQ(newest_step(), 2);
  EXPECT_EQ(read_text(generation(2) + "/model.safetensors"), "third");
}

TEST_F(Generations, OneThatIsBeingReplacedStillCounts) {
  save(1);
  save(2);
  std::filesystem::rename(generation(2), generation(2) + ".old");
  EXPECT_EQ(newest_step(), 2);
  save(3);
  EXPECT_EQ(newest_step(), 3);
}

TEST_F(Generations, ASaveBehindTheNewestSurvives) {
  for (const int64_t step : {8, 9}) save(step, "w", 2);
  save(3, "w", 2);
  EXPECT_EQ(names(), (std::set<std::string>{"gen-3", "gen-8", "gen-9"}));
}

TEST_F(Generations, LeftoversGoAtTheNextSave) {
  std::filesystem::create_directories(checkpoints_ + "/gen-5.tmp/sub");
  replace(checkpoints_ + "/gen-5.tmp/half", "x");
  std::filesystem::create_directories(checkpoints_ + "/mine.tmp");
  save(6);
  EXPECT_EQ(names(), (std::set<std::string>{"gen-6", "mine.tmp"}));
}

TEST_F(Generations, TrailingSlashesAndMovedFoldersAreFine) {
  checkpoints_ += "//";
  save(1);
  EXPECT_EQ(newest_step(), 1);
  std::filesystem::rename(folder_ / "checkpoints/gen-1", folder_ / "kept");
  EXPECT_EQ(load_generation(folder_ / "kept").step, 1);
}

TEST_F(Generations, RefusesWrongNamesAndSteps) {
  const auto save_named = [&](const std::vector<GenerationFile>& contents) {
    save_generation(real_file_system(), checkpoints_, 1, Json::object(), contents, 2);
  };
  EXPECT_THROW(save_named({{"a/b", {}}}), std::invalid_argument);
  EXPECT_THROW(save_named({{"..", {}}}), std::invalid_argument);
  EXPECT_THROW(save_named({{"", {}}}), std::invalid_argument);
  EXPECT_THROW(save_named({{"MANIFEST.json", {}}}), std::invalid_argument);
  EXPECT_THROW(save_named({{"a", {}}, {"a", {}}}), std::invalid_argument);
  EXPECT_THROW(save(-1), std::invalid_argument);
  EXPECT_EQ(newest_step(), -1);
}

class DamagedGeneration : public Generations {
 protected:
  DamagedGeneration() {
    save(1);
    save(2);
  }
};

TEST_F(DamagedGeneration, EveryFlippedBitOfAFileIsFound) {
  const std::string path = generation(2) + "/model.safetensors";
  const std::string text = read_text(path);
  for (size_t bit = 0; bit < 8 * text.size(); ++bit) {
    std::string flipped = text;
    flipped[bit / 8] ^= static_cast<char>(1 << bit % 8);
    replace(path, flipped);
    expect_skipped("/model.safetensors: expected hash ");
  }
}

TEST_F(DamagedGeneration, EveryTruncationOfTheManifestIsFound) {
  const std::string path = generation(2) + "/MANIFEST.json";
  const std::string text = read_text(path);
  const size_t end = text.find_last_not_of('\n') + 1;  // white space after the end carries nothing
  for (size_t size = 0; size < end; ++size) {
    replace(path, text.substr(0, size));
    EXPECT_EQ(newest_step(), 1) << size;
  }
}

TEST_F(DamagedGeneration, EveryFlippedBitOfTheManifestIsFoundOrMeansTheSame) {
  const std::string path = generation(2) + "/MANIFEST.json";
  const std::string text = read_text(path);
  const Generation intact = load_generation(generation(2));
  for (size_t bit = 0; bit < 8 * text.size(); ++bit) {
    std::string flipped = text;
    flipped[bit / 8] ^= static_cast<char>(1 << bit % 8);
    replace(path, flipped);
    // A flipped blank may still be a blank; whatever is accepted must mean the same.
    if (newest_step() == 2) {
      EXPECT_TRUE(load_generation(generation(2)).state == intact.state) << flipped;
    }
  }
}

TEST_F(DamagedGeneration, ATruncatedFile) {
  replace(generation(2) + "/model.safetensors", "weight");
  expect_skipped("/model.safetensors: expected 7 bytes, found 6");
}

TEST_F(DamagedGeneration, AMissingFile) {
  std::filesystem::remove(generation(2) + "/model.safetensors");
  expect_skipped("/model.safetensors: No such file or directory");
}

TEST_F(DamagedGeneration, AMissingManifest) {
  std::filesystem::remove(generation(2) + "/MANIFEST.json");
  expect_skipped("/MANIFEST.json: No such file or directory");
}

TEST_F(DamagedGeneration, AFolderInAFilesPlace) {
  std::filesystem::remove(generation(2) + "/empty");
  std::filesystem::create_directory(generation(2) + "/empty");
  expect_skipped("/empty: cannot be read");
}

TEST_F(DamagedGeneration, AnotherSchema) {
  edit_manifest(2, "\"schema\": 1", "\"schema\": 2");
  expect_skipped("/MANIFEST.json: schema 2, this program reads 1");
}

TEST_F(DamagedGeneration, AnEditedState) {
  edit_manifest(2, "\"rate\": 0.1", "\"rate\": 0.2");
  expect_skipped("/MANIFEST.json: checksum is ");
}

TEST_F(DamagedGeneration, TheManifestOfAnotherStep) {
  std::filesystem::copy_file(generation(1) + "/MANIFEST.json", generation(2) + "/MANIFEST.json",
                             std::filesystem::copy_options::overwrite_existing);
  expect_skipped("/MANIFEST.json: step 1 does not fit the folder's name");
}

TEST_F(DamagedGeneration, AManifestThatPointsOutside) {
  Manifest manifest{2, Json::object(), {{"outside", 1, xxh3_hex("x", 1)}}};
  std::string text = manifest_text(manifest);
  text.replace(text.find("outside"), 7, "../side");
  Json json = parse_json(text, "test");
  std::vector<Json::Member> members = json.members();
  members.pop_back();
  const std::string hashed = to_text(Json::object(members), -1);
  json["checksum"] = Json(xxh3_hex(hashed.data(), hashed.size()));
  replace(generation(2) + "/MANIFEST.json", to_text(json));
  expect_skipped("\"../side\" is not a plain, unique file name");
}

TEST_F(DamagedGeneration, AllDamagedIsAnError) {
  replace(generation(1) + "/empty", "x");
  replace(generation(2) + "/empty", "x");
  try {
    newest_step();
    FAIL();
  } catch (const CheckpointError& error) {
    EXPECT_NE(std::string(error.what())
                  .find("all 2 checkpoints are damaged, the newest: " + generation(2) +
                        "/empty: expected 0 bytes, found 1"),
              std::string::npos)
        << error.what();
  }
  EXPECT_EQ(warnings_.size(), 2u);
}

}  // namespace
}  // namespace nearfar
