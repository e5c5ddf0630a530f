// Golden encoders: ResNets with hashed weights, and BatchNorm over ranks.
#include <memory>
#include <vector>

#include "distributed/thread_group.h"
#include "framework/encoders/make_encoder.h"
#include "framework/encoders/resnet.h"
#include "tests/golden_runner/case.h"
#include "tests/golden_runner/hashed_weights.h"

namespace nearfar::golden {
namespace {

/// Floating-point tensors to `type`; counters stay integers.
void convert(torch::nn::Module& module, at::ScalarType type) {
  const auto each = [type](std::vector<at::Tensor> tensors) {
    for (at::Tensor& tensor : tensors) {
      if (tensor.is_floating_point()) tensor.set_data(tensor.to(type));
    }
  };
  each(module.parameters());
  each(module.buffers());
}

std::shared_ptr<ResNet> golden_encoder(const Case& golden, at::ScalarType type) {
  EncoderConfig config;
  config.name = golden.hyperparameters.at("architecture").as_string();
  config.stem = golden.hyperparameters.at("stem").as_string();
  const at::Tensor& images = golden.tensors.at("input");
  const auto encoder = std::dynamic_pointer_cast<ResNet>(
      make_encoder(config, images.size(1), images.size(2), NormPlan{}));
  convert(*encoder, type);
  fill_hashed(*encoder);
  return encoder;
}

/// What training changes: the case's own selection picks from all gradients and running statistics.
void add_training_results(ResNet& encoder, const at::Tensor& images, const at::Tensor& features,
                          const at::Tensor& direction, Tensors& results) {
  (features * direction).sum().backward();
  results["grad.input"] = images.grad();
  for (const auto& item : encoder.named_parameters()) {
    results["grad." + item.key()] = item.value().grad();
  }
  move_running_statistics(encoder);
  for (const auto& item : encoder.named_buffers()) results["after." + item.key()] = item.value();
}

Tensors resnet(const Case& golden) {
  const auto type =
      golden.hyperparameters.at("dtype").as_string() == "float64" ? at::kDouble : at::kFloat;
  const bool training = golden.hyperparameters.at("mode").as_string() == "train";
  const auto encoder = golden_encoder(golden, type);
  encoder->train(training);
  const at::Tensor images = golden.tensors.at("input").to(type).clone().requires_grad_(training);
  const at::AutoGradMode with_gradients(training);

  Tensors results;
  Random random(0, 0, 0, Purpose::recipe);
  const std::vector<at::Tensor> stages = encoder->stages(images, random);
  for (size_t i = 0; i < stages.size(); ++i) {
    results["layer" + std::to_string(i + 1) + "_mean"] = stages[i].detach().mean({2, 3});
  }
  const at::Tensor features = ResNet::features_of(stages);
  const int64_t classes = golden.hyperparameters.at("num_classes").as_int();
  const at::Tensor weight = hashed_values("fc.weight", {classes, encoder->width()}).to(type);
  const at::Tensor bias = hashed_values("fc.bias", {classes}).to(type);
  results["features"] = features.detach();
  results["logits"] = at::linear(features.detach(), weight, bias);
  if (training) {
    const at::Tensor direction = golden.tensors.at("direction").to(type);
    add_training_results(*encoder, images, features, direction, results);
  }
  return results;
}

/// The first values of each tensor that the case holds, out of ResNet-18 with ten classes.
Tensors hashed_weights(const Case& golden) {
  const ResNet encoder({}, kImagenetStem, 3, NormPlan{});
  Tensors shapes{{"fc.weight", at::empty({10, encoder.width()})}, {"fc.bias", at::empty({10})}};
  for (const auto& item : encoder.named_parameters()) shapes[item.key()] = item.value();
  for (const auto& item : encoder.named_buffers()) shapes[item.key()] = item.value();
  Tensors results;
  for (const auto& [name, expected] : golden.tensors) {
    const at::Tensor values = hashed_values(name, shapes.at(name).sizes());
    results[name] = values.flatten().narrow(0, 0, expected.numel());
  }
  return results;
}

/// The rows of all ranks in one tensor, and back: a case pads every rank to the same number of
/// rows.
at::Tensor packed(const at::Tensor& padded, const std::vector<int64_t>& rows) {
  std::vector<at::Tensor> parts;
  for (size_t r = 0; r < rows.size(); ++r) parts.push_back(padded[r].narrow(0, 0, rows[r]));
  return at::cat(parts);
}

at::Tensor padded(const at::Tensor& packed, const std::vector<int64_t>& rows,
                  at::IntArrayRef shape) {
  at::Tensor result = at::zeros(shape, packed.options());
  int64_t begin = 0;
  for (size_t r = 0; r < rows.size(); ++r) {
    result[r].narrow(0, 0, rows[r]).copy_(packed.narrow(0, begin, rows[r]));
    begin += rows[r];
  }
  return result;
}

/// One rank: outputs and gradients of its rows of x, and the norm's gradients and running
/// statistics.
Tensors normalize_shard(Group& group, const Case& golden, const at::Tensor& x,
                        const at::Tensor& direction) {
  const Shard piece = shard(x.size(0), group.size(), group.rank());
  const NormPlan plan{0, &group, std::make_shared<const Shard>(piece)};
  const Json& settings = golden.hyperparameters;
  BatchNorm norm(
      x.size(1), plan,
      {.eps = settings.at("eps").as_double(), .momentum = settings.at("momentum").as_double()});
  convert(norm, x.scalar_type());
  const auto parameters = norm.named_parameters();
  for (const auto& item : parameters) item.value().set_data(golden.tensors.at(item.key()).clone());
  const at::Tensor mine = x.slice(0, piece.begin, piece.end).clone().requires_grad_(true);
  const at::Tensor y = norm.forward(mine);
  (y * direction.slice(0, piece.begin, piece.end)).sum().backward();
  norm.move_running_statistics();
  return {{"y", y.detach()},
          {"grad.x", mine.grad()},
          {"grad.weight", parameters["weight"].grad()},
          {"grad.bias", parameters["bias"].grad()},
          {"running_mean_after", norm.named_buffers()["running_mean"]},
          {"running_var_after", norm.named_buffers()["running_var"]}};
}

/// The ranks of the case may be less even than nearfar's; its values belong to the concatenated
/// batch, which is shared out anew.
Tensors sync_batch_norm(const Case& golden) {
  const at::Tensor& x = golden.tensors.at("x");
  const at::Tensor sizes = golden.tensors.at("shard_sizes");
  const std::vector<int64_t> rows(sizes.data_ptr<int64_t>(),
                                  sizes.data_ptr<int64_t>() + sizes.numel());
  const at::Tensor batch = packed(x, rows);
  const at::Tensor direction = packed(golden.tensors.at("direction"), rows);
  std::vector<Tensors> ranks(rows.size());
  run_ranks(static_cast<int>(rows.size()), [&](Group& group) {
    ranks[group.rank()] = normalize_shard(group, golden, batch, direction);
  });

  Tensors results = ranks.front();
  for (const std::string name : {"y", "grad.x", "grad.weight", "grad.bias"}) {
    std::vector<at::Tensor> parts;
    for (const Tensors& rank : ranks) parts.push_back(rank.at(name));
    const bool by_row = name == "y" || name == "grad.x";
    results[name] = by_row ? padded(at::cat(parts), rows, x.sizes()) : at::stack(parts).sum(0);
  }
  return results;
}

}  // namespace

void add_encoders(Operations& operations) {
  operations["resnet"] = resnet;
  operations["hashed_weights"] = hashed_weights;
  operations["sync_batch_norm"] = sync_batch_norm;
}

}  // namespace nearfar::golden
