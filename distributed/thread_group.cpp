// Ranks as threads: hosted by one process.
#include "distributed/thread_group.h"

#include "distributed/hosted_ranks.h"

namespace nearfar {

void run_ranks(int ranks, const std::function<void(Group&)>& body) {
  SoloGroup process;
  run_hosted_ranks(process, ranks, body);
}

}  // namespace nearfar
