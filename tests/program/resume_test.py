"""A run killed at any moment and started again ends with the bits of one never stopped."""

import json
import os
import random
import signal
import time

import nearfar_program
from nearfar_program import ProgramTest, QUICK, digest, run, start

STEPS = ["train.steps=40", "train.checkpoint_every=3"]
SEED = int(os.environ.get("NEARFAR_KILL_SEED", "20"))


class Resume(ProgramTest):
    def arguments(self, out):
        return ["pretrain", "--recipe", "simclr", "--data", self.data, "--out", out, *QUICK, *STEPS]

    def finish(self, out):
        run(*self.arguments(out), check=0)

    def lines(self, out):
        return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]

    def assert_same_run(self, a, b):
        self.assertEqual(digest(a / "encoder.safetensors"), digest(b / "encoder.safetensors"))
        for name in ("model", "optimizer"):
            self.assertEqual(digest(a / f"checkpoints/gen-40/{name}.safetensors"),
                             digest(b / f"checkpoints/gen-40/{name}.safetensors"))
        keys = ("step", "epoch", "loss", "grad_norm", "learning_rate", "effective_rank")
        self.assertEqual([[line[k] for k in keys] for line in self.lines(a)],
                         [[line[k] for k in keys] for line in self.lines(b)])

    def kill_when(self, out, condition):
        """Starts the run and kills it as soon as the condition holds; False when it ended first."""
        process = start(*self.arguments(out))
        while process.poll() is None:
            if condition():
                process.send_signal(signal.SIGKILL)
                process.communicate()
                return True
            time.sleep(0.0005)
        process.communicate()
        return False

    def random_moment(self, out, source):
        """A condition that holds some moments after the log has reached some step: counted in steps,
        since machines differ in speed. A log that is there already means a moment of the start."""
        log, step, delay = out / "log.jsonl", source.randrange(1, 36), source.uniform(0, 0.1)
        reached = []

        def moment():
            if not reached and log.exists() and log.read_bytes().count(b"\n") >= step:
                reached.append(time.monotonic())
            return bool(reached) and time.monotonic() >= reached[0] + delay

        return moment

    def test_killed_at_random_moments(self):
        whole = self.folder / "whole"
        self.finish(whole)
        source = random.Random(SEED)
        kills = 0
        for attempt in range(4):
            out = self.folder / f"killed-{attempt}"
            kills += sum(self.kill_when(out, self.random_moment(out, source)) for _ in range(3))
            self.finish(out)
            self.assert_same_run(whole, out)
        self.assertGreater(kills, 4, f"seed {SEED}: expected several kills, the runs were too short")

    def test_killed_in_the_middle_of_a_save(self):
        whole = self.folder / "whole"
        self.finish(whole)
        out = self.folder / "killed"
        checkpoints = out / "checkpoints"
        caught = 0
        for wanted in (1, 2, 4):  # the number of files that the unfinished generation holds
            def saving():
                try:
                    return any(path.name.endswith(".tmp") and len(os.listdir(path)) >= wanted
                               for path in checkpoints.iterdir())
                except OSError:
                    return False
            caught += self.kill_when(out, saving)
        self.assertGreaterEqual(caught, 1, "no save was caught in its middle")
        self.finish(out)
        self.assert_same_run(whole, out)

    def test_stopped_by_signals(self):
        whole = self.folder / "whole"
        self.finish(whole)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            out = self.folder / f"stopped-{int(number)}"
            process = start(*self.arguments(out))
            log = out / "log.jsonl"
            while process.poll() is None and not (log.exists() and
                                                  log.read_text().count("\n") >= 2):
                time.sleep(0.01)
            process.send_signal(number)
            process.communicate()
            self.assertEqual(process.returncode, 75)
            self.finish(out)
            self.assert_same_run(whole, out)

    def test_damaged_checkpoint_is_skipped(self):
        whole = self.folder / "whole"
        self.finish(whole)
        out = self.folder / "damaged"
        run("pretrain", "--recipe", "simclr", "--data", self.data, "--out", out, *QUICK,
            "train.steps=40", "train.checkpoint_every=10", check=0)
        (out / "encoder.safetensors").unlink()
        newest = out / "checkpoints/gen-40/model.safetensors"
        data = bytearray(newest.read_bytes())
        data[-1] ^= 1
        newest.write_bytes(data)
        again = run("pretrain", "--out", out, check=0)
        self.assertIn("gen-40", again.stderr)
        self.assertIn("continuing after step 30", again.stderr)
        self.assertEqual(nearfar_program.read_safetensors(whole / "encoder.safetensors")[0],
                         nearfar_program.read_safetensors(out / "encoder.safetensors")[0])


if __name__ == "__main__":
    nearfar_program.main()
