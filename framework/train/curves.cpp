// Curves from the log.
#include "framework/train/curves.h"

#include "framework/files/file_system.h"
#include "framework/log/json_lines.h"
#include "framework/log/svg.h"

namespace nearfar {

void draw_curves(const RunFolder& folder) {
  const std::vector<Json> lines = read_json_lines(folder.log());
  if (lines.empty()) return;
  LineSeries loss{"loss", {}, {}}, rate{"learning rate", {}, {}}, rank{"effective rank", {}, {}};
  for (const Json& line : lines) {
    for (LineSeries* series : {&loss, &rate, &rank}) {
      series->x.push_back(line.at("step").as_double());
    }
    loss.y.push_back(line.at("loss").as_double());
    rate.y.push_back(line.at("learning_rate").as_double());
    rank.y.push_back(line.at("effective_rank").as_double());
  }
  const ReferenceLine guess{lines.front().at("random_guess_loss").as_double(), "random guess"};
  const std::string text = to_svg({
      {"Loss", "step", "loss", {loss}, guess},
      {"Learning rate", "step", "learning rate", {rate}, std::nullopt},
      {"Effective rank of the embeddings", "step", "effective rank", {rank}, std::nullopt},
  });
  replace_file(real_file_system(), folder.curves(), text.data(), text.size());
}

}  // namespace nearfar
