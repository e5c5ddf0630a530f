// Names of Gloo's that the wheel's header of the process group passes on without looking inside.
#pragma once

#include <memory>

namespace gloo::transport {

class Device;

/// Owned through unique_ptr in classes that nearfar never makes.
class UnboundBuffer {
 public:
  virtual ~UnboundBuffer();
};

}  // namespace gloo::transport
