// Densities of a bank as the state of a recipe.
#include <gtest/gtest.h>
#include <torch/types.h>

#include "distributed/thread_group.h"
#include "framework/losses/density_negatives.h"
#include "tests/framework/losses/over_ranks.h"
#include "tests/recipes/bank_course.h"

namespace nearfar {
namespace {

// Between epochs the bank moves and the densities stay; no epoch has begun: they are all alike.
TEST(InstanceDiscrimination, DensitiesAreThoseOfTheEpochsStart) {
  for (const bool sharded : {false, true}) {
    std::vector<std::string> chosen = bank_settings(4096, sharded);
    chosen.insert(chosen.end(), {"negatives=density", "density.count=9", "density.neighbours=4"});
    const Course course(chosen);
    run_ranks(3, [&](Group& group) {
      const ThreadCount one(1);
      const auto training = course.training(group);
      Recipe& recipe = training->recipe();
      const auto density = [&] { return tensor_of(module_state(recipe), "contrast.density"); };
      EXPECT_TRUE(density().equal(at::zeros({Course::kImages}, at::kDouble)));
      training->train_step(Course::batch(0, group));
      const at::Tensor rows = tensor_of(module_state(recipe), "bank.rows");
      const Shard place = sharded ? shard(Course::kImages, 3, group.rank())
                                  : Shard{0, Course::kImages, Course::kImages};
      const at::Tensor expected = local_densities(group, {rows, place, sharded}, 4);
      std::vector<int64_t> order;
      const DatasetInfo data;
      EpochContext context{1, group, data, Random(3, 1, 0, Purpose::recipe, 1), {}, order};
      recipe.before_epoch(context);
      EXPECT_TRUE(density().equal(expected));
      const StepReport report = training->train_step(Course::batch(1, group));
      EXPECT_TRUE(density().equal(expected));
      EXPECT_FALSE(tensor_of(module_state(recipe), "bank.rows").equal(rows));
      EXPECT_EQ(report.report[0].first, "negative_density");
    });
  }
}

}  // namespace
}  // namespace nearfar
