// `nearfar finetune`: the recipe supervised on a pretrained encoder, judged on the test part.
#include <unistd.h>

#include "framework/encoders/resnet.h"
#include "framework/encoders/vit.h"
#include "framework/error.h"
#include "framework/evaluate/report.h"
#include "framework/files/file_system.h"
#include "framework/log/quantities.h"
#include "framework/log/table.h"
#include "framework/train/classifier.h"
#include "framework/train/pretrain.h"
#include "tools/nearfar/commands.h"
#include "tools/nearfar/judged_data.h"
#include "tools/nearfar/judging.h"

namespace nearfar {
namespace {

/// Epochs of SimCLR's fine-tuning (Chen et al. 2020, appendix B.5; all labels: v2, section 3).
int64_t epochs_for(double labels) { return labels < 0.05 ? 60 : 30; }

/// The encoder that is fine-tuned.
struct Pretrained {
  std::string path;  // of its file
  EncoderSpec spec;
  Json config;  // of its run; an object without members where there is none
};

Pretrained find_pretrained(const FinetuneArguments& arguments, Log& log) {
  Pretrained pretrained;
  pretrained.path = find_encoder_file(arguments.rest.front(), log);
  pretrained.spec = read_encoder_spec(read_weights(pretrained.path), arguments.encoder);
  check_encoder_name(pretrained.spec, arguments.encoder, pretrained.path);
  if (!pretrained.spec.own.recipe.empty()) {
    throw ConfigError("finetune: " + pretrained.path + " holds the own network of recipe " +
                      pretrained.spec.own.recipe + "; expected one of nearfar's encoders");
  }
  const std::string run = run_of(arguments.rest.front());
  const std::string path = RunFolder{run}.config();
  pretrained.config = run.empty() ? Json::object() : parse_json(read_text(path), path);
  return pretrained;
}

Json vit_settings(const EncoderConfig& config) {
  return Json::object({{"name", config.name},
                       {"patch", config.patch},
                       {"depth", config.depth},
                       {"heads", config.heads},
                       {"pool", config.pool},
                       {"position", config.position}});
}

Json encoder_settings(const Pretrained& pretrained) {
  const EncoderSpec& spec = pretrained.spec;
  if (is_vit(spec.config.name)) {
    Json settings = vit_settings(spec.config);
    settings["weights"] = pretrained.path;
    return settings;
  }
  const bool small = stem_of(spec.config, spec.image_size).pool_kernel == 0;
  const std::string stem = small ? "cifar" : "imagenet";
  return Json::object({{"name", spec.config.name},
                       {"stem", spec.config.name == "tiny" ? spec.config.stem : stem},
                       {"width", spec.config.width},
                       {"weights", pretrained.path}});
}

/// How the run's images were read and divided, unless others are given: what it held out judges.
/// Its sampler is left out, which belongs to its batches and its method.
Json run_data_settings(const Pretrained& pretrained, const std::string& path) {
  Json kept = Json::object();
  const Json* own = pretrained.config.find("data");
  if (own == nullptr) return kept;
  if (!path.empty() && !same_path(path, own->at("path").as_string())) return kept;
  for (const auto& [name, value] : own->members()) {
    if (name == "sampler" || name == "classes_per_batch" || name == "images_per_class") continue;
    kept[name] = value;
  }
  return kept;
}

/// The run's, with the encoder's normalisation and the share of labels.
Json data_settings(const Pretrained& pretrained, const FinetuneArguments& arguments) {
  Json data = run_data_settings(pretrained, arguments.data);
  const EncoderSpec& spec = pretrained.spec;
  data["mean"] = Json::array();
  data["std"] = Json::array();
  for (int64_t c = 0; c < spec.channels; ++c) {
    data["mean"].push_back(static_cast<double>(spec.normalize.mean[c]));
    data["std"].push_back(static_cast<double>(spec.normalize.std[c]));
  }
  data["label_fraction"] = arguments.labels > 0.0 ? arguments.labels : 1.0;
  return data;
}

/// Views of the size that the encoder knows, from the crops that it has learned on.
Json view_settings(const Pretrained& pretrained) {
  Json view = Json::object();
  const Json* recipe = pretrained.config.find("recipe");
  const Json* own = recipe == nullptr ? nullptr : recipe->find("view");
  for (const char* name : {"crop_min", "crop_max", "aspect_min", "aspect_max", "flip"}) {
    const Json* value = own == nullptr ? nullptr : own->find(name);
    if (value != nullptr) view[name] = *value;
  }
  view["size"] = pretrained.spec.image_size;
  return view;
}

Json fresh_settings(const Pretrained& pretrained, const FinetuneArguments& arguments) {
  Json settings = Json::object();
  settings["recipe"] = Json::object({{"name", "supervised"}, {"view", view_settings(pretrained)}});
  settings["encoder"] = encoder_settings(pretrained);
  settings["data"] = data_settings(pretrained, arguments);
  settings["train"] =
      Json::object({{"seed", static_cast<int64_t>(pretrained.spec.seed)},
                    {"epochs", epochs_for(arguments.labels > 0.0 ? arguments.labels : 1.0)}});
  if (const Json* threads = pretrained.config.find("threads")) settings["threads"] = *threads;
  return settings;
}

/// The epochs follow --labels: another share of labels would get those of this one.
void refuse_two_shares(const RunSources& sources, const FinetuneArguments& arguments) {
  if (arguments.labels == 0.0) return;
  const std::string key = "data.label_fraction";
  bool given = false;
  for (const std::string& setting : sources.assignments) given |= setting.starts_with(key + "=");
  for (const auto& [config, name] : sources.files) {
    const Json* data = config.is_object() ? config.find("data") : nullptr;
    given |= data != nullptr && data->is_object() && data->find("label_fraction") != nullptr;
  }
  if (given) throw ConfigError("--labels and " + key + ": expected one of them, found both");
}

/// What a run is told: everything when it starts, what was typed when it goes on.
RunSources sources_for(const Pretrained& pretrained, const FinetuneArguments& arguments,
                       const std::string& out, bool from_scratch) {
  RunSources sources = sources_of({arguments.rest.begin() + 1, arguments.rest.end()});
  refuse_two_shares(sources, arguments);
  sources.preset = "fine_tuning";
  const auto set = [&](const std::string& setting) { sources.assignments.push_back(setting); };
  if (out.empty() || !RunFolder{out}.holds_run()) {
    sources.files.insert(sources.files.begin(),
                         {fresh_settings(pretrained, arguments), "nearfar finetune"});
  } else if (arguments.labels > 0.0) {
    set("data.label_fraction=" + to_text(Json(arguments.labels), -1));
  }
  set("recipe.name=supervised");
  set("encoder.weights=" + (from_scratch ? "" : pretrained.path));
  if (!arguments.data.empty()) set("data.path=" + arguments.data);
  if (!arguments.test.empty()) set("data.test_path=" + arguments.test);
  return sources;
}

/// Judges a finished run on the test part, and writes its classifier.
Json judge_run(const RunFolder& folder, Log& log) {
  const Classifier classifier = load_classifier(folder, log);
  // The classifier is on the CPU, and a GPU cannot be opened any more.
  Judging judging = prepare_judging({folder.path, "device=cpu"}, "", "", "", log);
  if (judging.data.test == nullptr) {
    throw DataError(judging.data.train->info().path + ": expected a test part to judge on, found " +
                    "none; add --test PATH, or give data.test_fraction a share");
  }
  const Json seen = count_seen_images(judging, log);
  Json report = accuracy_report(
      {judge_classifier(classifier, readable_features(judging, judging.data.test, log))});
  report["seen_in_pretraining"] = seen;
  report["images"] = classifier.images;
  report["test_images"] = judging.data.test->info().size;
  report["folder"] = folder.path;
  report["classifier"] =
      write_classifier(classifier, judging.data.train->info().class_names, folder);
  return report;
}

std::string per_cent(const Json& value) { return format_fixed(100.0 * value.as_double(), 1); }

std::string to_words(const Json& document) {
  Table table({"network", "labels", "images", "top-1", "top-5", "95 % interval"});
  for (const auto& [key, name] :
       {std::pair{"fine_tuned", "fine-tuned"}, std::pair{"from_scratch", "from scratch"}}) {
    const Json* report = document.find(key);
    if (report == nullptr) continue;
    const std::vector<Json>& interval = report->at("interval").items();
    const Json& top5 = report->at("top5");
    table.add_row({name, percent_text(document.at("labels").as_double()),
                   format_count(report->at("images").as_int()), per_cent(report->at("top1")),
                   top5.is_number() ? per_cent(top5) : "-",
                   per_cent(interval[0]) + " to " + per_cent(interval[1])});
  }
  return table.to_text(isatty(STDOUT_FILENO) != 0 ? TableStyle::terminal : TableStyle::plain);
}

/// The share of labels that a run's config holds.
double labels_of(const RunFolder& folder) {
  const Json config = parse_json(read_text(folder.config()), folder.config());
  return config.at("data").at("label_fraction").as_double();
}

}  // namespace

int run_finetune(const FinetuneArguments& arguments, const std::string& command_line,
                 Console& console) {
  const Pretrained pretrained = find_pretrained(arguments, console.log());
  Json document = Json::object({{"encoder", pretrained.path}});
  PretrainOptions options;
  options.out = arguments.out;
  options.command_line = command_line;
  RunFolder folder;
  for (const char* part : {"fine_tuned", "from_scratch"}) {
    const bool from_scratch = part == std::string("from_scratch");
    if (from_scratch && !arguments.baseline) break;
    if (from_scratch) options.out = folder.path + "/from_scratch";
    const RunSources sources = sources_for(pretrained, arguments, options.out, from_scratch);
    const PretrainResult result = pretrain(sources, options, console.progress(), console.log());
    if (!from_scratch) folder = result.folder;
    if (result.stopped) {
      console.result(
          "stopped and saved; to go on: the same command with --out " + folder.path + "\n",
          Json::object({{"folder", folder.path}, {"finished", false}}));
      return static_cast<int>(ExitCode::stopped);
    }
    document["labels"] = labels_of(result.folder);
    document[part] = judge_run(result.folder, console.log());
  }
  const std::string path = folder.path + "/finetune.json";
  const std::string text = to_text(document) + "\n";
  replace_file(real_file_system(), path, text.data(), text.size());
  console.result(to_words(document), document);
  console.log().info("written: " + path + " and classifier.safetensors");
  return 0;
}

}  // namespace nearfar
