// Keys whose views came shuffled, in the order of the samples again.
#pragma once

#include "framework/recipe/recipe.h"

namespace nearfar {

/// Embeddings of all samples of the global batch, and of this rank's.
struct KeysInOrder {
  at::Tensor all_ND;   // row i belongs to global row i
  at::Tensor mine_nD;  // row i belongs to sample i of the batch
};

/// Gathers embeddings [n, D] of a shuffled view (Recipe::shuffled_views()) from all ranks and
/// undoes Batch::permutation; of a batch without one, only gathers. Images never travel: the loader
/// shuffled them. A collective without gradient, for loss() and after_step(): `batch` must be
/// whole, so not for embed(), which sees pieces.
KeysInOrder keys_in_order(Group& group, const at::Tensor& shuffled_nD, const Batch& batch);

}  // namespace nearfar
