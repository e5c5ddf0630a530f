// nearfar's side of tools/bench/views: answers one JSON command a line with one JSON result a line.
#include <cstdio>
#include <iostream>
#include <map>

#include "framework/config/settings.h"
#include "framework/error.h"
#include "framework/json/json.h"
#include "tools/bench/floor.h"
#include "tools/bench/view_work.h"
#include "tools/nearfar/draws.h"

namespace nearfar {
namespace {

int64_t integer(const Json& command, const char* key, int64_t otherwise) {
  const Json* value = command.find(key);
  return value == nullptr ? otherwise : value->as_int();
}

Output read_output(const Json& command) {
  const Json* name = command.find("output");
  if (name == nullptr || name->as_string() == "float32") return Output::float32;
  if (name->as_string() == "bfloat16") return Output::bfloat16;
  throw ConfigError("output: expected float32 or bfloat16, found " + name->as_string());
}

ViewTask read_task(const Json& command) {
  ViewTask task;
  Settings settings;
  settings.add_layer(command.at("policy"), "policy");
  settings.apply([&](Fields& field) { task.policy.describe(field); });
  const std::string wrong = policy_error(task.policy);
  if (!wrong.empty()) throw ConfigError("policy." + wrong);
  task.normalize = {read_channels(command.at("mean")), read_channels(command.at("std"))};
  task.first = integer(command, "first", 0);
  task.count = command.at("count").as_int();
  task.epoch = integer(command, "epoch", 0);
  task.epochs = integer(command, "epochs", 1);
  return task;
}

Json seconds(double value) { return Json::object({{"seconds", value}}); }

/// The commands, and the images that were loaded, by name.
class Session {
 public:
  /// Runs one command; its member "do" names which. Throws ConfigError for what it cannot read.
  Json run(const Json& command) {
    using Command = Json (Session::*)(const Json&);
    static const std::map<std::string, Command> commands = {
        {"load", &Session::load},
        {"render", &Session::render_draws},
        {"write", &Session::write},
        {"views", &Session::views},
        {"folder", &Session::folder},
        {"decode", &Session::decode},
        {"bytes", &Session::bytes},
        {"operations", &Session::count_operations},
        {"multiply_add", &Session::multiply_add},
    };
    const auto found = commands.find(command.at("do").as_string());
    if (found == commands.end()) {
      throw ConfigError("do: unknown command " + command.at("do").as_string());
    }
    return (this->*found->second)(command);
  }

 private:
  const PixelSet& set(const Json& command) const {
    const Json& name = command.at("images");
    const auto found = sets_.find(name.as_string());
    if (found == sets_.end()) throw ConfigError(name.place() + ": no images of that name");
    return found->second;
  }

  /// A task whose images the set has.
  ViewTask task(const Json& command) const {
    const ViewTask task = read_task(command);
    const int count = set(command).count;
    if (task.first < 0 || task.count < 1 || task.first + task.count > count) {
      throw ConfigError("count: the set has " + std::to_string(count) + " images");
    }
    return task;
  }

  Json load(const Json& command) {
    const auto dimension = [&](const char* key) {
      return static_cast<int>(command.at(key).as_int());
    };
    sets_[command.at("images").as_string()] =
        read_pixels(command.at("file").as_string(), dimension("count"), dimension("height"),
                    dimension("width"));
    return Json::object();
  }

  Json render_draws(const Json& command) {
    const PixelSet& pixels = set(command);
    Draws draws = read_draws(command.at("draws"), pixels.count, pixels.height, pixels.width);
    draws.target.past_caches = command.at("past_caches").as_bool();
    DrawnViews drawn{{}, draws.views};
    for (const int64_t image : draws.images) drawn.images.push_back(pixels.image(image));
    write_views(drawn, draws.target, read_output(command), command.at("file").as_string());
    return Json::object();
  }

  Json write(const Json& command) {
    const ViewTask todo = task(command);
    write_views(draw_views(set(command), todo, todo.epoch), todo.target(), read_output(command),
                command.at("file").as_string());
    return Json::object();
  }

  Json views(const Json& command) {
    const ViewTask todo = task(command);
    const auto threads = static_cast<int>(integer(command, "threads", 1));
    const WorkTime time = time_views(set(command), todo, read_output(command), threads);
    return Json::object(
        {{"seconds", time.processor}, {"wall", time.wall}, {"views", todo.views()}});
  }

  Json folder(const Json& command) {
    return seconds(time_folder(command.at("folder").as_string(), read_task(command)));
  }

  Json decode(const Json& command) {
    return seconds(time_decoding(command.at("folder").as_string()));
  }

  Json bytes(const Json& command) {
    const ViewTask todo = task(command);
    return Json::object({{"seconds", time_bytes(set(command), todo)}, {"views", todo.views()}});
  }

  Json count_operations(const Json& command) {
    const ViewTask todo = task(command);
    int64_t sum = 0;
    for (int64_t i = 0; i < todo.epochs; ++i) {
      for (const View& view : draw_views(set(command), todo, todo.epoch + i).views) {
        sum += operations(view, todo.target());
      }
    }
    return Json::object({{"operations", sum}, {"views", todo.views()}});
  }

  /// Without "threads": by processor time.
  Json multiply_add(const Json& command) {
    const double duration = command.at("seconds").as_double();
    const auto threads = static_cast<int>(integer(command, "threads", 0));
    const double rate =
        threads > 0 ? multiply_add_rate(threads, duration) : multiply_add_rate(duration);
    return Json::object({{"rate", rate}});
  }

  std::map<std::string, PixelSet> sets_;
};

void serve() {
  Session session;
  std::string line;
  while (std::getline(std::cin, line)) {
    const Json command = parse_json(line, "command", {.bytes = size_t{1} << 24});
    std::cout << to_text(session.run(command), -1) << std::endl;
  }
}

}  // namespace
}  // namespace nearfar

int main() {
  try {
    nearfar::serve();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: bench_views: %s\n", error.what());
    return 1;
  }
}
