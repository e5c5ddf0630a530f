// The program: sets what must be set before LibTorch is loaded, then hands over to the commands.
#include <dlfcn.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace {

/// The folder of this program, symbolic links resolved.
std::string program_folder() {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
  if (length <= 0) return ".";
  const std::string full(path, static_cast<size_t>(length));
  return full.substr(0, full.rfind('/'));
}

}  // namespace

int main(int argc, char** argv) {
  // libgomp reads this once, when it is loaded. Unbounded, its threads spin at every barrier, and
  // data workers that share the cores with them slow training down threefold; not spinning at all
  // costs 15 % (measured on two cores).
  setenv("GOMP_SPINCOUNT", "20000", /*overwrite=*/0);
  // Activations come and go every step: memory that is kept saves a page fault for every 4 KiB of
  // them (15 % of a step of a small network).
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  const std::string folder = program_folder();
  for (const std::string& place : {folder, folder + "/../lib"}) {
    const std::string path = place + "/libnearfar_commands.so";
    if (access(path.c_str(), R_OK) != 0) continue;
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (library == nullptr) {
      std::fprintf(stderr, "error: %s\n", dlerror());
      return 4;
    }
    auto run = reinterpret_cast<int (*)(int, char**)>(dlsym(library, "nearfar_main"));
    return run(argc, argv);
  }
  std::fprintf(stderr,
               "error: libnearfar_commands.so: not found in %s or %s/../lib; reinstall nearfar\n",
               folder.c_str(), folder.c_str());
  return 4;
}
