// `nearfar report`.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "framework/data/decode.h"
#include "framework/data/subset.h"
#include "framework/error.h"
#include "framework/evaluate/report.h"
#include "framework/evaluate/shown_images.h"
#include "framework/files/file_system.h"
#include "framework/log/json_lines.h"
#include "framework/log/quantities.h"
#include "framework/report/run_page.h"
#include "framework/train/run_folder.h"
#include "nearfar/version.h"
#include "tools/nearfar/commands.h"
#include "tools/nearfar/judging.h"

namespace nearfar {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kViewsPixels = int64_t{1} << 28;

Json read_json(const std::string& path) {
  if (!fs::exists(path)) return {};
  constexpr size_t kLimit = size_t{1} << 26;
  return parse_json(read_text(path, kLimit), path,
                    {.bytes = kLimit, .depth = 64, .comments = false});
}

/// Default settings of the run's recipe; null with a remark where it cannot be opened.
Json defaults_of(const Json& config, std::vector<std::string>& remarks) {
  try {
    RunConfig defaults =
        make_run_config(*open_recipe(config.at("recipe").at("name").as_string()).plugin);
    return to_json([&defaults](Fields& field) { defaults.describe(field); });
  } catch (const Error& error) {
    remarks.push_back(std::string("The settings' defaults are not known: ") + error.what());
    return {};
  }
}

/// views.png, as JPEG where it is large; nothing with a remark where that is large too.
Picture read_views(const std::string& path, std::vector<std::string>& remarks) {
  if (!fs::exists(path)) return {};
  try {
    std::vector<uint8_t> file = read_file(path);
    PixelBuffer storage;
    const Image image = decode_image(file, kViewsPixels, storage);
    if (file.size() <= kViewsBytes) {
      return {"image/png", std::move(file), image.width, image.height};
    }
    Canvas canvas{image.height, image.width, {}};
    canvas.pixels.assign(image.pixels, image.pixels + size_t{3} * image.height * image.width);
    Picture picture = encode_picture(canvas, kViewsBytes);
    if (picture.bytes.size() <= kViewsBytes) return picture;
    remarks.push_back("views.png is left out: too large for this page");
  } catch (const Error& error) {
    remarks.push_back(std::string("views.png is left out: ") + error.what());
  }
  return {};
}

ImageSample sample_of(const std::shared_ptr<const Dataset>& part, int64_t count, uint8_t stream,
                      const Judging& judging) {
  ImageSample sample;
  sample.index = seeded_sample(part->info().size, count,
                               static_cast<uint64_t>(judging.config.report.seed), stream);
  sample.images = subset(part, sample.index);
  sample.features = extract_features(*judging.loaded.encoder, *sample.images, judging.options);
  if (!sample.features.bad.empty()) {
    std::vector<int64_t> readable;
    for (const int64_t i : sample.features.positions) readable.push_back(sample.index[i]);
    sample.index = std::move(readable);
    sample.images = subset(part, sample.index);
  }
  // The path of the data stands above: beside each image it would only hide the name.
  const std::string root = part->info().path + "/";
  for (std::string& place : sample.features.places) {
    if (place.rfind(root, 0) == 0) place.erase(0, root.size());
  }
  return sample;
}

std::string images_in_words(const ImageSample& queries, const Dataset& part, bool held_out,
                            const Judging& judging, const std::string& run) {
  return format_count(static_cast<int64_t>(queries.index.size())) + " of the " +
         format_count(part.info().size) + (held_out ? " test images of " : " images of ") +
         part.info().name + ", by the features of " +
         fs::path(judging.loaded.source).lexically_proximate(run).string() +
         (held_out ? "" : "; there is no test part: the network may have seen them") + ".";
}

/// Map and neighbours: test images among training images; of one set where there is no test part.
void show_images(RunPage& page, const Judging& judging, const std::string& run, Log& log) {
  const ReportConfig& config = judging.config.report;
  const bool held_out = judging.data.test != nullptr;
  const std::shared_ptr<const Dataset> part = held_out ? judging.data.test : judging.data.train;
  if (part->info().size < 2) throw DataError(part->info().path + ": expected two images or more");
  log.info("features of the encoder: " + judging.loaded.source);
  const ImageSample queries = sample_of(part, config.points, 0, judging);
  const ImageSample gallery = sample_of(judging.data.train, config.gallery, 1, judging);
  const double room = std::sqrt(kThumbnailPixels / static_cast<double>(queries.index.size()));
  const int side =
      thumbnail_side(part->info(), std::clamp(static_cast<int>(room), 8, kLargestThumbnail));
  const int workers = judging.options.workers;
  log.info("map of " + format_count(static_cast<int64_t>(queries.index.size())) + " images");
  page.map =
      map_images(queries.features, thumbnails(*queries.images, side, workers), config.perplexity);
  page.neighbors = neighbor_part(queries, gallery, !held_out, config, workers);
  page.class_names = part->info().class_names;
  page.images = images_in_words(queries, *part, held_out, judging, run);
}

/// What the run's own data or weights lack is said on the page; what the user asked for must be
/// there.
void try_show_images(RunPage& page, const ReportArguments& arguments, Log& log) {
  try {
    const Judging judging = prepare_judging(arguments.rest, "", arguments.data, "", log);
    show_images(page, judging, arguments.rest.front(), log);
  } catch (const ConfigError&) {
    throw;
  } catch (const EnvironmentError&) {
    throw;  // the device that was asked for
  } catch (const Error& error) {
    if (!arguments.data.empty()) throw;
    page.remarks.push_back(std::string("Map and neighbours are missing: ") + error.what());
    log.warning(page.remarks.back());
  }
}

/// What the log warns of, the first few times.
void add_warnings(const std::vector<Json>& log, std::vector<std::string>& remarks) {
  constexpr int kMost = 3;
  int count = 0;
  for (const Json& line : log) {
    const Json* warning = line.find("warning");
    const Json* step = line.find("step");
    if (warning == nullptr || !warning->is_string() || ++count > kMost) continue;
    remarks.push_back((step == nullptr ? "" : "Step " + to_text(*step, -1) + ": ") +
                      warning->as_string());
  }
  if (count > kMost) {
    remarks.push_back("The log holds " + std::to_string(count - kMost) + " more warnings.");
  }
}

/// "Fine-tuned on 10 % of the labels: 81.3 % of 64 test images right; from scratch 60.9 %."
std::string finetuning_in_words(const Json& document) {
  const auto right = [](const Json& report) {
    return format_fixed(100.0 * report.at("top1").as_double(), 1) + " %";
  };
  const Json& tuned = document.at("fine_tuned");
  const Json* scratch = document.find("from_scratch");
  return "Fine-tuned on " + percent_text(document.at("labels").as_double()) +
         " of the labels: " + right(tuned) + " of " +
         format_count(tuned.at("test_images").as_int()) + " test images right" +
         (scratch == nullptr ? "" : "; from scratch " + right(*scratch)) + ".";
}

RunPage read_run(const RunFolder& folder) {
  RunPage page;
  const fs::path path = fs::absolute(folder.path).lexically_normal();
  page.name = (path.has_filename() ? path : path.parent_path()).filename().string();
  page.made_by = std::string("nearfar ") + NEARFAR_VERSION;
  page.finished = fs::exists(folder.encoder());
  page.config = read_json(folder.config());
  page.environment = read_json(folder.environment());
  page.evaluation = read_json(folder.evaluation());
  if (fs::exists(folder.log())) page.log = read_json_lines(folder.log());
  add_warnings(page.log, page.remarks);
  if (page.log.empty()) page.remarks.push_back("The log has no line yet.");
  if (!page.finished) {
    page.remarks.push_back("This run has no result yet: it goes on or was stopped.");
  }
  const Json tuned = read_json(folder.path + "/finetune.json");
  if (tuned.is_object()) {
    page.remarks.push_back(finetuning_in_words(tuned));
  } else if (!page.evaluation.is_object()) {
    page.remarks.push_back("Not judged yet: nearfar evaluate " + folder.path);
  }
  page.defaults = defaults_of(page.config, page.remarks);
  page.views = read_views(folder.views(), page.remarks);
  return page;
}

}  // namespace

int run_report(const ReportArguments& arguments, Console& console) {
  const RunFolder folder{arguments.rest.front()};
  if (!folder.holds_run()) {
    throw CheckpointError(folder.path + ": expected a run's folder, found no config.json in it");
  }
  RunPage page = read_run(folder);
  try_show_images(page, arguments, console.log());
  const std::string html = to_html(page);
  const std::string path = arguments.out.empty() ? folder.report() : arguments.out;
  replace_file(real_file_system(), path, html.data(), html.size());
  Json document = page_summary(page);
  document["page"] = path;
  document["bytes"] = static_cast<int64_t>(html.size());
  console.result(path + ": " + format_bytes(static_cast<int64_t>(html.size())) +
                     ", one file for any browser\n",
                 document);
  return 0;
}

}  // namespace nearfar
