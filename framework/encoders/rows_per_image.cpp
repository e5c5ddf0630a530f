// A number that each thread has for itself.
#include "framework/encoders/rows_per_image.h"

#include <c10/util/Exception.h>

namespace nearfar {
namespace {

thread_local int64_t rows_per_image = 1;

}  // namespace

RowsPerImage::RowsPerImage(int64_t rows) : outer_(rows_per_image) {
  TORCH_CHECK(rows > 0, "RowsPerImage: expected rows, got ", rows);
  rows_per_image = rows;
}

RowsPerImage::~RowsPerImage() { rows_per_image = outer_; }

int64_t RowsPerImage::current() { return rows_per_image; }

}  // namespace nearfar
