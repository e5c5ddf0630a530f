// How much of the gradient exchange hides behind backward over a slow link, and the bytes of a step
// against those of "gather the embeddings, all-reduce their gradients".
#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "distributed/counting_group.h"
#include "framework/encoders/batch_norm.h"
#include "framework/recipe/library.h"
#include "framework/train/gradient_exchange.h"
#include "framework/train/gradient_pass.h"
#include "framework/train/plan.h"
#include "framework/train/step_votes.h"

namespace nearfar {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRanks = 8;
constexpr int64_t kRows = 16;  // images of this rank
constexpr int64_t kSide = 64;
constexpr int64_t kWidth = 128;  // of the embeddings
constexpr double kLatency = 50e-6;

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// One transfer at a time, each so many bytes a second after a delay.
struct Link {
  double bytes_per_second = 0.0;  // 0: nothing takes time
  double busy = 0.0;              // seconds of transfers so far
  Clock::time_point free_at{};

  Clock::time_point transfer(int64_t bytes) {
    if (bytes_per_second == 0.0) return Clock::now();
    const double seconds = kLatency + static_cast<double>(bytes) / bytes_per_second;
    busy += seconds;
    free_at = std::max(free_at, Clock::now()) +
              std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    return free_at;
  }
};

class Arriving final : public Pending {
 public:
  Arriving(std::unique_ptr<Pending> inner, Clock::time_point at)
      : inner_(std::move(inner)), at_(at) {}
  void wait() override {
    inner_->wait();
    std::this_thread::sleep_until(at_);
  }

 private:
  std::unique_ptr<Pending> inner_;
  Clock::time_point at_;
};

/// One of kRanks equal ranks whose background sums go over a link; the others are not computed.
class LinkedGroup final : public ForwardingGroup {
 public:
  LinkedGroup(std::unique_ptr<Group> ranks, Link& link)
      : ForwardingGroup(*ranks), ranks_(std::move(ranks)), link_(link) {}
  std::unique_ptr<Pending> start_all_sum(at::Tensor tensor) override {
    const int64_t bytes =
        bytes_sent(Collective::background_sum, static_cast<int64_t>(tensor.nbytes()), size());
    return std::make_unique<Arriving>(inner().start_all_sum(tensor), link_.transfer(bytes));
  }
  std::unique_ptr<Group> new_channel() override {
    return std::make_unique<LinkedGroup>(inner().new_channel(), link_);
  }

 private:
  std::unique_ptr<Group> ranks_;
  Link& link_;
};

RunConfig simclr() {
  RunConfig config = make_run_config(*open_recipe("simclr").plugin);
  config.encoder.name = "resnet18";
  config.encoder.norm_batch = kRows;
  config.train.batch = kRanks * kRows;
  return config;
}

/// Seconds of a step's backward, of what is waited for behind it, and of its transfers.
struct Round {
  double backward = 0.0;
  double exposed = 0.0;
  double transfers = 0.0;
};

/// A rank's SimCLR with a ResNet-18 on made-up images.
class Bench {
 public:
  Bench()
      : counter_(std::make_shared<CollectiveCounter>()),
        group_(std::make_unique<CountingGroup>(kRanks, 0, counter_), link_),
        config_(simclr()),
        piece_(std::make_shared<Shard>(shard(config_.train.batch, kRanks, 0))) {
    TrainPlan plan;
    plan.batch = config_.train.batch;
    plan.steps = plan.steps_per_epoch = plan.epochs = 1;
    plan.norm = {kRows, &group_, piece_};
    DatasetInfo info;
    info.channels = 3;
    recipe_ = build_recipe(config_, info, plan, group_);
    recipe_->train();
    storage_ = std::make_unique<FlatStorage>(recipe_->parameter_groups());
    batch_.shard = *piece_;
    for (int view = 0; view < 2; ++view) {
      batch_.views.push_back(at::arange(kRows * kSide * kSide * 3, at::kFloat)
                                 .mul(0.37 + view)
                                 .sin()
                                 .view({kRows, kSide, kSide, 3})
                                 .permute({0, 3, 1, 2}));
    }
    cut({});
  }

  void cut(const BucketLimits& limits) {
    exchange_.reset();
    exchange_ = std::make_unique<GradientExchange>(
        *storage_, group_, recipe_->named_parameters().keys(), ExchangeOptions{limits, false});
  }

  /// A step without its update, over a link of that speed.
  Round run(double bytes_per_second) {
    link_ = Link{bytes_per_second};
    storage_->zero_gradients();
    exchange_->begin();
    Clock::time_point begin;
    const PassResult pass =
        add_gradients(*recipe_, batch_, {0, Precision::fp32, piece_}, [&](const auto& roots) {
          begin = Clock::now();
          exchange_->last_backward_begins(roots);
        });
    const Clock::time_point middle = Clock::now();
    exchange_->launch_rest();
    tally(group_, {pass.loss.value, false, exchange_->unused()});
    exchange_->finish();
    const Clock::time_point end = Clock::now();
    move_running_statistics(*recipe_);
    return {seconds_between(begin, middle), seconds_between(middle, end), link_.busy};
  }

  int64_t gradient_bytes() const {
    int64_t bytes = 0;
    for (const Bucket& bucket : exchange_->buckets()) {
      bytes += (bucket.range.end - bucket.range.begin) * int64_t{4};
    }
    return bytes;
  }
  size_t buckets() const { return exchange_->buckets().size(); }
  CollectiveCounts counts() const { return counter_->counts(); }

