// The exchange averages, in one order on all ranks, whatever order gradients come in.
#include "framework/train/gradient_exchange.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "distributed/gather.h"
#include "distributed/peer_error.h"
#include "distributed/thread_group.h"
#include "tests/framework/train/exchange_model.h"
#include "tests/framework/train/recorded_group.h"

namespace nearfar {
namespace {

double input_of(int rank) { return 0.5 + rank; }

/// The mean over ranks of the gradient at p_i.
at::Tensor mean_gradient(const ExchangeModel& model, size_t i, int ranks) {
  at::Tensor sum = at::zeros_like(model.parameters[i].detach());
  for (int rank = 0; rank < ranks; ++rank) sum += model.gradient(i, input_of(rank));
  return sum / ranks;
}

double worst_error(const ExchangeModel& model, int ranks) {
  double worst = 0.0;
  for (size_t i = 0; i < model.parameters.size(); ++i) {
    const at::Tensor difference = model.parameters[i].grad() - mean_gradient(model, i, ranks);
    worst = std::max(worst, difference.abs().max().item<double>());
  }
  return worst;
}

template <typename Exchange>
void run_step(Exchange& exchange, const at::Tensor& loss) {
  exchange.begin();
  exchange.last_backward_begins({loss});
  loss.backward();
  exchange.finish();
}

/// The law: averages are right also where ranks get their gradients in different orders.
template <typename Exchange>
double error_of_unlike_orders(std::vector<Launches>& launches) {
  launches.resize(2);
  std::vector<double> errors(2);
  run_ranks(2, [&](Group& group) {
    const auto rank = static_cast<size_t>(group.rank());
    RecordedGroup recorded(group, launches[rank]);
    ExchangeModel model(2);
    Exchange exchange(model.storage, recorded, model.names, one_by_one());
    const std::vector<size_t> order =
        rank == 0 ? std::vector<size_t>{0, 1} : std::vector<size_t>{1, 0};
    run_step(exchange, model.loss(order, input_of(group.rank())));
    errors[rank] = worst_error(model, 2);
  });
  return std::max(errors[0], errors[1]);
}

TEST(GradientExchange, SendsInOneOrderWhateverIsReadyFirst) {
  std::vector<Launches> launches;
  EXPECT_LT(error_of_unlike_orders<GradientExchange>(launches), 1e-14);
  EXPECT_EQ(launches[0], (Launches{8, 0}));
  EXPECT_EQ(launches[1], launches[0]);
}

TEST(GradientExchange, WouldBeWrongInTheOrderOfReadiness) {
  std::vector<Launches> launches;
  EXPECT_GT(error_of_unlike_orders<ReadinessOrderedExchange>(launches), 0.01);
  EXPECT_NE(launches[0], launches[1]);
}

TEST(GradientExchange, AveragesStepAfterStepForAnyNumberOfRanks) {
  for (int ranks = 1; ranks <= 4; ++ranks) {
    run_ranks(ranks, [ranks](Group& group) {
      ExchangeModel model(5);
      GradientExchange exchange(model.storage, group, model.names, {{160, 64}, false});
      EXPECT_EQ(exchange.buckets().size(), 5u);
      for (int step = 0; step < 2; ++step) {
        model.storage.zero_gradients();
        run_step(exchange, model.loss({0, 1, 2, 3, 4}, input_of(group.rank())));
        EXPECT_LT(worst_error(model, ranks), 1e-14);
      }
    });
  }
}

TEST(GradientExchange, OfOneRankSendsNothing) {
  SoloGroup solo;
  Launches launches;
  RecordedGroup group(solo, launches);
  ExchangeModel model(2);
  GradientExchange exchange(model.storage, group, model.names);
  run_step(exchange, model.loss({0}, input_of(0)));
  EXPECT_TRUE(launches.empty());
  EXPECT_EQ(exchange.unused(), (std::vector<bool>{false, true}));
}

TEST(GradientExchange, SendsDuringBackwardAndUnusedParametersBeforeIt) {
  run_ranks(2, [](Group& group) {
    Launches launches;
    RecordedGroup recorded(group, launches);
    ExchangeModel model(3);
    GradientExchange exchange(model.storage, recorded, model.names, one_by_one());
    const at::Tensor loss = model.loss({0, 1}, input_of(group.rank()));
    exchange.begin();
    exchange.last_backward_begins({loss});
    EXPECT_EQ(launches, (Launches{16}));
    loss.backward();
    EXPECT_EQ(launches, (Launches{16, 8, 0}));
    exchange.finish();
    EXPECT_EQ(exchange.unused(), (std::vector<bool>{false, false, true}));
    EXPECT_EQ(model.parameters[2].grad().abs().max().item<double>(), 0.0);
  });
}

TEST(GradientExchange, WaitsForTheLastOfSeveralBackwards) {
  run_ranks(2, [](Group& group) {
    Launches launches;
    RecordedGroup recorded(group, launches);
    ExchangeModel model(3);
    GradientExchange exchange(model.storage, recorded, model.names, one_by_one());
    exchange.begin();
    // p2 belongs to the loss alone; rank 1 has one piece more than rank 0.
    model.loss({2}, input_of(group.rank())).backward();
    for (int piece = 0; piece < group.rank(); ++piece) model.loss({0, 1}, 0.25).backward();
    EXPECT_TRUE(launches.empty());
    const at::Tensor last = model.loss({0, 1}, input_of(group.rank()));
    exchange.last_backward_begins({last});
    EXPECT_EQ(launches, (Launches{16}));
    last.backward();
    exchange.finish();
    EXPECT_EQ(exchange.unused(), (std::vector<bool>{false, false, false}));
    const at::Tensor expected = mean_gradient(model, 0, 2) + model.gradient(0, 0.25) / 2;
    EXPECT_TRUE(model.parameters[0].grad().allclose(expected, 0.0, 1e-14));
    EXPECT_TRUE(model.parameters[2].grad().allclose(mean_gradient(model, 2, 2), 0.0, 1e-14));
  });
}

TEST(GradientExchange, LeavesFrozenParametersOut) {
  run_ranks(2, [](Group& group) {
    Launches launches;
    RecordedGroup recorded(group, launches);
    ExchangeModel model(3, 8, /*frozen=*/{1});
    GradientExchange exchange(model.storage, recorded, model.names, one_by_one());
    model.parameters[0].requires_grad_(false);
    run_step(exchange, model.loss({1, 2}, input_of(group.rank())));
    EXPECT_EQ(launches, (Launches{16, 0}));
    EXPECT_EQ(exchange.unused(), (std::vector<bool>{false, false, false}));
    // Its gradient is not averaged: it must not enter a norm that all ranks share.
    EXPECT_EQ(model.parameters[1].grad().abs().max().item<double>(), 0.0);
    EXPECT_TRUE(model.parameters[2].grad().allclose(mean_gradient(model, 2, 2), 0.0, 1e-14));
  });
}

TEST(GradientExchange, InBfloat16IsRightWithinItsRounding) {
  for (int ranks = 2; ranks <= 4; ++ranks) {
    run_ranks(ranks, [ranks](Group& group) {
      ExchangeModel model(2);
      ExchangeOptions options;
      options.bfloat16 = true;
      GradientExchange exchange(model.storage, group, model.names, options);
      run_step(exchange, model.loss({0, 1}, input_of(group.rank())));
      // Half a unit in the last of 8 bits for each rank's value and each of ranks - 1 sums, none of
      // which is above the sum of absolute values.
      at::Tensor absolute = at::zeros({8}, at::kDouble);
      for (int r = 0; r < ranks; ++r) absolute += model.gradient(1, input_of(r)).abs();
      const at::Tensor bound = absolute / ranks * (ranks / 256.0 * 1.01);
      const at::Tensor error = (model.parameters[1].grad() - mean_gradient(model, 1, ranks)).abs();
      EXPECT_TRUE(error.le(bound).all().item<bool>()) << error << bound;
      EXPECT_GT(error.max().item<double>(), 1e-6);
    });
  }
}

TEST(GradientExchange, GoesOnBesideCollectivesInsideBackward) {
  run_ranks(3, [](Group& group) {
    ExchangeModel model(3);
    GradientExchange exchange(model.storage, group, model.names, one_by_one());
    // Each row of p1 x passes through a gather: its gradient comes out of a sum over ranks.
    const double x = input_of(group.rank());
    const auto gathered = [&] {
      const at::Tensor rows = (model.parameters[1] * x).view({1, 8});
      return gather_with_grad(group, rows, {1, 1, 1}).sin().sum() / 3;
    };
    // Rank 0 comes to the gather's backward before it has sent anything, the others after it.
    const at::Tensor first = group.rank() == 0 ? model.loss({0, 2}, x) : gathered();
    const at::Tensor second = group.rank() == 0 ? gathered() : model.loss({0, 2}, x);
    run_step(exchange, first + second);
    EXPECT_LT(worst_error(model, 3), 1e-14);
  });
}

TEST(GradientExchange, RefusesAGradientThatChangesAfterItWasSent) {
  std::vector<std::string> errors(2);
  run_ranks(2, [&errors](Group& group) {
    ExchangeModel model(2);
    GradientExchange exchange(model.storage, group, model.names, one_by_one());
    const at::Tensor loss = model.loss({0, 1}, 1.0);
    exchange.begin();
    exchange.last_backward_begins({loss});
    loss.backward();
    try {
      model.loss({1}, 1.0).backward();
    } catch (const std::logic_error& error) {
      errors[static_cast<size_t>(group.rank())] = error.what();
    }
  });
  for (const std::string& error : errors) EXPECT_NE(error.find("\"p1\""), std::string::npos);
}

/// A group whose channels lose a peer.
class LostGroup final : public ForwardingGroup {
 public:
  using ForwardingGroup::ForwardingGroup;
  std::unique_ptr<Group> new_channel() override { return std::make_unique<LostGroup>(inner()); }
  std::unique_ptr<Pending> start_all_sum(at::Tensor) override { throw PeerError("rank 7 is gone"); }
};

TEST(GradientExchange, LetsErrorsOfPeersThroughBackward) {
  run_ranks(2, [](Group& group) {
    LostGroup lost(group);
    ExchangeModel model(2);
    GradientExchange exchange(model.storage, lost, model.names, one_by_one());
    EXPECT_THROW(run_step(exchange, model.loss({0, 1}, 1.0)), PeerError);
  });
}

TEST(GradientExchange, LeavesNoTrace) {
  run_ranks(2, [](Group& group) {
    Launches launches;
    RecordedGroup recorded(group, launches);
    ExchangeModel model(2);
    {
      GradientExchange exchange(model.storage, recorded, model.names, one_by_one());
      model.loss({0, 1}, 1.0).backward();
      EXPECT_TRUE(launches.empty()) << "outside of a step";
      EXPECT_THROW(GradientExchange(model.storage, recorded, model.names), std::invalid_argument);
    }
    for (const at::Tensor& parameter : model.parameters) {
      EXPECT_EQ(torch::autograd::impl::post_acc_grad_hooks(parameter), nullptr);
    }
    model.loss({0, 1}, 1.0).backward();
    EXPECT_TRUE(launches.empty());
  });
}

}  // namespace
}  // namespace nearfar
