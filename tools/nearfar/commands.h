// The commands of the program. Each returns an exit code or throws an Error.
#pragma once

#include <string>
#include <vector>

#include "framework/train/configure.h"
#include "tools/nearfar/arguments.h"
#include "tools/nearfar/console.h"

namespace nearfar {

int run_pretrain(const PretrainArguments& arguments, const std::string& command_line,
                 Console& console);
int run_launch(const LaunchArguments& arguments, const CommonArguments& common, Console& console);
int run_evaluate(const EvaluateArguments& arguments, Console& console);
int run_embed(const EmbedArguments& arguments, Console& console);
int run_finetune(const FinetuneArguments& arguments, const std::string& command_line,
                 Console& console);
int run_export(const ExportArguments& arguments, Console& console);
int run_report(const ReportArguments& arguments, Console& console);
int run_views(const ViewsArguments& arguments, Console& console);
int run_bench(const BenchArguments& arguments, Console& console);
int run_recipes(const RecipesArguments& arguments, Console& console);
int run_new_recipe(const NewRecipeArguments& arguments, Console& console);
int run_check_recipe(const CheckRecipeArguments& arguments, Console& console);
int run_loss(const FormulaArguments& arguments, Console& console);
int run_distance(const FormulaArguments& arguments, Console& console);
int run_config(const ConfigArguments& arguments, Console& console);
int run_doctor(const DoctorArguments& arguments, Console& console);

/// For a rank of nearfar launch: it shall not outlive its launcher. Otherwise does nothing.
void follow_launcher();

/// Sorts positional words into config files and key=value settings. Files may be written @file, and
/// - is stdin. Throws ConfigError for a file that does not exist.
RunSources sources_of(const std::vector<std::string>& words);

/// Whether a word is key=value, and not the name of a file that holds a '='.
bool is_assignment(const std::string& word);

/// The keys of a run with this recipe ("" means simclr), for help texts.
std::string key_listing(const std::string& recipe);

/// The keys under a prefix ("": all) with type, range, default and help.
Json key_documents(const Describe& describe, const std::string& prefix);

}  // namespace nearfar
