"""MoCo's queue over ranks: the same on all of them, in the checkpoint, and there again after a kill."""

import os
import shutil
import signal
import struct

import nearfar_program
from nearfar_program import digest, read_safetensors, run
from rank_runs import RanksTest, moved_by_an_ulp, ranks_of, wait_until

# 32 keys a step: the queue wraps at another place in every step. Ranks compare their bits often.
STEPS = ["train.steps=50", "train.checkpoint_every=10", "train.keep=9", "train.check_ranks=5",
         "encoder.width=8", "encoder.norm_batch=8", "recipe.queue.length=100",
         "recipe.momentum.start=0.9", "optimizer.learning_rate=0.01"]
SHARDED = ["recipe.queue.sharded=true"]


class Queue(RanksTest):
    recipe = "moco"

    def model(self, out, step=50):
        return self.folder / out / f"checkpoints/gen-{step}/model.safetensors"

    def queue(self, out, step=50):
        """Images, rows as floats, pointer and number of keys."""
        tensors, _ = read_safetensors(self.model(out, step))
        rows = tensors["queue.rows"]
        self.assertEqual(rows[:2], ("F32", [100, 16]))
        numbers = [struct.unpack(f"<{len(tensors[name][2]) // 8}q", tensors[name][2])
                   for name in ("queue.index", "queue.pointer", "queue.filled")]
        return numbers, struct.unpack("<1600f", rows[2])

    def forget_after(self, out, step):
        """What a machine that died after that step leaves behind."""
        for generation in (self.folder / out / "checkpoints").iterdir():
            if int(generation.name.split("-")[1]) > step:
                shutil.rmtree(generation)
        self.encoder(out).unlink()

    def assert_as_one_ulp(self, found, expected, moved):
        """Rows differ as the steps make them differ where the images move by one ulp; how much that
        is depends on the processor's sums."""
        def apart(rows):
            return max(abs(a - b) for a, b in zip(rows, expected, strict=True))
        print(f"largest difference {apart(found):.2e}; one ulp of the input: {apart(moved):.2e}")
        self.assertGreater(apart(moved), 0.0)
        # Rows of other images are about 1 apart in some dimension.
        self.assertLess(apart(found), min(10.0 * apart(moved), 0.5))

    def test_a_killed_rank_changes_no_bit_of_it(self):
        for name, more in (("replicated", []), ("sharded", SHARDED)):
            self.launch(2, name, *STEPS, *more)
            killed = f"{name}-killed"
            process = self.begin(2, killed, *STEPS, *more, options=["--max-restarts", 1])
            self.assertTrue(wait_until(lambda out=killed: len(self.lines(out)) >= 23),
                            self.said(killed))
            os.kill(ranks_of(process.pid)[1], signal.SIGKILL)
            self.assertEqual(process.wait(120), 0, self.said(killed))
            self.assertIn("continuing after step", self.said(killed))
            self.assertEqual(digest(self.model(killed)), digest(self.model(name)))
        numbers, rows = self.queue("replicated")
        self.assertEqual(numbers[1:], [(50 * 32 % 100, ), (100, )])
        sharded_numbers, sharded_rows = self.queue("sharded")
        self.assertEqual(sharded_numbers, numbers)
        # Float32 sums in another order, over fifty steps.
        self.launch(2, "moved", *STEPS, moved_by_an_ulp(self.folder / "replicated"))
        self.assert_as_one_ulp(sharded_rows, rows, self.queue("moved")[1])

    def test_pieces_of_two_ranks_go_on_with_one_rank_and_with_three(self):
        self.launch(2, "two", *STEPS, *SHARDED)
        numbers, rows = self.queue("two")
        self.launch(2, "moved", *STEPS, *SHARDED, moved_by_an_ulp(self.folder / "two"))
        moved_rows = self.queue("moved")[1]
        for ranks in (1, 3):
            out = f"on-{ranks}"
            shutil.copytree(self.folder / "two", self.folder / out)
            self.forget_after(out, 40)
            if ranks == 1:
                process = run(*self.arguments(out, *STEPS, *SHARDED), check=0)
            else:
                process = self.launch(ranks, out, *STEPS, *SHARDED)
            self.assertIn("continuing after step 40", process.stderr)
            found_numbers, found_rows = self.queue(out)
            self.assertEqual(found_numbers, numbers)
            self.assert_as_one_ulp(found_rows, rows, moved_rows)


if __name__ == "__main__":
    nearfar_program.main()
