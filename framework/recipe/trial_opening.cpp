// A child process that opens a library and reports through a pipe.
#include "framework/recipe/trial_opening.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>

#include "framework/error.h"
#include "framework/first_line.h"

namespace nearfar {
namespace {

const std::string kOpened = "opened";

int report_end = -1;  // of the child's pipe: terminate handlers take no arguments

[[noreturn]] void report(const std::string& text) {
  // What does not get through is missed by the parent.
  [[maybe_unused]] const ssize_t written = write(report_end, text.data(), text.size());
  _exit(0);
}

[[noreturn]] void report_exception() {
  const std::exception_ptr thrown = std::current_exception();
  if (thrown == nullptr) report("a static object ends the program without an exception");
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    report("a static object threw: " + first_line(error.what()));
  } catch (...) {
    report("a static object threw something that is not an exception of the standard library");
  }
}

[[noreturn]] void open_and_report(const std::string& path) {
  std::set_terminate(report_exception);
  for (const int fatal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) std::signal(fatal, SIG_DFL);
  if (dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr) report(dlerror());
  report(kOpened);
}

std::string read_all(int end) {
  std::string text;
  char piece[256];
  for (;;) {
    const ssize_t count = read(end, piece, sizeof piece);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(piece, static_cast<size_t>(count));
  }
}

std::string ending_in_words(int status) {
  if (WIFSIGNALED(status)) {
    return std::string("a static object ends the program: ") + strsignal(WTERMSIG(status));
  }
  return "a static object ends the program: exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

std::string trial_opening(const std::string& path) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    throw EnvironmentError(path + ": no pipe to try it with: " + std::strerror(errno));
  }
  const pid_t child = fork();
  if (child == 0) {
    report_end = ends[1];
    open_and_report(path);
  }
  const int problem = errno;
  close(ends[1]);
  const std::string text = child < 0 ? "" : read_all(ends[0]);
  close(ends[0]);
  if (child < 0) {
    throw EnvironmentError(path + ": no process to try it in: " + std::strerror(problem));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (text == kOpened) return "";
  return text.empty() ? ending_in_words(status) : text;
}

}  // namespace nearfar
