// Config files and settings from the words of a command line.
#include <filesystem>
#include <iostream>
#include <iterator>

#include "framework/error.h"
#include "framework/files/file_system.h"
#include "tools/nearfar/commands.h"

namespace nearfar {
namespace {

Json read_config(const std::string& word) {
  if (word == "-") {
    const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
    return parse_json(text, "stdin");
  }
  const std::string path = word[0] == '@' ? word.substr(1) : word;
  if (!std::filesystem::is_regular_file(path)) {
    throw ConfigError(path + ": no such config file; expected a file, @file, - or key=value");
  }
  return parse_json(read_text(path), path);
}

}  // namespace

bool is_assignment(const std::string& word) {
  return !word.empty() && word[0] != '@' && word.find('=') != std::string::npos &&
         !std::filesystem::exists(word);
}

RunSources sources_of(const std::vector<std::string>& words) {
  RunSources sources;
  for (const std::string& word : words) {
    if (word.empty()) throw ConfigError("empty argument; expected a config file or key=value");
    if (is_assignment(word)) {
      sources.assignments.push_back(word);
    } else {
      sources.files.emplace_back(read_config(word), "file " + word);
    }
  }
  return sources;
}

}  // namespace nearfar
