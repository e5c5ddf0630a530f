"""A rank that dies, hangs or diverges ends the whole job in time, and nothing saved is lost."""

import json
import os
import signal
import time

import nearfar_program
from nearfar_program import digest
from rank_runs import RanksTest, ranks_of, wait_until

STEPS = ["train.steps=60", "train.checkpoint_every=5", "train.deadline=6"]


class Faults(RanksTest):
    def reach(self, out, step, process):
        """The ranks of a run that has done so many steps."""
        self.assertTrue(wait_until(lambda: len(self.lines(out)) >= step), self.said(out))
        return ranks_of(process.pid)

    def test_a_killed_rank_is_named_and_the_run_starts_again(self):
        self.launch(2, "whole", *STEPS)
        for victim in (0, 1):
            out = f"killed-{victim}"
            process = self.begin(2, out, *STEPS, options=["--max-restarts", 1])
            ranks = self.reach(out, 12, process)
            os.kill(ranks[victim], signal.SIGKILL)
            self.assertEqual(process.wait(120), 0, self.said(out))
            said = self.said(out)
            self.assertIn(f"rank {victim}", said)
            self.assertIn("SIGKILL", said)
            self.assertIn("continuing after step", said)
            self.assertEqual(digest(self.encoder("whole")), digest(self.encoder(out)))
            self.assert_no_rank_is_left(ranks)

    def test_a_killed_rank_without_restarts_ends_the_job(self):
        process = self.begin(3, "out", *STEPS)
        ranks = self.reach("out", 12, process)
        begin = time.monotonic()
        os.kill(ranks[1], signal.SIGKILL)
        self.assertEqual(process.wait(60), 128 + signal.SIGKILL, self.said("out"))
        self.assertLess(time.monotonic() - begin, 20.0)
        said = self.said("out")
        self.assertRegex(said, "error: .*rank 1")
        # Every survivor says which rank, which collective, which step.
        for survivor in (0, 2):
            self.assertRegex(said, rf"rank {survivor} of 3: \w+ of step \d+: rank 1")
        self.assert_no_rank_is_left(ranks)
        # The last checkpoint is valid: the run goes on from it.
        self.launch(3, "out", *STEPS)

    def test_a_stopped_rank_ends_the_job_within_the_deadline(self):
        process = self.begin(2, "out", *STEPS)
        ranks = self.reach("out", 12, process)
        begin = time.monotonic()
        os.kill(ranks[1], signal.SIGSTOP)
        self.assertNotIn(process.wait(60), (0, 75), self.said("out"))
        # The deadline of 6 s, its diagnosis, and the launcher's grace.
        self.assertLess(time.monotonic() - begin, 25.0)
        self.assertRegex(self.said("out"), r"rank 0 of 2: \w+ of step \d+: rank 1")
        self.assert_no_rank_is_left(ranks)
        self.launch(2, "out", *STEPS)

    def test_a_rank_whose_data_is_gone_says_so_for_all(self):
        photographs = self.folder / "photographs"
        photographs.mkdir()
        for i in range(16):
            (photographs / f"{i:02}.png").write_bytes(
                nearfar_program.png(24, 24, lambda x, y, i=i: bytes((x * 9, y * 9, i * 9))))
        (photographs / "07.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
        self.data = photographs
        process = self.launch(2, "out", "train.steps=4", "train.batch=16", "data.test_fraction=0",
                              "train.deadline=6", check=3)
        self.assertIn("07.png", process.stderr)

    def test_a_diverged_run_ends_with_5_and_leaves_the_whole_step(self):
        process = self.launch(2, "out", "train.steps=40", "train.checkpoint_every=1",
                              "optimizer.learning_rate=1000", "optimizer.name=sgd", check=5)
        self.assertIn("--replay", process.stderr)
        replays = list((self.folder / "out/diverged").glob("*/replay.json"))
        self.assertEqual(len(replays), 1)
        self.assertEqual(len(json.loads(replays[0].read_text())["images"]), 32)
        replay = nearfar_program.run("pretrain", "--replay", replays[0])
        self.assertEqual(replay.returncode, 5, replay.stderr)


if __name__ == "__main__":
    nearfar_program.main()
