// Spawns this program once per rank; there a test is registered that runs the body.
#include "tests/distributed/processes/rank_processes.h"

#include <ATen/Parallel.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <torch/types.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "distributed/sockets.h"
#include "framework/train/device.h"

extern char** environ;

namespace nearfar {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

std::map<std::string, RankBody>& bodies() {
  static std::map<std::string, RankBody> known;
  return known;
}

std::string variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// The rank's side: joins, runs the body, and leaves answer or error in files.
class RankProcessTest : public testing::Test {
 public:
  void TestBody() override {
    const std::string files = variable("NEARFAR_RANK_FILES");
    Ranks ranks;
    try {
      JoinOptions options{.deadline = milliseconds(number("NEARFAR_RANK_DEADLINE"))};
      if (number("NEARFAR_RANK_ON_GPU") != 0) {
        open_cuda();
        options.device = at::Device(at::kCUDA, static_cast<int8_t>(number("NEARFAR_RANK")));
        options.make_device_backend = cuda_backend();
      }
      at::set_num_threads(1);
      ranks = join(placement(), options);
      const RankBody body = bodies().at(variable("NEARFAR_RANK_BODY"));
      write_file(files + ".answer", body(ranks, variable("NEARFAR_RANK_ARGUMENT")));
    } catch (const std::exception& error) {
      write_file(files + ".error", error.what());
      if (ranks.group) ranks.group->report_failure(error.what());
      FAIL() << error.what();
    }
  }

 private:
  static int number(const char* name) { return std::stoi(variable(name)); }

