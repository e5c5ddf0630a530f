// The image files under a folder, each once and in natural order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nearfar {

struct ImageTree {
  std::string root;
  std::vector<std::string> paths;  // relative to root, or absolute; natural order from find_images
  int64_t repeated = 0;     // paths left out because they lead to a file that is there already
  int64_t other_files = 0;  // files whose names are not those of images
};

/// What a file's name ends with, in lower case: ".jpg", or "" where there is no such ending.
std::string name_ending(const std::string& path);

/// Whether a file's name ends like that of an image: .jpg .jpeg .png .webp .bmp .tif .tiff.
bool has_image_name(const std::string& path);

/// Walks a folder for .jpg .jpeg .png .webp .bmp .tif .tiff in either case. Symbolic links are
/// followed after everything real, each folder and file (device, inode) is taken once: loops cannot
/// happen, and a real path wins over a link to it. Names that begin with a dot are left out. An
/// image file in the place of a folder is a tree of one. Throws DataError naming a folder that
/// cannot be read.
ImageTree find_images(const std::string& root);

}  // namespace nearfar
