// Weighted nearest neighbours: the judge of NPID (Wu et al. 2018) and DINO.
#include "framework/evaluate/nearest_neighbors.h"

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <vector>

namespace nearfar {
namespace {

// The grid of tiles is fixed: a smaller memory limit means fewer tiles at a time, never other
// tiles, so the numbers do not depend on it.
constexpr int64_t kTileQueries = 128;
constexpr int64_t kTileRows = 2048;

template <typename T>
struct Candidate {
  T similarity;
  int64_t index;
};

template <typename T>
bool nearer(const Candidate<T>& a, const Candidate<T>& b) {
  return a.similarity != b.similarity ? a.similarity > b.similarity : a.index < b.index;
}

/// How many candidates a query collects before its list is cut back to the k nearest.
int64_t list_length(int64_t k) { return k + std::max<int64_t>(k, 64); }

/// The k nearest rows seen so far of one query. Rows must arrive in the order of their index.
template <typename T>
class NearestList {
 public:
  explicit NearestList(int64_t k) : k_(k) { list_.reserve(list_length(k)); }

  void clear() {
    list_.clear();
    full_ = false;
  }

  void add(const T* dot, const T* inverse_norm, int64_t first, int64_t count) {
    for (int64_t j = 0; j < count; ++j) {
      const T similarity = dot[j] * inverse_norm[j];
      // A later row that only equals the k-th loses against it.
      if (full_ && !(similarity > threshold_)) continue;
      list_.push_back({similarity, first + j});
      if (static_cast<int64_t>(list_.size()) == list_length(k_)) cut();
    }
  }

  void write(T* similarity, int64_t* index) {
    std::sort(list_.begin(), list_.end(), nearer<T>);
    for (int64_t i = 0; i < k_; ++i) {
      similarity[i] = list_[i].similarity;
      index[i] = list_[i].index;
    }
  }

 private:
  void cut() {
    std::nth_element(list_.begin(), list_.begin() + (k_ - 1), list_.end(), nearer<T>);
    list_.resize(k_);
    threshold_ = list_.back().similarity;
    full_ = true;
  }

  int64_t k_;
  std::vector<Candidate<T>> list_;
  T threshold_{};
  bool full_ = false;
};

/// 1 / |row|, 0 for a row of zeros: it is then similar to nothing.
at::Tensor inverse_norms(const at::Tensor& rows, const char* name) {
  const at::Tensor norm = rows.norm(2, {1});
  TORCH_CHECK(at::isfinite(norm).all().item<bool>(),
              "nearest_neighbors: expected finite values in ", name);
  return at::where(norm > 0, norm.reciprocal(), at::zeros_like(norm));
}

template <typename T>
class Search {
 public:
  Search(const at::Tensor& train, const at::Tensor& test, int64_t k, Neighbors& result)
      : train_(train),
        test_(test),
        train_scale_(inverse_norms(train, "train")),
        test_scale_(inverse_norms(test, "test")),
        k_(k),
        result_(result) {}

  /// One worker's part: every `stride`-th tile of queries from `first` on.
  void run(int64_t first, int64_t stride) {
    std::vector<NearestList<T>> lists(kTileQueries, NearestList<T>(k_));
    at::Tensor dots = at::empty({kTileQueries, kTileRows}, train_.options());
    for (int64_t tile = first; tile * kTileQueries < test_.size(0); tile += stride) {
      const int64_t begin = tile * kTileQueries;
      const int64_t count = std::min(kTileQueries, test_.size(0) - begin);
      const at::Tensor queries =
          test_.narrow(0, begin, count) * test_scale_.narrow(0, begin, count).unsqueeze(1);
      for (auto& list : lists) list.clear();
      for (int64_t row = 0; row < train_.size(0); row += kTileRows)
        compare(queries, row, dots, lists);
      for (int64_t i = 0; i < count; ++i) {
        lists[i].write(result_.similarity.data_ptr<T>() + (begin + i) * k_,
                       result_.index.data_ptr<int64_t>() + (begin + i) * k_);
      }
    }
  }

 private:
  void compare(const at::Tensor& queries, int64_t row, at::Tensor& dots,
               std::vector<NearestList<T>>& lists) const {
    const int64_t rows = std::min(kTileRows, train_.size(0) - row);
    at::Tensor out = dots.narrow(0, 0, queries.size(0)).narrow(1, 0, rows);
    at::mm_out(out, queries, train_.narrow(0, row, rows).t());
    for (int64_t i = 0; i < queries.size(0); ++i) {
      lists[i].add(out.data_ptr<T>() + i * kTileRows, train_scale_.data_ptr<T>() + row, row, rows);
    }
  }

