// The commands and their options, for the command-line library.
#include "tools/nearfar/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "framework/conformance/law.h"
#include "framework/evaluate/evaluation.h"
#include "nearfar/version.h"
#include "tools/nearfar/argument_errors.h"
#include "tools/nearfar/help_texts.h"

namespace nearfar {
namespace {

const std::vector<std::string> kCommands = {"pretrain", "launch",   "evaluate",   "embed",
                                            "finetune", "export",   "report",     "views",
                                            "bench",    "recipes",  "new-recipe", "check-recipe",
                                            "loss",     "distance", "config",     "doctor"};

void add_common(CLI::App& app, CommonArguments& common) {
  app.set_version_flag("--version", std::string("nearfar ") + NEARFAR_VERSION + ", LibTorch " +
                                        NEARFAR_TORCH_VERSION);
  app.add_flag("--json", common.json, "print the result as one JSON document");
  app.add_flag("-q,--quiet", common.quiet, "warnings and errors only");
  app.add_flag("--no-color", common.no_color, "no colours, also by NO_COLOR=1");
}

CLI::App& add_command(CLI::App& app, Arguments& arguments, const std::string& name,
                      const char* description) {
  CLI::App& command = *app.add_subcommand(name, description);
  add_common(command, arguments.common);
  command.callback([&arguments, name] { arguments.command = name; });
  return command;
}

void add_pretrain(CLI::App& app, Arguments& all) {
  CLI::App& command = add_command(app, all, "pretrain", kPretrain);
  PretrainArguments& a = all.pretrain;
  command.add_option("CONFIG", a.rest, "config file and key=value settings");
  command.add_option("--recipe", a.recipe, "the method (recipe.name)");
  command.add_option("--data", a.data, "what to learn from (data.path)");
  command.add_option("--out", a.out, "the run's folder; default runs/<recipe>-<data>-<number>");
  command.add_option("--preset", a.preset, "a preset of the recipe; default: by the data");
  auto* fresh = command.add_flag("--fresh", a.fresh, "start over in a new folder");
  command
      .add_option("--replay", a.replay,
                  "do a step again that diverged: its replay.json; nothing is trained")
      ->excludes(fresh)
      ->excludes("--out")
      ->excludes("--preset");
}

void add_launch(CLI::App& app, Arguments& all) {
  CLI::App& command = add_command(app, all, "launch", kLaunch);
  LaunchArguments& a = all.launch;
  command.add_option("--ranks", a.ranks, "how many ranks to start on this host")
      ->required()
      ->check(CLI::Range(1, 4096));
  command
      .add_option("--max-restarts", a.max_restarts,
                  "how often to start all ranks again after one has failed; default: 0")
      ->check(CLI::Range(0, 1000000));
  command.prefix_command();
}

void add_evaluate(CLI::App& app, Arguments& all) {
  CLI::App& command = add_command(app, all, "evaluate", kEvaluate);
  EvaluateArguments& a = all.evaluate;
  command.add_option("RUN_OR_CHECKPOINT", a.rest, "what to judge, and key=value settings")
      ->required();
  command.add_option("--data", a.data, "labelled data; default: the run's");
  command.add_option("--test", a.test, "test set, where the data has none");
  command.add_option(
      "--methods", a.methods,
      "of " + evaluation_method_names() + "; default: " + EvaluationConfig{}.methods);
  command.add_option("--encoder", a.encoder, "architecture of a file that nearfar did not write");
  command.add_option("--out", a.out, "where evaluation.json goes; default: into the run");
}

void add_embed(CLI::App& app, Arguments& all) {
  CLI::App& command = add_command(app, all, "embed", kEmbed);
  EmbedArguments& a = all.embed;
  command.add_option("RUN_OR_CHECKPOINT", a.rest, "the encoder, and key=value settings")
      ->required();
  command.add_option("--data", a.data, "the images")->required();
  command.add_option("--out", a.out, "features.safetensors")->required();
  command.add_option("--encoder", a.encoder, "architecture of a file that nearfar did not write");
  command
      .add_option("--part", a.part,
                  "train or test, divided by data.test_fraction, split_seed and limit (the run's, "
                  "for its own data), or all images; default: the training part, undivided")
      ->check(CLI::IsMember({"train", "test", "all"}));
}

/// CLI::Range lets nan through.
std::string finite(const std::string& text) {
  const bool good = std::isfinite(std::strtod(text.c_str(), nullptr));
  return good ? "" : "expected a finite number, found " + text;
}

void add_finetune(CLI::App& app, Arguments& all) {
  CLI::App& command = add_command(app, all, "finetune", kFinetune);
  FinetuneArguments& a = all.finetune;
  command.add_option("RUN_OR_CHECKPOINT", a.rest, "the encoder, and key=value settings")
      ->required();
  command
      .add_option("--labels", a.labels, "share of the labels to learn from (0.01, 0.1); default: 1")
      ->check(CLI::Range(1e-6, 1.0))
      ->check(finite);
  command.add_option("--data", a.data, "labelled data; default: the run's");
  command.add_option("--test", a.test, "test set, where the data has none");
  command.add_option("--encoder", a.encoder, "architecture of a file that nearfar did not write");
  command.add_option("--out", a.out,
                     "the new run's folder; default runs/supervised-<data>-<number>");
  command.add_flag("--baseline", a.baseline, "train the same network from scratch, too");
}

void add_export(CLI::App& app, Arguments& all) {
  CLI::App& command = add_command(app, all, "export", kExport);
  ExportArguments& a = all.exporting;
  command.add_option("RUN_OR_CHECKPOINT", a.what, "the encoder")->required();
  command.add_option("--out", a.out, "FILE.safetensors, or a folder for timm-folder")->required();
  command.add_option("--format", a.format, "torchvision, timm or timm-folder")
      ->check(CLI::IsMember({"torchvision", "timm", "timm-folder"}));
  command.add_option("--encoder", a.encoder, "architecture of a file that nearfar did not write");
}

void add_report(CLI::App& app, Arguments& all) {
  CLI::App& command = add_command(app, all, "report", kReport);
  ReportArguments& a = all.report;
  command.add_option("RUN", a.rest, "the run's folder, and key=value settings")->required();
  command.add_option("--data", a.data, "the images of map and neighbours; default: the run's");
  command.add_option("--out", a.out, "the page; default: report.html in the run's folder");
}

void add_view_request(CLI::App& command, ViewRequest& request) {
  command.add_option("IMAGE_OR_DATA", request.words,
                     "an image or a data set, then config files and key=value settings");
  auto* recipe = command.add_option("--recipe", request.recipe,
                                    "whose views; default: the config's, else simclr");
  auto* preset = command.add_option("--preset", request.preset,
                                    "a preset of the recipe; default: by the data");
  auto* policy = command.add_option("--policy", request.policy,
                                    "views of a published method instead; `list` names them");
  command.add_option("--seed", request.seed, "of the draws (train.seed)")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 53));
  policy->excludes(preset)->excludes(recipe);
}

