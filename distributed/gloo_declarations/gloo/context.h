// Of Gloo's context, what the wheel'"'"'s header of the process group names: the library defines
// it.
#pragma once

#include <chrono>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

}  // namespace gloo
