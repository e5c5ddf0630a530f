// JSON text from values: shortest numbers that read back to the same bits, valid UTF-8 always.
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "framework/json/json.h"
#include "framework/json/utf8.h"

namespace nearfar {
namespace {

void append_escaped(std::string& out, char32_t control) {
  constexpr char kDigits[] = "0123456789abcdef";
  switch (control) {
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kDigits[control >> 4];
      out += kDigits[control & 15];
  }
}

void append_string(std::string& out, const std::string& text) {
  out += '"';
  for (size_t offset = 0; offset < text.size();) {
    const CodePoint point = decode_utf8(text, offset);
    if (point.value == '"' || point.value == '\\') {
      out += '\\';
      out += static_cast<char>(point.value);
    } else if (point.value < 0x20 || point.value == 0x7F) {
      append_escaped(out, point.value);
    } else if (point.valid) {
      out.append(text, offset, point.bytes);
    } else {
      out += "\\ufffd";
    }
    offset += point.bytes;
  }
  out += '"';
}

template <typename Number>
std::string shortest(Number value) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr};
}

std::string real_text(double value) {
  if (!std::isfinite(value)) {
    throw std::invalid_argument("to_text: JSON has no number for " + shortest(value));
  }
  std::string text = shortest(value);
  // A real must not read back as an integer.
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

class Writer {
 public:
  explicit Writer(int indent) : indent_(indent) {}

  void write(const Json& value) {
    switch (value.kind()) {
      case Json::Kind::null:
        text_ += "null";
        break;
      case Json::Kind::boolean:
        text_ += value.as_bool() ? "true" : "false";
        break;
      case Json::Kind::integer:
        text_ += shortest(value.as_int());
        break;
      case Json::Kind::real:
        text_ += real_text(value.as_double());
        break;
      case Json::Kind::string:
        append_string(text_, value.as_string());
        break;
      case Json::Kind::array:
        write_array(value.items());
        break;
      case Json::Kind::object:
        write_object(value.members());
        break;
    }
  }

  std::string take() { return std::move(text_); }

 private:
  void write_array(const std::vector<Json>& items) {
    // Lists of scalars stay on one line: [0.2, 1.0] is easier to read than four lines.
    bool nested = false;
    for (const Json& item : items) nested = nested || item.is_array() || item.is_object();
    text_ += '[';
    ++depth_;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) text_ += nested || indent_ < 0 ? "," : ", ";
      if (nested) break_line();
      write(items[i]);
    }
    --depth_;
    if (nested) break_line();
    text_ += ']';
  }

  void write_object(const std::vector<Json::Member>& members) {
    text_ += '{';
    ++depth_;
    for (size_t i = 0; i < members.size(); ++i) {
      if (i > 0) text_ += ',';
      break_line();
      append_string(text_, members[i].first);
      text_ += indent_ < 0 ? ":" : ": ";
      write(members[i].second);
    }
    --depth_;
    if (!members.empty()) break_line();
    text_ += '}';
  }

  void break_line() {
    if (indent_ < 0) return;
    text_ += '\n';
    text_.append(static_cast<size_t>(indent_) * depth_, ' ');
  }

  int indent_;
  int depth_ = 0;
  std::string text_;
};

}  // namespace

std::string to_text(const Json& value, int indent) {
  Writer writer(indent);
  writer.write(value);
  return writer.take();
}

}  // namespace nearfar
