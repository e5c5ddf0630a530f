// Where the library of codecs is looked for, and what is said when it is not there.
#include "framework/data/images_library.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "framework/data/decode.h"
#include "tests/framework/data/folder_tests.h"
#include "tests/framework/data/picture_files.h"

namespace nearfar {
namespace {

// The test below runs this one in a copy of the program that has no library beside it.
TEST(ImagesLibrary, OpensOrSaysWhatIsMissing) {
  Bytes png = encode_through_opencv(".png", sample_picture(4, 4));
  PixelBuffer storage;
  const std::string message =
      message_of<EnvironmentError>([&] { decode_image(png, 100, storage); });
  if (!std::getenv("NEARFAR_TEST_WITHOUT_IMAGES")) {
    EXPECT_EQ(message, "");
    return;
  }
  std::printf("message: %s\n", message.c_str());
  Bytes jpeg = encode_jpeg(sample_picture(4, 4));
  EXPECT_EQ(decode_image(jpeg, 100, storage).height, 4) << "JPEG needs no library";
}

TEST(ImagesLibrary, AMissingOneIsNamed) {
  TemporaryFolder folder;
  std::filesystem::create_directory(folder / "bin");
  const std::string copy = folder / "bin/program";
  std::filesystem::copy_file("/proc/self/exe", copy);
  const std::string command = "NEARFAR_TEST_WITHOUT_IMAGES=1 " + copy +
                              " --gtest_filter=ImagesLibrary.OpensOrSaysWhatIsMissing 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string output;
  char part[4096];
  while (std::fgets(part, sizeof(part), pipe)) output += part;
  EXPECT_EQ(pclose(pipe), 0) << output;
  EXPECT_TRUE(contains(output, "message: " + (folder / "bin/libnearfar_images.so") +
                                   ": not found, nor in the folder above or its lib"))
      << output;
  EXPECT_TRUE(contains(output, "1 test from 1 test suite ran")) << output;
}

}  // namespace
}  // namespace nearfar
