// Windows of image files of any orientation, of wrapped sets, and of the rows of a batch.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <random>

#include "augment/random.h"
#include "framework/data/decode.h"
#include "framework/data/folder.h"
#include "framework/data/map.h"
#include "framework/data/repeat.h"
#include "framework/data/subset.h"
#include "tests/framework/data/folder_tests.h"
#include "tests/framework/data/jpeg_files.h"
#include "tests/framework/data/loader_setup.h"

namespace nearfar {
namespace {

constexpr int64_t kMaxPixels = 1 << 20;

WindowChoice choose_always(const Box& box) {
  return [box](int, int) { return box; };
}

Picture picture_of(const Image& image) {
  Picture picture{image.height, image.width, image.channels, {}};
  const size_t bytes = static_cast<size_t>(image.height) * image.width * image.channels;
  picture.pixels.assign(image.pixels, image.pixels + bytes);
  return picture;
}

void write_file(const std::string& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

void expect_window(const Image& window, const Box& box, const Picture& whole) {
  EXPECT_EQ(window.top, box.top);
  EXPECT_EQ(window.left, box.left);
  EXPECT_EQ(window.height, box.height);
  EXPECT_EQ(window.width, box.width);
  EXPECT_EQ(window.full_height, whole.height);
  EXPECT_EQ(window.full_width, whole.width);
  EXPECT_TRUE(picture_of(window).pixels == part_of(whole, box));
}

TEST(DecodeWindow, OfAllOrientations) {
  std::mt19937 generator(6);
  const auto below = [&](int end) {
    return static_cast<int>(generator() % static_cast<unsigned>(end));
  };
  for (const char* name : {"420", "progressive 420"}) {
    const Bytes stored = encode_jpeg_as(jpeg_form(name), noisy_picture(53, 70, 3));
    for (int orientation = 1; orientation <= 8; ++orientation) {
      SCOPED_TRACE(orientation);
      Bytes file = with_jpeg_exif(stored, exif_block(orientation, orientation % 2 == 0));
      PixelBuffer storage;
      const Picture whole = picture_of(decode_image(file, kMaxPixels, storage));
      EXPECT_EQ(whole.height, orientation >= 5 ? 70 : 53);
      for (int i = 0; i < 40; ++i) {
        Box box{below(whole.height), below(whole.width), 0, 0};
        box.height = 1 + below(whole.height - box.top);
        box.width = 1 + below(whole.width - box.left);
        PixelBuffer memory;
        expect_window(decode_image(file, kMaxPixels, memory, choose_always(box)), box, whole);
      }
    }
  }
}

TEST(DecodeWindow, IsAskedForOnceAndUpright) {
  Bytes file = with_jpeg_exif(encode_jpeg(sample_picture(30, 50)), exif_block(6, true));
  PixelBuffer storage;
  std::vector<std::array<int, 2>> asked;
  decode_image(file, kMaxPixels, storage, [&](int height, int width) {
    asked.push_back({height, width});
    return Box{0, 0, 1, 1};
  });
  EXPECT_EQ(asked, (std::vector<std::array<int, 2>>{{50, 30}}));
}

TEST(DecodeWindow, OtherFormatsAreDecodedWhole) {
  const Picture picture = sample_picture(37, 53);
  const auto never = [](int, int) -> Box { throw std::logic_error("asked"); };
  for (const char* ending : {".png", ".webp", ".bmp", ".tiff"}) {
    Bytes file = encode_through_opencv(ending, picture);
    PixelBuffer storage;
    expect_window(decode_image(file, kMaxPixels, storage, never), {0, 0, 37, 53}, picture);
  }
}

TEST(DecodeWindow, OutsideTheImageIsAMistake) {
  Bytes file = encode_jpeg(sample_picture(30, 50));
  PixelBuffer storage;
  const int most = std::numeric_limits<int>::max();
  for (const Box& box :
       {Box{0, 0, 31, 50}, Box{0, 0, 30, 51}, Box{-1, 0, 5, 5}, Box{0, -1, 5, 5}, Box{0, 0, 0, 5},
        Box{0, 0, 5, 0}, Box{30, 0, 1, 1}, Box{5, 5, most, most}}) {
    EXPECT_THROW(decode_image(file, kMaxPixels, storage, choose_always(box)),
                 std::invalid_argument);
  }
  EXPECT_EQ(message_of<std::invalid_argument>([&] {
              decode_image(file, kMaxPixels, storage, choose_always({20, 0, 11, 50}));
            }),
            "decode_image: expected a window inside 30 x 50, got 11 x 50 at (20, 0)");
}

TEST(DecodeWindow, MemoryIsKept) {
  PixelBuffer storage;
  Bytes file = encode_jpeg(sample_picture(60, 80));
  const uint8_t* pixels = decode_image(file, kMaxPixels, storage).pixels;
  for (const Box& box : {Box{0, 0, 1, 1}, Box{10, 10, 50, 70}, Box{0, 0, 60, 80}}) {
    EXPECT_EQ(decode_image(file, kMaxPixels, storage, choose_always(box)).pixels, pixels);
  }
}

/// JPEG files of all builds and orientations between PNG files.
class Album {
 public:
  Album() {
    int i = 0;
    for (const JpegForm& form : jpeg_forms()) {
      const Picture picture = noisy_picture(40 + 3 * i, 90 - 2 * i, form.channels, i);
      const Bytes jpeg = with_jpeg_exif(encode_jpeg_as(form, picture), exif_block(1 + i % 8, true));
      write_file(folder_ / (std::to_string(i) + ".jpg"), jpeg);
      if (++i % 5 == 0) {
        write_file(folder_ / (std::to_string(i) + "b.png"),
                   encode_through_opencv(".png", sample_picture(33, 47, i)));
      }
    }
  }
  std::shared_ptr<const Dataset> open() const {
    Log log;
    return open_folder(folder_.path(), "album", kMaxPixels, log).train;
  }
  void add(const std::string& name, const Bytes& bytes) { write_file(folder_ / name, bytes); }

 private:
  TemporaryFolder folder_;
};

/// Reads whole images whatever part is wanted.
class WholeImages final : public Dataset {
 public:
  explicit WholeImages(std::shared_ptr<const Dataset> inner) : inner_(std::move(inner)) {}
  const DatasetInfo& info() const override { return inner_->info(); }
  int64_t label(int64_t index) const override { return inner_->label(index); }
  std::string place(int64_t index) const override { return inner_->place(index); }
  Image read(int64_t index, PixelBuffer& storage) const override {
    return inner_->read(index, storage);
  }

 private:
  std::shared_ptr<const Dataset> inner_;
};

TEST(WindowsOfDatasets, PassThroughWrappers) {
  const Album album;
  const auto folder = album.open();
  const auto wrapped =
      map_labels(repeat(subset(folder, {2, 0, 1}), 2), [](int64_t) { return int64_t{0}; }, {"all"});
  const Box box{7, 11, 20, 22};
  PixelBuffer whole_pixels;
  PixelBuffer window_pixels;
  expect_window(wrapped->read_window(3, window_pixels, choose_always(box)), box,
                picture_of(folder->read(2, whole_pixels)));
}

TEST(WindowsOfDatasets, MappedImagesAreWhole) {
  const Album album;
  const auto same = map_images(
      album.open(), [](const Image& image, PixelBuffer&) { return image; }, 3, 0, 0);
  PixelBuffer storage;
  const Image image = same->read_window(0, storage, choose_always({0, 0, 1, 1}));
  EXPECT_EQ(image.height, image.full_height);
  EXPECT_EQ(image.width, image.full_width);
}

TEST(WindowsOfDatasets, BatchesAreThoseOfWholeImages) {
  Album album;
  album.add("3a.jpg", Bytes{1, 2, 3});  // replaced by an image of another size
  Bytes cut = encode_jpeg_as(jpeg_form("420"), noisy_picture(64, 64, 3));
  cut.resize(cut.size() * 9 / 10);
  album.add("7a.jpg", cut);
  const auto folder = album.open();
  const int64_t size = folder->info().size;
  LoaderPlan plan = plan_of(4, 3);
  plan.skip_bad_images = true;
  plan.max_bad_fraction = 0.5;
  Log log;
  ViewLoader windows(folder, two_views(), plan, log);
  ViewLoader whole(std::make_shared<WholeImages>(folder), two_views(), plan, log);
  for (int64_t epoch = 0; epoch < 5; ++epoch) {
    const auto found = batches_of(windows, epoch, size, size / 4);
    const auto expected = batches_of(whole, epoch, size, size / 4);
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].index, expected[i].index);
      EXPECT_TRUE(found[i].views == expected[i].views) << "epoch " << epoch << " step " << i;
    }
  }
  EXPECT_EQ(windows.skipped().size(), 2u);
}

