// Run folders and their lock.
#include "framework/train/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "framework/error.h"
#include "framework/train/device.h"
#include "nearfar/version.h"

namespace nearfar {
namespace fs = std::filesystem;
namespace {

/// The value of the first line "key : value" of a /proc file.
std::string proc_value(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(key, 0) != 0) continue;
    const size_t begin = line.find_first_not_of(" \t", line.find(':') + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

/// The instruction sets that decide how fast this machine is.
Json cpu_features() {
  const std::string flags = " " + proc_value("/proc/cpuinfo", "flags") + " ";
  Json features = Json::array();
  for (const char* name : {"avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16"}) {
    if (flags.find(" " + std::string(name) + " ") != std::string::npos) features.push_back(name);
  }
  return features;
}

}  // namespace

bool RunFolder::holds_run() const { return fs::exists(config()); }

RunFolder next_run_folder(const std::string& recipe, const std::string& data) {
  for (int number = 1;; ++number) {
    const std::string path = "runs/" + recipe + "-" + data + "-" + std::to_string(number);
    if (!fs::exists(path)) return {path};
  }
}

RunLock::RunLock(const RunFolder& folder) {
  const std::string path = folder.path + "/.lock";
  descriptor_ = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw EnvironmentError(path + ": cannot be written");
  if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    close(descriptor_);
    throw EnvironmentError(folder.path + ": another process is working on this run");
  }
}

RunLock::~RunLock() { close(descriptor_); }

Json describe_environment(const std::string& command_line) {
  utsname system{};
  uname(&system);
  Json json = Json::object();
  json["nearfar"] = NEARFAR_VERSION;
  json["libtorch"] = NEARFAR_TORCH_VERSION;
  json["compiler"] = std::string("gcc ") + __VERSION__;
  json["system"] = std::string(system.sysname) + " " + system.release + " " + system.machine;
  json["processor"] = proc_value("/proc/cpuinfo", "model name");
  json["cpu_features"] = cpu_features();
  json["cores"] = available_cores();
  json["memory"] = proc_value("/proc/meminfo", "MemTotal");
  json["nvidia_driver"] = has_nvidia_driver();
  if (!command_line.empty()) json["command_line"] = command_line;
  return json;
}

}  // namespace nearfar
