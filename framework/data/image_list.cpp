// Lists of image files: columns, rows, parts.
#include "framework/data/image_list.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <unordered_map>

#include "framework/data/folder.h"
#include "framework/data/natural_order.h"
#include "framework/files/csv.h"
#include "framework/files/file_system.h"

namespace nearfar {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kLargestList = uint64_t{1} << 32;
constexpr const char* kParts[] = {"train", "val", "test"};

/// Where the columns stand; -1: missing.
struct Columns {
  int64_t count = 0;
  int64_t path = -1;
  int64_t label = -1;
  int64_t split = -1;
  std::vector<int64_t> targets;
  std::vector<std::string> target_names;
};

/// The rows of one part.
struct Rows {
  std::vector<std::string> paths;
  std::vector<std::string> labels;  // "": none
  std::vector<float> targets;
};

class ListReader {
 public:
  ListReader(const std::string& path, Log& log)
      : path_(path), folder_(fs::path(path).parent_path().string()), log_(log) {
    if (folder_.empty()) folder_ = ".";
  }

  void read() {
    const std::string text = read_text(path_, kLargestList);
    CsvReader reader(text, path_, name_ending(path_) == ".tsv" ? '\t' : ',');
    CsvRecord record;
    if (!reader.next(record)) throw DataError(path_ + ": the list is empty");
    read_columns(record);
    while (reader.next(record)) add_row(record);
    if (lines_.empty()) throw DataError(path_ + ": expected rows below the columns, found none");
    require_files();
  }

  const std::string& folder() const { return folder_; }
  const Columns& columns() const { return columns_; }
  Rows& part(const std::string& name) { return parts_[name]; }

 private:
  [[noreturn]] void refuse(int64_t line, const std::string& what) const {
    throw DataError(path_ + ":" + std::to_string(line) + ": " + what);
  }

  void read_columns(const CsvRecord& record) {
    columns_.count = static_cast<int64_t>(record.fields.size());
    std::string others;
    for (int64_t i = 0; i < columns_.count; ++i) {
      const std::string& name = record.fields[static_cast<size_t>(i)];
      if (name.starts_with(' ') || name.ends_with(' ')) {
        refuse(record.line, "the name of column \"" + name + "\" begins or ends with a space");
      }
      if (std::count(record.fields.begin(), record.fields.end(), name) > 1) {
        refuse(record.line, "column \"" + name + "\" is there twice");
      }
      if (int64_t* place = place_of(name)) {
        *place = i;
      } else if (name == "target" || name.starts_with("target_")) {
        columns_.targets.push_back(i);
        columns_.target_names.push_back(name);
      } else {
        others += (others.empty() ? "" : ", ") + name;
      }
    }
    if (columns_.path < 0) {
      refuse(record.line,
             "expected a first line that names the columns, \"path\" among them "
             "(and label, target, target_NAME, split), found \"" +
                 others.substr(0, 80) + "\"");
    }
    if (!others.empty()) log_.info("data: " + path_ + ": columns left out: " + others);
  }

  int64_t* place_of(const std::string& name) {
    if (name == "path") return &columns_.path;
    if (name == "label") return &columns_.label;
    return name == "split" ? &columns_.split : nullptr;
  }

  void add_row(const CsvRecord& record) {
    const auto found = static_cast<int64_t>(record.fields.size());
    if (found != columns_.count) {
      refuse(record.line, "expected " + std::to_string(columns_.count) + " fields, found " +
                              std::to_string(found));
    }
    const auto field = [&record](int64_t column) -> const std::string& {
      static const std::string none;
      return column < 0 ? none : record.fields[static_cast<size_t>(column)];
    };
    const std::string& split = field(columns_.split);
    if (!split.empty() &&
        std::find(std::begin(kParts), std::end(kParts), split) == std::end(kParts)) {
      refuse(record.line, "split: expected train, val or test, found \"" + split + "\"");
    }
    Rows& rows = parts_[split.empty() ? "train" : split];
    rows.paths.push_back(new_path(field(columns_.path), record.line));
    rows.labels.push_back(field(columns_.label));
    for (size_t i = 0; i < columns_.targets.size(); ++i) {
      rows.targets.push_back(
          number(field(columns_.targets[i]), columns_.target_names[i], record.line));
    }
  }

