// The process of one rank: started in a process group of its own, its output ours to read.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace nearfar {

/// A file descriptor that is closed at the end; -1: none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { close(); }
  int number() const { return number_; }
  int release();
  void close();

 private:
  int number_ = -1;
};

struct RankCommand {
  std::vector<std::string> words;      // program and arguments
  std::vector<std::string> variables;  // NAME=value, beside those of this process
  int input = -1;                      // a file for stdin, from its start; -1: nothing to read
  bool terminal = false;               // stderr is a terminal as large as ours
};

struct RankProcess {
  pid_t pid = -1;     // also of its process group
  Descriptor output;  // its stdout
  Descriptor errors;  // its stderr
};

/// Starts a rank. Throws EnvironmentError when the system refuses.
RankProcess start_rank(const RankCommand& command);

/// Makes the terminal behind `master` as large as that of `descriptor`.
void copy_terminal_size(int descriptor, int master);

/// For a rank: this process is killed when the process `launcher` ends, also if it has ended
/// already.
void end_with_launcher(int launcher);

}  // namespace nearfar
