// Reads index.json, runs its cases, and writes the report and the dumps.
#include "tests/golden_runner/runner.h"

#include <filesystem>
#include <iomanip>
#include <ostream>
#include <sstream>

#include "framework/checkpoint/tensors.h"
#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/files/safetensors.h"
#include "tests/golden_runner/compare.h"

namespace nearfar::golden {
namespace {

// The published index has 336 kB.
constexpr JsonLimits kIndexLimits{size_t{1} << 26, 32};

enum class Outcome { ok, wrong, unsupported };

std::string stem_of(const Case& item) { return std::filesystem::path(item.file).stem().string(); }

bool is_wanted(const RunOptions& options, const std::string& family, const std::string& operation) {
  return options.only.empty() || options.only == family || options.only == operation;
}

const Operation* find_operation(const Operations& operations, const Case& item) {
  auto found = operations.find(item.operation + ":" + stem_of(item));
  if (found == operations.end()) found = operations.find(item.operation);
  return found == operations.end() ? nullptr : &found->second;
}

void load_tensors(Case& item, const std::string& folder) {
  for (auto& [name, tensor] : to_tensors(read_safetensors(folder + "/" + item.file))) {
    item.tensors.emplace(name, std::move(tensor));
  }
}

void dump(const std::string& folder, const Case& item, const Tensors& computed) {
  NamedTensors kept;
  for (const auto& [name, tensor] : computed) {
    if (item.tensors.contains(name)) kept.emplace_back(name, tensor);
  }
  const std::string path = folder + "/" + item.family + "/" + stem_of(item) + ".safetensors";
  const std::vector<uint8_t> bytes = encode_tensors(kept, {{"operation", item.operation}});
  real_file_system().make_directories(parent_directory(path));
  replace_file(real_file_system(), path, bytes.data(), bytes.size());
}

std::string to_line(const Comparison& comparison) {
  std::ostringstream text;
  text << std::scientific << std::setprecision(1) << comparison.error << " / "
       << comparison.tolerance << " (" << comparison.worst << ")";
  return text.str();
}

/// Runs one case; `report` receives what stands between the operation and the outcome.
Outcome run_case(Case& item, const Json& rules, const RunOptions& options,
                 const Operations& operations, std::string& report) {
  const Operation* operation = find_operation(operations, item);
  report = "-";
  if (!operation) return Outcome::unsupported;
  try {
    load_tensors(item, options.folder);
    const Tensors computed = (*operation)(item);
    if (!options.dump.empty()) dump(options.dump, item, computed);
    const Comparison comparison = compare(item, rules, computed);
    if (!comparison.worst.empty()) report = to_line(comparison);
    if (comparison.complaint.empty()) return Outcome::ok;
    report += "  " + comparison.complaint;
    return Outcome::wrong;
  } catch (const Unsupported& reason) {
    report = reason.what();
    return Outcome::unsupported;
  } catch (const std::exception& error) {
    // One line a case, whatever a library's message looks like.
    const std::string what = error.what();
    report = what.substr(0, what.find('\n'));
    return Outcome::wrong;
  }
}

/// Checks one file FAMILY/MODEL.names.json.
Outcome run_list(const std::string& path, const std::string& model, const NameCheck& check_names,
                 std::string& report) {
  try {
    const Json list = parse_json(read_text(path), path, kIndexLimits);
    report = check_names(model, list);
    if (!report.empty()) return Outcome::wrong;
    report = std::to_string(list.items().size()) + " tensors";
    return Outcome::ok;
  } catch (const Unsupported& reason) {
    report = reason.what();
    return Outcome::unsupported;
  } catch (const std::exception& error) {
    report = error.what();
    return Outcome::wrong;
  }
}

void count(Outcome outcome, Counts& counts) {
  ++(outcome == Outcome::ok      ? counts.ok
     : outcome == Outcome::wrong ? counts.wrong
                                 : counts.unsupported);
}

const char* name_of(Outcome outcome) {
  return outcome == Outcome::ok ? "ok" : outcome == Outcome::wrong ? "FAIL" : "unsupported";
}

void print(std::ostream& output, const std::string& name, const std::string& operation,
           const std::string& report, Outcome outcome) {
  output << name << "  " << operation << "  " << report << "  " << name_of(outcome) << std::endl;
}

void run_cases(const Json& index, const RunOptions& options, const Operations& operations,
               std::ostream& output, Counts& counts) {
  for (const Json& row : index.at("cases").items()) {
    Case item{row.at("file").as_string(),
              row.at("family").as_string(),
              row.at("operation").as_string(),
              row.at("hyperparameters"),
              {}};
    if (!is_wanted(options, item.family, item.operation)) continue;
    std::string report;
    const Outcome outcome = run_case(item, row.at("tolerance"), options, operations, report);
    count(outcome, counts);
    print(output, item.family + "/" + stem_of(item), item.operation, report, outcome);
  }
}

void run_lists(const Json& lists, const RunOptions& options, const NameCheck& check_names,
               std::ostream& output, Counts& counts) {
  for (const Json& row : lists.items()) {
    const std::string& file = row.as_string();
    const std::string family = std::filesystem::path(file).parent_path().string();
    if (!is_wanted(options, family, "names")) continue;
    const std::string stem = std::filesystem::path(file).stem().string();  // MODEL.names
    const std::string model = std::filesystem::path(stem).stem().string();
    std::string report;
    const Outcome outcome = run_list(options.folder + "/" + file, model, check_names, report);
    count(outcome, counts);
    print(output, family + "/" + stem, "names", report, outcome);
  }
}

}  // namespace

Counts run(const RunOptions& options, const Operations& operations, const NameCheck& check_names,
           std::ostream& output) {
  const std::string path = options.folder + "/index.json";
  const Json index = parse_json(read_text(path), path, kIndexLimits);
  Counts counts;
  run_cases(index, options, operations, output, counts);
  if (const Json* lists = index.find("name_lists")) {
    run_lists(*lists, options, check_names, output, counts);
  }
  output << counts.ok << " ok, " << counts.wrong << " wrong, " << counts.unsupported
         << " unsupported" << std::endl;
  return counts;
}

}  // namespace nearfar::golden
