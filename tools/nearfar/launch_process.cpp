// posix_spawn, pipes and pseudo-terminals.
#include "tools/nearfar/launch_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "framework/error.h"

// POSIX leaves the declaration of the environment to the program.
extern char** environ;

namespace nearfar {
namespace {

[[noreturn]] void refuse(const std::string& what, int error) {
  throw EnvironmentError("launch: " + what + ": " + std::strerror(error));
}

struct Ends {
  Descriptor ours, theirs;
};

Ends open_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) refuse("no pipe for a rank", errno);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

/// Raw: what the rank writes comes out unchanged.
Ends open_terminal() {
  Ends ends;
  ends.ours = Descriptor(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  const int master = ends.ours.number();
  char name[128];
  if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 ||
      ptsname_r(master, name, sizeof(name)) != 0) {
    return open_pipe();  // a bar that does not move is no reason to stop
  }
  ends.theirs = Descriptor(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (ends.theirs.number() < 0) return open_pipe();
  termios settings{};
  tcgetattr(ends.theirs.number(), &settings);
  cfmakeraw(&settings);
  tcsetattr(ends.theirs.number(), TCSANOW, &settings);
  copy_terminal_size(STDERR_FILENO, master);
  return ends;
}

Descriptor open_input(int input) {
  const std::string path = input < 0 ? "/dev/null" : "/proc/self/fd/" + std::to_string(input);
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0) refuse(path, errno);
  return file;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

std::vector<std::string> with_environment(const std::vector<std::string>& variables) {
  std::vector<std::string> all = variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('=') + 1);
    bool given = false;
    for (const std::string& variable : variables) given = given || variable.starts_with(name);
    if (!given) all.push_back(text);
  }
  return all;
}

/// A process group of its own (a terminal's Ctrl-C reaches the launcher alone, which passes it on
/// once), and signals as every program expects them.
class Attributes {
 public:
  Attributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGCHLD, SIGWINCH, SIGPIPE}) {
      sigaddset(&usual, signal);
    }
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &usual);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this == &other) return *this;
  close();
  number_ = other.release();
  return *this;
}

int Descriptor::release() { return std::exchange(number_, -1); }

void Descriptor::close() {
  if (number_ >= 0) ::close(number_);
  number_ = -1;
}

RankProcess start_rank(const RankCommand& command) {
  Ends output = open_pipe();
  Ends errors = command.terminal ? open_terminal() : open_pipe();
  const Descriptor input = open_input(command.input);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, input.number(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, output.theirs.number(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, errors.theirs.number(), STDERR_FILENO);
  const Attributes attributes;
  std::vector<std::string> words = command.words;
  std::vector<std::string> variables = with_environment(command.variables);
  RankProcess rank;
  const int error = posix_spawn(&rank.pid, words[0].c_str(), &files, attributes.get(),
                                pointers(words).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) refuse(words[0] + " does not start", error);
  rank.output = std::move(output.ours);
  rank.errors = std::move(errors.ours);
  return rank;
}

void copy_terminal_size(int descriptor, int master) {
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) == 0) ioctl(master, TIOCSWINSZ, &size);
}

void end_with_launcher(int launcher) {
  if (launcher == 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != launcher) std::raise(SIGKILL);
}

}  // namespace nearfar
