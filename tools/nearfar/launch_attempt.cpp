// The loop that waits for output, signals and time, whatever comes first.
#include "tools/nearfar/launch_attempt.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "framework/log/status_line.h"

namespace nearfar {
namespace {

/// All that is there now. Closes the descriptor at the end of the file; a terminal ends with an
/// error.
std::string read_all(Descriptor& from) {
  std::string bytes;
  std::array<char, 16384> piece;
  while (from.number() >= 0) {
    const ssize_t count = read(from.number(), piece.data(), piece.size());
    if (count > 0) {
      bytes.append(piece.data(), static_cast<size_t>(count));
    } else if (count < 0 && errno == EINTR) {
      continue;
    } else {
      if (count == 0 || errno != EAGAIN) from.close();
      break;
    }
  }
  return bytes;
}

/// The result of rank 0, as it is.
void write_result(std::string_view bytes) {
  if (bytes.empty()) return;
  clear_status_line(STDERR_FILENO);  // an unfinished bar would run into the result
  write_lines(STDOUT_FILENO, bytes);
}

}  // namespace

LaunchAttempt::LaunchAttempt(const LaunchPlan& plan, int attempt, LaunchSignals& signals, Log& log)
    : plan_(plan), attempt_(attempt), signals_(signals), log_(log) {}

LaunchAttempt::~LaunchAttempt() {
  kill_all();
  for (const Rank& rank : ranks_) {
    if (rank.alive) waitpid(rank.process.pid, nullptr, 0);
  }
}

Verdict LaunchAttempt::run() {
  for (int rank = 0; rank < plan_.ranks; ++rank) start(rank);
  while (anybody_alive()) {
    wait();
    for (int rank = 0; rank < plan_.ranks; ++rank) read_from(rank);
    take_signals();
    move_on();
  }
  for (int rank = 0; rank < plan_.ranks; ++rank) {
    read_from(rank);
    ranks_[static_cast<size_t>(rank)].errors.finish();
    ranks_[static_cast<size_t>(rank)].output.finish();
  }
  return judge(ends_, stop_signal_);
}

void LaunchAttempt::start(int rank) {
  RankCommand command;
  command.words = plan_.command;
  command.variables = {plan_.variable(rank, attempt_)};
  command.input = plan_.input;
  command.terminal = rank == 0 && isatty(STDERR_FILENO) == 1;
  ranks_.push_back({start_rank(command), RankOutput(rank, STDERR_FILENO, command.terminal),
                    RankOutput(rank, STDERR_FILENO)});
}

bool LaunchAttempt::anybody_alive() const {
  return std::any_of(ranks_.begin(), ranks_.end(), [](const Rank& rank) { return rank.alive; });
}

void LaunchAttempt::wait() {
  std::vector<pollfd> sources = {{signals_.descriptor(), POLLIN, 0}};
  for (const Rank& rank : ranks_) {
    for (const int number : {rank.process.errors.number(), rank.process.output.number()}) {
      if (number >= 0) sources.push_back({number, POLLIN, 0});
    }
  }
  int timeout = -1;
  if (next_stage_) {
    const auto left = *next_stage_ - Clock::now();
    timeout = static_cast<int>(
        std::max<int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(left).count()));
  }
  poll(sources.data(), sources.size(), timeout);
}

void LaunchAttempt::read_from(int number) {
  Rank& rank = ranks_[static_cast<size_t>(number)];
  // Its bar first: rank 0 takes it away before it writes its result.
  rank.errors.take(read_all(rank.process.errors));
  const std::string output = read_all(rank.process.output);
  if (number == 0) {
    write_result(output);
  } else {
    rank.output.take(output);
  }
}

void LaunchAttempt::take_signals() {
  for (const int signal : signals_.take()) {
    if (signal == SIGWINCH) {
      const int terminal = ranks_[0].process.errors.number();
      if (terminal >= 0) copy_terminal_size(STDERR_FILENO, terminal);
    } else if (signal != SIGCHLD) {
      pass_on(signal);
    }
  }
  for (int rank = 0; rank < plan_.ranks; ++rank) reap(rank);
}

void LaunchAttempt::pass_on(int signal) {
  const bool again = stop_signal_ != 0 && signal != SIGUSR1;
  stop_signal_ = signal == SIGUSR1 && stop_signal_ != 0 ? stop_signal_ : signal;
  if (again) {
    for (Rank& rank : ranks_) rank.ordered = rank.ordered || rank.alive;
    stage_ = Stage::killing;
    kill_all();
    return;
  }
  for (const Rank& rank : ranks_) {
    if (rank.alive) kill(rank.process.pid, signal);
  }
}

void LaunchAttempt::reap(int number) {
  Rank& rank = ranks_[static_cast<size_t>(number)];
  if (!rank.alive) return;
  // While the rank is not reaped its process group is no other's: what the rank has started and
  // left behind ends with it.
  siginfo_t ended = {};
  waitid(P_PID, static_cast<id_t>(rank.process.pid), &ended, WEXITED | WNOHANG | WNOWAIT);
  if (ended.si_pid == rank.process.pid) kill(-rank.process.pid, SIGKILL);
  int status = 0;
  while (rank.alive &&
         waitpid(rank.process.pid, &status, WNOHANG | WUNTRACED | WCONTINUED) == rank.process.pid) {
    if (WIFSTOPPED(status)) {
      rank.stopped = true;
      log_.warning(name(number) + " was stopped by signal " + signal_name(WSTOPSIG(status)));
    } else if (WIFCONTINUED(status)) {
      rank.stopped = false;
      log_.warning(name(number) + " goes on");
    } else {
      note_end(number, status);
    }
  }
}

void LaunchAttempt::note_end(int number, int status) {
  Rank& rank = ranks_[static_cast<size_t>(number)];
  rank.alive = false;
  read_from(number);
  RankEnd end;
  end.rank = number;
  end.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  end.ordered = rank.ordered;
  end.stopped = rank.ordered && rank.stopped;
  end.last_lines.assign(rank.errors.last_lines().begin(), rank.errors.last_lines().end());
  ends_.push_back(std::move(end));
  if (has_failed(ends_.back())) start_grace();
}

void LaunchAttempt::start_grace() {
  const RankEnd& end = ends_.back();
  if (plan_.on_failure && !blames_others(end)) {
    plan_.on_failure(end.rank, attempt_, describe(end));
  }
  if (stage_ != Stage::running) return;
  stage_ = Stage::failing;
  next_stage_ = Clock::now() + plan_.grace;
}

void LaunchAttempt::move_on() {
  if (!next_stage_ || Clock::now() < *next_stage_ || !anybody_alive()) return;
  if (stage_ == Stage::failing) {
    stage_ = Stage::ending;
    next_stage_ = Clock::now() + plan_.patience;
    end_survivors();
  } else {
    stage_ = Stage::killing;
    next_stage_.reset();
    kill_all();
  }
}

void LaunchAttempt::end_survivors() {
  for (Rank& rank : ranks_) {
    if (!rank.alive) continue;
    rank.ordered = true;
    // A stopped process would not take a SIGTERM before it goes on.
    kill(rank.process.pid, rank.stopped ? SIGKILL : SIGTERM);
  }
}

void LaunchAttempt::kill_all() {
  for (const Rank& rank : ranks_) {
    if (rank.alive) kill(-rank.process.pid, SIGKILL);
  }
}

std::string LaunchAttempt::name(int rank) const {
  return "rank " + std::to_string(rank) + " of " + std::to_string(plan_.ranks);
}

}  // namespace nearfar
