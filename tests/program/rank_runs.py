"""Runs of several ranks; shared by the tests of ranks."""

import json
import math
import os
import pathlib
import signal
import struct
import subprocess
import time

from nearfar_program import (PROGRAM, ProgramTest, QUICK, png, program_environment,
                             read_safetensors)

FASHION = "/usr/share/datasets/fashion-mnist"


def launched(ranks, *arguments, options=()):
    """The command line of `nearfar launch`."""
    return [PROGRAM, "launch", "--ranks", str(ranks), *map(str, options), *map(str, arguments)]


def ranks_of(launcher):
    """The process numbers of a launcher's ranks, in order of rank."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
            with open(f"/proc/{entry}/environ", "rb") as file:
                environment = file.read()
        except OSError:
            continue
        if parent != launcher or b"NEARFAR_LAUNCH=" not in environment:
            continue
        place = environment.split(b"NEARFAR_LAUNCH=")[1].split(b"\0")[0].decode()
        words = dict(word.split("=", 1) for word in place.split())
        found[int(words["rank"])] = int(entry)
    return [found[rank] for rank in sorted(found)]


def wait_until(condition, seconds=60.0):
    """Whether the condition held in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def floats_of(path):
    """All float32 values of a safetensors file, in order of name."""
    tensors, _ = read_safetensors(path)
    values = []
    for _, (dtype, _, data) in sorted(tensors.items()):
        if dtype == "F32":
            values += struct.unpack(f"<{len(data) // 4}f", data)
    return values


def largest_difference(a, b):
    return max(abs(x - y) for x, y in zip(floats_of(a), floats_of(b), strict=True))


def moved_by_an_ulp(run):
    """The setting with which the images of a finished run move by one float32 unit in the last
    place of their mean: what the steps make of it is the scale of any rounding in that run."""
    config = json.loads((pathlib.Path(run) / "config.json").read_text())
    mean = config["data"]["mean"]
    moved = [x + 2.0 ** (math.floor(math.log2(x)) - 23) for x in mean]
    return f"data.mean=[{','.join(map(repr, moved))}]"


class RanksTest(ProgramTest):
    """Runs of the small set with any number of ranks."""

    recipe = "simclr"

    def write_photographs(self):
        """Sixteen pictures, of which 07.png cannot be read."""
        photographs = self.folder / "photographs"
        photographs.mkdir()
        for i in range(16):
            (photographs / f"{i:02}.png").write_bytes(
                png(24, 24, lambda x, y, i=i: bytes((x * 9, y * 9, i * 9))))
        (photographs / "07.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
        return photographs

    def arguments(self, out, *settings):
        return ["pretrain", "--recipe", self.recipe, "--data", self.data, "--out", self.folder / out,
                *QUICK, *settings]

    def launch(self, ranks, out, *settings, options=(), check=0, timeout=300):
        process = subprocess.run(launched(ranks, *self.arguments(out, *settings), options=options),
                                 capture_output=True, text=True, env=program_environment(),
                                 cwd=self.folder, timeout=timeout)
        if check is not None:
            self.assertEqual(process.returncode, check, process.stderr)
        return process

    def begin(self, ranks, out, *settings, options=()):
        """Starts a launcher; its standard error goes to OUT.err. Ends with the test."""
        errors = open(self.folder / f"{out}.err", "w+", encoding="utf-8")
        process = subprocess.Popen(launched(ranks, *self.arguments(out, *settings),
                                            options=options),
                                   stdout=subprocess.DEVNULL, stderr=errors,
                                   env=program_environment(), cwd=self.folder)
        self.addCleanup(errors.close)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def said(self, out):
        return (self.folder / f"{out}.err").read_text()

    def lines(self, out):
        path = self.folder / out / "log.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def encoder(self, out):
        return self.folder / out / "encoder.safetensors"

    def assert_no_rank_is_left(self, ranks):
        self.assertTrue(wait_until(lambda: not any(os.path.exists(f"/proc/{pid}")
                                                   for pid in ranks), 20))
