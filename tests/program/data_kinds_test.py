"""Lists and arrays as data, held-out parts, limits and balanced batches, from the outside."""

import gzip
import json
import random
import shutil
from array import array

import nearfar_program
from nearfar_program import QUICK, ProgramTest, digest, png, read_safetensors, run, write_npy

SIDE, CLASSES, TRAIN, TEST = 16, 4, 256, 64


def tensors(path):
    return read_safetensors(path)[0]


class DataKinds(ProgramTest):
    def setUp(self):
        super().setUp()
        self.pixels, self.labels = {}, {}
        for part, name in (("train", "train"), ("test", "t10k")):
            images = gzip.decompress(
                (self.data / f"{name}-images-idx3-ubyte.gz").read_bytes())[16:]
            self.pixels[part] = images
            self.labels[part] = (self.data / f"{name}-labels-idx1-ubyte").read_bytes()[8:]

    def write_npy(self, part):
        path = self.folder / f"{part}.npy"
        count = len(self.labels[part])
        write_npy(path, "|u1", (count, SIDE, SIDE), self.pixels[part])
        write_npy(self.folder / f"{part}_labels.npy", "<i8", (count,),
            array("q", list(self.labels[part])).tobytes())
        return path

    def write_safetensors(self):
        path = self.folder / "arrays.safetensors"
        nearfar_program.write_safetensors(path, {
            "images": ("U8", [TRAIN, 1, SIDE, SIDE], self.pixels["train"]),
            "labels": ("I64", [TRAIN], array("q", list(self.labels["train"])).tobytes()),
            "test_images": ("U8", [TEST, SIDE, SIDE, 1], self.pixels["test"]),
            "test_labels": ("U8", [TEST], self.labels["test"])})
        return path

    def write_pngs(self, count=32):
        """Colour images in train/CLASS and test/CLASS, and a list of them in the folder's order."""
        lines = ["path,label,split,target_mean"]
        source = random.Random(1)
        for part in ("train", "test"):
            for label in "ab":
                for i in range(count // (2 if part == "train" else 4)):
                    shade = 40 + 150 * (label == "b")
                    path = self.folder / "pngs" / part / label / f"{i:02}.png"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(png(20, 18, lambda x, y: [
                        shade + source.randrange(60) for _ in range(3)]))
                    relative = path.relative_to(self.folder)
                    lines.append(f"\"{relative}\",{label},{part},{shade / 256}")
        (self.folder / "list.csv").write_bytes(
            b"\xef\xbb\xbf" + "\r\n".join(lines).encode() + b"\r\n")
        return self.folder / "pngs", self.folder / "list.csv"

    def train(self, data, out, *settings, check=0):
        return run("pretrain", "--recipe", "simclr", "--data", data, "--out", self.folder / out,
                   *QUICK, "train.steps=3", *settings, check=check)

    def judge(self, out, *words):
        path = self.folder / "judged.json"
        process = run("evaluate", self.folder / out, "--out", path, "--methods", "knn", "threads=1",
                      "evaluate.fractions=[1]", "evaluate.draws=[1]", *words, check=0)
        return json.loads(path.read_text()), process.stderr

    def test_arrays_are_the_idx_set(self):
        self.train(self.data, "idx")
        process = self.train(self.write_npy("train"), "npy",
                             f"data.test_path={self.write_npy('test')}")
        self.assertIn("train (npy), 256 train + 64 test, 16x16 gray, 4 classes", process.stderr)
        process = self.train(self.write_safetensors(), "arrays")
        self.assertIn("arrays (safetensors), 256 train + 64 test, 16x16 gray, 4 classes",
                      process.stderr)
        self.assertIn("U8 [256, 1, 16, 16] read as [N, channels, height, width]", process.stderr)
        idx, said = self.judge("idx")
        self.assertNotIn("warning", said)
        for other in ("npy", "arrays"):
            self.assertEqual(tensors(self.folder / "idx/encoder.safetensors"),
                             tensors(self.folder / other / "encoder.safetensors"))
            document, _ = self.judge(other)
            self.assertEqual(document["methods"], idx["methods"])
            self.assertEqual(document["data"]["seen_in_pretraining"], 0)

    def test_a_list_is_the_folder(self):
        folder, listed = self.write_pngs()
        settings = ["train.batch=8", "data.mean=[0.5,0.5,0.5]", "data.std=[0.2,0.2,0.2]"]
        self.train(folder, "folder", *settings)
        process = self.train(listed, "list", *settings)
        self.assertIn("list (csv), 32 train + 16 test, of any size colour, 1 target, 2 classes",
                      process.stderr)
        self.assertEqual(tensors(self.folder / "folder/encoder.safetensors"),
                         tensors(self.folder / "list/encoder.safetensors"))
        self.assertEqual(self.judge("list")[0]["methods"], self.judge("folder")[0]["methods"])
        text = listed.read_text("utf-8-sig").replace('"', "").replace(",", "\t")
        (self.folder / "tabs.tsv").write_text(text)
        self.train(self.folder / "tabs.tsv", "tabs", *settings)
        self.assertEqual(tensors(self.folder / "tabs/encoder.safetensors"),
                         tensors(self.folder / "list/encoder.safetensors"))

    def test_images_without_label_are_left_out_of_both_parts(self):
        _, listed = self.write_pngs()
        lines = listed.read_text("utf-8-sig").splitlines()
        for name in ("train/a/03", "train/b/05", "train/b/06", "test/a/01"):
            lines = [line.replace(",a,", ",,").replace(",b,", ",,") if name in line else line
                     for line in lines]
        listed.write_text("\n".join(lines) + "\n")
        self.train(listed, "run", "train.batch=8")
        document, said = self.judge("run")
        self.assertEqual((document["data"]["train"], document["data"]["test"]), (29, 15))
        self.assertIn("3 of the 32 training images have no label and are left out", said)
        self.assertIn("1 of the 16 test images have no label and are left out", said)

    def test_every_command_takes_them(self):
        _, listed = self.write_pngs()
        for data, rows in ((self.write_npy("train"), TRAIN), (self.write_safetensors(), TRAIN),
                           (listed, 32)):
            out = self.folder / f"run-{data.name}"
            batch = "train.batch=8" if data == listed else "train.batch=32"
            self.train(data, out.name, batch)
            run("views", data, "--out", self.folder / "views.png", check=0)
            self.assertEqual((self.folder / "views.png").read_bytes()[:4], b"\x89PNG")
            features = self.folder / "features.safetensors"
            run("embed", out, "--data", data, "--out", features, check=0)
            self.assertEqual(tensors(features)["features"][1][0], rows)
            self.assertEqual(tensors(features)["labels"][1], [rows])
        run("bench", "data", listed, "--recipe", "simclr", batch, "recipe.view.size=16",
            "--seconds", "0.5", check=0)

    def test_pretraining_never_sees_what_judges(self):
        data = self.write_npy("train")
        process = self.train(data, "run")
        self.assertIn("26 of 256 training images are held out for the evaluation "
                      "(data.test_fraction=0.1, data.split_seed=0)", process.stderr)
        document, said = self.judge("run")
        self.assertEqual((document["data"]["train"], document["data"]["test"]), (230, 26))
        self.assertEqual(document["data"]["seen_in_pretraining"], 0)
        self.assertNotIn("warning", said)
        # The split is the same whatever the run's seed.
        self.train(data, "other", "train.seed=7")
        other, _ = self.judge("other")
        self.assertEqual(other["methods"]["knn"]["raw_pixels"],
                         document["methods"]["knn"]["raw_pixels"])
        # Another split is not the one that was held out.
        split, said = self.judge("run", "data.split_seed=3")
        self.assertGreater(split["data"]["seen_in_pretraining"], 0)
        self.assertIn(f"warning: pretraining saw {split['data']['seen_in_pretraining']} of the 26 "
                      "images that judge here", said)
        self.refused(3, [str(data), "other images", "all 256"], "evaluate", self.folder / "run",
                     "--test", data)
        copy = shutil.copy(self.folder / "run/encoder.safetensors",
                           self.folder / "copy.safetensors")
        unknown, said = self.judge(copy, "--data", data)
        self.assertIsNone(unknown["data"]["seen_in_pretraining"])

    def test_what_was_seen_under_another_path(self):
        folder, listed = self.write_pngs()
        settings = ["train.batch=8", "data.test_fraction=0"]
        self.train(folder / "test", "leaky", *settings)
        self.train(folder / "train", "clean", *settings)
        leaky, said = self.judge("leaky", "--data", listed)
        self.assertEqual(leaky["data"]["seen_in_pretraining"], 16)
        self.assertIn("warning: pretraining saw 16 of the 16 images", said)
        clean, _ = self.judge("clean", "--data", listed)
        self.assertEqual((clean["data"]["seen_in_pretraining"],
                          clean["data"]["shared_with_training"]), (0, 0))
        # Copies share no path: what was seen is not known, and that is no 0.
        shutil.copytree(folder, self.folder / "copies")
        other, _ = self.judge("clean", "--data", self.folder / "copies")
        self.assertIsNone(other["data"]["seen_in_pretraining"])
        shutil.move(folder / "train", self.folder / "moved")
        lost, said = self.judge("clean", "--data", self.folder / "copies")
        self.assertIsNone(lost["data"]["seen_in_pretraining"])
        self.assertIn("warning: which images pretraining saw is not known: ", said)
        self.assertLess(said.index("warning"), said.index("features of the encoder"))

    def test_test_part_within_the_training_part(self):
        folder, _ = self.write_pngs()
        self.train(folder, "run", "train.batch=8")
        lines = ["path,label", "pngs/train/a/00.png,a", "pngs/test/a/01.png,a",
                 "pngs/test/b/01.png,b"]
        (self.folder / "mixed.csv").write_text("\n".join(lines))
        document, said = self.judge("run", "--test", self.folder / "mixed.csv")
        self.assertEqual(document["data"]["shared_with_training"], 1)
        self.assertIn("warning: 1 of the 3 images that judge are in the training part", said)

    def test_embedding_the_parts_of_a_run(self):
        data = self.write_npy("train")
        self.train(data, "run", "data.limit=64")
        out = self.folder / "f.safetensors"
        for words, rows in ((["--part", "test"], 26), (["--part", "train"], 64),
                            (["--part", "all"], 256), ([], 256)):
            run("embed", self.folder / "run", "--data", data, "--out", out, *words, check=0)
            self.assertEqual(tensors(out)["features"][1][0], rows, words)

    def test_training_on_everything_is_said(self):
        data = self.write_npy("train")
        process = self.train(data, "run", "data.test_fraction=0")
        self.assertNotIn("held out", process.stderr)
        self.refused(3, ["no test part", "--test PATH", "data.test_fraction"], "evaluate",
                     self.folder / "run")
        document, _ = self.judge("run", "data.test_fraction=0.25")
        self.assertEqual(document["data"]["seen_in_pretraining"], 64)

    def test_choosing_on_a_val_part(self):
        self.train(self.write_safetensors(), "run", "data.val_fraction=0.25")
        document, _ = self.judge("run", "data.evaluate_on=val")
        self.assertEqual(document["data"]["part"], "val")
        self.assertEqual((document["data"]["train"], document["data"]["test"]), (192, 64))
        self.assertEqual(document["data"]["seen_in_pretraining"], 0)
        document, _ = self.judge("run")
        self.assertEqual((document["data"]["part"], document["data"]["test"]), ("test", TEST))
        self.train(self.write_safetensors(), "without")
        self.refused(2, ["data.evaluate_on=val", "no val part", "data.val_fraction"], "evaluate",
                     self.folder / "without", "data.evaluate_on=val")

    def test_limit(self):
        process = self.train(self.write_safetensors(), "run", "data.limit=64")
        self.assertIn("64 of 256 training images are used (data.limit", process.stderr)
        document, _ = self.judge("run")
        self.assertEqual((document["data"]["train"], document["data"]["test"]), (64, TEST))
        for setting in ("data.limit=32", "data.split_seed=1", "data.test_fraction=0.5",
                        "data.val_fraction=0.1", "data.sampler=balanced", "data.images_per_class=8",
                        f"data.test_path={self.write_npy('test')}"):
            self.refused(2, [setting.split("=")[0], "cannot change in mid-run"], "pretrain",
                         "--out", self.folder / "run", setting)
        run("pretrain", "--out", self.folder / "run", "data.workers=2", "data.evaluate_on=test",
            check=0)

    def test_balanced_batches_resume_in_mid_epoch(self):
        settings = ["data.sampler=balanced", "data.images_per_class=16", "train.checkpoint_every=3",
                    "train.keep=9", "train.steps=10"]
        process = self.train(self.data, "whole", *settings)
        self.assertIn("sampler: batches of 2 of 4 classes with 16 images each, 8 batches an epoch",
                      process.stderr)
        config = json.loads((self.folder / "whole/config.json").read_text())
        self.assertEqual(config["data"]["classes_per_batch"], 2)
        shutil.copytree(self.folder / "whole", self.folder / "cut")
        for step in (6, 9, 10):
            shutil.rmtree(self.folder / f"cut/checkpoints/gen-{step}")
        (self.folder / "cut/encoder.safetensors").unlink()
        process = run("pretrain", "--out", self.folder / "cut", "data.workers=3", check=0)
        self.assertIn("continuing after step 3", process.stderr)
        for file in ("model.safetensors", "optimizer.safetensors"):
            self.assertEqual(digest(self.folder / "whole/checkpoints/gen-10" / file),
                             digest(self.folder / "cut/checkpoints/gen-10" / file), file)
        self.train(self.data, "shuffled", "train.steps=10")
        self.assertNotEqual(tensors(self.folder / "whole/encoder.safetensors"),
                            tensors(self.folder / "shuffled/encoder.safetensors"))

    def test_balanced_batches_that_do_not_fit(self):
        for settings, parts in (
                (["data.classes_per_batch=3"], ["data.classes_per_batch=3", "train.batch=32"]),
                (["data.images_per_class=4"], ["at most the 4 classes", "found 8"])):
            self.refused(2, parts, "pretrain", "--recipe", "simclr", "--data", self.data, "--out",
                         self.folder / "run", *QUICK, "data.sampler=balanced", *settings)

    def test_malformed_files(self):
        def refused(data, parts):
            self.refused(3, parts, "pretrain", "--recipe", "simclr", "--data", data, *QUICK)

        listed = self.folder / "bad.csv"
        listed.write_text("path,label\nsquares/none.png,3\n")
        refused(listed, [f"{listed}:2: ", "none.png: no such file", "1 of 1 files"])
        listed.write_text("squares/none.png,3\n")
        refused(listed, [f"{listed}:1: ", "a first line that names the columns"])
        array_file = self.folder / "bad.npy"
        write_npy(array_file, "<f4", (2, 4, 4), bytes(128))
        refused(array_file, [str(array_file), "expected uint8 images", "found F32 [2, 4, 4]"])
        write_npy(array_file, "|u1", (1 << 40, 4, 4), bytes(32))
        refused(array_file, [str(array_file), f"expected {1 << 44} bytes", "found 32"])
        tensors_file = self.folder / "bad.safetensors"
        nearfar_program.write_safetensors(tensors_file, {"pixels": ("U8", [1, 2, 2], bytes(4))})
        refused(tensors_file, [str(tensors_file), 'expected a tensor "images"'])
        tensors_file.write_bytes(tensors_file.read_bytes()[:-1])
        refused(tensors_file, [str(tensors_file), "truncated"])


if __name__ == "__main__":
    nearfar_program.main()
