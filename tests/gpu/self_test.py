"""A GPU gives the host's numbers: the self-test of libnearfar_cuda.so, and the losses of five steps."""

import json
import os
import pathlib
import sys
import tempfile

SKIPPED = 77
# The CPU's losses under SETTINGS moved by at most 0.0005 with a temperature or a learning rate off by 0.1%, and
# by 0.13 or more at some step with another seed. cuDNN may convolve in TF32, where a factor errs by up to 0.05%.
TOLERANCE = 0.02
SETTINGS = ["train.steps=5", "optimizer.learning_rate=0.03", "recipe.temperature=0.5"]

if not os.path.exists("/proc/driver/nvidia/version"):
    print("skipped: no NVIDIA driver on this machine")
    sys.exit(SKIPPED)

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "program"))
from nearfar_program import QUICK, run, write_idx_set  # noqa: E402


def losses(out):
    return [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]


run("doctor", "--device", "cuda", check=0)
with tempfile.TemporaryDirectory() as folder:
    runs = {device: pathlib.Path(folder) / device for device in ("cpu", "cuda")}
    data = pathlib.Path(folder) / "squares"
    write_idx_set(data)
    for device, out in runs.items():
        run("pretrain", "--recipe", "simclr", "--data", data, "--out", out, *QUICK, *SETTINGS,
            f"device={device}", check=0)
    run("evaluate", runs["cuda"], "evaluate.fractions=[1]", "evaluate.draws=[1]", check=0)
    found, expected = losses(runs["cuda"]), losses(runs["cpu"])
    if len(found) != 5 or len(expected) != 5:
        sys.exit(f"expected five losses a run, found {found} and {expected}")
    for step, (gpu, cpu) in enumerate(zip(found, expected), 1):
        if not abs(gpu - cpu) <= TOLERANCE:
            sys.exit(f"step {step}: loss {gpu} on the GPU, {cpu} on the CPU; tolerance {TOLERANCE}")
print("the GPU's numbers are the host's")
