"""Malformed data sets: exit code 3 with the file, what was expected and what was found."""

import base64
import gzip
import json
import random
import struct

import nearfar_program
from nearfar_program import QUICK, ProgramTest, chunk, png, run, write_idx

# 12 x 10 pixels.
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVG"
    "ZIhlbXd7gYKBTmCNl4x9lnN+gXz/2wBDARUXFx4aHjshITt8U0ZTfHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8"
    "fHx8fHx8fHx8fHx8fHx8fHx8fHz/wAARCAAKAAwDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAABQT/xAAcEAAB"
    "BAMBAAAAAAAAAAAAAAABAAQRIgMFITH/xAAVAQEBAAAAAAAAAAAAAAAAAAAABP/EABoRAAEFAQAAAAAAAAAAAAAAAAEA"
    "AgMEERL/2gAMAwEAAhEDEQA/ACm2smKpTHqaiquZgc4EgQJ8CiMobH24alO1JmL/2Q==")


def photograph(seed, side=24):
    source = random.Random(seed)
    return png(side, side, lambda x, y: source.randbytes(3))


class MalformedData(ProgramTest):
    def photographs(self, good, **bad):
        """A folder with `good` readable PNGs and the given files of other bytes."""
        folder = self.folder / "photographs"
        folder.mkdir()
        for i in range(good):
            (folder / f"good-{i}.png").write_bytes(photograph(i))
        for name, data in bad.items():
            (folder / name.replace("_", ".")).write_bytes(data)
        return folder

    def pretrain_on(self, data, *settings, out="run"):
        return [
            "pretrain", "--recipe", "simclr", "--data", data, "--out", self.folder / out, *QUICK,
            "train.batch=4", "train.steps=2", *settings
        ]

    def data_refused(self, data, parts, *settings):
        self.refused(3, parts, *self.pretrain_on(data, *settings))

    def test_missing_empty_and_wrong_folders(self):
        self.data_refused(
            self.folder / "none",
            [f"{self.folder}/none", "no such folder", "data.path", "expected a folder of images"])
        (self.folder / "empty").mkdir()
        self.data_refused(self.folder / "empty", [f"{self.folder}/empty", "the folder is empty"])
        (self.folder / "file").write_text("x")
        self.data_refused(self.folder / "file", [f"{self.folder}/file", "not a folder"])
        (self.folder / "texts").mkdir()
        (self.folder / "texts/a.txt").write_text("x")
        self.data_refused(self.folder / "texts", ["no images found among 1 files", ".jpg", "idx"])

    def test_folder_of_only_bad_images(self):
        folder = self.photographs(0, a_png=b"no image", b_jpg=b"")
        self.data_refused(folder, ["none of the 2 images can be read", f"{folder}/a.png",
                                   "not a JPEG, PNG, WebP, BMP or TIFF image"])

    def test_truncated_idx(self):
        path = self.data / "train-images-idx3-ubyte.gz"
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-7]))
        self.data_refused(self.data, [str(path), "expected", "256", "16", str(256 * 256 - 7)])
        path.write_bytes(path.read_bytes()[:-20])
        self.data_refused(self.data, [str(path)])

    def test_idx_with_more_than_it_says(self):
        path = self.data / "train-images-idx3-ubyte.gz"
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"x"))
        self.data_refused(self.data, [str(path), "expected", "found more"])

    def test_idx_that_promises_terabytes(self):
        path = self.data / "train-images-idx3-ubyte.gz"
        path.write_bytes(gzip.compress(struct.pack(">IIII", 0x803, 1 << 31, 60000, 60000)))
        self.data_refused(self.data, [str(path), "expected"])

    def test_idx_with_a_wrong_magic(self):
        path = self.data / "train-images-idx3-ubyte.gz"
        data = bytearray(gzip.decompress(path.read_bytes()))
        data[2] = 0x0D
        path.write_bytes(gzip.compress(bytes(data)))
        self.data_refused(self.data, [str(path), "expected idx magic 0x00000803",
                                      "found 0x00000d03"])

    def test_label_count_mismatch(self):
        path = self.data / "train-labels-idx1-ubyte"
        write_idx(path, bytes(255), (255,))
        self.data_refused(self.data, [str(path), "expected 256 labels", "found 255"])

    def test_truncated_and_damaged_images(self):
        whole = photograph(9)
        damaged = bytearray(whole)
        damaged[len(whole) // 2] ^= 1
        cases = {"x.png": (whole[:-200], "truncated PNG"),
                 "y.png": (bytes(damaged), "wrong checksum"),
                 "z.jpg": (JPEG[:-30], "truncated JPEG"),
                 "w.jpg": (JPEG[:40], "truncated header"),
                 "v.webp": (b"RIFF\xff\0\0\0WEBPVP8 ", "WebP"),
                 "u.jpg": (b"", "the file is empty")}
        folder = self.photographs(5)
        for name, (data, reason) in cases.items():
            (folder / name).write_bytes(data)
            self.data_refused(folder, [f"{folder}/{name}", reason], "train.steps=1",
                              "train.batch=6")
            (folder / name).unlink()

    def test_whole_jpeg_is_read(self):
        folder = self.photographs(3, a_jpg=JPEG)
        run(*self.pretrain_on(folder), check=0)

    def test_pixel_bomb(self):
        head = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
        bomb = (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") +
                chunk(b"IEND", b""))
        folder = self.photographs(3, bomb_png=bomb)
        self.data_refused(folder,
                          [f"{folder}/bomb.png", "60000x60000", "data.max_pixels = 67108864"])

    def test_fewer_images_than_a_batch(self):
        folder = self.photographs(3)
        self.data_refused(folder, ["3 images", "fewer than one batch of 4", "train.batch",
                                   "data.drop_last=false"])
        run(*self.pretrain_on(folder, "data.drop_last=false"), check=0)

    def test_bad_images_above_the_bearable_share(self):
        folder = self.photographs(7, bad_png=b"no image")
        self.data_refused(folder, ["1 of 8 images are unreadable (12.5%)",
                                   "data.max_bad_fraction = 10%", f"{folder}/bad.png"],
                          "data.on_bad_image=skip", "data.max_bad_fraction=0.1")

    def test_bad_images_below_the_bearable_share(self):
        folder = self.photographs(7, bad_png=b"no image")
        process = run(*self.pretrain_on(folder, "data.on_bad_image=skip",
                                        "data.max_bad_fraction=0.2"), check=0)
        warnings = [line for line in process.stderr.splitlines() if "stands in for it" in line]
        self.assertEqual(len(warnings), 1, process.stderr)
        self.assertTrue(warnings[0].startswith("warning: "), warnings[0])
        self.assertIn(f"{folder}/bad.png", warnings[0])
        manifest = json.loads((self.folder / "run/checkpoints/gen-2/MANIFEST.json").read_text())
        self.assertEqual(len(manifest["state"]["skipped_images"]), 1)

    def test_judging_leaves_bad_images_out(self):
        folder = self.folder / "labelled"
        for part, count in (("train", 8), ("test", 4)):
            for label in "ab":
                (folder / part / label).mkdir(parents=True)
                for i in range(count):
                    (folder / part / label / f"{i}.png").write_bytes(photograph(i))
            (folder / part / "b/bad.png").write_bytes(b"no image")
        process = run(*self.pretrain_on(folder, "data.on_bad_image=skip", "evaluate.every=1",
                                        "data.max_bad_fraction=0.1"), check=0)
        self.assertIn("warning: online evaluation: 1 of 17 images are unreadable", process.stderr)
        self.assertIn("online_knn", (self.folder / "run/log.jsonl").read_text())
        judge = ["evaluate", self.folder / "run", "--out", self.folder / "judged.json",
                 "--methods", "linear_sgd,knn", "evaluate.linear_sgd.epochs=2"]
        process = run(*judge, check=0)
        self.assertIn("1 of 9 images are unreadable and left out", process.stderr)
        data = json.loads((self.folder / "judged.json").read_text())["data"]
        self.assertEqual((data["train"], data["test"], data["skipped"]), (16, 8, 2))
        self.refused(3, ["2 of 26 images are unreadable (7.69%)", "max_bad_fraction = 5%"],
                     *judge, "data.max_bad_fraction=0.05")
        run("embed", self.folder / "run", "--data", folder, "--part", "all", "--out",
            self.folder / "f.safetensors", check=0)
        places = (self.folder / "f.paths.txt").read_text().splitlines()
        self.assertEqual(len(places), 24)
        self.assertFalse([place for place in places if "bad.png" in place])
        run("report", self.folder / "run", check=0)

    def test_evaluation_without_labels(self):
        folder = self.photographs(8)
        run(*self.pretrain_on(folder), check=0)
        self.refused(3, [str(folder), "no labels", "one folder per class"], "evaluate",
                                self.folder / "run")

    def test_gray_encoder_on_colour_images(self):
        out = self.pretrain("gray", "train.steps=1")
        folder = self.photographs(4)
        self.refused(3, [str(folder), "3 channels", "wants 1"], "embed", out, "--data",
                                folder, "--out", self.folder / "x.safetensors")
        self.assertFalse((self.folder / "x.safetensors").exists())


if __name__ == "__main__":
    nearfar_program.main()
