// Texts as tensors of bytes: lengths first.
#include "distributed/texts.h"

#include <torch/types.h>

#include <cstring>

namespace nearfar {
namespace {

at::Tensor to_bytes(Group& group, const std::string& text) {
  const at::Tensor bytes = at::empty({static_cast<int64_t>(text.size())}, at::kByte);
  std::memcpy(bytes.mutable_data_ptr(), text.data(), text.size());
  return bytes.to(group.device());
}

std::string to_text(const at::Tensor& bytes) {
  const at::Tensor here = bytes.cpu().contiguous();
  return {static_cast<const char*>(here.const_data_ptr()), static_cast<size_t>(here.numel())};
}

at::Tensor length_of(Group& group, const std::string& text) {
  return at::full({1}, static_cast<int64_t>(text.size()), at::kLong).to(group.device());
}

}  // namespace

std::string broadcast_text(Group& group, const std::string& mine, int root) {
  const at::NoGradGuard no_grad;
  const int64_t length = group.broadcast(length_of(group, mine), root).item<int64_t>();
  if (length == 0) return "";
  const bool is_root = group.rank() == root;
  const at::Tensor bytes =
      is_root ? to_bytes(group, mine) : at::empty({length}, at::kByte).to(group.device());
  return to_text(group.broadcast(bytes, root));
}

std::vector<std::string> gather_texts(Group& group, const std::string& mine) {
  const at::NoGradGuard no_grad;
  const std::vector<int64_t> ones(static_cast<size_t>(group.size()), 1);
  const at::Tensor lengths = group.all_gather(length_of(group, mine), ones).cpu();
  const std::vector<int64_t> rows(lengths.data_ptr<int64_t>(),
                                  lengths.data_ptr<int64_t>() + lengths.numel());
  const at::Tensor all = group.all_gather(to_bytes(group, mine), rows);
  std::vector<std::string> texts;
  int64_t begin = 0;
  for (const int64_t length : rows) {
    texts.push_back(to_text(all.narrow(0, begin, length)));
    begin += length;
  }
  return texts;
}

}  // namespace nearfar