  std::string new_path(const std::string& written, int64_t line) {
    if (written.empty()) refuse(line, "path: expected an image file, found nothing");
    std::string path = fs::path(written).lexically_normal().string();
    const std::string full = path.starts_with('/') ? path : folder_ + "/" + path;
    const auto [before, fresh] = lines_.emplace(fs::path(full).lexically_normal().string(), line);
    if (!fresh) {
      refuse(line,
             "path: " + written + " is there already, in line " + std::to_string(before->second));
    }
    return path;
  }

  float number(const std::string& written, const std::string& column, int64_t line) const {
    float value = 0.0f;
    const char* end = written.data() + written.size();
    const auto [rest, failure] = std::from_chars(written.data(), end, value);
    if (failure != std::errc() || rest != end || !std::isfinite(value)) {
      refuse(line, column + ": expected a finite number, found \"" + written.substr(0, 40) + "\"");
    }
    return value;
  }

  void require_files() const {
    int64_t missing = 0;
    int64_t first = 0;
    std::string which;
    for (const auto& [path, line] : lines_) {
      std::error_code unknown;
      if (fs::is_regular_file(path, unknown)) continue;
      if (++missing == 1 || line < first) {
        first = line;
        which = path;
      }
    }
    if (missing == 0) return;
    refuse(first, which + ": no such file; " + std::to_string(missing) + " of " +
                      std::to_string(lines_.size()) + " files of the list are missing");
  }

  std::string path_;
  std::string folder_;
  Log& log_;
  Columns columns_;
  std::map<std::string, Rows> parts_;
  std::unordered_map<std::string, int64_t> lines_;  // by path
};

/// The different labels of all parts.
std::map<std::string, int64_t> number_classes(ListReader& list) {
  std::vector<std::string> names;
  for (const char* part : kParts) {
    for (const std::string& label : list.part(part).labels) {
      if (!label.empty() && (names.empty() || names.back() != label)) names.push_back(label);
    }
    std::sort(names.begin(), names.end(), natural_less);
    names.erase(std::unique(names.begin(), names.end()), names.end());
  }
  std::map<std::string, int64_t> classes;
  for (size_t i = 0; i < names.size(); ++i) classes.emplace(names[i], static_cast<int64_t>(i));
  return classes;
}

std::shared_ptr<const Dataset> make_part(Rows& rows, const ListReader& list, DatasetInfo info,
                                         const std::map<std::string, int64_t>& classes,
                                         int64_t max_pixels) {
  if (rows.paths.empty()) return nullptr;
  info.size = static_cast<int64_t>(rows.paths.size());
  info.class_names.resize(classes.size());
  for (const auto& [name, label] : classes) info.class_names[static_cast<size_t>(label)] = name;
  std::vector<int64_t> labels;
  if (!classes.empty()) {
    for (const std::string& name : rows.labels) {
      labels.push_back(name.empty() ? -1 : classes.at(name));
    }
  }
  ImageTree tree;
  tree.root = list.folder();
  tree.paths = std::move(rows.paths);
  auto part = std::make_shared<FolderDataset>(std::move(info), std::move(tree), std::move(labels),
                                              max_pixels, std::move(rows.targets));
  require_a_readable_image(*part);
  return part;
}

}  // namespace

DataParts open_image_list(const std::string& path, const std::string& name, int64_t max_pixels,
                          Log& log) {
  ListReader list(path, log);
  list.read();
  const std::map<std::string, int64_t> classes = number_classes(list);
  DatasetInfo info;
  info.name = name;
  info.path = path;
  info.format = "csv";
  info.targets = list.columns().target_names;
  DataParts parts;
  parts.train = make_part(list.part("train"), list, info, classes, max_pixels);
  parts.val = make_part(list.part("val"), list, info, classes, max_pixels);
  parts.test = make_part(list.part("test"), list, info, classes, max_pixels);
  if (!parts.test) std::swap(parts.test, parts.val);
  return parts;
}

}  // namespace nearfar
