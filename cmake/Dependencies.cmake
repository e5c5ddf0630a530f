# Debian's libraries; README.md says why each one is here.
find_package(PkgConfig REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
pkg_check_modules(JPEG REQUIRED IMPORTED_TARGET libjpeg)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)

# Debian's OpenCVConfig.cmake needs the whole of libopencv-dev; three modules are enough.
find_path(OPENCV_INCLUDE opencv2/imgcodecs.hpp PATH_SUFFIXES opencv4 REQUIRED)
find_library(OPENCV_CORE opencv_core REQUIRED)
find_library(OPENCV_IMGPROC opencv_imgproc REQUIRED)
find_library(OPENCV_IMGCODECS opencv_imgcodecs REQUIRED)
add_library(nearfar_opencv INTERFACE)
target_include_directories(nearfar_opencv SYSTEM INTERFACE ${OPENCV_INCLUDE})
target_link_libraries(nearfar_opencv INTERFACE ${OPENCV_CORE} ${OPENCV_IMGPROC} ${OPENCV_IMGCODECS})
