// Negatives drawn by how crowded their surroundings in a memory bank are.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "augment/random.h"
#include "distributed/group.h"
#include "distributed/shard.h"
#include "framework/losses/memory_bank.h"

namespace nearfar {

/// The local density of every image: the mean cosine of its row to the `neighbours` nearest other
/// rows of the bank, [images] float64, the same on all ranks and, for equal numbers of threads, to
/// the bit for any number of them. 2 n n d / ranks operations for n rows; besides the result,
/// memory for this rank's share of the rows, `neighbours` cosines of each of them, and a tile. A
/// collective: a sharded bank travels twice, tile by tile. Throws c10::Error unless 1 <=
/// neighbours < n.
at::Tensor local_densities(Group& group, const MemoryBank& bank, int64_t neighbours);

/// `count` images without replacement, in the order in which they are drawn: each time, image i of
/// those that are left has the probability exp(gamma density_i) / sum exp(gamma density). Every
/// image waits an exponential time of rate exp(gamma density_i), and the first ones win: the k
/// largest Gumbel-perturbed logits (Yellott 1977, "The relationship between Luce's choice axiom,
/// Thurstone's theory of comparative judgment, and the double exponential distribution";
/// Efraimidis and Spirakis 2006, "Weighted random sampling with a reservoir"). density [images];
/// the result, [count] int64 on its device, depends on stream, densities, gamma and count alone. n
/// doubles of memory; the host waits for no device. Throws c10::Error unless 1 <= count <= images
/// and gamma is finite.
at::Tensor draw_by_density(const Random& random, const at::Tensor& density, double gamma,
                           int64_t count);

/// Negatives that a whole batch shares, of which each sample has `count` of its own: one image more
/// is drawn, and a sample leaves out its own image or else the last. Its `count` are then drawn as
/// draw_by_density() would draw them from all images but its own.
struct DensityNegatives {
  at::Tensor image_C;     // [count + 1] int64, in the order in which they were drawn
  at::Tensor left_out_n;  // [n] int64: which of these images is none of the sample's negatives
};

/// index [n] int64 are the images that this rank's samples show. Throws c10::Error unless 1 <=
/// count < images.
DensityNegatives draw_density_negatives(const Random& random, const at::Tensor& density,
                                        double gamma, int64_t count, const at::Tensor& index);

/// InfoNCE of each feature against its image's row of the bank and its negatives' rows: mean
/// -log(exp(cos(f, v_i) / T) / (exp(cos(f, v_i) / T) + sum over the negatives of
/// exp(cos(f, v_j) / T))). feature [n, d] is this rank's rows (`own`) of the global batch; the bank
/// carries no gradient; the mean over ranks of the values is the loss of the global batch. Memory
/// for the negatives' rows and a tile. Sharded, a collective: the negatives' rows travel.
at::Tensor density_contrast(Group& group, const at::Tensor& feature, const MemoryBank& bank,
                            const DensityNegatives& negatives, double temperature, const Shard& own,
                            const at::Tensor& index);

/// ln(1 + count): density_contrast of embeddings that carry no information.
double density_contrast_random_guess(int64_t count);

}  // namespace nearfar
