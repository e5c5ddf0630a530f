// The golden runner itself: what it must pass, and every kind of wrong answer that it must not.
#include "tests/golden_runner/runner.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <sstream>

#include "framework/checkpoint/tensors.h"
#include "framework/error.h"
#include "tests/framework/files/temporary_folder.h"
#include "tests/golden_runner/compare.h"

namespace nearfar::golden {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

at::Tensor reals(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

const char* kLossRules =
    R"({"loss": {"rtol": 1e-10, "atol": 1e-12}, "grad": {"rtol": 1e-8, "atol": 1e-13}})";

/// A folder of golden values with the cases that a test adds.
class Runner : public testing::Test {
 protected:
  void add_case(const std::string& family, const std::string& name, const std::string& operation,
                const std::string& rules, const Tensors& tensors) {
    const std::string file = family + "/" + name + ".safetensors";
    const auto bytes = encode_tensors({tensors.begin(), tensors.end()});
    std::filesystem::create_directories(folder_ / family);
    real_file_system().write_durably(folder_ / file, bytes.data(), bytes.size());
    cases_ += std::string(cases_.empty() ? "" : ",") + R"({"file": ")" + file +
              R"(", "family": ")" + family + R"(", "operation": ")" + operation +
              R"(", "hyperparameters": {"factor": 2.0}, "tolerance": )" + rules + "}";
    write_index();
  }

  /// A list of one name for encoders/MODEL.names.json.
  void add_list(const std::string& model, const std::string& name) {
    const std::string file = "encoders/" + model + ".names.json";
    const std::string list = R"([{"name": ")" + name + R"("}])";
    std::filesystem::create_directories(folder_ / "encoders");
    real_file_system().write_durably(folder_ / file, list.data(), list.size());
    lists_ += (lists_.empty() ? "\"" : ",\"") + file + "\"";
    write_index();
  }

  void write_index() {
    const std::string index =
        R"({"versions": {}, "cases": [)" + cases_ + R"(], "name_lists": [)" + lists_ + "]}";
    real_file_system().write_durably(folder_ / "index.json", index.data(), index.size());
  }

  /// The model "own" has the name "weight" alone.
  static std::string check_names(const std::string& model, const Json& list) {
    if (model != "own") throw Unsupported("no encoder " + model);
    const std::string& name = list.items().front().at("name").as_string();
    return name == "weight" ? "" : "expected " + name;
  }

  Counts run_all(const Operations& operations, RunOptions options = {}) {
    std::ostringstream output;
    options.folder = folder_.path();
    const Counts counts = run(options, operations, check_names, output);
    output_ = output.str();
    return counts;
  }

  /// A loss file sum(factor x): its gradient is factor.
  void add_sum(const std::string& name, double loss) {
    add_case("losses", name, "sum", kLossRules,
             {{"x", reals({1.0, 2.0})},
              {"loss", at::scalar_tensor(loss, at::kDouble)},
              {"grad.x", reals({2.0, 2.0})}});
  }
  static Tensors sum(const Case& item) {
    const double factor = item.hyperparameters.at("factor").as_double();
    const at::Tensor& x = item.tensors.at("x");
    return {{"loss", (factor * x).sum()},
            {"grad.x", at::full_like(x, factor)},
            {"unknown", reals({kNan})}};
  }

  TemporaryFolder folder_;
  std::string cases_, lists_;
  std::string output_;
};

TEST_F(Runner, PassesWhatIsRightAndPrintsOneLineACase) {
  add_sum("right", 6.0);
  add_sum("nearly", 6.0 + 3e-10);
  const Counts counts = run_all({{"sum", sum}});
  EXPECT_EQ(counts.ok, 2);
  EXPECT_EQ(output_,
            "losses/right  sum  0.0e+00 / 2.0e-08 (grad.x)  ok\n"
            "losses/nearly  sum  3.0e-10 / 6.0e-10 (loss)  ok\n"
            "2 ok, 0 wrong, 0 unsupported\n");
}

TEST_F(Runner, FailsAnAlteredValue) {
  add_sum("altered", 6.0 + 1e-8);
  const Counts counts = run_all({{"sum", sum}});
  EXPECT_EQ(counts.ok, 0);
  EXPECT_EQ(counts.wrong, 1);
  EXPECT_NE(output_.find("loss is beyond its tolerance  FAIL\n"), std::string::npos) << output_;
}

