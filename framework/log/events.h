// TensorBoard's events: what one record of an event file says.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "framework/json/json.h"
#include "framework/log/histogram.h"

namespace nearfar {

/// Numbers by tag.
using Scalars = std::vector<std::pair<std::string, double>>;
/// Histograms by tag.
using Histograms = std::vector<std::pair<std::string, Histogram>>;

/// When an event happened.
struct Moment {
  double time = 0.0;  // seconds since 1970
  int64_t step = 0;
};

struct EventImage {
  int height = 0;
  int width = 0;
  std::vector<uint8_t> png;  // RGB
};

/// Each returns a serialised tensorboard.Event (tensorboard/compat/proto/event.proto and
/// summary.proto). Scalars, images and histograms have the fields of their own that every version
/// of TensorBoard reads; text and settings are tensors that name a plugin.
std::string version_event(double time);
/// A continued run: what readers hold of this step and later ones is void (SessionLog START).
std::string restart_event(Moment moment);
std::string scalar_event(Moment moment, const Scalars& scalars);
std::string image_event(Moment moment, const std::string& tag, const EventImage& image);
std::string histogram_event(Moment moment, const Histograms& histograms);
/// Markdown.
std::string text_event(Moment moment, const std::string& tag, const std::string& text);
/// The leaves of an object as the hyper-parameters of this run, by dotted key
/// (tensorboard/plugins/hparams/plugin_data.proto: SessionStartInfo). Lists and null are written as
/// text. TensorBoard works out by itself which of them differ between runs, and which scalars can
/// be compared with them.
std::string settings_event(Moment moment, const Json& settings);
/// How the run ended (SessionEndInfo).
std::string end_event(Moment moment, bool success);

/// The step that an event belongs to; nothing for bytes that are no event.
std::optional<int64_t> step_of(std::string_view event);

}  // namespace nearfar