void add_views(CLI::App& app, Arguments& all) {
  CLI::App& command = add_command(app, all, "views", kViews);
  ViewsArguments& a = all.views;
  add_view_request(command, a.request);
  command.add_option("--count", a.count, "images on the sheet")->check(CLI::Range(1, 1000));
  command
      .add_option("--repeats", a.repeats, "draws of each image; default: 2 for two views, else 1")
      ->check(CLI::Range(1, 100));
  auto* input = command.add_option("--input", a.input, "images.safetensors for --draws");
  auto* draws = command.add_option("--draws", a.draws, "draws.json to render");
  for (const char* name :
       {"IMAGE_OR_DATA", "--recipe", "--preset", "--policy", "--seed", "--count", "--repeats"}) {
    CLI::Option* sheet = command.get_option(name);
    input->excludes(sheet);
    draws->excludes(sheet);
  }
  command.add_option("--out", a.out, "grid.png, or a .safetensors with --draws");
}

void add_bench(CLI::App& app, Arguments& all) {
  CLI::App& command = add_command(app, all, "bench", kBench);
  BenchArguments& a = all.bench;
  command.add_option("WHAT", a.what, "augment or data; expected unless --policy list")
      ->check(CLI::IsMember({"augment", "data"}));
  add_view_request(command, a.request);
  command.add_option("--seconds", a.seconds, "about how long to measure; default: 6")
      ->check(CLI::Range(0.1, 3600.0));
  command
      .add_option("--threads", a.threads,
                  "beside one thread; default: one a core, for data data.workers")
      ->check(CLI::Range(1, 4096));
  command.add_option("--rate", a.rate, "images/s that your GPU takes: how many cores feed it")
      ->check(CLI::PositiveNumber);
}

