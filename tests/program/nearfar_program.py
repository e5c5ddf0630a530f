"""Runs the real program on data made up on the spot; shared by the tests of this folder."""

import gzip
import hashlib
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

BUILD = pathlib.Path(os.environ["NEARFAR_BUILD_DIR"])
PROGRAM = str(BUILD / "nearfar")

# Small and quick, and deterministic: one thread for the numerics.
QUICK = ["encoder.name=tiny", "encoder.width=4", "train.batch=32", "recipe.view.size=16",
         "recipe.view.blur=0", "recipe.projection.width=16", "threads=1", "data.workers=1",
         "train.log_every=1", "optimizer.learning_rate=0.3", "schedule.warmup_epochs=1"]


# The exit code that ctest counts as skipped.
SKIPPED = 77


def can_import(python, modules):
    return subprocess.run([python, "-c", f"import {modules}"], capture_output=True).returncode == 0


def program_environment(extra=None):
    """The environment of a child: without the tests' own NEARFAR_ variables, which it would read as
    settings."""
    outside = {k: v for k, v in os.environ.items() if not k.startswith("NEARFAR_")}
    return {**outside, "NO_COLOR": "1", **(extra or {})}


def run(*arguments, check=None, env=None, cwd=None, timeout=300, stdin=""):
    """The finished process; with `check`, its exit code is asserted."""
    process = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                             env=program_environment(env), cwd=cwd, timeout=timeout, input=stdin)
    if check is not None and process.returncode != check:
        raise AssertionError(f"nearfar {' '.join(map(str, arguments))}: exit code "
                             f"{process.returncode}, expected {check}\n{process.stderr}")
    return process


def start(*arguments):
    return subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, env=program_environment())


def write_idx(path, array_bytes, shape):
    head = struct.pack(">HBB", 0, 8, len(shape)) + b"".join(struct.pack(">I", n) for n in shape)
    data = head + array_bytes
    path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)


def write_idx_set(folder, train=256, test=64, side=16, classes=4, seed=0):
    """Images whose class is a bright quarter, with noise."""
    folder.mkdir(parents=True, exist_ok=True)
    source = random.Random(seed)
    for part, count in (("train", train), ("t10k", test)):
        labels = [i % classes for i in range(count)]
        pixels = bytearray()
        for label in labels:
            image = bytearray(source.randbytes(side * side))
            for y in range(side // 2):
                for x in range(side // 2):
                    image[(y + (label // 2) * side // 2) * side + x +
                          (label % 2) * side // 2] |= 0xC0
            pixels += image
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", bytes(pixels), (count, side, side))
        write_idx(folder / f"{part}-labels-idx1-ubyte", bytes(labels), (count,))


def chunk(kind, body):
    """One chunk of a PNG file."""
    return (struct.pack(">I", len(body)) + kind + body +
            struct.pack(">I", zlib.crc32(kind + body)))


def png(width, height, pixel):
    """An RGB PNG; pixel(x, y) gives its three bytes."""
    rows = b"".join(b"\0" + b"".join(bytes(pixel(x, y)) for x in range(width))
                    for y in range(height))

    return (b"\x89PNG\r\n\x1a\n" +
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def read_safetensors(path):
    """Names to (dtype, shape, bytes), and the metadata, by the format's description alone."""
    data = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__", {})
    body = data[8 + size:]
    return {name: (entry["dtype"], entry["shape"], body[slice(*entry["data_offsets"])])
            for name, entry in header.items()}, metadata


def write_safetensors(path, tensors, metadata=None):
    """The reverse of read_safetensors."""
    header, body = {}, b""
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    if metadata:
        header["__metadata__"] = metadata
    text = json.dumps(header).encode()
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + body)


def write_npy(path, descr, shape, data):
    """A .npy file by the format's description (numpy/lib/format.py)."""
    text = repr({"descr": descr, "fortran_order": False, "shape": tuple(shape)})
    text += " " * (-(10 + len(text) + 1) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text.encode() + data)


class ProgramTest(unittest.TestCase):
    """A test with a folder of its own and the small idx set in it."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="nearfar-test-"))
        self.data = self.folder / "squares"
        write_idx_set(self.data)

    def tearDown(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def pretrain(self, name, *settings, check=0):
        out = self.folder / name
        run("pretrain", "--recipe", "simclr", "--data", self.data, "--out", out, *QUICK, *settings,
            check=check)
        return out

    def assert_refusal(self, process, code, parts):
        """The process ended with the code and one line "error: ..." that holds every part."""
        said = f"\nnearfar {process.args[1:]} said: {process.stderr}"
        self.assertEqual(process.returncode, code, said)
        errors = [line for line in process.stderr.splitlines() if "error" in line]
        self.assertEqual(len(errors), 1, said)
        self.assertEqual(process.stderr.splitlines()[-1], errors[0], "text after the error" + said)
        self.assertTrue(errors[0].startswith("error: "), said)
        for part in parts:
            self.assertIn(part, errors[0])
        for sign in ("terminate", "Exception raised from", "frame #", "c10::", "std::"):
            self.assertNotIn(sign, process.stderr)
        self.assertEqual(process.stdout, "")

    def refused(self, code, parts, *arguments, env=None):
        process = run(*arguments, env=env, cwd=self.folder)
        self.assert_refusal(process, code, parts)
        return process


class SharedRunTest(ProgramTest):
    """Tests of one run, which is trained once: each has a copy of it."""

    SETTINGS = []

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="nearfar-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.common = pathlib.Path(folder.name)
        write_idx_set(cls.common / "squares")
        run("pretrain", "--recipe", "simclr", "--data", cls.common / "squares", "--out",
            cls.common / "run", *QUICK, *cls.SETTINGS, check=0)

    def setUp(self):
        super().setUp()
        self.data = self.common / "squares"
        self.out = shutil.copytree(self.common / "run", self.folder / "run")


def main(modules="", missing=False):
    """Runs the script's tests. A script that this Python has not all the modules for goes on in the
    one beside LibTorch; where that lacks them too, ctest counts it as skipped."""
    if missing:
        python = os.environ.get("NEARFAR_TORCH_PYTHON", sys.executable)
        if can_import(python, modules):
            os.execv(python, [python, *sys.argv])
        print(f"skipped: {python} cannot import {modules}")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
