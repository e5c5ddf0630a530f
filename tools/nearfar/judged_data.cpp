// Which judging images an encoder has seen.
#include "tools/nearfar/judged_data.h"

#include "framework/data/split.h"
#include "framework/log/quantities.h"

namespace nearfar {
namespace {

/// The images that the encoder's run was trained on, opened again.
std::shared_ptr<const Dataset> pretraining_images(const DataConfig& config) {
  Log silent;
  return divide_data(open_data(config, silent), config, silent).train;
}

}  // namespace

void describe_judged_data(Json& data, const Judging& judging, Log& log) {
  const DataConfig& config = judging.config.data;
  data["part"] = config.evaluate_on;
  data["test_path"] = config.test_path;
  data["split_seed"] = config.split_seed;
  data["test_fraction"] = config.test_fraction;
  data["val_fraction"] = config.val_fraction;
  data["limit"] = config.limit;
  data["seen_in_pretraining"] = Json();
  if (!judging.pretraining) return;
  const int64_t seen = shared_images(*judging.data.test, *pretraining_images(*judging.pretraining));
  data["seen_in_pretraining"] = seen;
  if (seen == 0) return;
  log.warning("pretraining saw " + format_count(seen) + " of the " +
              format_count(judging.data.test->info().size) +
              " images that judge here: the encoder is judged too well");
}

}  // namespace nearfar
