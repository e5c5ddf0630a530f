// log.jsonl: what is appended is there at once, what a crash tore is gone, resuming cuts to the
// step.
#include "framework/log/json_lines.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "framework/error.h"

namespace nearfar {
namespace {

/// A path in a folder of its own, removed at the end.
class ScratchFile {
 public:
  ScratchFile() {
    std::string name = (std::filesystem::temp_directory_path() / "json_lines_XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    folder_ = name;
  }
  ~ScratchFile() { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ / "log.jsonl"; }
  void write(const std::string& text) const { std::ofstream(path(), std::ios::binary) << text; }
  std::string text() const {
    std::ostringstream text;
    text << std::ifstream(path(), std::ios::binary).rdbuf();
    return text.str();
  }

 private:
  std::filesystem::path folder_;
};

Json record(int64_t step) { return Json::object({{"step", step}, {"loss", Json(1.0 / step)}}); }

std::string lines_of_steps(std::initializer_list<int64_t> steps) {
  std::string text;
  for (const int64_t step : steps) text += to_text(record(step), -1) + "\n";
  return text;
}

TEST(JsonLines, EachLineIsThereAtOnce) {
  const ScratchFile file;
  JsonLines log(file.path());
  EXPECT_EQ(file.text(), "");
  log.append(record(4));
  EXPECT_EQ(file.text(), "{\"step\":4,\"loss\":0.25}\n");
  log.append(Json::object({{"note", "two\nlines"}}));
  EXPECT_EQ(file.text(), "{\"step\":4,\"loss\":0.25}\n{\"note\":\"two\\nlines\"}\n");
}

TEST(JsonLines, NumbersThatAreNotFiniteAreNull) {
  const ScratchFile file;
  JsonLines(file.path())
      .append(Json::object({{"loss", std::nan("")},
                            {"list", Json::array({Json(INFINITY), Json(2)})},
                            {"group", Json::object({{"x", -INFINITY}, {"y", 0.5}})}}));
  EXPECT_EQ(file.text(), "{\"loss\":null,\"list\":[null,2],\"group\":{\"x\":null,\"y\":0.5}}\n");
}

TEST(JsonLines, ReopeningAppendsAndCutsATornLine) {
  const ScratchFile file;
  file.write(lines_of_steps({1, 2}) + "{\"step\":3,\"lo");
  JsonLines(file.path()).append(record(3));
  EXPECT_EQ(file.text(), lines_of_steps({1, 2, 3}));
}

TEST(JsonLines, ReadsBackWhatWasWritten) {
  const ScratchFile file;
  JsonLines log(file.path());
  for (int64_t step = 1; step <= 5; ++step) log.append(record(step));
  const std::vector<Json> lines = read_json_lines(file.path());
  ASSERT_EQ(lines.size(), 5u);
  for (int64_t step = 1; step <= 5; ++step) EXPECT_EQ(lines[step - 1], record(step));
  file.write("{}\n{\"torn\"");
  EXPECT_EQ(read_json_lines(file.path()).size(), 1u);
}

TEST(JsonLines, ReadingNamesTheBadLine) {
  const ScratchFile file;
  for (const std::string bad : {"[1]", "{\"a\":", "", "rubbish"}) {
    file.write(lines_of_steps({1}) + bad + "\n" + lines_of_steps({2}));
    try {
      read_json_lines(file.path());
      ADD_FAILURE() << bad;
    } catch (const DataError& error) {
      EXPECT_EQ(error.what(), file.path() + ":2: expected a JSON object on the line");
    }
  }
}

TEST(JsonLines, FileErrorsNameThePathAndTheReason) {
  try {
    JsonLines("/nearfar-no-such-folder/log.jsonl");
    ADD_FAILURE();
  } catch (const EnvironmentError& error) {
    EXPECT_STREQ(error.what(),
                 "/nearfar-no-such-folder/log.jsonl: cannot open: No such file or directory");
  }
  EXPECT_THROW(read_json_lines("/nearfar-no-such-folder/log.jsonl"), DataError);
  EXPECT_THROW(read_json_lines("/"), DataError);
}

TEST(JsonLines, AFullDiskLeavesNoPartOfALine) {
  const ScratchFile file;
  JsonLines log(file.path());
  log.append(record(1));
  // A file size limit fails like a full disk: a short write, then an error.
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  rlimit limit = old_limit;
  limit.rlim_cur = file.text().size() + 5;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::string message;
  try {
    log.append(record(2));
  } catch (const EnvironmentError& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(message, file.path() + ": cannot write: File too large");
  EXPECT_EQ(file.text(), lines_of_steps({1}));
  log.append(record(3));
  EXPECT_EQ(file.text(), lines_of_steps({1, 3}));
}

TEST(Truncate, KeepsTheLinesUpToTheStep) {
  const ScratchFile file;
  const auto after = [&](const std::string& text, int64_t step) {
    file.write(text);
    truncate_after_step(file.path(), step);
    return file.text();
  };
  const std::string all = lines_of_steps({10, 20, 30});
  EXPECT_EQ(after(all, 30), all);
  EXPECT_EQ(after(all, 29), lines_of_steps({10, 20}));
  EXPECT_EQ(after(all, 20), lines_of_steps({10, 20}));
  EXPECT_EQ(after(all, 9), "");
  EXPECT_EQ(after("", 5), "");
  EXPECT_EQ(after("{\"event\":\"start\"}\n" + all + "{\"event\":\"end\"}\n", 10),
            "{\"event\":\"start\"}\n" + lines_of_steps({10}));
}

TEST(Truncate, DropsTornAndUnreadableEnds) {
  const ScratchFile file;
  file.write(lines_of_steps({1, 2}) + "{\"step\":3");
  truncate_after_step(file.path(), 100);
  EXPECT_EQ(file.text(), lines_of_steps({1, 2}));
  file.write(lines_of_steps({1, 2}) + std::string(100, '\0') + "\n" + lines_of_steps({3}));
  truncate_after_step(file.path(), 100);
  EXPECT_EQ(file.text(), lines_of_steps({1, 2}));
}

TEST(Truncate, WithoutFileMakesNone) {
  const ScratchFile file;
  truncate_after_step(file.path(), 3);
  EXPECT_FALSE(std::filesystem::exists(file.path()));
}

RC_GTEST_PROP(Truncate, AFileTornAnywhereResumesToTheSameText, ()) {
  // Whatever byte the crash tore, cutting to a step and writing on gives the log of an unbroken
  // run.
  const int64_t last = *rc::gen::inRange<int64_t>(1, 12);
  std::string unbroken, kept;
  const int64_t resumed = *rc::gen::inRange<int64_t>(0, last + 1);
  for (int64_t step = 1; step <= last; ++step) {
    unbroken += lines_of_steps({step});
    if (step == resumed) kept = unbroken;
  }
  const auto torn = *rc::gen::inRange<size_t>(kept.size(), unbroken.size() + 1);
  const ScratchFile file;
  file.write(unbroken.substr(0, torn));
  truncate_after_step(file.path(), resumed);
  JsonLines log(file.path());
  for (int64_t step = resumed + 1; step <= last; ++step) log.append(record(step));
  RC_ASSERT(file.text() == unbroken);
}

}  // namespace
}  // namespace nearfar
