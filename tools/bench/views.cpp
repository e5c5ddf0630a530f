// nearfar's side of tools/bench/views: answers one JSON command a line with one JSON result a line.
#include <cstdio>
#include <fstream>
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

std::array<float, 3> channels(const Json& list) {
  if (list.items().size() != 3) throw ConfigError(list.place() + ": expected 3 numbers");
  std::array<float, 3> values{};
  for (size_t c = 0; c < 3; ++c) values[c] = static_cast<float>(list.items()[c].as_double());
  return values;
}

/// The sets of images that were loaded, by name.
class Session {
 public:
  /// Runs one command; the name of what to do is its member "do".
  Json run(const Json& command) {
    const std::string& name = command.at("do").as_string();
    Json result = Json::object();
    if (name == "load") {
      load(command);
    } else if (name == "render") {
      render_draws(command);
    } else if (name == "write") {
      write_views(set(command), task(command), command.at("file").as_string());
    } else if (name == "decode") {
      result["seconds"] = time_decoding(command.at("folder").as_string());
    } else if (name == "multiply_add") {
      result["rate"] = multiply_add_rate(static_cast<int>(command.at("threads").as_int()),
                                         command.at("seconds").as_double());
    } else {
      result = time(name, command);
    }
    return result;
  }

 private:
  const PixelSet& set(const Json& command) const {
    const Json& name = command.at("images");
    const auto found = sets_.find(name.as_string());
    if (found == sets_.end()) throw ConfigError(name.place() + ": no images of that name");
    return found->second;
  }

  void load(const Json& command) {
    const auto dimension = [&](const char* key) {
      return static_cast<int>(command.at(key).as_int());
    };
    sets_[command.at("images").as_string()] =
        read_pixels(command.at("file").as_string(), dimension("count"), dimension("height"),
                    dimension("width"));
  }

  static ViewTask task(const Json& command) {
    ViewTask task;
    Settings settings;
    settings.add_layer(command.at("policy"), "policy");
    settings.apply([&](Fields& field) { task.policy.describe(field); });
    const std::string wrong = policy_error(task.policy);
    if (!wrong.empty()) throw ConfigError("policy." + wrong);
    task.normalize = {channels(command.at("mean")), channels(command.at("std"))};
    task.first = integer(command, "first", 0);
    task.count = command.at("count").as_int();
    task.epoch = integer(command, "epoch", 0);
    task.epochs = integer(command, "epochs", 1);
    return task;
  }

  void render_draws(const Json& command) const {
    const PixelSet& pixels = set(command);
    const Draws draws = read_draws(command.at("draws"), pixels.count, pixels.height, pixels.width);
    std::vector<Image> images;
    for (const int64_t image : draws.images) images.push_back(pixels.image(image));
    const Size size = draws.target.size;
    std::vector<float> out(images.size() * size.height * size.width * 3);
    render(images, draws.views, draws.target, 1, out.data());
    const std::string& path = command.at("file").as_string();
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(out.data()),
               static_cast<std::streamsize>(out.size() * sizeof(float)));
    file.close();
    if (!file) throw DataError(path + ": cannot be written");
  }

  /// Work on a ViewTask: its seconds, and how many views or operations these were.
  Json time(const std::string& name, const Json& command) const {
    const ViewTask todo = task(command);
    Json result = Json::object();
    if (name == "folder") {
      result["seconds"] = time_folder(command.at("folder").as_string(), todo);
      return result;
    }
    const PixelSet& pixels = set(command);
    if (todo.first < 0 || todo.count < 1 || todo.first + todo.count > pixels.count) {
      throw ConfigError("count: the set has " + std::to_string(pixels.count) + " images");
    }
    if (name == "views") {
      result["seconds"] = time_views(pixels, todo);
    } else if (name == "batch") {
      result["seconds"] =
          time_batch(pixels, todo, static_cast<int>(command.at("threads").as_int()));
    } else if (name == "bytes") {
      result["seconds"] = time_bytes(pixels, todo);
    } else if (name == "operations") {
      int64_t sum = 0;
      for_each_view(pixels, todo, [&](const Image&, const View& view) {
        sum += operations(view, todo.target());
      });
      result["operations"] = sum;
    } else {
      throw ConfigError("do: unknown command " + name);
    }
    result["views"] = todo.views();
    return result;
  }

  std::map<std::string, PixelSet> sets_;
};

void serve() {
  Session session;
  std::string line;
  while (std::getline(std::cin, line)) {
    const Json command = parse_json(line, "command", {size_t{1} << 24, 32});
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
