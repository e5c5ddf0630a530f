// JSON Schema of a config struct, for editors that check and complete while one types.
#include <cmath>
#include <limits>

#include "framework/config/settings.h"

namespace nearfar {
namespace {

template <typename Number>
bool is_bound(Number end) {
  if constexpr (std::is_floating_point_v<Number>) return !std::isinf(end);
  return end != std::numeric_limits<Number>::min() && end != std::numeric_limits<Number>::max();
}

template <typename Number>
Json number_schema(const char* type, Number low, Number high) {
  Json schema = Json::object({{"type", Json(type)}});
  if (is_bound(low)) schema["minimum"] = Json(low);
  if (is_bound(high)) schema["maximum"] = Json(high);
  return schema;
}

class SchemaWriter : public Fields {
 public:
  explicit SchemaWriter(const std::string& title) {
    Json root;
    root["$schema"] = "https://json-schema.org/draft/2020-12/schema";
    root["title"] = title;
    open_.push_back({"", object_schema(std::move(root))});
  }

  Json take() { return std::move(open_.back().schema); }

 protected:
  void real(const char* name, double& target, double low, double high, const char* help) override {
    add(name, number_schema("number", low, high), target, help);
  }
  void integer(const char* name, int64_t& target, int64_t low, int64_t high,
               const char* help) override {
    add(name, number_schema("integer", low, high), target, help);
  }
  void boolean(const char* name, bool& target, const char* help) override {
    add(name, Json::object({{"type", "boolean"}}), target, help);
  }
  void text(const char* name, std::string& target, std::vector<std::string> choices,
            const char* help) override {
    Json schema = Json::object({{"type", "string"}});
    for (const std::string& choice : choices) schema["enum"].push_back(choice);
    add(name, std::move(schema), target, help);
  }
  void reals(const char* name, std::vector<double>& target, double low, double high,
             const char* help) override {
    add_list(name, number_schema("number", low, high), target, help);
  }
  void integers(const char* name, std::vector<int64_t>& target, int64_t low, int64_t high,
                const char* help) override {
    add_list(name, number_schema("integer", low, high), target, help);
  }
  void texts(const char* name, std::vector<std::string>& target, const char* help) override {
    Json item;
    item["type"] = Json::array({"string", "integer"});
    add_list(name, std::move(item), target, help);
  }
  void begin_group(const char* name, const char* help) override {
    open_.push_back({name, object_schema(Json::object({{"description", Json(help)}}))});
  }
  void end_group() override {
    Group done = std::move(open_.back());
    open_.pop_back();
    open_.back().schema["properties"][done.name] = std::move(done.schema);
  }

 private:
  struct Group {
    std::string name;
    Json schema;
  };

  static Json object_schema(Json head) {
    head["type"] = "object";
    head["additionalProperties"] = false;
    head["properties"] = Json::object();
    return head;
  }

  void add(const char* name, Json schema, Json value, const char* help) {
    schema["default"] = std::move(value);
    schema["description"] = help;
    open_.back().schema["properties"][name] = std::move(schema);
  }

  template <typename Item>
  void add_list(const char* name, Json items, const std::vector<Item>& target, const char* help) {
    Json schema = Json::object({{"type", "array"}});
    schema["items"] = std::move(items);
    add(name, std::move(schema), Json::array(std::vector<Json>(target.begin(), target.end())),
        help);
  }

  std::vector<Group> open_;
};

}  // namespace

Json to_schema(const Describe& describe, const std::string& title) {
  SchemaWriter writer(title);
  describe(writer);
  return writer.take();
}

}  // namespace nearfar
