// Walking a folder of images.
#include "framework/data/image_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <set>
#include <utility>

#include "framework/data/natural_order.h"
#include "framework/error.h"

namespace nearfar {
namespace {

namespace fs = std::filesystem;

class Walk {
 public:
  explicit Walk(const std::string& root) : root_(root) { tree_.root = root; }

  ImageTree run() {
    take(root_);
    while (!links_.empty()) {
      const fs::path link = links_.front();
      links_.pop_front();
      take(link);
    }
    std::sort(tree_.paths.begin(), tree_.paths.end(), natural_less);
    return std::move(tree_);
  }

 private:
  /// A file or a folder, reached directly or through a link.
  void take(const fs::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
      // A link that leads nowhere is an image that cannot be read, if its name says image.
      if (has_image_name(path.string()))
        tree_.paths.push_back(path.lexically_relative(root_).string());
      return;
    }
    const bool fresh = seen_.emplace(status.st_dev, status.st_ino).second;
    if (S_ISDIR(status.st_mode)) {
      if (fresh) take_folder(path);
    } else if (!S_ISREG(status.st_mode) || !has_image_name(path.string())) {
      ++tree_.other_files;
    } else if (fresh) {
      tree_.paths.push_back(path.lexically_relative(root_).string());
    } else {
      ++tree_.repeated;
    }
  }

  void take_folder(const fs::path& folder) {
    std::error_code failure;
    std::vector<fs::directory_entry> entries;
    for (fs::directory_iterator it(folder, failure), end; !failure && it != end;
         it.increment(failure)) {
      if (it->path().filename().native()[0] != '.') entries.push_back(*it);
    }
    if (failure) throw DataError(folder.string() + ": cannot be read: " + failure.message());
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
      return natural_less(a.path().native(), b.path().native());
    });
    for (const fs::directory_entry& entry : entries) {
      if (entry.is_symlink(failure)) {
        links_.push_back(entry.path());
      } else {
        take(entry.path());
      }
    }
  }

  fs::path root_;
  ImageTree tree_;
  std::deque<fs::path> links_;
  std::set<std::pair<dev_t, ino_t>> seen_;
};

}  // namespace

std::string name_ending(const std::string& path) {
  std::string ending = fs::path(path).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return ending;
}

bool has_image_name(const std::string& path) {
  const std::string ending = name_ending(path);
  const auto known = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"};
  return std::find(known.begin(), known.end(), ending) != known.end();
}

ImageTree find_images(const std::string& root) {
  if (!fs::is_regular_file(root)) return Walk(root).run();
  const fs::path file(root);
  ImageTree tree;
  tree.root = file.has_parent_path() ? file.parent_path().string() : ".";
  if (has_image_name(root)) tree.paths.push_back(file.filename().string());
  return tree;
}

}  // namespace nearfar
