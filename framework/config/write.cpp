// A config struct as JSON and as a list of its keys.
#include "framework/config/keys.h"
#include "framework/config/ranges.h"
#include "framework/config/settings.h"

namespace nearfar {
namespace {

template <typename Item>
Json list_of(const std::vector<Item>& values) {
  std::vector<Json> items(values.begin(), values.end());
  return Json::array(std::move(items));
}

/// Calls visit(name, value, type, range, help) for each leaf: what writers have in common.
class ValueFields : public DottedFields {
 protected:
  virtual void visit(const char* name, Json value, const char* type, const std::string& range,
                     const char* help) = 0;

  void real(const char* name, double& target, double low, double high, const char* help) override {
    visit(name, target, "number", range_text(low, high), help);
  }
  void integer(const char* name, int64_t& target, int64_t low, int64_t high,
               const char* help) override {
    visit(name, target, "integer", range_text(low, high), help);
  }
  void boolean(const char* name, bool& target, const char* help) override {
    visit(name, target, "boolean", "", help);
  }
  void text(const char* name, std::string& target, std::vector<std::string> choices,
            const char* help) override {
    visit(name, target, "string", choices_text(choices), help);
  }
  void reals(const char* name, std::vector<double>& target, double low, double high,
             const char* help) override {
    visit(name, list_of(target), "list of numbers", range_text(low, high), help);
  }
  void integers(const char* name, std::vector<int64_t>& target, int64_t low, int64_t high,
                const char* help) override {
    visit(name, list_of(target), "list of integers", range_text(low, high), help);
  }
  void texts(const char* name, std::vector<std::string>& target, const char* help) override {
    visit(name, list_of(target), "list of texts", "", help);
  }
};

class ObjectWriter : public ValueFields {
 public:
  Json take() { return std::move(open_.back().second); }

 protected:
  void visit(const char* name, Json value, const char*, const std::string&, const char*) override {
    open_.back().second[name] = std::move(value);
  }
  void begin_group(const char* name, const char*) override {
    open_.emplace_back(name, Json::object());
  }
  void end_group() override {
    auto [name, object] = std::move(open_.back());
    open_.pop_back();
    open_.back().second[name] = std::move(object);
  }

 private:
  std::vector<Json::Member> open_{{"", Json::object()}};
};

class KeyLister : public ValueFields {
 public:
  explicit KeyLister(std::string_view prefix) : prefix_(prefix) {}

  std::vector<KeyInfo> take() { return std::move(keys_); }

 protected:
  void visit(const char* name, Json value, const char* type, const std::string& range,
             const char* help) override {
    std::string key = key_of(name);
    const bool listed = prefix_.empty() || key == prefix_ || key.starts_with(prefix_ + ".");
    if (listed) keys_.push_back({std::move(key), type, range, to_text(value, -1), help});
  }

 private:
  std::string prefix_;
  std::vector<KeyInfo> keys_;
};

}  // namespace

Json to_json(const Describe& describe) {
  ObjectWriter writer;
  describe(writer);
  return writer.take();
}

std::vector<KeyInfo> list_keys(const Describe& describe, std::string_view prefix) {
  KeyLister lister(prefix);
  describe(lister);
  return lister.take();
}

}  // namespace nearfar
