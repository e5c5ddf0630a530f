// A recipe around a recipe, and the sorting of exceptions.
#include "framework/recipe/contained.h"

#include <c10/util/Exception.h>

#include <new>

#include "distributed/peer_error.h"
#include "framework/first_line.h"

namespace nearfar {
namespace {

class ContainedRecipe final : public Recipe {
 public:
  ContainedRecipe(std::shared_ptr<Recipe> inner, std::string name)
      : inner_(std::move(inner)), name_(std::move(name)) {
    for (const auto& item : inner_->named_parameters(/*recurse=*/false)) {
      register_parameter(item.key(), item.value(), item.value().requires_grad());
    }
    for (const auto& item : inner_->named_buffers(/*recurse=*/false)) {
      register_buffer(item.key(), item.value());
    }
    for (const auto& item : inner_->named_children()) register_module(item.key(), item.value());
  }

  std::vector<ViewPolicy> views() const override {
    return contained(name_, "views", [&] { return inner_->views(); });
  }
  std::vector<bool> shuffled_views() const override {
    return contained(name_, "shuffled_views", [&] { return inner_->shuffled_views(); });
  }
  Embeddings embed(const Batch& batch) override {
    return contained(name_, "embed", [&] { return inner_->embed(batch); });
  }
  Loss loss(const Embeddings& embeddings, const Batch& batch) override {
    return contained(name_, "loss", [&] { return inner_->loss(embeddings, batch); });
  }
  void after_step(const Embeddings& embeddings, const Batch& batch) override {
    contained(name_, "after_step", [&] { inner_->after_step(embeddings, batch); });
  }
  void before_epoch(EpochContext& context) override {
    contained(name_, "before_epoch", [&] { inner_->before_epoch(context); });
  }
  std::vector<ParameterGroup> parameter_groups() override {
    return contained(name_, "parameter_groups", [&] { return inner_->parameter_groups(); });
  }
  /// The momentum of a follower is the recipe's code too.
  std::vector<Follower> followers() override {
    std::vector<Follower> followers =
        contained(name_, "followers", [&] { return inner_->followers(); });
    for (Follower& follower : followers) {
      follower.momentum = [name = name_, momentum = follower.momentum](double progress) {
        return contained(name, "followers: momentum", [&] { return momentum(progress); });
      };
    }
    return followers;
  }
  std::shared_ptr<Encoder> encoder() const override {
    return contained(name_, "encoder", [&] { return inner_->encoder(); });
  }

  // What a recipe keeps beside its registered tensors may follow the mode and the device.
  void train(bool on) override {
    contained(name_, "train", [&] { inner_->train(on); });
    Module::train(on);
  }
  void to(at::Device device, at::ScalarType dtype, bool non_blocking) override {
    contained(name_, "to", [&] { inner_->to(device, dtype, non_blocking); });
  }
  void to(at::ScalarType dtype, bool non_blocking) override {
    contained(name_, "to", [&] { inner_->to(dtype, non_blocking); });
  }
  void to(at::Device device, bool non_blocking) override {
    contained(name_, "to", [&] { inner_->to(device, non_blocking); });
  }

 private:
  std::shared_ptr<Recipe> inner_;
  std::string name_;
};

}  // namespace

void rethrow_of_recipe(const std::string& recipe, const char* function) {
  const std::string place = "recipe " + recipe + ": " + function + ": ";
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const PeerError&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const c10::Error& error) {
    throw RecipeError(place + first_line(error.what_without_backtrace()));
  } catch (const std::exception& error) {
    throw RecipeError(place + first_line(error.what()));
  } catch (...) {
    throw RecipeError(place + "threw something that is not an exception of the standard library");
  }
}

std::shared_ptr<Recipe> contained_recipe(std::shared_ptr<Recipe> recipe, const std::string& name) {
  return std::make_shared<ContainedRecipe>(std::move(recipe), name);
}

}  // namespace nearfar
