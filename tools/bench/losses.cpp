// The contrastive losses against the same losses over whole matrices, and against their matrix
// products alone: alone on the terminal, or one at a time at another program's request.
#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "framework/losses/moco.h"
#include "framework/losses/nt_xent.h"
#include "framework/train/memory_meter.h"
#include "recipes/blocks/feature_queue.h"
#include "tools/bench/naive_losses.h"

namespace nearfar {
namespace {

constexpr double kNtXentTemperature = 0.1;
constexpr double kMocoTemperature = 0.07;
constexpr int64_t kTile = 256;  // rows and columns of the products that are measured alone

double now(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// On the clock, and of all threads' processor time: the second tells more where others compute.
struct Seconds {
  double wall, processor;
};

Seconds seconds_of(const std::function<void()>& work) {
  const double wall = now(CLOCK_MONOTONIC), processor = now(CLOCK_PROCESS_CPUTIME_ID);
  work();
  return {now(CLOCK_MONOTONIC) - wall, now(CLOCK_PROCESS_CPUTIME_ID) - processor};
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

at::Tensor normal_rows(int64_t rows, int64_t width) { return at::randn({rows, width}); }

/// Something to time; the first call warms up.
struct Work {
  std::string name;
  std::function<void()> run;
  std::vector<Seconds> seconds{};
  int64_t peak = 0;
};

/// `tiles` times products of one tile's sizes, as the threads of a loss do them: `score` times
/// [kTile, width] x [width, kTile], `sum` times [kTile, kTile] x [kTile, width].
std::function<void()> products_alone(int64_t tiles, int64_t score, int64_t sum, int64_t width) {
  const int64_t threads = at::get_num_threads();
  const at::Tensor rows = at::randn({threads, kTile, width}), sums = at::zeros_like(rows);
  const at::Tensor scores = at::zeros({threads, kTile, kTile});
  return [=] {
    at::parallel_for(0, tiles, 1, [&](int64_t begin, int64_t end) {
      const int thread = at::get_thread_num();
      at::Tensor tile = scores[thread], total = sums[thread];
      const at::Tensor mine = rows[thread];
      for (int64_t t = begin; t < end; ++t) {
        for (int64_t i = 0; i < score; ++i) at::mm_out(tile, mine, mine.t());
        for (int64_t i = 0; i < sum; ++i) at::mm_out(total, tile, mine);
      }
    });
  };
}

/// NT-Xent of `anchors` rows, forward and backward.
std::vector<Work> nt_xent_works(int64_t anchors, int64_t width, bool naive_too) {
  const at::Tensor z1 = normal_rows(anchors / 2, width).requires_grad_();
  const at::Tensor z2 = normal_rows(anchors / 2, width).requires_grad_();
  const auto group = std::make_shared<SoloGroup>();
  const auto pass = [z1, z2](const std::function<at::Tensor()>& loss) {
    z1.mutable_grad() = z2.mutable_grad() = at::Tensor();
    loss().backward();
  };
  std::vector<Work> works;
  works.push_back(
      {"nearfar", [=] {
         pass([&] {
           return nt_xent(*group, z1, z2, kNtXentTemperature, {0, anchors / 2, anchors / 2});
         });
       }});
  if (naive_too) {
    works.push_back(
        {"naive", [=] { pass([&] { return naive::nt_xent(z1, z2, kNtXentTemperature); }); }});
  }
  // Half the tiles, each with two products for similarities and two for gradients: two units.
  const int64_t blocks = anchors / kTile;
  works.push_back({"products", products_alone(blocks * blocks / 2, 2, 2, width)});
  return works;
}

/// MoCo's loss, forward and backward, and the keys' way into the queue.
std::vector<Work> moco_works(int64_t batch, int64_t length, int64_t width) {
  const at::Tensor query = normal_rows(batch, width).requires_grad_();
  const at::Tensor key = normal_rows(batch, width), index = at::arange(batch);
  const auto group = std::make_shared<SoloGroup>();
  const auto queue = std::make_shared<FeatureQueue>(length, width);
  const Shard whole{0, batch, batch};
  queue->append(naive::unit(normal_rows(length, width)), at::arange(length).add(batch));
  std::vector<Work> works;
  works.push_back({"nearfar", [=] {
                     query.mutable_grad() = at::Tensor();
                     moco_loss(*group, query, key, queue->negatives(), kMocoTemperature, whole,
                               index)
                         .backward();
                     queue->enqueue(*group, key, index, whole);
                   }});
  works.push_back({"naive", [=, rows = queue->negatives().rows.clone()] {
                     query.mutable_grad() = at::Tensor();
                     naive::moco(query, key, rows.clone(), kMocoTemperature).backward();
                     rows.narrow(0, 0, batch).copy_(naive::unit(key));
                   }});
  works.push_back({"products", products_alone(batch * length / (kTile * kTile), 1, 1, width)});
  return works;
}

void measure(std::vector<Work>& works, int rounds) {
  for (Work& work : works) work.peak = peak_bytes(work.run);
  for (int round = 0; round < rounds; ++round) {
    for (Work& work : works) work.seconds.push_back(seconds_of(work.run));
  }
}

/// The median over the rounds of what `of` says of a round.
template <typename Of>
double over_rounds(const std::vector<Work>& works, const Work& work, const Of& of) {
  std::vector<double> values;
  for (size_t i = 0; i < work.seconds.size(); ++i) {
    values.push_back(of(work.seconds[i], works[0].seconds[i]));
  }
  return median(values);
}

/// Ratios are to nearfar's time of the same round.
void print(const char* title, const std::vector<Work>& works) {
  std::printf("%s, %d threads, medians of %zu rounds\n", title, at::get_num_threads(),
              works[0].seconds.size());
  for (const Work& work : works) {
    const auto of = [&](const auto& what) { return over_rounds(works, work, what); };
    std::printf("  %-9s %8.1f ms (x %5.2f)  processor %8.1f ms (x %5.2f)  %8.2f MB of tensors\n",
                work.name.c_str(), 1e3 * of([](Seconds s, Seconds) { return s.wall; }),
                of([](Seconds s, Seconds ours) { return s.wall / ours.wall; }),
                1e3 * of([](Seconds s, Seconds) { return s.processor; }),
                of([](Seconds s, Seconds ours) { return s.processor / ours.processor; }),
                static_cast<double>(work.peak) / 1e6);
  }
}

struct Task {
  const char* name;
  const char* title;
  std::function<std::vector<Work>()> works;
};

std::vector<Task> tasks() {
  return {{"nt_xent", "NT-Xent, 8192 anchors of 128, forward and backward",
           [] { return nt_xent_works(8192, 128, true); }},
          {"nt_xent_large", "NT-Xent, 32768 anchors of 128, forward and backward",
           [] { return nt_xent_works(32768, 128, false); }},
          {"moco", "MoCo, 256 queries, 65536 negatives of 128, forward, backward and queue",
           [] { return moco_works(256, 65536, 128); }}};
}

/// Requests "TASK WORK" on lines, answered by wall and processor seconds.
void serve(const std::vector<Task>& tasks) {
  std::map<std::string, std::vector<Work>> prepared;
  for (std::string task, name; std::cin >> task >> name;) {
    for (const Task& each : tasks) {
      if (each.name == task && !prepared.contains(task)) {
        prepared[task] = each.works();
        for (Work& work : prepared[task]) work.run();
      }
    }
    for (Work& work : prepared[task]) {
      if (work.name != name) continue;
      const Seconds seconds = seconds_of(work.run);
      std::cout << seconds.wall << ' ' << seconds.processor << std::endl;
    }
  }
}

}  // namespace
}  // namespace nearfar

int main(int argc, char** argv) {
  using namespace nearfar;
  const std::string first = argc > 1 ? argv[1] : "";
  if (first == "--serve") {
    serve(tasks());
    return 0;
  }
  for (const Task& task : tasks()) {
    if (argc > 2 && std::string(argv[2]) != task.name) continue;
    std::vector<Work> works = task.works();
    const int rounds = first.empty() ? 9 : std::atoi(argv[1]);
    measure(works, task.name == std::string("nt_xent_large") ? std::max(1, rounds / 4) : rounds);
    print(task.title, works);
  }
  return 0;
}
