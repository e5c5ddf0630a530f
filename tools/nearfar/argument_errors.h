// What is wrong with a command line.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace nearfar {

/// The error text of a first word that is none of the commands, with the nearest.
std::string unknown_command(const std::string& word, const std::vector<std::string>& commands);

/// `--policy list` lists and does nothing else: throws for what would be ignored beside it.
void check_alone(const CLI::App& command);

/// The error text of a command line that does not parse.
std::string explain(const CLI::App& app, const CLI::ParseError& error);

}  // namespace nearfar
