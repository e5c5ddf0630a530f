// Opens whatever --data names: recognises the format, finds its training and test parts.
#pragma once

#include <memory>
#include <string>

#include "framework/data/dataset.h"
#include "framework/log/log.h"

namespace nearfar {

struct DataConfig {
  std::string path;
  std::string format = "auto";
  std::string test_path;
  bool drop_last = true;
  std::string on_bad_image = "stop";
  double max_bad_fraction = 0.001;
  int64_t max_pixels = int64_t{1} << 26;
  int64_t workers = 0;
  std::vector<double> mean;
  std::vector<double> std;
  double test_fraction = 0.1;
  double label_fraction = 0.0;

  void describe(auto& field) {
    field("path", path, "folder of images, of idx files or of CIFAR binary files; or one image");
    field("format", format, {"auto", "folder", "idx", "cifar10", "cifar100"},
          "forces how the path is read");
    field("test_path", test_path, "test set, where the data has no test part of its own");
    field("drop_last", drop_last, "leave out the last, smaller batch of an epoch");
    field("on_bad_image", on_bad_image, {"stop", "skip"}, "what an unreadable image does");
    field("max_bad_fraction", max_bad_fraction, 0.0, 1.0,
          "on_bad_image=skip stops the run above this share of unreadable images");
    field("max_pixels", max_pixels, int64_t{1}, int64_t{1} << 30,
          "an image whose header says more pixels than this is unreadable");
    field("workers", workers, int64_t{0}, int64_t{1024},
          "threads that read and augment ahead; 0: as many as there are cores, at most 8");
    field("mean", mean, 0.0, 1.0, "mean by channel, in [0, 1]; empty: measured or ImageNet's");
    field("std", std, 1e-6, 10.0, "standard deviation by channel; empty: measured or ImageNet's");
    field("test_fraction", test_fraction, 0.0, 0.9,
          "share set aside by the seed for evaluation where the data has no test part");
    field(
        "label_fraction", label_fraction, 0.0, 1.0,
        "for learning labels: train on this share of the training images, as many of every class, "
        "drawn by train.seed, and on none that are set aside for evaluation; 0: on all images");
  }
};

/// The parts of a data set. `train` is never null; `test` is null where the data has none and
/// test_path is empty.
struct DataParts {
  std::shared_ptr<const Dataset> train;
  std::shared_ptr<const Dataset> test;
};

/// Opens config.path. Recognises a folder of idx or idx.gz files (train-*, t10k-*), of CIFAR binary
/// files, a tree of images (train/ and val/ or test/ inside it are its parts), and one image. Logs
/// what it found. Throws DataError naming the path for a missing or empty folder or an unrecognised
/// kind.
DataParts open_data(const DataConfig& config, Log& log);

/// The seeded split used where there is no test part: a deterministic share of the images,
/// stratified by class where there are labels. train and test are views of `whole`.
DataParts split_data(std::shared_ptr<const Dataset> whole, double test_fraction, uint64_t seed);

}  // namespace nearfar
