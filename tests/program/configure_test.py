"""The build without nvcc leaves the CUDA library out; with it, a machine without a GPU says so in a sentence."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import nearfar_program
from nearfar_program import BUILD, run

SOURCE = pathlib.Path(os.environ["NEARFAR_SOURCE_DIR"])


def configure(folder, environment):
    """CMake's output and the targets of a fresh configuration."""
    cache = (BUILD / "CMakeCache.txt").read_text()
    torch = next(line.split("=", 1)[1] for line in cache.splitlines() if line.startswith("TORCH_DIR"))
    configured = subprocess.run(
        ["cmake", "-G", "Ninja", "-S", SOURCE, "-B", folder, f"-DTORCH_DIR={torch}", "-DNEARFAR_TESTS=OFF"],
        env=environment, capture_output=True, text=True, timeout=120)
    assert configured.returncode == 0, configured.stdout + configured.stderr
    targets = subprocess.run(["ninja", "-C", folder, "-t", "targets", "all"], capture_output=True,
                             text=True, check=True)
    return configured.stdout, targets.stdout


def without_nvcc():
    """An environment in which CMake finds no nvcc."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("CUDA", "NVCC"))}
    folders = [f for f in os.environ["PATH"].split(":") if not os.path.exists(os.path.join(f, "nvcc"))]
    environment["PATH"] = ":".join(folders)
    return environment


class Configure(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="nearfar-configure-")

    def tearDown(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def test_without_nvcc(self):
        output, targets = configure(self.folder, without_nvcc())
        self.assertIn("nvcc not found: libnearfar_cuda.so is not built", output)
        self.assertNotIn("libnearfar_cuda.so", targets)
        self.assertIn("libnearfar.so", targets)

    @unittest.skipUnless(shutil.which("nvcc"), "no nvcc on this machine")
    def test_with_nvcc(self):
        self.assertTrue((BUILD / "libnearfar_cuda.so").exists())

    @unittest.skipIf(os.path.exists("/proc/driver/nvidia/version"), "this machine has a GPU")
    def test_asking_for_a_gpu_without_one(self):
        refused = run("doctor", "--device", "cuda", check=4)
        self.assertRegex(refused.stderr, r"\Aerror: device=cuda: [^\n]+\n\Z")
        data = pathlib.Path(self.folder) / "data"
        nearfar_program.write_idx_set(data, train=16, test=8)
        refused = run("pretrain", "--recipe", "simclr", "--data", data, "device=cuda", cwd=self.folder,
                      check=4)
        self.assertIn("error: device=cuda: ", refused.stderr)


if __name__ == "__main__":
    nearfar_program.main()
