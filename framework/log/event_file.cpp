// Records of event files, and the files of a folder.
#include "framework/log/event_file.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <vector>

#include "framework/files/file_system.h"
#include "framework/log/clock.h"
#include "framework/log/crc32c.h"
#include "framework/log/events.h"

namespace nearfar {
namespace fs = std::filesystem;
namespace {

constexpr const char* kPrefix = "events.out.tfevents.";
constexpr uint64_t kLargestFile = uint64_t{1} << 36;

/// Record formats store CRCs masked, since a CRC of data that hold CRCs is weak.
uint32_t masked_crc(std::string_view bytes) {
  const uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

template <typename Number>
std::string raw(Number value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

template <typename Number>
Number number_at(std::string_view bytes, size_t offset) {
  Number value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

/// The data of the first record; an empty view where it is not whole.
std::string_view first_record(std::string_view bytes) {
  constexpr size_t kHead = 12, kFoot = 4;
  if (bytes.size() < kHead + kFoot) return {};
  const auto length = number_at<uint64_t>(bytes, 0);
  if (number_at<uint32_t>(bytes, 8) != masked_crc(bytes.substr(0, 8))) return {};
  if (length > bytes.size() - kHead - kFoot) return {};
  const std::string_view data = bytes.substr(kHead, length);
  return number_at<uint32_t>(bytes, kHead + length) == masked_crc(data) ? data : std::string_view{};
}

std::vector<std::string> event_files(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kPrefix)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void cut_back(const std::string& path, int64_t step) {
  const std::string bytes = read_text(path, kLargestFile);
  const size_t kept = valid_prefix(bytes, step);
  if (kept < bytes.size()) cut_file(path, kept);
}

/// Readers take files in the order of their names: the second in a new name is later than all that
/// are there, also where the clock was set back or a run restarts within a second.
std::string next_name(const std::vector<std::string>& earlier) {
  auto second = static_cast<long long>(unix_time());
  for (const std::string& name : earlier) {
    const std::string digits = name.substr(std::strlen(kPrefix), 10);
    second = std::max(second, std::atoll(digits.c_str()) + 1);
  }
  char host[256] = "localhost";
  gethostname(host, sizeof(host) - 1);
  char name[512];
  std::snprintf(name, sizeof(name), "%s%010lld.%s.%d.0", kPrefix, second, host, getpid());
  return name;
}

/// The path of a new file, once the earlier ones were dealt with.
std::string make_way(const std::string& folder, int64_t step) {
  real_file_system().make_directories(folder);
  std::vector<std::string> earlier = event_files(folder);
  for (const std::string& name : earlier) {
    if (step == 0) {
      real_file_system().remove_all(folder + "/" + name);
    } else {
      cut_back(folder + "/" + name, step);
    }
  }
  return folder + "/" + next_name(earlier);
}

}  // namespace

std::string framed(std::string_view data) {
  const std::string length = raw(static_cast<uint64_t>(data.size()));
  std::string record = length + raw(masked_crc(length));
  record += data;
  return record + raw(masked_crc(data));
}

size_t valid_prefix(std::string_view file, int64_t step) {
  constexpr size_t kFrame = 16;
  size_t kept = 0;
  for (;;) {
    const std::string_view data = first_record(file.substr(kept));
    const std::optional<int64_t> at = data.empty() ? std::nullopt : step_of(data);
    if (!at || *at > step) return kept;
    kept += kFrame + data.size();
  }
}

EventFile::EventFile(const std::string& folder, int64_t step) : file_(make_way(folder, step)) {
  write(version_event(unix_time()));
  if (step > 0) write(restart_event({unix_time(), step + 1}));
}

}  // namespace nearfar
