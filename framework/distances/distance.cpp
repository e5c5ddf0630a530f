// The table of distances, and what all of them check.
#include "framework/distances/distance.h"

#include <torch/types.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "framework/distances/angles.h"
#include "framework/distances/divergences.h"
#include "framework/distances/norms.h"
#include "framework/distances/transport.h"
#include "framework/error.h"
#include "framework/widened.h"

namespace nearfar {
namespace {

void check_rows(const at::Tensor& x, const at::Tensor& y) {
  TORCH_CHECK(x.dim() == 2 && y.dim() == 2 && x.size(1) == y.size(1) && x.size(1) > 0 &&
                  x.is_floating_point() && x.scalar_type() == y.scalar_type(),
              "distance: expected rows [n, d] and [m, d] of one floating type, got ", x.sizes(),
              " of ", x.scalar_type(), " and ", y.sizes(), " of ", y.scalar_type());
}

double parsed_p(const std::string& text) {
  if (text == "inf") return std::numeric_limits<double>::infinity();
  double p = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), p);
  if (error != std::errc() || end != text.data() + text.size() || !(p >= 1.0)) {
    throw ConfigError("p: " + text + " is neither a number of at least 1 nor inf");
  }
  return p;
}

}  // namespace

at::Tensor Distance::matrix(const at::Tensor& x, const at::Tensor& y) const {
  check_rows(x, y);
  return pairwise(widened(x), widened(y));
}

at::Tensor Distance::rows(const at::Tensor& x, const at::Tensor& y) const {
  check_rows(x, y);
  TORCH_CHECK(x.size(0) == y.size(0), "distance: expected as many rows in both, got ", x.size(0),
              " and ", y.size(0));
  return rowwise(widened(x), widened(y));
}

const std::vector<std::string>& DistanceConfig::distance_kinds() {
  static const std::vector<std::string> kinds = [] {
    std::vector<std::string> names;
    for (const DistanceInfo& info : distances()) names.push_back(info.kind);
    return names;
  }();
  return kinds;
}

std::unique_ptr<Distance> make_distance(const DistanceConfig& config) {
  const std::string& kind = config.kind;
  if (kind == "euclidean") return std::make_unique<LpDistance>(2.0);
  if (kind == "squared_euclidean") return std::make_unique<SquaredEuclideanDistance>();
  if (kind == "lp") return std::make_unique<LpDistance>(parsed_p(config.p));
  if (kind == "inner_product") return std::make_unique<InnerProductDistance>();
  if (kind == "cosine") return std::make_unique<CosineDistance>();
  if (kind == "angular") return std::make_unique<AngularDistance>();
  if (kind == "kl") return std::make_unique<KullbackLeiblerDistance>();
  if (kind == "jeffreys") return std::make_unique<JeffreysDistance>();
  if (kind == "gaussian_kl") return std::make_unique<GaussianKlDistance>();
  if (kind == "wasserstein_1d") return std::make_unique<SortedTransportDistance>();
  if (kind == "histogram_wasserstein") return std::make_unique<HistogramTransportDistance>();
  throw ConfigError("kind: " + kind + ": no such distance");
}

const std::vector<DistanceInfo>& distances() {
  static const std::vector<DistanceInfo> all = {
      {"euclidean", "|x - y|_2", "", {true, true, true, true}},
      {"squared_euclidean", "|x - y|_2^2", "", {true, true, true, false}},
      {"lp", "(sum_i |x_i - y_i|^p)^(1/p)", "Minkowski 1896", {true, true, true, true}},
      {"inner_product", "-x . y", "", {false, false, true, false}},
      {"cosine", "1 - x . y / (|x| |y|)", "", {true, false, true, false}},
      {"angular", "arccos(x . y / (|x| |y|)) / pi", "", {true, false, true, true}},
      {"kl",
       "sum_i p_i log(p_i / q_i), p = softmax(x), q = softmax(y)",
       "Kullback and Leibler 1951",
       {true, false, false, false}},
      {"jeffreys", "KL(p || q) + KL(q || p)", "Jeffreys 1946", {true, false, true, false}},
      {"gaussian_kl",
       "KL(N(x) || N(y)); a row is d means, then d logarithms of variances",
       "Kullback 1959",
       {true, true, false, false}},
      {"wasserstein_1d",
       "mean_i |sorted x_i - sorted y_i|",
       "Vallender 1974",
       {true, false, true, true}},
      {"histogram_wasserstein",
       "sum_i |P_i - Q_i|, the cumulative sums of softmax(x) and softmax(y)",
       "Vallender 1974",
       {true, false, true, true}},
  };
  return all;
}

}  // namespace nearfar
