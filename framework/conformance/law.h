// A law that every recipe obeys: what it shows, and how a recipe is held to it.
#pragma once

#include <string>
#include <vector>

#include "framework/conformance/subject.h"

namespace nearfar {

enum class Verdict {
  holds,
  broken,
  not_asked,  // the recipe does not say what the law would compare with
};

/// "holds", "broken", "not asked".
std::string to_text(Verdict verdict);

/// What came of one law: a line on what was measured or, for a broken one, what is wrong, where,
/// expected, found, and what to do.
struct Finding {
  Verdict verdict = Verdict::holds;
  std::string words;
};

struct Law {
  const char* name;
  const char* shows;  // what a recipe that obeys it can be relied on for
  /// May throw: what is thrown breaks the law.
  Finding (*examine)(const Subject& subject);
};

// Each in a file of its own, NAME_law.cpp.
extern const Law kExceptionsLaw;
extern const Law kRanksLaw;
extern const Law kGradientLaw;
extern const Law kMicroBatchesLaw;
extern const Law kResumeLaw;
extern const Law kStateLaw;
extern const Law kEmbedLaw;
extern const Law kGeneratorLaw;
extern const Law kRandomGuessLaw;
extern const Law kLearnsLaw;
extern const Law kConstantImagesLaw;
extern const Law kKeysLaw;

/// All laws, in the order in which they are asked.
const std::vector<const Law*>& known_laws();

/// The law of that name; throws ConfigError with the nearest one and all names.
const Law& find_law(const std::string& name);

/// "exceptions, ranks, ...".
std::string law_names();

/// The law's finding; an exception is a broken law with its first line as the reason.
Finding examine(const Law& law, const Subject& subject);

}  // namespace nearfar
