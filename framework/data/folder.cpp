// Folders of images: labels from sub-folders, parts, decoding.
#include "framework/data/folder.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "framework/data/decode.h"
#include "framework/data/natural_order.h"

namespace nearfar {
namespace {

constexpr int64_t kProbes = 1000;

/// The first part of a relative path, or "" for a file that lies in the root itself.
std::string first_folder(const std::string& path) {
  const size_t slash = path.find('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

void order_names(std::vector<std::string>& names) {
  std::sort(names.begin(), names.end(), natural_less);
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

/// Names of the first sub-folders in natural order; empty where an image lies outside all of them.
std::vector<std::string> folder_classes(const ImageTree& tree) {
  std::vector<std::string> names;
  for (const std::string& path : tree.paths) {
    const std::string name = first_folder(path);
    if (name.empty()) return {};
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  order_names(names);
  return names;
}

std::vector<int64_t> folder_labels(const ImageTree& tree, const std::vector<std::string>& classes) {
  std::map<std::string, int64_t> index;
  for (const std::string& name : classes) index.emplace(name, static_cast<int64_t>(index.size()));
  std::vector<int64_t> labels;
  if (classes.empty()) return labels;
  for (const std::string& path : tree.paths) labels.push_back(index.at(first_folder(path)));
  return labels;
}

ImageTree find_some_images(const std::string& folder, Log& log) {
  ImageTree tree = find_images(folder);
  if (tree.paths.empty()) {
    throw DataError(folder + ": no images found among " + std::to_string(tree.other_files) +
                    " files; accepted: .jpg .jpeg .png .webp .bmp .tif .tiff, idx files "
                    "(train-images-idx3-ubyte[.gz]), CIFAR binary files (data_batch_1.bin, "
                    "train.bin)");
  }
  if (tree.repeated > 0) {
    log.info("data: " + folder + ": left out " + std::to_string(tree.repeated) +
             " paths that lead to an image that is counted already");
  }
  return tree;
}

std::shared_ptr<const Dataset> make_part(ImageTree tree, const std::string& name,
                                         int64_t max_pixels,
                                         const std::vector<std::string>& classes) {
  DatasetInfo info{name, tree.root, "folder", static_cast<int64_t>(tree.paths.size()),
                   3,    0,         0,        classes};
  std::vector<int64_t> labels = folder_labels(tree, classes);
  auto part = std::make_shared<FolderDataset>(std::move(info), std::move(tree), std::move(labels),
                                              max_pixels);
  require_a_readable_image(*part);
  return part;
}

bool only_folder_is_train(const std::filesystem::path& root) {
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    if (entry.path().filename().native()[0] != '.' && entry.is_directory() &&
        entry.path().filename() != "train") {
      return false;
    }
  }
  return true;
}

}  // namespace

FolderDataset::FolderDataset(DatasetInfo info, ImageTree tree, std::vector<int64_t> labels,
                             int64_t max_pixels, std::vector<float> targets)
    : info_(std::move(info)),
      tree_(std::move(tree)),
      labels_(std::move(labels)),
      max_pixels_(max_pixels),
      targets_(std::move(targets)) {}

int64_t FolderDataset::label(int64_t index) const {
  return labels_.empty() ? -1 : labels_[static_cast<size_t>(index)];
}

std::span<const float> FolderDataset::target(int64_t index) const {
  const size_t width = info_.targets.size();
  return std::span(targets_).subspan(static_cast<size_t>(index) * width, width);
}

std::string FolderDataset::place(int64_t index) const {
  const std::string& path = tree_.paths[static_cast<size_t>(index)];
  return path.front() == '/' ? path : tree_.root + "/" + path;
}

Image FolderDataset::read(int64_t index, PixelBuffer& storage) const {
  return read_window(index, storage, {});
}

Image FolderDataset::read_window(int64_t index, PixelBuffer& storage,
                                 const WindowChoice& choose) const {
  thread_local PixelBuffer file;
  try {
    return decode_image(read_image_file(place(index), file), max_pixels_, storage, choose);
  } catch (const BadImage& bad) {
    throw BadImage(place(index) + ": " + bad.what());
  }
}

void require_a_readable_image(const Dataset& images) {
  const int64_t probes = std::min(images.info().size, kProbes);
  PixelBuffer storage;
  std::string first;
  for (int64_t i = 0; i < probes; ++i) {
    try {
      images.read(i, storage);
      return;
    } catch (const BadImage& bad) {
      if (first.empty()) first = bad.what();
    }
  }
  throw DataError(images.info().path + ": none of the " +
                  (probes < images.info().size ? "first " : "") + std::to_string(probes) +
                  " images can be read; first: " + first);
}

DataParts open_folder(const std::string& folder, const std::string& name, int64_t max_pixels,
                      Log& log, bool with_val) {
  const std::filesystem::path root(folder);
  std::vector<std::string> tests;
  for (const char* part : {"test", "val"}) {
    if (std::filesystem::is_directory(root / part)) tests.push_back((root / part).string());
  }
  const bool has_parts = std::filesystem::is_directory(root / "train") &&
                         (!tests.empty() || only_folder_is_train(root));
  ImageTree train = find_some_images(has_parts ? (root / "train").string() : folder, log);
  std::vector<std::string> classes = folder_classes(train);
  const bool labelled = !classes.empty();
  std::vector<ImageTree> others;
  for (const std::string& path : has_parts ? tests : std::vector<std::string>{}) {
    ImageTree tree = find_some_images(path, log);
    const std::vector<std::string> own = folder_classes(tree);
    if (labelled && own.empty()) {
      log.warning("data: " + path + ": left out: its images lie in no class folders, those of " +
                  (root / "train").string() + " do");
      continue;
    }
    if (labelled) classes.insert(classes.end(), own.begin(), own.end());
    others.push_back(std::move(tree));
    if (!with_val) break;
  }
  order_names(classes);
  DataParts parts;
  parts.train = make_part(std::move(train), name, max_pixels, classes);
  for (ImageTree& tree : others) {
    (parts.test ? parts.val : parts.test) = make_part(std::move(tree), name, max_pixels, classes);
  }
  return parts;
}

}  // namespace nearfar
