// Signals come through a file descriptor (signalfd).
#include "tools/nearfar/launch_signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace nearfar {

LaunchSignals::LaunchSignals() {
  sigset_t held;
  sigemptyset(&held);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGCHLD, SIGWINCH}) sigaddset(&held, signal);
  pthread_sigmask(SIG_BLOCK, &held, &before_);
  // Whoever reads our output may go; the ranks shall end in order all the same.
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &pipe_before_);
  descriptor_ = Descriptor(signalfd(-1, &held, SFD_NONBLOCK | SFD_CLOEXEC));
}

LaunchSignals::~LaunchSignals() {
  take();  // what came too late would otherwise strike now
  sigaction(SIGPIPE, &pipe_before_, nullptr);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

std::vector<int> LaunchSignals::take() {
  std::vector<int> signals;
  signalfd_siginfo one{};
  while (read(descriptor_.number(), &one, sizeof(one)) == sizeof(one)) {
    signals.push_back(static_cast<int>(one.ssi_signo));
  }
  return signals;
}

}  // namespace nearfar
