// What evaluation.json says, as parts of a page: the table, the classes, what is taken for what.
#pragma once

#include <string>

#include "framework/json/json.h"

namespace nearfar {

/// A <table> with a row for each method and share of labels: the headline of the encoder and of its
/// baselines, their intervals drawn on one scale, and the lead over the better baseline. `document`
/// is that of evaluate(); throws ConfigError for one of another form.
std::string evaluation_rows(const Json& document);

/// Every single number of each method's entry with the most labels, by source; lists are left out.
std::string measure_tables(const Json& document);

/// A <table> of each class's share of right answers, of the first method that has them; empty when
/// none does.
std::string class_table(const Json& document);

/// The first confusion matrix of the document as an <svg>, rows true and columns predicted, shaded
/// by the share of the row, and a table of the pairs taken for each other most often; empty when
/// there is none.
std::string confusion_figure(const Json& document);

}  // namespace nearfar
