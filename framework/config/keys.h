// Visits the keys of a config struct with their full dotted names.
#pragma once

#include <string>
#include <vector>

#include "framework/config/fields.h"

namespace nearfar {

/// Knows the dotted name of the field being declared; visitors of leaves derive from it.
class DottedFields : public Fields {
 protected:
  /// The full key of a field of the current group.
  std::string key_of(const char* name) const { return group_ + name; }

  void begin_group(const char* name, const char*) override {
    outer_.push_back(group_.size());
    group_ += std::string(name) + ".";
  }
  void end_group() override {
    group_.resize(outer_.back());
    outer_.pop_back();
  }

 private:
  std::string group_;  // "" or "optimizer.", dots at the end
  std::vector<size_t> outer_;
};

}  // namespace nearfar
