"""A batch of 4,096 colour images of 32 pixels trains in less than 4 GiB, by micro-batches."""

import json
import os
import pathlib
import random
import resource
import shutil
import tempfile
import unittest

from nearfar_program import run

LIMIT_GIB = 4
BATCH = 4096


def write_cifar(folder, count, seed=0):
    """CIFAR-100 binary files of random images."""
    source = random.Random(seed)
    folder.mkdir(parents=True)
    for name, images in (("train.bin", count), ("test.bin", 10)):
        record = lambda: bytes([0, source.randrange(100)]) + source.randbytes(3072)
        (folder / name).write_bytes(b"".join(record() for _ in range(images)))


class LargeBatchTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="nearfar-test-"))
        self.data = self.folder / "cifar"
        write_cifar(self.data, BATCH)

    def tearDown(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def pretrain(self, name, *settings, check=0, batch=BATCH):
        return run("pretrain", "--recipe", "simclr", "--data", self.data, "--out",
                   self.folder / name, f"train.batch={batch}", "train.steps=1",
                   "encoder.name=tiny", "encoder.width=16", "data.workers=2", *settings,
                   check=check, timeout=800)

    def test_memory_chooses_a_micro_batch_that_fits(self):
        process = self.pretrain("chosen", f"train.memory={LIMIT_GIB}", "encoder.norm_batch=256")
        # The largest child so far, which is this one: KiB on Linux.
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024 / 1024
        print(f"peak {peak:.2f} GiB\n{process.stderr}")
        self.assertLess(peak, LIMIT_GIB)
        settled = json.loads((self.folder / "chosen" / "config.json").read_text())["train"]
        self.assertGreater(settled["micro_batch"], 0)
        self.assertEqual(settled["micro_batch"] % 256, 0)
        line = json.loads((self.folder / "chosen" / "log.jsonl").read_text().splitlines()[-1])
        self.assertEqual(line["step"], 1)

    def test_what_does_not_fit_is_refused_with_the_sizes(self):
        process = self.pretrain("refused", "train.memory=0.01", check=2, batch=256)
        self.assertIn("train.memory", process.stderr)
        self.assertIn("GiB", process.stderr)

    def test_a_micro_batch_that_cuts_groups_is_refused(self):
        process = self.pretrain("cut", "train.micro_batch=100", check=2)
        self.assertIn("encoder.norm_batch=100", process.stderr)
        self.assertFalse((self.folder / "cut").exists())


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    unittest.main()