/// Notes which window was asked for.
class NotingDataset final : public Dataset {
 public:
  explicit NotingDataset(std::shared_ptr<const Dataset> inner) : inner_(std::move(inner)) {}
  const DatasetInfo& info() const override { return inner_->info(); }
  int64_t label(int64_t index) const override { return inner_->label(index); }
  std::string place(int64_t index) const override { return inner_->place(index); }
  Image read(int64_t, PixelBuffer&) const override { throw std::logic_error("read whole"); }
  Image read_window(int64_t index, PixelBuffer& storage,
                    const WindowChoice& choose) const override {
    const Image image = inner_->read(index, storage);
    windows.push_back(choose(image.full_height, image.full_width));
    return image;
  }
  mutable std::vector<Box> windows;  // of one worker

 private:
  std::shared_ptr<const Dataset> inner_;
};

TEST(WindowsOfDatasets, AreTheUnionOfTheCropsReadOnce) {
  const auto data = std::make_shared<NotingDataset>(made(6));
  Log log;
  ViewLoader loader(data, two_views(), plan_of(6, 1), log);
  const ViewBatch batch = batches_of(loader, 1, 6, 1)[0];
  ASSERT_EQ(data->windows.size(), 6u) << "each image once";
  for (size_t row = 0; row < 6; ++row) {
    const Box& window = data->windows[row];
    std::vector<std::array<int, 4>> edges;
    for (uint8_t v = 0; v < 2; ++v) {
      Random random(5, 1, static_cast<uint64_t>(batch.index[row]), Purpose::view, v);
      const Box crop = draw(two_views()[v], 20, 24, random).crop;
      edges.push_back({crop.top, crop.left, crop.top + crop.height, crop.left + crop.width});
    }
    EXPECT_EQ(window.top, std::min(edges[0][0], edges[1][0]));
    EXPECT_EQ(window.left, std::min(edges[0][1], edges[1][1]));
    EXPECT_EQ(window.top + window.height, std::max(edges[0][2], edges[1][2]));
    EXPECT_EQ(window.left + window.width, std::max(edges[0][3], edges[1][3]));
  }
}

}  // namespace
}  // namespace nearfar