  const at::Tensor& train_;
  const at::Tensor& test_;
  at::Tensor train_scale_;
  at::Tensor test_scale_;
  int64_t k_;
  Neighbors& result_;
};

void check_inputs(const at::Tensor& train, const at::Tensor& test, int64_t k) {
  TORCH_CHECK(
      train.dim() == 2 && test.dim() == 2 && train.size(1) == test.size(1) &&
          train.scalar_type() == test.scalar_type() &&
          (train.scalar_type() == at::kFloat || train.scalar_type() == at::kDouble),
      "nearest_neighbors: expected train [N, d] and test [Q, d], both float32 or float64, got ",
      train.scalar_type(), " ", train.sizes(), " and ", test.scalar_type(), " ", test.sizes());
  TORCH_CHECK(train.size(0) > 0 && k > 0,
              "nearest_neighbors: expected N > 0 and k > 0, got N = ", train.size(0), ", k = ", k);
}

template <typename T>
void run_search(const at::Tensor& train, const at::Tensor& test, int64_t k, int64_t workers,
                Neighbors& result) {
  Search<T> search(train, test, k, result);
  at::parallel_for(0, workers, 1, [&](int64_t begin, int64_t end) {
    const at::NoGradGuard no_grad;
    for (int64_t worker = begin; worker < end; ++worker) search.run(worker, workers);
  });
}

}  // namespace

int64_t search_bytes(const SearchSize& size, int64_t workers) {
  const int64_t tile = kTileQueries * kTileRows * size.element_bytes;
  const int64_t queries = kTileQueries * size.width * size.element_bytes;
  const int64_t lists = kTileQueries * list_length(size.k) * int64_t{sizeof(Candidate<double>)};
  const int64_t scales = 2 * (size.train + size.test) * size.element_bytes;
  return scales + workers * (tile + queries + lists);
}

int64_t search_workers(const SearchSize& size, int64_t threads, int64_t memory_bytes) {
  const int64_t least = search_bytes(size, 1);
  TORCH_CHECK(least <= memory_bytes, "nearest_neighbors: expected memory_bytes of at least ", least,
              ", got ", memory_bytes);
  const int64_t each = least - search_bytes(size, 0);
  const int64_t tiles = (size.test + kTileQueries - 1) / kTileQueries;
  return std::min({threads, std::max<int64_t>(tiles, 1), 1 + (memory_bytes - least) / each});
}

Neighbors nearest_neighbors(const at::Tensor& train, const at::Tensor& test, int64_t k,
                            int64_t memory_bytes) {
  const at::NoGradGuard no_grad;
  check_inputs(train, test, k);
  k = std::min(k, train.size(0));
  const SearchSize size{train.size(0), test.size(0), train.size(1), k, train.element_size()};
  const int64_t workers = search_workers(size, at::get_num_threads(), memory_bytes);
  Neighbors result;
  result.similarity = at::empty({test.size(0), k}, test.options());
  result.index = at::empty({test.size(0), k}, test.options().dtype(at::kLong));
  const at::Tensor rows = train.detach().contiguous();
  const at::Tensor queries = test.detach().contiguous();
  if (train.scalar_type() == at::kFloat) {
    run_search<float>(rows, queries, k, workers, result);
  } else {
    run_search<double>(rows, queries, k, workers, result);
  }
  return result;
}

void add_votes(at::Tensor& scores, const Neighbors& neighbors, const at::Tensor& train_label,
               int64_t first, int64_t last, double temperature) {
  const at::NoGradGuard no_grad;
  TORCH_CHECK(temperature > 0.0, "vote: expected temperature > 0, got ", temperature);
  last = std::min(last, neighbors.index.size(1));
  if (first >= last) return;
  const at::Tensor index = neighbors.index.narrow(1, first, last - first).contiguous();
  const at::Tensor weight =
      neighbors.similarity.narrow(1, first, last - first).to(at::kDouble).div(temperature).exp_();
  scores.scatter_add_(1, train_label.index_select(0, index.view(-1)).view(index.sizes()), weight);
}

at::Tensor vote(const Neighbors& neighbors, const at::Tensor& train_label, int64_t classes,
                int64_t k, double temperature) {
  at::Tensor scores = at::zeros({neighbors.index.size(0), classes}, at::kDouble);
  add_votes(scores, neighbors, train_label, 0, k, temperature);
  return scores;
}

}  // namespace nearfar
