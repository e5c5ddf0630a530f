// The list of laws, and how one is asked.
#include "framework/conformance/law.h"

#include "framework/config/settings.h"
#include "framework/error.h"
#include "framework/first_line.h"

namespace nearfar {

std::string to_text(Verdict verdict) {
  const char* const words[] = {"holds", "broken", "not asked"};
  return words[static_cast<int>(verdict)];
}

const std::vector<const Law*>& known_laws() {
  static const std::vector<const Law*> laws{&kExceptionsLaw,  &kKeysLaw,     &kEmbedLaw,
                                            &kGeneratorLaw,   &kGradientLaw, &kMicroBatchesLaw,
                                            &kRanksLaw,       &kStateLaw,    &kResumeLaw,
                                            &kRandomGuessLaw, &kLearnsLaw,   &kConstantImagesLaw};
  return laws;
}

std::string law_names() {
  std::string names;
  for (const Law* law : known_laws()) names += (names.empty() ? "" : ", ") + std::string(law->name);
  return names;
}

const Law& find_law(const std::string& name) {
  std::vector<std::string> names;
  for (const Law* law : known_laws()) {
    if (law->name == name) return *law;
    names.push_back(law->name);
  }
  const std::string near = nearest_name(name, names);
  throw ConfigError("law \"" + name + "\": expected one of " + law_names() +
                    (near.empty() ? "" : "; did you mean " + near + "?"));
}

Finding examine(const Law& law, const Subject& subject) {
  try {
    return law.examine(subject);
  } catch (const std::exception& error) {
    return {Verdict::broken, first_line(error.what())};
  } catch (...) {
    return {Verdict::broken, "something was thrown that is no std::exception"};
  }
}

}  // namespace nearfar
