// Reading of draws.json, strictly, and writing of it.
#include "tools/nearfar/draws.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <initializer_list>
#include <limits>

#include "augment/view_error.h"
#include "framework/error.h"

namespace nearfar {
namespace {

[[noreturn]] void refuse(const Json& where, const std::string& what) {
  throw ConfigError(where.place() + ": " + what);
}

void check_members(const Json& object, std::initializer_list<const char*> known) {
  for (const auto& [name, value] : object.members()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      refuse(value, name + ": unknown member of draws.json");
    }
  }
}

int small_int(const Json& value, int low, int high) {
  const int64_t number = value.as_int();
  if (number < low || number > high) {
    refuse(value, std::to_string(number) + " is outside [" + std::to_string(low) + ", " +
                      std::to_string(high) + "]");
  }
  return static_cast<int>(number);
}

bool is_true(const Json& view, const char* name) {
  const Json* value = view.find(name);
  return value != nullptr && value->as_bool();
}

Interpolation read_interpolation(const Json& document) {
  const Json* value = document.find("interpolation");
  if (value == nullptr || value->as_string() == "bilinear") return Interpolation::bilinear;
  if (value->as_string() == "bicubic") return Interpolation::bicubic;
  refuse(*value, "interpolation: expected bilinear or bicubic, found " + value->as_string());
}

Jitter read_kind(const Json& name) {
  const std::string& text = name.as_string();
  if (text == "brightness") return Jitter::brightness;
  if (text == "contrast") return Jitter::contrast;
  if (text == "saturation") return Jitter::saturation;
  if (text == "hue") return Jitter::hue;
  refuse(name, "expected brightness, contrast, saturation or hue, found " + text);
}

/// Refuses `last`, what was read last, when with it the view cannot be rendered.
using Check = std::function<void(const Json& last, const View& view)>;

void read_jitter(const Json& steps, const Check& check, View& view) {
  if (steps.items().size() > view.jitter.size()) refuse(steps, "jitter: expected at most 4 steps");
  for (const Json& step : steps.items()) {
    if (step.items().size() != 2) refuse(step, "expected [name, factor]");
    view.jitter[view.jitter_count++] = {read_kind(step.items()[0]), step.items()[1].as_double()};
    check(step, view);
  }
}

void read_blur(const Json& blur, const Check& check, View& view) {
  check_members(blur, {"kernel", "sigma"});
  view.blur_kernel = small_int(blur.at("kernel"), 1, 4095);
  view.blur_sigma = 1.0;  // a good one, until the kernel is known to be
  check(blur.at("kernel"), view);
  view.blur_sigma = blur.at("sigma").as_double();
  check(blur.at("sigma"), view);
}

Box read_crop(const Json& crop, int height, int width) {
  check_members(crop, {"top", "left", "height", "width"});
  Box box;
  box.top = small_int(crop.at("top"), 0, height - 1);
  box.left = small_int(crop.at("left"), 0, width - 1);
  box.height = small_int(crop.at("height"), 1, height - box.top);
  box.width = small_int(crop.at("width"), 1, width - box.left);
  return box;
}

View read_view(const Json& json, int height, int width, const Check& check) {
  check_members(json, {"image", "crop", "flip", "jitter", "grayscale", "blur", "solarize"});
  View view;
  const Json* crop = json.find("crop");
  view.crop = crop == nullptr ? Box{0, 0, height, width} : read_crop(*crop, height, width);
  check(crop == nullptr ? json : *crop, view);
  view.flip = is_true(json, "flip");
  if (const Json* jitter = json.find("jitter")) read_jitter(*jitter, check, view);
  view.grayscale = is_true(json, "grayscale");
  if (const Json* blur = json.find("blur")) read_blur(*blur, check, view);
  if (const Json* threshold = json.find("solarize")) {
    view.solarize = true;
    view.solarize_threshold = threshold->as_double();
  }
  return view;
}

RenderTarget read_target(const Json& document) {
  RenderTarget target;
  const Json& size = document.at("size");
  if (size.items().size() != 2) refuse(size, "size: expected [height, width]");
  target.size = {small_int(size.items()[0], 1, 16384), small_int(size.items()[1], 1, 16384)};
  target.interpolation = read_interpolation(document);
  if (const Json* mean = document.find("mean")) target.normalize.mean = read_channels(*mean);
  if (const Json* deviations = document.find("std")) {
    target.normalize.std = read_channels(*deviations);
    View view;  // one that nothing else is wrong with
    view.crop = {0, 0, 1, 1};
    const std::string wrong = view_error(whole_image(nullptr, 1, 1, 3), view, target);
    if (!wrong.empty()) refuse(*deviations, wrong);
  }
  return target;
}

const char* name_of(Jitter kind) {
  switch (kind) {
    case Jitter::brightness:
      return "brightness";
    case Jitter::contrast:
      return "contrast";
    case Jitter::saturation:
      return "saturation";
    default:
      return "hue";
  }
}

Json view_document(const GivenView& given) {
  const View& view = given.view;
  Json document = Json::object();
  document["image"] = given.image;
  document["crop"] = box_document(view.crop);
  document["flip"] = view.flip;
  if (view.jitter_count > 0) document["jitter"] = Json::array();
  for (int i = 0; i < view.jitter_count; ++i) {
    const JitterStep& step = view.jitter[static_cast<size_t>(i)];
    document["jitter"].push_back(Json::array({name_of(step.kind), step.factor}));
  }
  document["grayscale"] = view.grayscale;
  if (view.blur_kernel > 0) {
    document["blur"]["kernel"] = view.blur_kernel;
    document["blur"]["sigma"] = view.blur_sigma;
  }
  if (view.solarize) document["solarize"] = view.solarize_threshold;
  return document;
}

}  // namespace

std::array<float, 3> read_channels(const Json& list) {
  if (list.items().size() != 3) refuse(list, "expected 3 numbers");
  std::array<float, 3> values{};
  for (size_t c = 0; c < 3; ++c) {
    const double value = list.items()[c].as_double();
    if (std::abs(value) > std::numeric_limits<float>::max()) {
      refuse(list.items()[c],
             "expected a number within float32, found " + summary(list.items()[c]));
    }
    values[c] = static_cast<float>(value);
  }
  return values;
}

Draws read_draws(const Json& document, int64_t images, int height, int width) {
  check_members(document, {"size", "interpolation", "mean", "std", "views"});
  Draws draws;
  draws.target = read_target(document);
  const Check check = [&](const Json& last, const View& view) {
    const Image image = whole_image(nullptr, height, width, 3);
    const std::string wrong = view_error(image, view, draws.target);
    if (!wrong.empty()) refuse(last, wrong);
  };
  for (const Json& view : document.at("views").items()) {
    draws.images.push_back(small_int(view.at("image"), 0, static_cast<int>(images - 1)));
    draws.views.push_back(read_view(view, height, width, check));
  }
  return draws;
}

Json box_document(const Box& box) {
  Json document = Json::object();
  document["top"] = box.top;
  document["left"] = box.left;
  document["height"] = box.height;
  document["width"] = box.width;
  return document;
}

Json draws_document(Size size, const std::string& interpolation,
                    const std::vector<GivenView>& views) {
  Json document = Json::object();
  document["size"] = Json::array({size.height, size.width});
  document["interpolation"] = interpolation;
  document["views"] = Json::array();
  for (const GivenView& view : views) document["views"].push_back(view_document(view));
  return document;
}

}  // namespace nearfar
