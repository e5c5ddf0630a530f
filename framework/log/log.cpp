// Hands messages to the sink, one at a time.
#include "framework/log/log.h"

namespace nearfar {

void Log::write(Level level, const std::string& message) {
  if (!sink_) return;
  const std::lock_guard lock(mutex_);
  sink_(level, message);
}

}  // namespace nearfar
