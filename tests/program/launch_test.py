"""Ranks on this host: `nearfar launch` from the outside, and the launchers of others."""

import fcntl
import json
import os
import pathlib
import pty
import shutil
import signal
import struct
import subprocess
import termios
import threading
import time

import nearfar_program
from nearfar_program import (PROGRAM, ProgramTest, QUICK, digest, program_environment,
                             read_safetensors, run)

RANKS = ["train.self_test=false", "train.deadline=20", "train.reduction=ordered", "train.shards=2"]
MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def wait_until(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.01)


def stat_of(pid):
    """State and parent of a process; None where there is none."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[1])


def runs(pid):
    found = stat_of(pid)
    return found is not None and found[0] != "Z"


def children(pid):
    """The ranks of a launcher in the order of ranks: as they were started."""
    listed = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    return sorted(p for p in listed if (stat_of(p) or ("", 0))[1] == pid)


def errors_of(text):
    return [line for line in text.splitlines() if line.startswith("error: ")]


def losses(out):
    return [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]


def weights(out):
    """Without the metadata, which hold a hash of the settings: data.path is not the same."""
    return read_safetensors(out / "encoder.safetensors")[0]


class LaunchTest(ProgramTest):
    """Runs of several ranks."""

    STEPS = ["train.steps=6"]

    def arguments(self, out, *settings):
        return ["pretrain", "--recipe", "simclr", "--data", str(self.data), "--out", str(out),
                *QUICK, *RANKS, *self.STEPS, *settings]

    _one_rank = []

    def assert_run_of_one_rank(self, out):
        """The run has the numbers of the same run by one rank alone, which is made once."""
        if not self._one_rank:
            alone = self.folder / "alone"
            run(*self.arguments(alone), check=0)
            self._one_rank.append((losses(alone), weights(alone)))
        self.assertEqual(losses(out), self._one_rank[0][0])
        self.assertTrue(weights(out) == self._one_rank[0][1], "other weights than one rank has")

    def assert_same_run(self, a, b):
        self.assertEqual(losses(a), losses(b))
        self.assertEqual(digest(a / "encoder.safetensors"), digest(b / "encoder.safetensors"))

    def start_launch(self, *arguments, stderr=subprocess.PIPE):
        process = subprocess.Popen([PROGRAM, "launch", *map(str, arguments)], text=True,
                                   stdout=subprocess.PIPE, stderr=stderr,
                                   env=program_environment())
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.kill()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()
        process.wait()


class Launch(LaunchTest):
    def test_what_cannot_be_launched(self):
        self.refused(2, ["expected pretrain or doctor", "evaluate"],
                     "launch", "--ranks", "2", "evaluate", "x")
        self.refused(2, ["expected pretrain or doctor", "nothing"], "launch", "--ranks", "2")
        self.refused(2, ["--ranks"], "launch", "pretrain", "--recipe", "simclr")
        self.refused(2, ["--ranks"], "launch", "--ranks", "0", "pretrain")
        self.refused(2, ["NEARFAR_LAUNCH=x"], "launch", "--ranks", "2", "pretrain",
                     env={"NEARFAR_LAUNCH": "x"})
        self.refused(2, ["PMI_RANK=1, PMI_SIZE=2", "MPICH started 2 processes"],
                     "launch", "--ranks", "2", "pretrain", env={"PMI_RANK": "1", "PMI_SIZE": "2"})

    def test_help_of_what_is_launched(self):
        launched = run("launch", "--ranks", "2", "pretrain", "--help", check=0)
        self.assertEqual(launched.stdout, run("pretrain", "--help", check=0).stdout)
        self.assertEqual(launched.stderr, "")

    def test_an_error_of_the_user_ends_all_at_once(self):
        process = run("launch", "--ranks", "2", "--max-restarts", "3",
                      *self.arguments(self.folder / "run", "train.stepz=1"), check=2)
        self.assertEqual(len(errors_of(process.stderr)), 1, process.stderr)
        last = process.stderr.splitlines()[-1]
        self.assertRegex(last, r"^error: rank [01] of 2 ended with exit code 2: ")
        self.assertIn("train.stepz: unknown key", last)
        self.assertEqual(process.stdout, "")

    def test_ranks_do_not_outlive_a_killed_launcher(self):
        launcher = self.start_launch("--ranks", "2", *self.arguments(
            self.folder / "run", "train.steps=100000"), stderr=subprocess.DEVNULL)
        wait_until(lambda: (self.folder / "run/log.jsonl").exists(), "the first step")
        ranks = children(launcher.pid)
        self.assertEqual(len(ranks), 2)
        launcher.kill()
        wait_until(lambda: not any(map(runs, ranks)), "the end of the ranks", 10)

    def test_two_ranks_are_one_run_with_the_bits_of_one_rank(self):
        out = self.folder / "run"
        process = run("launch", "--ranks", "2", *self.arguments(out), "--json", check=0)
        self.assertEqual(json.loads(process.stdout)["folder"], str(out))
        self.assert_run_of_one_rank(out)
        for line in process.stderr.splitlines():
            self.assertRegex(line, r"^\[rank [01]\] ")

    def test_settings_from_stdin(self):
        out = self.folder / "run"
        run("launch", "--ranks", "2", "pretrain", "-", "--recipe", "simclr", "--data", self.data,
            "--out", out, *QUICK, *RANKS, stdin='{"train.steps": 2}', check=0)
        self.assertEqual(len(losses(out)), 2)

    def test_the_bar_stays_alive_on_a_terminal(self):
        reader, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        process = self.start_launch("--ranks", "2", *self.arguments(
            self.folder / "run", "train.steps=20"), stderr=terminal)
        os.close(terminal)
        seen = b""
        with os.fdopen(reader, "rb", buffering=0) as stream:
            try:
                while piece := stream.read(4096):
                    seen += piece
            except OSError:  # how a terminal says that nobody writes any more
                pass
        self.assertEqual(process.wait(), 0, seen)
        bars = [part for part in seen.split(b"\r\x1b[K") if b"  step " in part]
        self.assertGreater(len(bars), 1, seen)
        # As long as the terminal of the launcher has room for.
        self.assertRegex(bars[0], rb"^\[[=>][=> ]{27}\]  epoch [123]/3  ")

    def test_a_signal_saves_and_the_run_goes_on(self):
        whole, out = self.folder / "whole", self.folder / "run"
        run("launch", "--ranks", "2", *self.arguments(whole, "train.steps=16"), check=0)
        launcher = self.start_launch("--ranks", "2", *self.arguments(out, "train.steps=16"))
        wait_until(lambda: (out / "log.jsonl").exists(), "the first step")
        launcher.send_signal(signal.SIGTERM)
        said = launcher.communicate(timeout=60)[1]
        self.assertEqual(launcher.returncode, 75, said)
        self.assertLess(len(losses(out)), 16)
        run("launch", "--ranks", "2", *self.arguments(out, "train.steps=16"), check=0)
        self.assert_same_run(whole, out)


class Faults(LaunchTest):
    STEPS = ["train.steps=16", "train.checkpoint_every=2"]

    def launch_and(self, out, what, options=(), settings=()):
        """Launches two ranks, sends a signal to rank 1 some steps later; returns exit code and
        stderr."""
        launcher = self.start_launch("--ranks", "2", *options, *self.arguments(out, *settings))
        log = out / "log.jsonl"
        wait_until(lambda: log.exists() and log.read_bytes().count(b"\n") >= 5, "5 steps")
        os.kill(children(launcher.pid)[1], what)
        said = launcher.communicate(timeout=120)[1]
        return launcher.returncode, said

    def test_a_killed_rank_is_named_and_the_restarted_run_has_the_same_bits(self):
        whole, out = self.folder / "whole", self.folder / "run"
        run("launch", "--ranks", "2", *self.arguments(whole), check=0)
        code, said = self.launch_and(out, signal.SIGKILL, options=["--max-restarts", "1"])
        self.assertEqual(code, 0, said)
        self.assertIn("warning: rank 1 of 2 was killed by signal 9 (SIGKILL); starting all ranks "
                      "again: restart 1 of 1", said)
        self.assert_same_run(whole, out)

    def test_without_restarts_the_exit_code_is_that_of_the_cause(self):
        begin = time.monotonic()
        code, said = self.launch_and(self.folder / "run", signal.SIGKILL)
        self.assertLess(time.monotonic() - begin, 40)
        self.assertEqual(code, 137, said)
        self.assertEqual(said.splitlines()[-1],
                         "error: rank 1 of 2 was killed by signal 9 (SIGKILL)")
        survivor = [line for line in said.splitlines() if line.startswith("[rank 0] error: ")]
        self.assertEqual(len(survivor), 1, said)
        self.assertIn("rank 1", survivor[0])

    def test_a_stopped_rank_is_found_and_killed(self):
        code, said = self.launch_and(self.folder / "run", signal.SIGSTOP,
                                     settings=["train.deadline=10"])
        self.assertEqual(code, 4, said)
        self.assertIn("warning: rank 1 of 2 was stopped by signal 19 (SIGSTOP)", said)
        self.assertRegex(said.splitlines()[-1], "^error: rank 1 of 2 was stopped")


class OtherLaunchers(LaunchTest):
    def started_by(self, command, env=None):
        """The command starts two ranks, and they are one run."""
        out = self.folder / "run"
        process = subprocess.run([*command, PROGRAM, *self.arguments(out)], capture_output=True,
                                 text=True, env=program_environment(env), cwd=self.folder,
                                 timeout=300)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["run", "squares"])
        self.assert_run_of_one_rank(out)

    def test_torchrun(self):
        python = os.environ["NEARFAR_TORCH_PYTHON"]
        self.started_by([python, "-m", "torch.distributed.run", "--standalone", "--no-python",
                         "--nproc-per-node", "2"])

    def test_open_mpi(self):
        self.assertIsNotNone(shutil.which("mpirun"), "tools/setup --test installs openmpi-bin")
        self.started_by(["mpirun", "--oversubscribe", "-n", "2"], MPI)


if __name__ == "__main__":
    nearfar_program.main()
