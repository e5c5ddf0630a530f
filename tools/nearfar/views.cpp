// `nearfar views`.
#include "framework/checkpoint/tensors.h"
#include "framework/data/contact_sheet.h"
#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/train/device.h"
#include "tools/nearfar/commands.h"
#include "tools/nearfar/draws.h"
#include "tools/nearfar/policy_list.h"
#include "tools/nearfar/sheet_document.h"
#include "tools/nearfar/view_source.h"

namespace nearfar {
namespace {

void save(const std::string& path, const std::vector<uint8_t>& bytes) {
  replace_file(real_file_system(), path, bytes.data(), bytes.size());
}

/// Renders given draws: views [V, 3, height, width].
int render_draws(const ViewsArguments& arguments, Console& console) {
  const SafetensorsFile input = read_safetensors(arguments.input);
  const RawTensor& raw = input.at("images");
  if (raw.dtype != "U8" || raw.shape.size() != 4 || raw.shape[3] != 3 || raw.shape[1] > 65535 ||
      raw.shape[2] > 65535) {
    throw DataError(arguments.input + ": images: expected uint8 [N, height, width, 3]");
  }
  const int height = static_cast<int>(raw.shape[1]), width = static_cast<int>(raw.shape[2]);
  const Draws draws =
      read_draws(parse_json(read_text(arguments.draws), arguments.draws, {size_t{1} << 28, 32}),
                 raw.shape[0], height, width);
  std::vector<Image> images;
  for (const int64_t image : draws.images) {
    const size_t offset = static_cast<size_t>(image) * height * width * 3;
    images.push_back(whole_image(raw.bytes.data() + offset, height, width, 3));
  }
  const Size size = draws.target.size;
  const at::Tensor views =
      at::empty({static_cast<int64_t>(images.size()), size.height, size.width, 3}, at::kFloat);
  render(images, draws.views, draws.target, available_cores(), views.data_ptr<float>());
  save(arguments.out, encode_tensors({{"views", views.permute({0, 3, 1, 2})}}));
  Json document = Json::object();
  document["views"] = arguments.out;
  document["count"] = static_cast<int64_t>(images.size());
  console.result(arguments.out + ": " + std::to_string(images.size()) + " views\n", document);
  return 0;
}

/// What the sheet shows, and how many of its images cannot be read.
std::string in_words(const std::string& path, const ContactSheet& sheet) {
  int64_t unreadable = 0;
  for (const SheetRow& row : sheet.rows) unreadable += row.problem.empty() ? 0 : 1;
  const size_t count = sheet.rows.size();
  return path + ": " + std::to_string(count) + (count == 1 ? " image" : " images") +
         " with crop boxes, views and draws" +
         (unreadable > 0 ? "; unreadable: " + std::to_string(unreadable) : "") + "\n";
}

int draw_sheet(const ViewsArguments& arguments, Console& console) {
  if (arguments.request.words.empty()) {
    throw ConfigError("views: expected an image or a data set (see nearfar views --help)");
  }
  const ViewSource source = open_views(arguments.request, console.log());
  SheetOptions options = source.sheet;
  options.repeats =
      arguments.repeats > 0 ? arguments.repeats : usual_repeats(source.policies.size());
  const std::vector<int64_t> indices = spread_indices(source.data->info().size, arguments.count);
  const ContactSheet sheet = contact_sheet(*source.data, indices, source.policies, options);
  save(arguments.out, encode_png(sheet.canvas));
  Json document = Json::object();
  document["sheet"] = arguments.out;
  const Json drawn = sheet_document(sheet, source.policies);
  for (const auto& [name, value] : drawn.members()) document[name] = value;
  console.result(in_words(arguments.out, sheet), document);
  return 0;
}

}  // namespace

int run_views(const ViewsArguments& arguments, Console& console) {
  if (arguments.request.policy == "list") {
    list_policies(console);
    return 0;
  }
  if (arguments.out.empty()) {
    throw ConfigError("--out: not given; expected the file to write (see nearfar views --help)");
  }
  const bool given_draws = !arguments.draws.empty() || !arguments.input.empty();
  if (!given_draws) return draw_sheet(arguments, console);
  if (arguments.draws.empty() || arguments.input.empty()) {
    throw ConfigError("views: --input and --draws go together");
  }
  return render_draws(arguments, console);
}

}  // namespace nearfar