TEST_F(Runner, FailsEveryKindOfWrongAnswer) {
  add_sum("case", 6.0);
  const auto complaint = [&](const Operation& operation) {
    const Counts counts = run_all({{"sum", operation}});
    EXPECT_EQ(counts.ok, 0);
    EXPECT_EQ(counts.wrong, 1) << output_;
    return output_.substr(0, output_.find('\n'));
  };
  const auto altered = [](const std::string& name, const at::Tensor& value) {
    return [=](const Case& item) {
      Tensors result = sum(item);
      result[name] = value;
      return result;
    };
  };
  const std::string finite = " holds values that are not finite  FAIL";
  EXPECT_TRUE(complaint(altered("grad.x", reals({2.0, kNan}))).ends_with("grad.x" + finite));
  EXPECT_TRUE(complaint(altered("grad.x", reals({2.0, HUGE_VAL}))).ends_with("grad.x" + finite));
  EXPECT_TRUE(complaint(altered("grad.x", reals({2.0})))
                  .ends_with("grad.x is Double [1], expected Double [2]  FAIL"));
  EXPECT_TRUE(complaint(altered("loss", at::scalar_tensor(int64_t{6}, at::kLong)))
                  .ends_with("loss is Long [], expected Double []  FAIL"));
  EXPECT_TRUE(complaint([](const Case& item) {
                return Tensors{{"loss", sum(item).at("loss")}};
              }).ends_with("grad.x was not computed  FAIL"));
  EXPECT_TRUE(complaint([](const Case&) { return Tensors{}; }).ends_with("was not computed  FAIL"));
  EXPECT_TRUE(complaint([](const Case&) -> Tensors {
                throw std::runtime_error("broken\nin two lines");
              }).ends_with("broken  FAIL"));
}

TEST_F(Runner, ACaseOfWhichNothingIsComparedIsWrong) {
  add_case("schedules", "s", "cosine", R"({"all": {"rtol": 0, "atol": 0}})", {{"v", reals({1.0})}});
  EXPECT_EQ(run_all({{"cosine", [](const Case&) { return Tensors{}; }}}).wrong, 1);
  EXPECT_NE(output_.find("nothing was compared  FAIL"), std::string::npos) << output_;
}

TEST_F(Runner, IntegersAreExactEvenWhereDoublesAreNot) {
  const int64_t large = int64_t{1} << 60;
  add_case("m", "mining", "mine", kLossRules,
           {{"loss", at::scalar_tensor(0.0, at::kDouble)},
            {"index", at::tensor(std::vector<int64_t>{large}, at::kLong)}});
  const auto with_index = [](int64_t index) -> Operation {
    return [=](const Case&) {
      return Tensors{{"loss", at::scalar_tensor(0.0, at::kDouble)},
                     {"index", at::tensor(std::vector<int64_t>{index}, at::kLong)}};
    };
  };
  EXPECT_EQ(run_all({{"mine", with_index(large)}}).ok, 1);
  EXPECT_EQ(run_all({{"mine", with_index(large + 1)}}).wrong, 1);
}

TEST_F(Runner, EightBitImagesCountOnlyWhenComputed) {
  const char* rules = R"({"f32": {"rtol": 0, "atol": 1e-6}, "u8": {"rtol": 0, "atol": 1}})";
  const at::Tensor gray = at::full({4}, 100, at::kByte);
  add_case("augmentation", "g", "gray", rules, {{"f32", at::ones({4})}, {"u8", gray}});
  const auto with_levels = [&](int64_t levels) -> Operation {
    return [=](const Case&) { return Tensors{{"f32", at::ones({4})}, {"u8", gray + levels}}; };
  };
  EXPECT_EQ(run_all({{"gray", [](const Case&) { return Tensors{{"f32", at::ones({4})}}; }}}).ok, 1);
  EXPECT_EQ(run_all({{"gray", with_levels(1)}}).ok, 1);
  EXPECT_EQ(run_all({{"gray", with_levels(2)}}).wrong, 1);
}

TEST_F(Runner, UnknownAndUnsupportedOperationsAreCounted) {
  add_sum("a", 6.0);
  add_sum("b", 6.0);
  add_case("other", "c", "unknown", kLossRules, {{"x", reals({1.0})}});
  const Counts counts = run_all(
      {{"sum:b", sum}, {"sum", [](const Case&) -> Tensors { throw Unsupported("later"); }}});
  EXPECT_EQ(counts.ok, 1);
  EXPECT_EQ(counts.wrong, 0);
  EXPECT_EQ(counts.unsupported, 2);
  EXPECT_NE(output_.find("losses/a  sum  later  unsupported\n"), std::string::npos) << output_;
  EXPECT_NE(output_.find("other/c  unknown  -  unsupported\n"), std::string::npos) << output_;
}

