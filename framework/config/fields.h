// A config struct declares its keys once, in describe(field); reading, writing, help and schema
// follow.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

namespace nearfar {

/// Receives the declarations of a config struct:
///
///   struct Config {
///     double temperature = 0.1;
///     void describe(auto& field) { field("temperature", temperature, 0.001, 10.0, "help"); }
///   };
///
/// Ranges are closed. A nested struct is declared with field("name", nested, "help") and its keys
/// are then "name.key". Implementations read JSON into the targets, write them, or list the keys.
class Fields {
 public:
  virtual ~Fields() = default;

  void operator()(const char* name, double& target, double low, double high, const char* help) {
    real(name, target, low, high, help);
  }
  void operator()(const char* name, int64_t& target, int64_t low, int64_t high, const char* help) {
    integer(name, target, low, high, help);
  }
  void operator()(const char* name, bool& target, const char* help) { boolean(name, target, help); }
  void operator()(const char* name, std::string& target, const char* help) {
    text(name, target, {}, help);
  }
  void operator()(const char* name, std::string& target, std::initializer_list<const char*> choices,
                  const char* help) {
    text(name, target, {choices.begin(), choices.end()}, help);
  }
  void operator()(const char* name, std::string& target, const std::vector<std::string>& choices,
                  const char* help) {
    text(name, target, choices, help);
  }
  void operator()(const char* name, std::vector<double>& target, double low, double high,
                  const char* help) {
    reals(name, target, low, high, help);
  }
  void operator()(const char* name, std::vector<int64_t>& target, int64_t low, int64_t high,
                  const char* help) {
    integers(name, target, low, high, help);
  }
  /// Any texts; numbers count as the texts that they are written as.
  void operator()(const char* name, std::vector<std::string>& target, const char* help) {
    texts(name, target, help);
  }
  template <typename Struct>
  requires requires(Struct s, Fields& f) { s.describe(f); }
  void operator()(const char* name, Struct& nested, const char* help) {
    begin_group(name, help);
    nested.describe(*this);
    end_group();
  }

  /// Declares to `field` the values that `name` stands for, or nothing for an unknown name.
  using DescribeNamed = std::function<void(const std::string& name, Fields& field)>;

  /// The text key `name` of this group, whose target holds `chosen`, names values of other keys of
  /// the group. A setting of such a key counts only if its layer is not below the one that chose;
  /// settings of keys called `kept` ("": none) count always. Settings::completed carries it out;
  /// who writes or lists keys has nothing to do.
  virtual void named_values(const char* /*name*/, const std::string& /*chosen*/,
                            const char* /*kept*/, const DescribeNamed& /*describe*/) {}
  /// The keys of the group `follower` that have no value of their own take those of `leader`; both
  /// are groups of this one. A layer that sets a key alike in both, as a saved config does, gives
  /// the follower none of its own: a later setting of the leader holds for it too, unless a name
  /// (named_values) gives the two other values.
  virtual void follow(const char* /*follower*/, const char* /*leader*/) {}

 protected:
  virtual void real(const char* name, double& target, double low, double high,
                    const char* help) = 0;
  virtual void integer(const char* name, int64_t& target, int64_t low, int64_t high,
                       const char* help) = 0;
  virtual void boolean(const char* name, bool& target, const char* help) = 0;
  /// No choices: any text.
  virtual void text(const char* name, std::string& target, std::vector<std::string> choices,
                    const char* help) = 0;
  virtual void reals(const char* name, std::vector<double>& target, double low, double high,
                     const char* help) = 0;
  virtual void integers(const char* name, std::vector<int64_t>& target, int64_t low, int64_t high,
                        const char* help) = 0;
  virtual void texts(const char* name, std::vector<std::string>& target, const char* help) = 0;
  virtual void begin_group(const char* name, const char* help) = 0;
  virtual void end_group() = 0;
};

}  // namespace nearfar
