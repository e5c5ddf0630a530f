// What a command line said, as plain structs; the command-line library stays behind arguments.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace nearfar {

/// Options that every command understands.
struct CommonArguments {
  bool json = false;
  bool quiet = false;
  bool no_color = false;
};

struct PretrainArguments {
  std::vector<std::string> rest;  // CONFIG and key=value
  std::string recipe, data, out, preset;
  std::string replay;  // replay.json of a step that diverged
  bool fresh = false;
};

struct LaunchArguments {
  int ranks = 0;
  int max_restarts = 0;
  std::vector<std::string> command;  // pretrain and what follows, untouched
};

struct EvaluateArguments {
  std::vector<std::string> rest;  // RUN_OR_CHECKPOINT and key=value
  std::string data, test, methods, encoder, out;
};

struct EmbedArguments {
  std::vector<std::string> rest;
  std::string data, out, encoder;
  std::string part;  // train, test, all; empty: the training part as it is stored
};

struct ExportArguments {
  std::string what;  // RUN_OR_CHECKPOINT
  std::string out, encoder;
  std::string format = "torchvision";
};

struct FinetuneArguments {
  std::vector<std::string> rest;  // RUN_OR_CHECKPOINT and key=value
  std::string data, test, out, encoder;
  double labels = 0.0;  // share; 0: not given, which means all
  bool baseline = false;
};

struct ReportArguments {
  std::vector<std::string> rest;  // RUN and key=value
  std::string data, out;
};

/// Images and how their views are drawn.
struct ViewRequest {
  std::vector<std::string> words;  // IMAGE_OR_DATA, then CONFIG and key=value
  std::string recipe, preset, policy;
  int64_t seed = -1;  // negative: the settings' own
};

struct ViewsArguments {
  ViewRequest request;
  std::string input, draws, out;
  int count = 8;
  int repeats = 0;  // 0: what fits on a screen
};

struct BenchArguments {
  std::string what;  // augment, data
  ViewRequest request;
  double seconds = 6.0;
  int threads = 0;    // 0: one a core
  double rate = 0.0;  // images per second that a GPU takes; 0: none given
};

struct RecipesArguments {
  std::string name;
};

struct NewRecipeArguments {
  std::string name;
  std::string out;  // empty: name
};

struct CheckRecipeArguments {
  std::vector<std::string> rest;  // PATH_OR_NAME, then CONFIG and key=value
  std::string preset;
  std::string only;  // names of laws, by commas; empty: all
};

/// Of `nearfar loss` and `nearfar distance`.
struct FormulaArguments {
  std::string name, input, output;
  std::vector<std::string> settings;  // key=value
  bool list = false;
};

struct ConfigArguments {
  std::string action;             // show, check, keys, schema
  std::vector<std::string> rest;  // CONFIG and key=value, or PREFIX
  std::string recipe;
  bool origin = false;
};

struct DoctorArguments {
  std::vector<std::string> rest;  // CONFIG and key=value, of a plan or a test of ranks
  std::string recipe, data, preset;
  std::string device;  // empty: auto, or what CONFIG says
  bool distributed = false;
  bool plan = false;
  int ranks = 0;          // of the plan; 0: not given
  int gpus_per_host = 0;  // of the plan; 0: not given, which means 8
};

/// One command of the program: fills its arguments and runs.
struct Arguments {
  CommonArguments common;
  std::string command;
  PretrainArguments pretrain;
  LaunchArguments launch;
  EvaluateArguments evaluate;
  EmbedArguments embed;
  FinetuneArguments finetune;
  ExportArguments exporting;
  ReportArguments report;
  ViewsArguments views;
  BenchArguments bench;
  RecipesArguments recipes;
  NewRecipeArguments new_recipe;
  CheckRecipeArguments check_recipe;
  FormulaArguments loss, distance;
  ConfigArguments config;
  DoctorArguments doctor;
};

/// The outcome of parsing: either a command to run, or text to print and an exit code.
struct Parsed {
  bool run = false;
  int exit_code = 0;
  std::string output;  // help or version, for stdout
  std::string error;   // for stderr
  Arguments arguments;
};

/// Parses a command line. `config_keys(recipe)` lists the keys for help texts, called only when
/// help is asked for.
Parsed parse_arguments(int argc, const char* const* argv,
                       const std::function<std::string(const std::string& recipe)>& config_keys);

}  // namespace nearfar