 private:
  std::shared_ptr<CollectiveCounter> counter_;
  Link link_;
  LinkedGroup group_;
  RunConfig config_;
  std::shared_ptr<Shard> piece_;
  std::shared_ptr<Recipe> recipe_;
  std::unique_ptr<FlatStorage> storage_;
  std::unique_ptr<GradientExchange> exchange_;
  Batch batch_;
};

/// Prints a row; returns the share of the transfers that is hidden.
double measure(Bench& bench, double transfers_to_backward, double backward, int rounds) {
  const double bytes = static_cast<double>(bench.gradient_bytes()) * 2 * (kRanks - 1) / kRanks;
  const double speed = bytes / (transfers_to_backward * backward);
  std::vector<double> shares, times, gains;
  for (int round = 0; round < rounds; ++round) {
    const Round at_once = bench.run(0.0), slow = bench.run(speed);
    const double waited = std::max(0.0, slow.exposed - at_once.exposed);
    shares.push_back(1.0 - std::min(1.0, waited / slow.transfers));
    times.push_back(slow.transfers / slow.backward);
    gains.push_back((slow.backward + slow.transfers) / (slow.backward + waited));
  }
  std::printf("%10.2f %12.2f %10.2f %9.0f %% %12.2f\n", transfers_to_backward, speed / 1e9,
              median(times), 100.0 * median(shares), median(gains));
  return median(shares);
}

double overlap(Bench& bench, int rounds) {
  std::vector<double> seconds;
  for (int round = 0; round < rounds; ++round) seconds.push_back(bench.run(0.0).backward);
  const double backward = median(seconds);
  std::printf("SimCLR, ResNet-18, %d images of %d x %d a rank, %d threads: backward %.0f ms\n",
              static_cast<int>(kRows), static_cast<int>(kSide), static_cast<int>(kSide),
              at::get_num_threads(), 1e3 * backward);
  std::printf("Transfers: 2 (W - 1) / W bytes over the link after %.0f us each, W = %d\n",
              1e6 * kLatency, kRanks);
  std::printf(
      "\nintended: transfers as a share of backward; gain: (backward + transfers) / "
      "(backward + wait)\n");
  double half = 0.0;
  for (const int64_t mebibytes : {25, 4}) {
    bench.cut({.bytes = mebibytes << 20});
    std::printf("train.bucket=%d (%zu buckets)\n%10s %12s %10s %11s %12s\n",
                static_cast<int>(mebibytes), bench.buckets(), "intended", "link GB/s", "measured",
                "hidden", "gain");
    for (const double share : {0.25, 0.5, 0.9}) {
      const double hidden = measure(bench, share, backward, rounds);
      if (mebibytes == 25 && share == 0.5) half = hidden;
    }
  }
  return half;
}

double mebibytes(double bytes) { return bytes / 1048576.0; }

/// Bytes that a rank sends in a step: gradients S, embeddings E = views N d 4 of all ranks, a
/// log-sum and a weight of each, L = views N 16.
void compare_bytes(const char* what, double gradients, double batch, double width, double ranks) {
  const double share = (ranks - 1) / ranks;
  const double embeddings = 2 * batch * width * 4, log_sums = 2 * batch * 16;
  const double ours = share * (2 * gradients + embeddings + log_sums);
  const double half = share * (gradients + embeddings + log_sums);
  const double peers = share * (2 * gradients + 3 * embeddings);
  std::printf("%-34s %9.2f %9.2f %7.3f %14.2f %7.3f\n", what, mebibytes(peers), mebibytes(ours),
              peers / ours, mebibytes(half), peers / half);
}

void bytes(Bench& bench) {
  const CollectiveCounts before = bench.counts();
  bench.run(0.0);
  const CollectiveCounts step = bench.counts() - before;
  std::printf("\nA step's collectives, counted (a rank sends, MiB):\n");
  for (const Collective kind : kCollectives) {
    if (step[kind].calls == 0) continue;
    std::printf("  %-15s %4d calls %9.3f\n", name_of(kind), static_cast<int>(step[kind].calls),
                mebibytes(static_cast<double>(bytes_sent(kind, step[kind].payload, kRanks))));
  }
  std::printf(
      "\nMiB a rank sends in a step: gradients S, embeddings E = 2 views N d 4 bytes, "
      "L = 2 views N 16 bytes\n"
      "  nearfar: (W-1)/W (2 S + E + L)   all-reduce S, all-gather E and log-sums L\n"
      "  peers:   (W-1)/W (2 S + E + 2 E) all-reduce S, all-gather E, all-reduce E back\n"
      "%-34s %9s %9s %7s %14s %7s\n",
      "", "peers", "nearfar", "ratio", "wire=bf16", "ratio");
  compare_bytes("this step", static_cast<double>(bench.gradient_bytes()), kRanks * kRows, kWidth,
                kRanks);
  // 23.5 million parameters of the encoder, 2048 x 2048 + 2048 x 128 of the head.
  compare_bytes("ResNet-50, N 4096, d 128, W 32", 4 * 28.0e6, 4096, 128, 32);
  compare_bytes("embeddings alone", 0.0, 4096, 128, 32);
}

}  // namespace
}  // namespace nearfar

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
  if (rounds < 1) {
    std::fprintf(stderr, "usage: bench_overlap [ROUNDS]\n");
    return 2;
  }
  try {
    nearfar::Bench bench;
    const double hidden = nearfar::overlap(bench, rounds);
    nearfar::bytes(bench);
    std::printf("\nratio: %.2f of the exchange is hidden where it takes half as long as backward\n",
                hidden);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
