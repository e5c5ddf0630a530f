// at::parallel_for runs on LibTorch's threads wherever it is called: in a program, in a recipe's
// library.
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "tests/framework/losses/over_ranks.h"
#include "tests/paths.h"
#include "tests/recipes/small_recipe.h"
#include "tests/recipes/threads_at_work.h"

namespace nearfar {
namespace {

TEST(Threads, WorkForAProgram) {
  for (const int count : {1, 2, 3}) {
    const ThreadCount threads(count);
    EXPECT_EQ(threads_at_work(), static_cast<size_t>(count));
  }
}

TEST(Threads, WorkForARecipesLibrary) {
  const std::string path = NEARFAR_BUILD_DIR "/tests/plugins/threaded.so";
  SoloGroup group;
  const SmallPlan plan{.batch = 4, .norm_batch = 4};
  const SmallRecipe small = make_small_recipe(path, {}, plan, group);
  const Batch batch = small_batch(plan, 0, 2, group);
  *small.piece = batch.shard;
  for (const int count : {1, 2, 3}) {
    const ThreadCount threads(count);
    const Loss loss = small.recipe->loss(small.recipe->embed(batch), batch);
    EXPECT_EQ(loss.report[0].second.item<int64_t>(), count);
  }
}

/// The files of OpenMP libraries in this process.
std::set<std::string> openmp_libraries() {
  std::set<std::string> found;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const size_t slash = line.find('/');
    if (slash == std::string::npos) continue;
    const std::string file = line.substr(line.rfind('/') + 1);
    for (const char* library : {"libgomp", "libomp", "libiomp"}) {
      if (file.starts_with(library)) found.insert(line.substr(slash));
    }
  }
  return found;
}

// Two libraries would be two pools of threads, each as large as the machine.
TEST(Threads, AreThoseOfOneLibrary) {
  threads_at_work();
  const std::set<std::string> libraries = openmp_libraries();
  EXPECT_EQ(libraries.size(), 1u) << testing::PrintToString(libraries);
}

}  // namespace
}  // namespace nearfar
