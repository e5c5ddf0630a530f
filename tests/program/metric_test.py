"""`--recipe metric` and data.classes: learning some classes, judging others, on one rank and two."""

import json
import struct

import nearfar_program
from nearfar_program import QUICK, ProgramTest, run, write_safetensors

SETTINGS = [*QUICK, "recipe.projection.width=0", "train.steps=6", "train.batch=16",
            "data.sampler=balanced", "data.images_per_class=8", "optimizer.learning_rate=0.05"]


class Metric(ProgramTest):
    def arguments(self, name, *settings, data=None):
        return ["pretrain", "--recipe", "metric", "--data", data or self.data, "--out",
                self.folder / name, *SETTINGS, *settings]

    def train(self, name, *settings, **given):
        return run(*self.arguments(name, *settings, **given), check=0)

    def judge(self, name, *words):
        path = self.folder / "judged.json"
        process = run("evaluate", self.folder / name, "--out", path, "threads=1", "--methods",
                      "retrieval,clustering,verification", *words, check=0)
        return json.loads(path.read_text()), process.stderr

    def test_a_run_of_some_classes_is_judged_on_others(self):
        said = self.train("some", "data.classes=[0,1]").stderr
        self.assertIn("128 of 256 training, 32 of 64 test images are of 2 of 4 classes", said)
        for words, classes in (([], ["0", "1"]), (["data.classes=[3,2]"], ["2", "3"]),
                               (["data.classes=[]"], ["0", "1", "2", "3"])):
            document, said = self.judge("some", *words)
            count = len(classes)
            data = document["data"]
            self.assertEqual(data["classes"], classes)
            self.assertEqual((data["train"], data["test"]), (64 * count, 16 * count))
            self.assertEqual(data["seen_in_pretraining"], 0, said)
            for source in ("encoder", "untrained", "raw_pixels"):
                self.assertEqual(document["methods"]["retrieval"][source]["1.0"]["queries"],
                                 16 * count)
                self.assertEqual(document["methods"]["clustering"][source]["1.0"]["clusters"], count)
        # The twin knows no class, and pixels neither: they are judged as those of any run are.
        self.train("all")
        own, _ = self.judge("some", "data.classes=[2,3]")
        other, _ = self.judge("all", "data.classes=[2,3]")
        for source, equal in (("raw_pixels", True), ("encoder", False)):
            self.assertEqual(own["methods"]["retrieval"][source] ==
                             other["methods"]["retrieval"][source], equal, source)

    def test_classes_belong_to_a_run(self):
        self.train("some", "data.classes=[0,1]", "train.checkpoint_every=3")
        self.refused(2, ["data.classes"], *self.arguments("some", "data.classes=[0,2]",
                                                          "train.steps=9"))
        self.refused(2, ["data.classes", "\"4\" is no class", "0, 1, 2, 3"],
                     *self.arguments("other", "data.classes=[0,4]"))
        self.refused(2, ["data.classes: expected a list of texts"],
                     *self.arguments("other", "data.classes=0,1"))
        self.refused(2, ["data.classes", "\"7\" is no class"], "evaluate", self.folder / "some",
                     "--methods", "retrieval", "data.classes=[7]")

    def test_n_pair_needs_pairs_on_one_rank_and_on_two(self):
        pairs = ["recipe.loss=n_pair", "data.images_per_class=2", "train.batch=8"]
        # More ranks begin with a self-test, whose made-up batch is not of pairs alone.
        run("launch", "--ranks", "2", *self.arguments("pairs", *pairs), check=0)
        for sampler, found in (("balanced", "found 8"), ("shuffle", "found data.sampler=shuffle")):
            self.refused(2, ["data.images_per_class", "two images of each class", found],
                         *self.arguments("eights", "recipe.loss=n_pair",
                                         f"data.sampler={sampler}"))

    def write_labelled(self, labels):
        images = bytes((i * 37 + p * 11) % 256 for i in range(64) for p in range(256))
        targets = [0.1 * i for i in range(64)]
        path = self.folder / "labelled.safetensors"
        write_safetensors(path, {"images": ("U8", [64, 16, 16], images),
                                 "labels": ("I64", [64], struct.pack("<64q", *labels)),
                                 "targets": ("F32", [64, 1], struct.pack("<64f", *targets))})
        return path

    def test_an_image_without_a_label_is_named_before_the_first_step(self):
        path = self.write_labelled([-1 if i in (5, 40) else i % 4 for i in range(64)])
        words = ["labelled.safetensors:images[5]", "expected a label to learn", "data.sampler=balanced"]
        for recipe in ("metric", "supervised"):
            out = self.folder / recipe
            settings = [word for word in SETTINGS if "projection" not in word]
            learn = ["pretrain", "--recipe", recipe, "--data", path, "--out", out, *settings]
            self.refused(3, words, *learn, "data.sampler=shuffle")
            self.assertFalse((out / "log.jsonl").exists())
            run(*learn, check=0)

    def test_targets(self):
        path = self.write_labelled([i % 4 for i in range(64)])
        for loss in ("log_ratio", "regression"):
            self.train(loss, f"recipe.loss={loss}", data=path)
            lines = [json.loads(line) for line in
                     (self.folder / loss / "log.jsonl").read_text().splitlines()]
            self.assertEqual(len(lines), 6)
            self.refused(3, [f"recipe.loss={loss}", "expected real-valued targets"],
                         *self.arguments("none", f"recipe.loss={loss}"))


if __name__ == "__main__":
    nearfar_program.main()
