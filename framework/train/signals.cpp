// The handler does nothing but note the signal.
#include "framework/train/signals.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace nearfar {
namespace {

constexpr std::array<int, 3> kStopping = {SIGTERM, SIGINT, SIGUSR1};
volatile std::sig_atomic_t first_signal = 0;
std::array<struct sigaction, kStopping.size()> previous;

void note(int signal) {
  if (first_signal != 0 && signal != SIGUSR1) _exit(128 + signal);
  if (first_signal == 0) first_signal = signal;
}

}  // namespace

StopSignals::StopSignals() {
  first_signal = 0;
  struct sigaction action = {};
  action.sa_handler = note;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (size_t i = 0; i < kStopping.size(); ++i) sigaction(kStopping[i], &action, &previous[i]);
}

StopSignals::~StopSignals() {
  for (size_t i = 0; i < kStopping.size(); ++i) sigaction(kStopping[i], &previous[i], nullptr);
}

int StopSignals::received() const { return first_signal; }

}  // namespace nearfar
