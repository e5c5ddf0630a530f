// The table of this instruction set.
#include "augment/kernels/loops.h"

#define NEARFAR_TEXT(name) #name
#define NEARFAR_NAME(name) NEARFAR_TEXT(name)

namespace nearfar::NEARFAR_KERNELS {

const Kernels kKernels = {
    .name = NEARFAR_NAME(NEARFAR_KERNELS),
    .mix_levels = mix_levels,
    .resample_columns = resample_columns,
    .sum_gray = sum_gray_rows,
    .adjust_brightness = adjust_brightness_rows,
    .adjust_contrast = adjust_contrast_rows,
    .adjust_saturation = adjust_saturation_rows,
    .adjust_hue = adjust_hue_rows,
    .drop_color = drop_color_rows,
    .solarize = solarize_rows,
    .mix_columns = mix_columns,
    .mix_rows = mix_rows,
    .store_float = store_float,
    .store_bfloat16 = store_bfloat16,
    .finish_streams = kFinishStreams,
};

}  // namespace nearfar::NEARFAR_KERNELS
