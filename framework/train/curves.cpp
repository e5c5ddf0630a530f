// Curves from the log.
#include "framework/train/curves.h"

#include "framework/files/file_system.h"
#include "framework/log/json_lines.h"
#include "framework/log/svg.h"

namespace nearfar {

void draw_curves(const RunFolder& folder) {
  const std::vector<Json> lines = read_json_lines(folder.log());
  if (lines.empty()) return;
  Series loss{"loss", {}}, rate{"learning rate", {}}, rank{"effective rank", {}};
  for (const Json& line : lines) {
    const double step = line.at("step").as_double();
    loss.points.emplace_back(step, line.at("loss").as_double());
    rate.points.emplace_back(step, line.at("learning_rate").as_double());
    rank.points.emplace_back(step, line.at("effective_rank").as_double());
  }
  const double random_guess = lines.back().at("random_guess_loss").as_double();
  const std::string text = draw_charts({
      Chart{"Loss", "step", {loss}, {{"random guess", random_guess}}},
      Chart{"Learning rate", "step", {rate}, {}},
      Chart{"Effective rank of the embeddings", "step", {rank}, {}},
  });
  replace_file(real_file_system(), folder.curves(), text.data(), text.size());
}

}  // namespace nearfar
