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
  std::vector<std::string> classes;
  int64_t limit = 0;
  double test_fraction = 0.1;
  double val_fraction = 0.0;
  int64_t split_seed = 0;
  std::string evaluate_on = "test";
  std::string sampler = "shuffle";
  int64_t classes_per_batch = 0;
  int64_t images_per_class = 4;
  double label_fraction = 0.0;

  void describe(auto& field) {
    field("path", path,
          "folder of images, of idx files or of CIFAR binary files; .csv or .tsv list; .npy or "
          ".safetensors arrays; or one image");
    field("format", format,
          {"auto", "folder", "idx", "cifar10", "cifar100", "csv", "npy", "safetensors"},
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
          "share of a labelled set without a test part that pretraining leaves out and evaluation "
          "judges on; 0: trains on all of it");
    field("val_fraction", val_fraction, 0.0, 0.9,
          "share of the training images that pretraining leaves out, to choose settings by, where "
          "the data has no val part");
    field("split_seed", split_seed, int64_t{0}, int64_t{1} << 53,
          "decides which images the fractions and limit choose; train.seed has no say in it");
    describe_choice(field);
    field("evaluate_on", evaluate_on, {"test", "val"},
          "what judges: val while settings are chosen, test at the end");
    field(
        "label_fraction", label_fraction, 0.0, 1.0,
        "for learning labels: train on this share of the training images, as many of every class, "
        "drawn by train.seed; 0: on all images");
    describe_sampler(field);
  }

 private:
  void describe_choice(auto& field) {
    field("classes", classes,
          "names or numbers of the classes that training and evaluation use, numbered anew from 0; "
          "empty: all");
    field(
        "limit", limit, int64_t{0}, int64_t{1} << 40,
        "training images that pretraining and evaluation use, drawn by split_seed from every class "
        "alike; 0: all");
  }
  void describe_sampler(auto& field) {
    field("sampler", sampler, {"shuffle", "balanced"},
          "shuffle: every image once an epoch; balanced: batches of classes_per_batch classes with "
          "images_per_class images each (uses the labels)");
    field("classes_per_batch", classes_per_batch, int64_t{0}, int64_t{1} << 24,
          "of the balanced sampler; 0: train.batch / images_per_class");
    field("images_per_class", images_per_class, int64_t{1}, int64_t{1} << 24,
          "of the balanced sampler; classes_per_batch * images_per_class is train.batch");
  }
};

/// The parts of a data set. `train` is never null; `test` is null where the data has none and
/// test_path is empty; `val` is null where the data has none besides a test part.
struct DataParts {
  std::shared_ptr<const Dataset> train = nullptr;
  std::shared_ptr<const Dataset> test = nullptr;
  std::shared_ptr<const Dataset> val = nullptr;
};

/// Opens config.path, with the parts that it has itself; divide_data() makes others. Recognises a
/// folder of idx or idx.gz files (train-*, t10k-*), of CIFAR binary files, a tree of images (train/
/// and val/ or test/ inside it are its parts), a list (.csv, .tsv), arrays (.npy, .safetensors),
/// and one image. Logs what it found. Throws DataError naming the path for a missing or empty
/// folder or an unrecognised kind.
DataParts open_data(const DataConfig& config, Log& log);

}  // namespace nearfar
