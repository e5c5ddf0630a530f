// Field numbers of TensorBoard's messages, at the functions that write them.
#include "framework/log/events.h"

#include "framework/log/wire.h"

namespace nearfar {
namespace {

constexpr int kStepField = 2;

WireMessage event(Moment moment) {
  WireMessage event;
  event.real(1, moment.time);
  // Zero is what absence means, and how protocol buffers write it.
  if (moment.step != 0) event.integer(kStepField, moment.step);
  return event;
}

std::string with_summary(Moment moment, const WireMessage& summary) {
  return event(moment).message(5, summary).bytes();
}

std::string with_value(Moment moment, const WireMessage& value) {
  return with_summary(moment, WireMessage().message(1, value));
}

/// SummaryMetadata of a plugin whose data are tensors.
WireMessage metadata(const std::string& plugin, const WireMessage& content) {
  constexpr int64_t kTensorClass = 2;
  WireMessage data;
  data.text(1, plugin);
  if (!content.bytes().empty()) data.message(2, content);
  return WireMessage().message(1, data).integer(4, kTensorClass);
}

/// A TensorProto's type and its one dimension.
WireMessage tensor(int64_t type, int64_t size) {
  WireMessage dimension;
  if (size != 0) dimension.integer(1, size);
  return WireMessage().integer(1, type).message(2, WireMessage().message(2, dimension));
}

/// A value of the plugin "hparams": its metadata say everything, the tensor is empty.
WireMessage hparams_value(const std::string& tag, const WireMessage& content) {
  constexpr int64_t kFloatType = 1;
  return WireMessage()
      .text(1, tag)
      .message(8, tensor(kFloatType, 0))
      .message(9, metadata("hparams", content));
}

/// google.protobuf.Value.
WireMessage value_of(const Json& leaf) {
  if (leaf.is_number()) return WireMessage().real(2, leaf.as_double());
  if (leaf.is_string()) return WireMessage().text(3, leaf.as_string());
  if (leaf.kind() == Json::Kind::boolean) return WireMessage().integer(4, leaf.as_bool() ? 1 : 0);
  return WireMessage().text(3, to_text(leaf, -1));
}

void add_leaves(const Json& object, const std::string& prefix, WireMessage& start) {
  for (const auto& [name, member] : object.members()) {
    if (member.is_object()) {
      add_leaves(member, prefix + name + ".", start);
    } else {
      start.message(1, WireMessage().text(1, prefix + name).message(2, value_of(member)));
    }
  }
}

}  // namespace

std::string version_event(double time) {
  return WireMessage().real(1, time).text(3, "brain.Event:2").bytes();
}

std::string restart_event(Moment moment) {
  constexpr int64_t kStart = 1;
  return event(moment).message(7, WireMessage().integer(1, kStart)).bytes();
}

std::string scalar_event(Moment moment, const Scalars& scalars) {
  WireMessage summary;
  for (const auto& [tag, value] : scalars) {
    summary.message(1, WireMessage().text(1, tag).single(2, static_cast<float>(value)));
  }
  return with_summary(moment, summary);
}

std::string image_event(Moment moment, const std::string& tag, const EventImage& image) {
  constexpr int64_t kRgb = 3;
  const std::string_view png(reinterpret_cast<const char*>(image.png.data()), image.png.size());
  WireMessage body;
  body.integer(1, image.height).integer(2, image.width).integer(3, kRgb).text(4, png);
  return with_value(moment, WireMessage().text(1, tag).message(4, body));
}

std::string histogram_event(Moment moment, const Histograms& histograms) {
  WireMessage summary;
  for (const auto& [tag, histogram] : histograms) {
    WireMessage body;
    body.real(1, histogram.lowest)
        .real(2, histogram.highest)
        .real(3, histogram.count)
        .real(4, histogram.sum)
        .real(5, histogram.sum_of_squares)
        .reals(6, histogram.limits)
        .reals(7, histogram.counts);
    summary.message(1, WireMessage().text(1, tag).message(5, body));
  }
  return with_summary(moment, summary);
}

std::string text_event(Moment moment, const std::string& tag, const std::string& text) {
  constexpr int64_t kStringType = 7;
  return with_value(moment, WireMessage()
                                .text(1, tag + "/text_summary")
                                .message(8, tensor(kStringType, 1).text(8, text))
                                .message(9, metadata("text", WireMessage())));
}

std::string settings_event(Moment moment, const Json& settings) {
  WireMessage start;
  add_leaves(settings, "", start);
  start.real(5, moment.time);
  return with_value(moment,
                    hparams_value("_hparams_/session_start_info", WireMessage().message(3, start)));
}

std::string end_event(Moment moment, bool success) {
  constexpr int64_t kSuccess = 1, kFailure = 2;
  WireMessage end;
  end.integer(1, success ? kSuccess : kFailure).real(2, moment.time);
  return with_value(moment,
                    hparams_value("_hparams_/session_end_info", WireMessage().message(4, end)));
}

std::optional<int64_t> step_of(std::string_view event) { return integer_field(event, kStepField); }

}  // namespace nearfar
