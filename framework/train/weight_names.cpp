// Prefixes, numbered children and heads in the names of weights files.
#include "framework/train/weight_names.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "framework/train/vit_names.h"

namespace nearfar {
namespace {

/// What wraps a network in the files of PyTorch's tools and of published methods: DataParallel,
/// torch.compile, MoCo v1 to v3, lightly, solo-learn, SimSiam, BYOL, DINO, VISSL. The earlier word
/// wins where two networks of a file fit equally well.
constexpr std::array<std::string_view, 16> kWrappers = {
    "module",    "_orig_mod",    "model",   "state_dict", "backbone",       "encoder",
    "encoder_q", "base_encoder", "teacher", "student",    "online_encoder", "online_network",
    "trunk",     "resnet",       "vit",     "net"};

/// First parts of names that belong to what stands on top of the features.
constexpr std::array<std::string_view, 10> kHeads = {
    "fc",        "classifier", "head",      "heads",           "projection_head",
    "projector", "projection", "predictor", "prediction_head", "prototypes"};

/// Children of torchvision's ResNet by their number in a torch.nn.Sequential of them; 2, 3 and 8
/// (ReLU, pools) hold nothing.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kNumbered = {
    {{"0", "conv1"},
     {"1", "bn1"},
     {"4", "layer1"},
     {"5", "layer2"},
     {"6", "layer3"},
     {"7", "layer4"},
     {"9", "fc"}}};

/// First parts of the names of a ResNet, and of a ViT.
constexpr std::array<std::string_view, 12> kParts = {
    "conv1",     "bn1",       "layer1",      "layer2", "layer3", "layer4",
    "cls_token", "pos_embed", "patch_embed", "blocks", "norm",   "fc_norm"};

template <typename List>
size_t position(const List& list, std::string_view word) {
  return static_cast<size_t>(std::find(list.begin(), list.end(), word) - list.begin());
}

template <typename List>
bool contains(const List& list, std::string_view word) {
  return position(list, word) < list.size();
}

std::string_view first_part(std::string_view name) { return name.substr(0, name.find('.')); }

/// The name in an encoder of what is left of a name without its prefix.
std::string own_name(std::string_view rest) {
  const std::string_view first = first_part(rest);
  for (const auto& [number, part] : kNumbered) {
    if (first == number) return std::string(part) + std::string(rest.substr(first.size()));
  }
  return timm_name(std::string(rest));
}

bool is_of_an_encoder(std::string_view rest) {
  return contains(kParts, first_part(own_name(rest)));
}

/// All prefixes of a name that are made of wrappers, the empty one first.
std::vector<std::string> prefixes_of(const std::string& name) {
  std::vector<std::string> prefixes = {""};
  size_t begin = 0;
  for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', begin)) {
    if (!contains(kWrappers, std::string_view(name).substr(begin, dot - begin))) break;
    begin = dot + 1;
    prefixes.push_back(name.substr(0, begin));
  }
  return prefixes;
}

/// The places of a prefix's wrappers in kWrappers: of two prefixes the lesser one is preferred.
std::vector<size_t> ranks_of(const std::string& prefix) {
  std::vector<size_t> ranks;
  for (size_t begin = 0; begin < prefix.size(); begin = prefix.find('.', begin) + 1) {
    ranks.push_back(position(kWrappers, first_part(std::string_view(prefix).substr(begin))));
  }
  return ranks;
}

std::string find_prefix(const std::vector<std::string>& names) {
  std::map<std::string, int64_t> fitting;
  for (const std::string& name : names) {
    for (const std::string& prefix : prefixes_of(name)) {
      fitting[prefix] += is_of_an_encoder(std::string_view(name).substr(prefix.size())) ? 1 : 0;
    }
  }
  std::string best;
  for (const auto& [prefix, count] : fitting) {
    if (count > fitting[best] || (count == fitting[best] && ranks_of(prefix) < ranks_of(best))) {
      best = prefix;
    }
  }
  return best;
}

}  // namespace

WeightNames read_weight_names(const std::vector<std::string>& names) {
  WeightNames result;
  result.prefix = find_prefix(names);
  for (const std::string& name : names) {
    const std::string rest =
        name.starts_with(result.prefix) ? name.substr(result.prefix.size()) : "";
    const std::string own = own_name(rest);
    const bool kept = !rest.empty() && !contains(kHeads, first_part(own));
    if (!kept || !result.of_file.emplace(own, name).second) result.left_out.push_back(name);
  }
  return result;
}

WeightNames read_weight_names(const SafetensorsFile& file) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : file.tensors) names.push_back(name);
  return read_weight_names(names);
}

}  // namespace nearfar