void add_doctor(CLI::App& app, Arguments& all) {
  CLI::App& command = add_command(app, all, "doctor", kDoctor);
  DoctorArguments& a = all.doctor;
  command.add_option("CONFIG", a.rest, "config file and key=value settings, as for pretrain");
  command.add_option("--recipe", a.recipe, "the method (recipe.name)");
  command.add_option("--data", a.data, "what the run learns from (data.path)");
  command.add_option("--preset", a.preset, "a preset of the recipe; default: by the data");
  command.add_option("--device", a.device, "auto, cpu or cuda")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}));
  command.add_flag("--distributed", a.distributed, "test the ranks that this is started on");
  command.add_flag("--plan", a.plan, "what a run takes of each of --ranks ranks");
  command.add_option("--ranks", a.ranks, "of the plan")->check(CLI::Range(1, 1 << 20));
  command.add_option("--gpus-per-host", a.gpus_per_host, "of the plan; default: 8")
      ->check(CLI::Range(1, 1024));
}

void add_formula(CLI::App& app, Arguments& all, const std::string& name, const char* description,
                 FormulaArguments& a) {
  CLI::App& command = add_command(app, all, name, description);
  command.add_option("NAME", a.name, "which " + name);
  command.add_option("SETTINGS", a.settings, "key=value");
  command.add_option("--input", a.input, "the tensors, .safetensors");
  command.add_option("--output", a.output, "what is computed, .safetensors");
  command.add_flag("--list", a.list, "all of them, with formula, inputs, keys and paper");
}

void add_rest(CLI::App& app, Arguments& all) {
  add_command(app, all, "recipes", kRecipes)
      .add_option("NAME", all.recipes.name, "one recipe, by name or path");
  CLI::App& fresh = add_command(app, all, "new-recipe", kNewRecipe);
  fresh.add_option("NAME", all.new_recipe.name, "of the recipe: lower-case letters, digits and _")
      ->required();
  fresh.add_option("--out", all.new_recipe.out, "the folder to write; default: NAME");
  CLI::App& check = add_command(app, all, "check-recipe", kCheckRecipe);
  check.add_option("PATH_OR_NAME", all.check_recipe.rest, "the recipe, and key=value settings")
      ->required();
  check.add_option("--preset", all.check_recipe.preset, "default: that for small colour images");
  check.add_option("--only", all.check_recipe.only, "of " + law_names() + "; default: all");
  add_formula(app, all, "loss", kLoss, all.loss);
  add_formula(app, all, "distance", kDistance, all.distance);
  CLI::App& config = add_command(app, all, "config", kConfig);
  config.add_option("ACTION", all.config.action, "show, check, keys or schema")
      ->required()
      ->check(CLI::IsMember({"show", "check", "keys", "schema"}));
  config.add_option("CONFIG", all.config.rest,
                    "config file and key=value settings, or a key prefix");
  config.add_option("--recipe", all.config.recipe,
                    "whose keys; default: the config's, else simclr");
  config.add_flag("--origin", all.config.origin, "where each value comes from");
  add_doctor(app, all);
}

}  // namespace

Parsed parse_arguments(int argc, const char* const* argv,
                       const std::function<std::string(const std::string& recipe)>& config_keys) {
  Parsed parsed;
  Arguments& all = parsed.arguments;
  CLI::App app(kIntroduction, "nearfar");
  add_common(app, all.common);
  app.require_subcommand(1);
  add_pretrain(app, all);
  add_launch(app, all);
  add_evaluate(app, all);
  add_embed(app, all);
  add_finetune(app, all);
  add_export(app, all);
  add_report(app, all);
  add_views(app, all);
  add_bench(app, all);
  add_rest(app, all);
  app.get_subcommand("pretrain")->footer([&] { return config_keys(all.pretrain.recipe); });
  if (argc > 1 && argv[1][0] != '-' &&
      std::find(kCommands.begin(), kCommands.end(), argv[1]) == kCommands.end()) {
    parsed.exit_code = 2;
    parsed.error = unknown_command(argv[1], kCommands);
    return parsed;
  }
  try {
    app.parse(argc, argv);
    check_alone(*app.get_subcommands().front());
    all.launch.command = app.get_subcommand("launch")->remaining();
    parsed.run = true;
  } catch (const CLI::CallForHelp&) {
    const auto used = app.get_subcommands();
    parsed.output = (used.empty() ? app : *used.front()).help();
  } catch (const CLI::CallForVersion& version) {
    parsed.output = std::string(version.what()) + "\n";
  } catch (const CLI::ParseError& error) {
    parsed.exit_code = 2;
    parsed.error = argc < 2 ? app.help() : explain(app, error);
  }
  return parsed;
}

}  // namespace nearfar
