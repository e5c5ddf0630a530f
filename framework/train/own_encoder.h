// Networks that a recipe brings itself: known by the recipe and its settings, not by a name.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "framework/encoders/encoder.h"
#include "framework/json/json.h"
#include "framework/train/run_config.h"

namespace nearfar {

/// Which recipe makes the network, and with what.
struct OwnEncoder {
  std::string recipe;  // empty: the network is one of nearfar's
  std::string library;
  Json settings = Json::object();  // the recipe's keys
};

/// Whether `encoder` is none that make_encoder() builds.
bool is_own_encoder(const Encoder& encoder);

/// The run's recipe with its settings. Precondition: `library` is where it was opened from.
OwnEncoder own_encoder_of(const RunConfig& config, const std::string& library);

/// The network with fresh weights from `seed`; where its recipe wraps one of nearfar's, that is of
/// `config`. Throws as open_recipe does, and ConfigError for settings that the recipe does not
/// have.
std::shared_ptr<Encoder> make_own_encoder(const OwnEncoder& own, const EncoderConfig& config,
                                          int64_t channels, uint64_t seed);

}  // namespace nearfar
