// Gloo, through the process group that LibTorch exports.
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include <cstdlib>

#include "distributed/backend.h"

namespace nearfar {
namespace {

std::shared_ptr<::gloo::transport::Device> device_for(const std::string& address) {
  const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
  if (interface == nullptr || *interface == '\0') {
    return c10d::ProcessGroupGloo::createDeviceForHostname(address);
  }
  const std::string names = interface;  // a list; one connection per pair of ranks is enough here
  return c10d::ProcessGroupGloo::createDeviceForInterface(names.substr(0, names.find(',')));
}

}  // namespace

c10d::Backend* make_gloo_backend(const BackendRequest& request) {
  auto options = c10d::ProcessGroupGloo::Options::create(request.deadline);
  options->devices.push_back(device_for(request.address));
  auto store = c10::intrusive_ptr<c10d::Store>::reclaim_copy(request.store);
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, request.rank, request.ranks, options)
      .release();
}

}  // namespace nearfar
