// The methods of judging by name: a new one is a file of its own and a line here.
#include <algorithm>
#include <string>
#include <vector>

#include "framework/error.h"
#include "framework/evaluate/method.h"

namespace nearfar {

const std::vector<const EvaluationMethod*>& known_methods() {
  static const std::vector<const EvaluationMethod*> methods{
      &kLinearMethod,     &kLinearSgdMethod,    &kKnnMethod,    &kRetrievalMethod,
      &kClusteringMethod, &kVerificationMethod, &kOpenSetMethod};
  return methods;
}

const EvaluationMethod& find_method(const std::string& name) {
  for (const EvaluationMethod* method : known_methods()) {
    if (name == method->name) return *method;
  }
  throw ConfigError("evaluate.methods: expected some of " + evaluation_method_names() +
                    ", found \"" + name + "\"");
}

std::string evaluation_method_names() {
  std::string names;
  for (const EvaluationMethod* method : known_methods()) {
    names += (names.empty() ? "" : ", ") + std::string(method->name);
  }
  return names;
}

std::vector<std::string> evaluation_methods(const std::string& list) {
  std::vector<std::string> methods;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    const std::string method = find_method(list.substr(begin, end - begin)).name;
    if (std::find(methods.begin(), methods.end(), method) != methods.end()) {
      throw ConfigError("evaluate.methods: expected each method once, found \"" + method +
                        "\" twice");
    }
    methods.push_back(method);
    begin = end + 1;
  }
  return methods;
}

}  // namespace nearfar