TEST_F(Runner, NameListsAreCases) {
  add_sum("a", 6.0);
  add_list("own", "weight");
  add_list("other", "weight");
  Counts counts = run_all({{"sum", sum}});
  EXPECT_EQ(counts.ok, 2);
  EXPECT_EQ(counts.unsupported, 1);
  EXPECT_NE(output_.find("encoders/own.names  names  1 tensors  ok\n"), std::string::npos);
  EXPECT_NE(output_.find("encoders/other.names  names  no encoder other  unsupported\n"),
            std::string::npos);
  EXPECT_EQ(run_all({{"sum", sum}}, {"", "names", ""}).ok, 1);
  EXPECT_EQ(run_all({{"sum", sum}}, {"", "losses", ""}).unsupported, 0);
  add_list("own", "bias");
  counts = run_all({{"sum", sum}});
  EXPECT_EQ(counts.wrong, 2);  // the one file, listed twice
  EXPECT_NE(output_.find("names  expected bias  FAIL\n"), std::string::npos) << output_;
}

TEST_F(Runner, OnlyAFamilyOrAnOperation) {
  add_sum("a", 6.0);
  add_case("other", "b", "unknown", kLossRules, {{"x", reals({1.0})}});
  EXPECT_EQ(run_all({{"sum", sum}}, {"", "losses", ""}).unsupported, 0);
  EXPECT_EQ(run_all({{"sum", sum}}, {"", "sum", ""}).ok, 1);
  EXPECT_EQ(run_all({{"sum", sum}}, {"", "unknown", ""}).unsupported, 1);
  EXPECT_EQ(run_all({{"sum", sum}}, {"", "nothing", ""}).ok, 0);
}

TEST_F(Runner, DumpsWhatWasComputedUnderTheCasesNames) {
  add_sum("wrong", 7.0);
  run_all({{"sum", sum}}, {"", "", folder_ / "dump/deep"});
  const SafetensorsFile file = read_safetensors(folder_ / "dump/deep/losses/wrong.safetensors");
  EXPECT_EQ(file.tensors.size(), 2u);
  EXPECT_EQ(to_tensor(file.at("loss")).item<double>(), 6.0);
  EXPECT_TRUE(at::equal(to_tensor(file.at("grad.x")), reals({2.0, 2.0})));
}

TEST_F(Runner, ADamagedCaseIsWrongAndAMissingFolderAnError) {
  add_sum("a", 6.0);
  real_file_system().write_durably(folder_ / "losses/a.safetensors", "x", 1);
  EXPECT_EQ(run_all({{"sum", sum}}).wrong, 1);
  std::ostringstream output;
  EXPECT_THROW(run({"/nonexistent", "", ""}, {}, {}, output), DataError);
}

TEST(ToleranceOf, FollowsTheRulesOfTheGoldenValues) {
  const auto rtol = [](const std::string& name, bool exact_kind, const std::string& rules) {
    return tolerance_of(name, exact_kind, parse_json(rules, "rules")).rtol;
  };
  EXPECT_EQ(rtol("loss", false, kLossRules), 1e-10);
  EXPECT_EQ(rtol("grad.z1", false, kLossRules), 1e-8);
  EXPECT_EQ(rtol("grad_before_ddp.z1", false, kLossRules), 1e-8);
  EXPECT_EQ(rtol("codes", false, kLossRules), 1e-10);
  EXPECT_EQ(rtol("codes", true, kLossRules), 0.0);
  const std::string all = R"({"all": {"rtol": 0.5, "atol": 0}})";
  EXPECT_EQ(rtol("anything", false, all), 0.5);
  EXPECT_EQ(rtol("grad.x", false, all), 0.5);
  EXPECT_EQ(rtol("all", true, all), 0.0);
  const std::string own = R"({"u8": {"rtol": 9, "atol": 1}, "weight": {"rtol": 0.1, "atol": 0},
                              "loss": {"rtol": 0.01, "atol": 0}})";
  EXPECT_EQ(rtol("u8", true, own), 9);
  EXPECT_EQ(rtol("weight", false, own), 0.1);
  EXPECT_EQ(rtol("loss", false, own), 0.01);
  EXPECT_EQ(rtol("bias", false, own), 0.1);
}

}  // namespace
}  // namespace nearfar::golden
