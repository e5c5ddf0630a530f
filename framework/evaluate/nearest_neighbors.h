// Weighted nearest neighbours: the judge of NPID (Wu et al. 2018) and DINO.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace nearfar {

/// Neighbours by cosine: similarity [Q, k] and index [Q, k] into the training rows, most similar
/// first.
struct Neighbors {
  at::Tensor similarity;
  at::Tensor index;
};

/// The k nearest training rows of each test row (k is cut to N): exact, by blocked matrix products
/// in at most `memory_bytes` besides the result and the (contiguous) inputs. train [N, d] and test
/// [Q, d], both float32 or float64; rows need not be normalised, a row of zeros has cosine 0 to
/// everything. Equal cosines, as computed, rank by the lower index. The numbers depend neither on
/// `memory_bytes` nor on the number of threads. Throws c10::Error for wrong shapes, values that are
/// not finite, or a limit below one tile of work.
Neighbors nearest_neighbors(const at::Tensor& train, const at::Tensor& test, int64_t k,
                            int64_t memory_bytes = int64_t{256} << 20);

/// Votes exp(cosine / temperature) of the first k neighbours by class: scores [Q, C] float64. k is
/// cut to what there is.
at::Tensor vote(const Neighbors& neighbors, const at::Tensor& train_label, int64_t classes,
                int64_t k, double temperature);

/// Adds the votes of neighbours first .. last-1 alone to scores [Q, C] float64: a sweep over k
/// needs each neighbour once.
void add_votes(at::Tensor& scores, const Neighbors& neighbors, const at::Tensor& train_label,
               int64_t first, int64_t last, double temperature);

/// What the memory of a search depends on.
struct SearchSize {
  int64_t train = 0;  // rows
  int64_t test = 0;   // rows
  int64_t width = 0;
  int64_t k = 0;
  int64_t element_bytes = 4;
};

/// Bytes that nearest_neighbors takes besides inputs and result with so many workers.
int64_t search_bytes(const SearchSize& size, int64_t workers);

/// The most workers, at most `threads`, whose search_bytes stay within memory_bytes. Throws
/// c10::Error when one is too many.
int64_t search_workers(const SearchSize& size, int64_t threads, int64_t memory_bytes);

}  // namespace nearfar
