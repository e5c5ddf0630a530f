// The golden cases of the family augmentation, computed by the CPU renderer.
#include <vector>

#include "augment/crop_tries.h"
#include "augment/render.h"
#include "tests/golden_runner/case.h"

namespace nearfar::golden {
namespace {

/// Pixels [height, width, channels] of a case's image [channels, height, width].
struct Source {
  explicit Source(const Case& golden_case)
      : pixels(golden_case.tensors.at("image").permute({1, 2, 0}).contiguous()) {}
  Image image() const {
    return whole_image(pixels.const_data_ptr<uint8_t>(), static_cast<int>(pixels.size(0)),
                       static_cast<int>(pixels.size(1)), static_cast<int>(pixels.size(2)));
  }
  Size size() const { return {image().height, image().width}; }
  View unchanged_view() const {
    View view;
    view.crop = {0, 0, image().height, image().width};
    return view;
  }
  at::Tensor pixels;
};

/// Renders every view of the one image: [views, channels, height, width].
at::Tensor rendered(const Source& source, const std::vector<View>& views,
                    const RenderTarget& target) {
  const std::vector<Image> images(views.size(), source.image());
  at::Tensor out = at::empty({static_cast<int64_t>(views.size()), target.size.height,
                              target.size.width, source.image().channels},
                             at::kFloat);
  render(images, views, target, 1, out.mutable_data_ptr<float>());
  return out.permute({0, 3, 1, 2}).contiguous();
}

RenderTarget same_size(const Source& source) {
  return {source.size(), Interpolation::bilinear, {}};
}

Size size_of(const Json& pair) {
  return {static_cast<int>(pair.items().at(0).as_int()),
          static_cast<int>(pair.items().at(1).as_int())};
}

Normalize normalize_of(const Json& hyperparameters) {
  Normalize normalize;
  for (size_t c = 0; c < 3; ++c) {
    normalize.mean[c] = static_cast<float>(hyperparameters.at("mean").items().at(c).as_double());
    normalize.std[c] = static_cast<float>(hyperparameters.at("std").items().at(c).as_double());
  }
  return normalize;
}

/// torchvision's kernel_size: taps along x, then along y.
void set_kernel(View& view, const Json& hyperparameters) {
  const auto& kernel = hyperparameters.at("kernel_size").items();
  view.blur_kernel = static_cast<int>(kernel.at(0).as_int());
  view.blur_kernel_height = static_cast<int>(kernel.at(1).as_int());
}

Box box_of(const at::Tensor& row) {
  const int64_t* values = row.const_data_ptr<int64_t>();
  return {static_cast<int>(values[0]), static_cast<int>(values[1]), static_cast<int>(values[2]),
          static_cast<int>(values[3])};
}

/// One view for every number of the tensor, differing from the plain one by change(view, number).
template <typename Change>
Tensors one_view_each(const Case& golden_case, const std::string& numbers, Change change) {
  const Source source(golden_case);
  const at::Tensor values = golden_case.tensors.at(numbers);
  std::vector<View> views(static_cast<size_t>(values.numel()), source.unchanged_view());
  for (size_t i = 0; i < views.size(); ++i) change(views[i], values.const_data_ptr<double>()[i]);
  return {{"f32", rendered(source, views, same_size(source))}};
}

Operation adjust(Jitter kind) {
  return [kind](const Case& golden_case) {
    return one_view_each(golden_case, "factors", [kind](View& view, double factor) {
      view.jitter_count = 1;
      view.jitter[0] = {kind, factor};
    });
  };
}

/// The four steps in the order of the codes, with the factor of each kind.
void set_jitter(View& view, const int64_t* codes, const double* factors) {
  view.jitter_count = 4;
  for (int i = 0; i < 4; ++i) view.jitter[i] = {static_cast<Jitter>(codes[i]), factors[codes[i]]};
}

Tensors jitter(const Case& golden_case) {
  const Source source(golden_case);
  const at::Tensor orders = golden_case.tensors.at("orders");
  const double* factors = golden_case.tensors.at("factors").const_data_ptr<double>();
  std::vector<View> views(static_cast<size_t>(orders.size(0)), source.unchanged_view());
  for (size_t i = 0; i < views.size(); ++i) {
    set_jitter(views[i], orders.const_data_ptr<int64_t>() + 4 * i, factors);
  }
  return {{"f32", rendered(source, views, same_size(source))}};
}

Tensors resized_crop(const Case& golden_case) {
  const Source source(golden_case);
  const Json& settings = golden_case.hyperparameters;
  RenderTarget target;
  target.size = size_of(settings.at("size"));
  target.interpolation = settings.at("interpolation").as_string() == "bicubic"
                             ? Interpolation::bicubic
                             : Interpolation::bilinear;
  const at::Tensor boxes = golden_case.tensors.at("boxes");
  std::vector<View> views(static_cast<size_t>(boxes.size(0)));
  for (size_t i = 0; i < views.size(); ++i) views[i].crop = box_of(boxes[i]);
  return {{"f32", rendered(source, views, target)}};
}

Tensors horizontal_flip(const Case& golden_case) {
  const Source source(golden_case);
  View view = source.unchanged_view();
  view.flip = true;
  const at::Tensor flipped = rendered(source, {view}, same_size(source))[0];
  return {{"u8", flipped.mul(255.0).round().to(at::kByte)}};
}

Tensors grayscale(const Case& golden_case) {
  const Source source(golden_case);
  View view = source.unchanged_view();
  view.grayscale = true;
  return {{"f32", rendered(source, {view}, same_size(source))[0]}};
}

Tensors gaussian_blur(const Case& golden_case) {
  return one_view_each(golden_case, "sigmas", [&](View& view, double sigma) {
    set_kernel(view, golden_case.hyperparameters);
    view.blur_sigma = sigma;
  });
}

Tensors solarize(const Case& golden_case) {
  return one_view_each(golden_case, "thresholds", [](View& view, double threshold) {
    view.solarize = true;
    view.solarize_threshold = threshold;
  });
}

Tensors normalize(const Case& golden_case) {
  const Source source(golden_case);
  RenderTarget target = same_size(source);
  target.normalize = normalize_of(golden_case.hyperparameters);
  return {{"f32", rendered(source, {source.unchanged_view()}, target)[0]}};
}

std::vector<View> chain_views(const Case& golden_case) {
  const Tensors& tensors = golden_case.tensors;
  const auto chosen = [&](const char* name, size_t i) {
    return tensors.at(name).const_data_ptr<bool>()[i];
  };
  std::vector<View> views(static_cast<size_t>(tensors.at("boxes").size(0)));
  for (size_t i = 0; i < views.size(); ++i) {
    View& view = views[i];
    view.crop = box_of(tensors.at("boxes")[static_cast<int64_t>(i)]);
    view.flip = chosen("flip", i);
    if (chosen("jitter", i)) {
      set_jitter(view, tensors.at("order").const_data_ptr<int64_t>() + 4 * i,
                 tensors.at("factors").const_data_ptr<double>() + 4 * i);
    }
    view.grayscale = chosen("gray", i);
    if (chosen("blur", i)) set_kernel(view, golden_case.hyperparameters);
    view.blur_sigma = tensors.at("sigma").const_data_ptr<double>()[i];
    view.solarize = chosen("solarize", i);
  }
  return views;
}

Tensors chain(const Case& golden_case) {
  const Source source(golden_case);
  const std::vector<View> views = chain_views(golden_case);
  RenderTarget target;
  target.size = size_of(golden_case.hyperparameters.at("size"));
  const at::Tensor unit = rendered(source, views, target);
  target.normalize = normalize_of(golden_case.hyperparameters);
  return {{"f32_unit", unit}, {"f32", rendered(source, views, target)}};
}

Tensors random_resized_crop_box(const Case& golden_case) {
  const Json& settings = golden_case.hyperparameters;
  const double* drawn = golden_case.tensors.at("tries").const_data_ptr<double>();
  const auto& ratio = settings.at("ratio").items();
  const auto next_try = [drawn]() mutable {
    drawn += 2;
    return CropTry{drawn[-2], drawn[-1]};
  };
  const CropChoice choice = choose_crop(static_cast<int>(settings.at("height").as_int()),
                                        static_cast<int>(settings.at("width").as_int()),
                                        ratio.at(0).as_double(), ratio.at(1).as_double(), next_try);
  const Box& box = choice.box;
  const auto integers = [](std::vector<int64_t> values) { return at::tensor(values, at::kLong); };
  return {{"size", integers({box.height, box.width})},
          {"box", integers({box.top, box.left, box.height, box.width})},
          {"accepted_try", integers({choice.accepted_try})[0]}};
}

Tensors posterize(const Case&) { throw Unsupported("views are float32: nothing clears bits"); }

}  // namespace

void add_augmentation(Operations& operations) {
  operations["resized_crop"] = resized_crop;
  operations["horizontal_flip"] = horizontal_flip;
  operations["adjust_brightness"] = adjust(Jitter::brightness);
  operations["adjust_contrast"] = adjust(Jitter::contrast);
  operations["adjust_saturation"] = adjust(Jitter::saturation);
  operations["adjust_hue"] = adjust(Jitter::hue);
  operations["jitter"] = jitter;
  operations["grayscale"] = grayscale;
  operations["gaussian_blur"] = gaussian_blur;
  operations["solarize"] = solarize;
  operations["posterize"] = posterize;
  operations["normalize"] = normalize;
  operations["chain"] = chain;
  operations["random_resized_crop_box"] = random_resized_crop_box;
}

}  // namespace nearfar::golden
