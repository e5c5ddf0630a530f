// A recipe built for the sake of its network.
#include "framework/train/own_encoder.h"

#include <typeinfo>

#include "framework/config/settings.h"
#include "framework/encoders/make_encoder.h"
#include "framework/encoders/resnet.h"
#include "framework/encoders/vit.h"
#include "framework/recipe/contained.h"
#include "framework/recipe/library.h"
#include "framework/recipe/make_recipe.h"

namespace nearfar {

bool is_own_encoder(const Encoder& encoder) {
  return typeid(encoder) != typeid(ResNet) && typeid(encoder) != typeid(Vit);
}

OwnEncoder own_encoder_of(const RunConfig& config, const std::string& library) {
  OwnEncoder own{config.recipe.name, library, Json::object()};
  const RecipePlugin& plugin = *config.recipe.plugin;
  own.settings = contained(plugin.name, "describe", [&] {
    return to_json([&](Fields& field) { plugin.describe(config.recipe.config.get(), field); });
  });
  return own;
}

std::shared_ptr<Encoder> make_own_encoder(const OwnEncoder& own, const EncoderConfig& config,
                                          int64_t channels, uint64_t seed) {
  const RecipePlugin& plugin = *open_recipe(own.recipe, own.library).plugin;
  Settings settings;
  settings.add_layer(own.settings, "encoder of recipe " + own.recipe);
  const std::shared_ptr<void> chosen = contained(plugin.name, "make_config", plugin.make_config);
  contained(plugin.name, "describe",
            [&] { settings.apply([&](Fields& field) { plugin.describe(chosen.get(), field); }); });
  SoloGroup group;
  TrainPlan plan;
  plan.batch = 2;
  plan.epochs = plan.steps = plan.steps_per_epoch = 1;
  plan.seed = seed;
  plan.norm = {plan.batch, &group};
  DatasetInfo data;
  data.size = plan.batch;
  data.channels = static_cast<int>(channels);
  data.class_names = {"one", "two"};
  const auto make = [&](int64_t size) { return make_encoder(config, channels, size, NormPlan{}); };
  return make_recipe(plugin, chosen.get(), Setup{make, group, data, plan})->encoder();
}

}  // namespace nearfar
