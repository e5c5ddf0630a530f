"""The event files of real runs, read by a reader of their own, against log.jsonl and the run."""

import json
import signal
import struct
import time

import nearfar_program
from event_reader import events, events_of_run
from nearfar_program import ProgramTest, QUICK, run, start

STEPS = ["train.steps=40", "train.checkpoint_every=3"]


class TensorBoard(ProgramTest):
    def lines(self, out):
        return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]

    def scalars(self, found):
        return {(step, tag): value for step, tag, kind, value in found if kind == "scalar"}

    def assert_scalars_are_the_logs(self, out):
        """Every number of log.jsonl once, as float32."""
        expected = {}
        for line in self.lines(out):
            for name, value in line.items():
                if name not in ("step", "epoch", "time"):
                    expected[line["step"], name] = struct.unpack("<f", struct.pack("<f", value))[0]
        found = {(step, tag.split("/")[1]): value
                 for (step, tag), value in self.scalars(events_of_run(out)).items()}
        self.assertEqual(found, expected)

    def test_a_run(self):
        out = self.pretrain("run", "train.steps=16")
        found = events_of_run(out)
        self.assert_scalars_are_the_logs(out)
        tags = {tag for _, tag in self.scalars(found)}
        self.assertLessEqual(
            {"train/loss", "train/grad_norm", "embedding/positive_similarity",
             "embedding/negative_similarity", "embedding/alignment", "embedding/uniformity",
             "embedding/effective_rank", "speed/data_wait_fraction"}, tags)

        (step, tag, _, (height, width, colors, png)), = [e for e in found if e[2] == "image"]
        self.assertEqual((step, tag, colors), (0, "views", 3))
        self.assertEqual(png, (out / "views.png").read_bytes())
        self.assertEqual((width, height), struct.unpack(">II", png[16:24]))

        settings, end = [content for *_, kind, content in found if kind == "hparams"]
        config = json.loads((out / "config.json").read_text())
        self.assertEqual(settings["settings"]["train.batch"], 32.0)
        self.assertEqual(settings["settings"]["recipe.name"], "simclr")
        self.assertEqual(settings["settings"]["train.tensorboard"], True)
        self.assertEqual(settings["settings"]["data.mean"], json.dumps(config["data"]["mean"]))
        self.assertEqual(end, {"status": 1})
        (_, tag, _, text), = [e for e in found if e[2] == "text"]
        self.assertEqual(tag, "settings/text_summary")
        self.assertEqual(json.loads(text.removeprefix("```json\n").removesuffix("```")), config)

    def test_histograms_of_each_epoch(self):
        out = self.pretrain("run", "train.steps=17")  # epochs of 8 steps
        found = {(step, tag): h for step, tag, kind, h in events_of_run(out) if kind == "histogram"}
        self.assertEqual({step for step, _ in found}, {8, 16})
        for histogram in found.values():
            self.assertEqual(sum(histogram["counts"]), histogram["num"])
            self.assertEqual(histogram["limits"], sorted(histogram["limits"]))
            self.assertEqual(histogram["limits"][-1], histogram["max"])
            self.assertGreaterEqual(histogram["squares"] * histogram["num"],
                                    histogram["sum"] ** 2 * (1 - 1e-9))
        self.assertEqual(found[8, "embedding/length"]["num"], 32)
        self.assertEqual(found[8, "embedding/negative_cosine"]["num"], 32 * 31)
        # The histogram of the cosines and the line of the log are of one step.
        line = next(line for line in self.lines(out) if line["step"] == 8)
        for kind in ("positive", "negative"):
            histogram = found[8, f"embedding/{kind}_cosine"]
            self.assertAlmostEqual(histogram["sum"] / histogram["num"],
                                   line[f"{kind}_similarity"], places=5)
        tensors, _ = nearfar_program.read_safetensors(out / "encoder.safetensors")
        shape = tensors["conv1.weight"][1]
        count = shape[0] * shape[1] * shape[2] * shape[3]
        for kind in ("weights", "gradients"):
            self.assertEqual(found[16, f"{kind}/encoder.conv1.weight"]["num"], count)
        self.assertGreater(found[16, "gradients/encoder.conv1.weight"]["squares"], 0)

    def test_killed_and_continued(self):
        out = self.folder / "killed"
        arguments = ["pretrain", "--recipe", "simclr", "--data", self.data, "--out", out, *QUICK,
                     *STEPS]
        for step in (8, 20):
            process = start(*arguments)
            while process.poll() is None and not (
                    (out / "log.jsonl").exists() and len(self.lines(out)) >= step):
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        run(*arguments, check=0)
        self.assert_scalars_are_the_logs(out)
        steps = [step for step, tag, *_ in events_of_run(out) if tag == "train/loss"]
        self.assertEqual(steps, list(range(1, 41)))
        files = sorted((out / "tensorboard").iterdir())
        self.assertEqual(len(files), 3)
        for earlier, later in zip(files, files[1:]):
            last = max(step for step, tag, *_ in events(earlier) if tag == "train/loss")
            self.assertEqual(events(later)[0], (last + 1, "", "session", 1))

    def test_torn_tail(self):
        """What a power cut leaves of the last record is cut off before more is written."""
        arguments = ["pretrain", "--recipe", "simclr", "--data", self.data, "--out",
                     self.folder / "torn", *QUICK, "train.steps=6", "train.checkpoint_every=2"]
        run(*arguments, check=0)
        (self.folder / "torn/encoder.safetensors").unlink()
        (self.folder / "torn/checkpoints/gen-6/MANIFEST.json").unlink()
        file, = (self.folder / "torn/tensorboard").iterdir()
        file.write_bytes(file.read_bytes() + b"\x05\0\0\0\0\0\0\0torn")
        run(*arguments, check=0)
        self.assert_scalars_are_the_logs(self.folder / "torn")

    def test_none_on_request(self):
        out = self.pretrain("run", "train.steps=2", "train.tensorboard=false")
        self.assertFalse((out / "tensorboard").exists())


if __name__ == "__main__":
    nearfar_program.main()
