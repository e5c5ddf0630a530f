// The queue of MoCo: keys of earlier batches, first in, first out.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "distributed/group.h"
#include "distributed/shard.h"
#include "framework/losses/moco.h"
#include "framework/recipe/sharded_buffers.h"

namespace nearfar {

struct FeatureQueueConfig {
  int64_t length = 65536;
  bool sharded = false;

  void describe(auto& field) {
    field("length", length, int64_t{1}, int64_t{1} << 30, "keys of earlier batches that are kept");
    field("sharded", sharded,
          "each rank keeps its share of the keys, and queries travel instead; otherwise every rank "
          "keeps all");
  }
};

/// A ring of unit rows (He et al. 2019) with the image that each shows. Keys of any number are
/// written at the pointer and go on at the front where the end is reached; nothing is dropped, and
/// of more keys than rows the last ones stay. What was never written is no negative: until the
/// queue has filled there are fewer of them. All that it is are buffers: rows, index, pointer
/// (where the next key goes) and filled (how many rows hold keys). The host remembers the last two
/// and reads them again only when somebody else (a checkpoint) has written them.
class FeatureQueue : public torch::nn::Module, public ShardedBuffers {
 public:
  /// `length` rows of `width` features, on all ranks alike.
  FeatureQueue(int64_t length, int64_t width);
  /// The same, or sharded: row i of the ring lies on the rank whose shard() of the length holds it.
  /// The buffers rows and index are then each rank's own; pointer and filled are alike.
  FeatureQueue(const FeatureQueueConfig& config, int64_t width, const Group& group);

  /// The keys [n, width] of every rank, normalised here, in rank order, with the images [n] int64
  /// that they show. A collective: own is this rank's shard of the global batch.
  void enqueue(Group& group, const at::Tensor& keys, const at::Tensor& index, const Shard& own);
  /// The same for unit rows that every rank already has.
  void append(const at::Tensor& unit_rows, const at::Tensor& index);

  /// This rank's rows that hold keys, as moco_loss takes them. No copy.
  Negatives negatives();
  /// How many keys the whole queue holds.
  int64_t filled();
  int64_t pointer();
  std::vector<std::pair<std::string, int64_t>> sharded_buffers() const override;

 private:
  /// A number on the host and in a buffer.
  struct Count {
    at::Tensor buffer;
    int64_t value = 0;
    uint32_t version = 0;
    int64_t read();
    void write(int64_t number);
  };
  FeatureQueue(int64_t length, int64_t width, const Shard& place, bool sharded);
  void write(int64_t position, const at::Tensor& rows, const at::Tensor& index);

  int64_t length_;
  Shard place_;  // which rows of the ring are here
  bool sharded_;
  at::Tensor rows_, index_;
  Count pointer_, filled_;
};

}  // namespace nearfar
