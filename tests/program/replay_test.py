"""A step that is not finite ends the run with 5 and can be done again: where the NaN comes from."""

import json
import pathlib

import nearfar_program
from nearfar_program import BUILD, ProgramTest, QUICK, digest, run

POISONED = BUILD / "tests/plugins/poisoned.so"
SIMPLE = ["train.steps=24", "train.checkpoint_every=3"]


class Replay(ProgramTest):
    def diverge(self, *settings, data=None):
        """Trains until it diverges; the error's line and replay.json's path."""
        out = self.folder / "run"
        process = run("pretrain", "--recipe", POISONED, "--data", data or self.data, "--out", out,
                      *QUICK, *SIMPLE, *settings)
        self.assert_refusal(process, 5, ["--replay", str(out)])
        line = process.stderr.splitlines()[-1]
        path = line.split("--replay ")[1]
        return line, path, json.loads(pathlib.Path(path).read_text())

    def replay(self, path, *settings, check=5):
        process = run("pretrain", "--json", "--replay", path, *settings, check=check)
        return json.loads(process.stdout)

    def finding(self, document, start):
        found = [text for text in document["findings"] if text.startswith(start)]
        self.assertEqual(len(found), 1, document["findings"])
        return found[0]

    def test_a_poisoned_image(self):
        line, path, replay = self.diverge("recipe.image=17")
        self.assertIn(f"step {replay['step']} ", line)
        self.assertEqual(replay["loss"], "nan")
        row, = [i for i, image in enumerate(replay["images"]) if image["index"] == 17]
        self.assertEqual(len(replay["images"]), 32)
        before = {name: digest(file) for name, file in self.files()}

        document = self.replay(path)
        self.assertTrue(document["reproduced"])
        place = replay["images"][row]["place"]
        self.assertIn("17", place)
        first = self.finding(document, "the first NaN of the step comes out of aten::masked_fill")
        self.assertIn(f"{place} (image 17)", first)
        self.assertIn("projection.", first)
        self.assertIn(f"1 of 32 rows not finite: {place} (image 17)",
                      self.finding(document, "embedding 1 of 2"))
        self.assertIn("finite", self.finding(document, "embedding 2 of 2"))
        self.finding(document, "state before the step: finite")
        self.finding(document, "view 1 of 2: finite")
        self.finding(document, "loss: nan")
        self.assertIn("not finite", self.finding(document, "gradients: "))
        self.assertEqual(before, {name: digest(file) for name, file in self.files()},
                         "a replay changes nothing")
        words = run("pretrain", "--replay", path, check=5)
        self.assertIn(f"reproduced: step {replay['step']} is not finite", words.stdout)

    def files(self):
        return [(str(path), path) for path in sorted((self.folder / "run").rglob("*"))
                if path.is_file()]

    def test_an_image_that_is_cured(self):
        _, path, replay = self.diverge("recipe.image=17")
        document = self.replay(path, "recipe.image=-1", check=0)
        self.assertFalse(document["reproduced"])
        self.assertFalse([text for text in document["findings"] if "not finite" in text
                          or "NaN" in text], document["findings"])
        words = run("pretrain", "--replay", path, "recipe.image=-1", check=0)
        self.assertIn("not reproduced", words.stdout)

    def test_a_gradient_alone(self):
        _, path, replay = self.diverge("recipe.gradient_at=4")
        self.assertEqual(replay["step"], 5)
        self.assertIsInstance(replay["loss"], float)
        self.assertEqual(replay["gradient_norm"], "nan")
        document = self.replay(path)
        first = self.finding(document, "the first NaN")
        self.assertIn("backward", first)
        self.assertIn("SqrtBackward", self.finding(document, "the first infinite value"))
        self.assertEqual(float(self.finding(document, "loss: ").split()[1]),
                         round(replay["loss"], 6))
        # The state is that before step 5, one more than the last checkpoint's, and the batch is the
        # one that was seen: the same loss to the bit.
        self.assertEqual(document["loss"], replay["loss"])

    def test_a_state_that_is_not_finite(self):
        line, path, replay = self.diverge("recipe.overflow_at=6")
        self.assertIn("total is not finite", line)
        document = self.replay(path)
        self.assertTrue(document["reproduced"])
        self.assertIn("total", self.finding(document, "state before the step: not finite"))

    def test_an_image_that_stands_in_for_an_unreadable_one(self):
        """The replacement is rebuilt with the views that it was shown in."""
        photos = self.folder / "photos"
        photos.mkdir()
        for i in range(40):
            (photos / f"{i:02}.png").write_bytes(
                nearfar_program.png(20, 20, lambda x, y: (x * i % 256, y * 5, (x + y) * 3)))
        (photos / "07.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
        _, path, replay = self.diverge(
            "data.on_bad_image=skip", "data.max_bad_fraction=0.1", "recipe.gradient_at=0",
            "train.batch=40", data=photos)
        (stood_in,) = [image for image in replay["images"] if "instead_of" in image]
        self.assertEqual(stood_in["instead_of"], 7)
        document = self.replay(path)
        self.assertEqual(document["loss"], replay["loss"])
        (photos / "07.png").write_bytes((photos / "08.png").read_bytes())
        self.refused(3, ["the batch cannot be rebuilt", str(photos)], "pretrain", "--replay", path)
        (photos / "08.png").unlink()
        self.refused(3, ["39 images", "saw 40"], "pretrain", "--replay", path)

    def test_what_is_no_replay(self):
        self.refused(3, ["none.json"], "pretrain", "--replay", "none.json")
        other = self.folder / "other.json"
        other.write_text('{"format": 2}')
        self.refused(2, ["format", "expected 1"], "pretrain", "--replay", other)
        other.write_text('{"format": 1}')
        self.refused(2, ["recipe_library"], "pretrain", "--replay", other)
        self.refused(2, ["--replay", "--out"], "pretrain", "--replay", other, "--out", "x")


if __name__ == "__main__":
    nearfar_program.main()
