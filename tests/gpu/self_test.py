"""A GPU gives the host's numbers: the self-test of libnearfar_cuda.so, and a few steps of training on it."""

import os
import pathlib
import sys
import tempfile

SKIPPED = 77

if not os.path.exists("/proc/driver/nvidia/version"):
    print("skipped: no NVIDIA driver on this machine")
    sys.exit(SKIPPED)

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "program"))
from nearfar_program import QUICK, run, write_idx_set  # noqa: E402

run("doctor", "--device", "cuda", check=0)
with tempfile.TemporaryDirectory() as folder:
    data = pathlib.Path(folder) / "squares"
    write_idx_set(data)
    run("pretrain", "--recipe", "simclr", "--data", data, "--out", f"{folder}/run", *QUICK, "train.steps=5",
        "device=cuda", check=0)
    run("evaluate", f"{folder}/run", "evaluate.fractions=[1]", check=0)
print("the GPU's numbers are the host's")