  static Placement placement() {
    Placement placement;
    placement.source = "the test";
    placement.rank = placement.local_rank = number("NEARFAR_RANK");
    placement.ranks = placement.local_ranks = number("NEARFAR_RANKS");
    placement.host = "127.0.0.1";
    placement.port = number("NEARFAR_RANK_PORT");
    placement.store_served = variable("NEARFAR_RANK_0_SERVES") == "0";
    placement.run_id = variable("NEARFAR_RANK_RUN");
    return placement;
  }
};

[[maybe_unused]] const bool is_rank = [] {
  if (variable("NEARFAR_RANK_BODY").empty()) return false;
  testing::RegisterTest("RankProcess", "Body", nullptr, nullptr, __FILE__, __LINE__,
                        []() -> RankProcessTest* { return new RankProcessTest(); });
  return true;
}();

/// The variables of a rank on top of this process's own.
std::vector<std::string> environment_of(const ProcessRun& run, int rank, int port,
                                        const std::string& files) {
  std::vector<std::string> all{
      "OMP_NUM_THREADS=1",
      "OMP_WAIT_POLICY=passive",
      "NEARFAR_RANK_BODY=" + run.body,
      "NEARFAR_RANK_ARGUMENT=" + run.argument,
      "NEARFAR_RANK=" + std::to_string(rank),
      "NEARFAR_RANKS=" + std::to_string(run.ranks),
      "NEARFAR_RANK_DEADLINE=" + std::to_string(run.deadline.count()),
      "NEARFAR_RANK_PORT=" + std::to_string(port),
      "NEARFAR_RANK_ON_GPU=" + std::to_string(static_cast<int>(run.on_gpus)),
      "NEARFAR_RANK_0_SERVES=" + std::to_string(static_cast<int>(run.rank_0_serves)),
      "NEARFAR_RANK_RUN=" + std::string(run.strangers.count(rank) > 0 ? "another" : "test"),
      "NEARFAR_RANK_FILES=" + files};
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string text = *one;
    if (!text.starts_with("OMP_") && !text.starts_with("NEARFAR_RANK")) all.push_back(text);
  }
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

pid_t spawn(std::vector<std::string> environment, const std::string& output) {
  std::vector<std::string> arguments{"/proc/self/exe", "--gtest_filter=RankProcess.Body"};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t process = -1;
  const int error = posix_spawn(&process, arguments[0].c_str(), &actions, nullptr,
                                pointers(arguments).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(std::string("posix_spawn: ") + std::strerror(error));
  return process;
}

/// Takes note of a process that has ended or stopped; whether it still runs.
bool still_runs(pid_t process, RankEnd& end, Clock::time_point begin) {
  int status = 0;
  if (waitpid(process, &status, WNOHANG | WUNTRACED) != process) return true;
  end.lasted = std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
  if (WIFSTOPPED(status)) end.signal = WSTOPSIG(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  return false;
}

void wait_for_all(std::map<int, pid_t> running, std::vector<RankEnd>& ends, const ProcessRun& run) {
  const auto begin = Clock::now();
  std::map<int, pid_t> left = running;
  while (!left.empty() && Clock::now() - begin < run.patience) {
    std::erase_if(left, [&](const auto& one) {
      return !still_runs(one.second, ends[static_cast<size_t>(one.first)], begin);
    });
    std::this_thread::sleep_for(milliseconds(5));
  }
  for (const auto& [rank, process] : running) {
    RankEnd& end = ends[static_cast<size_t>(rank)];
    const bool is_late = left.count(rank) > 0;
    if (is_late || end.signal == SIGSTOP) {
      kill(process, SIGKILL);
      waitpid(process, nullptr, 0);
    }
    if (is_late) {
      end.signal = SIGKILL;
      end.error = "killed by the test: it ran on";
    }
  }
}

}  // namespace

bool register_rank_body(const char* name, RankBody body) {
  return bodies().emplace(name, body).second;
}

std::vector<RankEnd> run_processes(const ProcessRun& run) {
  std::string folder = std::filesystem::temp_directory_path() / "nearfar_ranks_XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("mkdtemp: " + folder);
  ServedStore served;
  int port = 0;
  if (run.rank_0_serves) {
    const Listener listener = listen_at(0);
    port = listener.port;
    close(listener.socket);
  } else {
    served = serve_store(0);
    port = served.port;
  }
  std::map<int, pid_t> running;
  const auto files = [&](int rank) { return folder + "/" + std::to_string(rank); };
  for (int rank = 0; rank < run.ranks; ++rank) {
    if (run.absent.count(rank) > 0) continue;
    running[rank] = spawn(environment_of(run, rank, port, files(rank)), files(rank) + ".output");
  }
  std::vector<RankEnd> ends(static_cast<size_t>(run.ranks));
  wait_for_all(running, ends, run);
  for (int rank = 0; rank < run.ranks; ++rank) {
    RankEnd& end = ends[static_cast<size_t>(rank)];
    end.answer = read_file(files(rank) + ".answer");
    if (end.error.empty()) end.error = read_file(files(rank) + ".error");
    end.output = read_file(files(rank) + ".output");
  }
  std::filesystem::remove_all(folder);
  return ends;
}

testing::AssertionResult all_well(const std::vector<RankEnd>& ends) {
  for (size_t rank = 0; rank < ends.size(); ++rank) {
    if (ends[rank].exit_code == 0) continue;
    return testing::AssertionFailure() << "rank " << rank << ": exit " << ends[rank].exit_code
                                       << ", signal " << ends[rank].signal << "\n"
                                       << ends[rank].error << "\n"
                                       << ends[rank].output;
  }
  return testing::AssertionSuccess();
}

std::string to_answer(const at::Tensor& tensor) {
  const at::Tensor here = tensor.detach().cpu().contiguous();
  return {static_cast<const char*>(here.const_data_ptr()), here.nbytes()};
}

at::Tensor to_tensor(const std::string& answer, at::ScalarType type) {
  const auto size = static_cast<int64_t>(answer.size() / c10::elementSize(type));
  at::Tensor tensor = at::empty({size}, type);
  std::memcpy(tensor.mutable_data_ptr(), answer.data(), tensor.nbytes());
  return tensor;
}

}  // namespace nearfar
