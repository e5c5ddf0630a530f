"""Folders of photographs: nested, colour, of any size, JPEG and PNG, upright or not."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
from array import array

import nearfar_program
from nearfar_program import ProgramTest, png, run

# Writes images with Pillow: argv is a JSON list of [path, width, height, red, turn, tag]. `turn` is
# the EXIF orientation that the stored pixels have, `tag` the one that the file claims.
DRAW = """
import json, sys
from PIL import Image
T = Image.Transpose
TURNED = {2: T.FLIP_LEFT_RIGHT, 3: T.ROTATE_180, 6: T.ROTATE_90, 8: T.ROTATE_270}
for path, width, height, red, turn, tag in json.loads(sys.argv[1]):
    image = Image.new("RGB", (width, height))
    image.putdata([(red, 255 * x // width, 255 * y // height)
                   for y in range(height) for x in range(width)])
    if turn != 1:
        image = image.transpose(TURNED[turn])
    exif = Image.Exif()
    exif[0x0112] = tag
    image.save(path, quality=95, exif=exif)
"""
SMALL = ["train.steps=2", "train.batch=4", "encoder.name=tiny", "encoder.width=4"]


def pillow_python():
    python = os.environ.get("NEARFAR_TORCH_PYTHON", sys.executable)
    found = subprocess.run([python, "-c", "import PIL"], capture_output=True).returncode == 0
    return python if found else None


class Photographs(ProgramTest):
    def setUp(self):
        super().setUp()
        self.album = self.folder / "album"
        self.album.mkdir()

    def drawn(self, descriptions):
        """Draws images with Pillow; false where it is missing."""
        python = pillow_python()
        if python is None:
            print("no Pillow: PNGs only", file=sys.stderr)
            return False
        for path, *_ in descriptions:
            pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps([[str(path), *rest] for path, *rest in descriptions])
        subprocess.run([python, "-c", DRAW, text], check=True)
        return True

    def pngs(self, folder, count, red):
        folder.mkdir(parents=True, exist_ok=True)
        for i in range(count):
            width, height = 50 + 9 * i, 90 - 7 * i
            (folder / f"{i}.png").write_bytes(
                png(width, height, lambda x, y: (red, 255 * x // width, 255 * y // height)))

    def test_with_nothing_else_given(self):
        self.pngs(self.album / "2024/summer", 3, 200)
        self.pngs(self.album / "2025", 3, 40)
        self.drawn([(self.album / "2024/winter/a.JPG", 120, 80, 90, 1, 1),
                    (self.album / "2024/b.jpeg", 64, 200, 10, 1, 1),
                    (self.album / "c.jpg", 33, 35, 0, 1, 1)])
        process = run("pretrain", "--recipe", "simclr", "--data", self.album, "train.steps=2",
                      cwd=self.folder, check=0)
        self.assertIn("preset: simclr/", process.stderr)
        self.assertIn("of any size colour, no labels" if pillow_python() else "2 classes",
                      process.stderr)
        out = self.folder / "runs/simclr-album-1"
        config = json.loads((out / "config.json").read_text())
        self.assertEqual(config["train"]["batch"], 9 if pillow_python() else 5)
        self.assertGreaterEqual(config["recipe"]["view"]["size"], 64)
        self.assertEqual(len(config["data"]["mean"]), 3)
        self.assertEqual((out / "views.png").read_bytes()[:4], b"\x89PNG")
        self.assertTrue((out / "encoder.safetensors").exists())

    def test_a_folder_a_class_can_be_judged(self):
        self.pngs(self.album / "cats", 8, 220)
        self.pngs(self.album / "dogs", 8, 20)
        out = self.folder / "run"
        process = run("pretrain", "--recipe", "simclr", "--data", self.album, "--out", out, *SMALL,
                      "recipe.view.size=32", check=0)
        self.assertIn("2 classes", process.stderr)
        documents = []
        for _ in range(2):
            judged = run("evaluate", out, "--json", "--methods", "knn", check=0)
            self.assertIn("2 of 16 training images are held out for the evaluation", judged.stderr)
            documents.append(json.loads(judged.stdout))
        self.assertEqual(documents[0], documents[1])
        data = documents[0]["data"]
        self.assertEqual(data["classes"], ["cats", "dogs"])
        self.assertEqual((data["train"], data["test"], data["seen_in_pretraining"]), (14, 2, 0))
        # The red of a whole image tells the classes apart.
        self.assertEqual(documents[0]["methods"]["knn"]["raw_pixels"]["1.0"]["top1"], 1.0)

    def test_own_parts(self):
        self.pngs(self.album / "train/cats", 5, 220)
        self.pngs(self.album / "train/dogs", 5, 20)
        self.pngs(self.album / "val/cats", 2, 230)
        self.pngs(self.album / "val/dogs", 2, 30)
        process = run("pretrain", "--recipe", "simclr", "--data", self.album, "--out",
                      self.folder / "run", *SMALL, "recipe.view.size=32", check=0)
        self.assertIn("10 train + 4 test", process.stderr)

    def feature(self, run_folder, ending, turn, tag):
        """The features of one picture of 64 x 48 whose pixels are stored turned."""
        images = self.folder / f"{ending}-{turn}-{tag}"
        if not self.drawn([(images / f"a.{ending}", 64, 48, 120, turn, tag)]):
            self.skipTest("no Pillow to write EXIF with")
        out = self.folder / "features.safetensors"
        run("embed", run_folder, "--data", images, "--out", out, "threads=1", check=0)
        return array("f", nearfar_program.read_safetensors(out)[0]["features"][2]).tolist()

    def test_orientation_is_honoured(self):
        self.pngs(self.album, 8, 120)
        out = self.folder / "run"
        run("pretrain", "--recipe", "simclr", "--data", self.album, "--out", out, *SMALL,
            "recipe.view.size=32", check=0)
        upright = self.feature(out, "png", 1, 1)
        for turn in (2, 3, 6, 8):
            self.assertEqual(upright, self.feature(out, "png", turn, turn), f"orientation {turn}")

        def distance(a, b):
            return max(abs(x - y) for x, y in zip(a, b)) / max(map(abs, a))

        # A JPEG is not exactly the picture; lying on its side it is another one altogether.
        jpeg = self.feature(out, "jpg", 1, 1)
        lying = distance(jpeg, self.feature(out, "jpg", 6, 1))
        for turn in (2, 3, 6, 8):
            self.assertLess(distance(jpeg, self.feature(out, "jpg", turn, turn)), lying / 5)

    def test_unreadable_names_and_foreign_files(self):
        self.pngs(self.album / "ünï cödé 图", 4, 120)
        shutil.copy(self.album / "ünï cödé 图/0.png", self.album / "ünï cödé 图/it's a \"name\".png")
        (self.album / "notes.txt").write_text("no image")
        (self.album / ".hidden.png").write_bytes(b"junk")
        process = run("pretrain", "--recipe", "simclr", "--data", self.album, "--out",
                      self.folder / "run", *SMALL, "recipe.view.size=32", check=0)
        self.assertIn("5 train", process.stderr)


if __name__ == "__main__":
    nearfar_program.main()
