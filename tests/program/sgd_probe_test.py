"""`evaluate --methods linear_sgd` and `evaluate.every`: by hand, repeatable, refused in words."""

import json
import math
from array import array

import nearfar_program
from nearfar_program import ProgramTest, read_safetensors, run, write_idx

FEW = ["evaluate.linear_sgd.epochs=2", "evaluate.linear_sgd.min_steps=6",
       "evaluate.linear_sgd.batch=64", "threads=1"]
# What every line of a log holds.
KEYS = {"step", "epoch", "loss", "random_guess_loss", "learning_rate", "images_per_second",
        "data_wait_fraction", "grad_norm", "embedding_std", "effective_rank", "time"}


def rows_of(tensors):
    _, (count, width), data = tensors["features"]
    flat = array("f", data).tolist()
    rows = [flat[i * width:(i + 1) * width] for i in range(count)]
    return rows, array("q", tensors["labels"][2]).tolist()


def train_by_hand(rows, labels, rate, steps, classes=4):
    """Weight and bias: full batches, momentum 0.9, mean cross entropy, half a cosine."""
    weight = [[0.0] * len(rows[0]) for _ in range(classes)]
    bias = [0.0] * classes
    moving = [[0.0] * (len(rows[0]) + 1) for _ in range(classes)]
    for step in range(steps):
        slope = [[0.0] * (len(rows[0]) + 1) for _ in range(classes)]
        for row, label in zip(rows, labels):
            scores = [sum(w * x for w, x in zip(weight[c], row)) + bias[c] for c in range(classes)]
            exponentials = [math.exp(score - max(scores)) for score in scores]
            for c in range(classes):
                error = (exponentials[c] / sum(exponentials) - (c == label)) / len(rows)
                slope[c] = [s + error * x for s, x in zip(slope[c], [*row, 1.0])]
        now = rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        for c in range(classes):
            moving[c] = [0.9 * m + s for m, s in zip(moving[c], slope[c])]
            weight[c] = [w - now * m for w, m in zip(weight[c], moving[c])]
            bias[c] -= now * moving[c][-1]
    return weight, bias


class SgdProbe(ProgramTest):
    def setUp(self):
        super().setUp()
        self.out = self.pretrain("run", "train.steps=12")

    def evaluate(self, *settings):
        path = self.folder / "evaluation-elsewhere.json"
        run("evaluate", self.out, "--out", path, "--methods", "linear_sgd", *FEW, *settings,
            check=0)
        return json.loads(path.read_text())["methods"]["linear_sgd"]

    def test_document_says_every_rate_and_the_choice(self):
        # A flip would turn a bright left quarter, which is a class, into a right one.
        methods = self.evaluate("evaluate.linear_sgd.learning_rate=[0.1,1,10]",
                                "evaluate.linear_sgd.weight_decay=[0,0.001]",
                                "evaluate.linear_sgd.epochs=10", "evaluate.linear_sgd.view.flip=0",
                                "evaluate.linear_sgd.view.crop_min=0.8")
        self.assertEqual(set(methods), {"encoder", "untrained", "raw_pixels"})
        for source, fractions in methods.items():
            self.assertEqual(set(fractions), {"1.0", "0.1", "0.01"}, source)
            for fraction, result in fractions.items():
                settings = result["settings"]
                self.assertEqual(settings["chosen_on"], "held-out training images")
                self.assertEqual(len(settings["draws"]), result["seeds"])
                for draw in settings["draws"]:
                    self.check_draw(draw, settings["labelled"], (source, fraction))
        # Brightness by quarter: what the pixels tell at once, the probe must learn.
        self.assertGreater(methods["raw_pixels"]["1.0"]["top1"], 0.8)

    def check_draw(self, draw, labelled, where):
        sweep = draw["sweep"]
        self.assertEqual([(row["weight_decay"], row["learning_rate"]) for row in sweep],
                         [(decay, rate) for decay in (0, 0.001) for rate in (0.1, 1, 10)], where)
        best = max(sweep, key=lambda row: row["held_out_top1"])
        self.assertEqual((best["learning_rate"], best["weight_decay"]),
                         (draw["learning_rate"], draw["weight_decay"]), where)
        self.assertEqual(draw["batch"], min(64, labelled), where)
        self.assertGreaterEqual(draw["epochs"] * math.ceil(labelled / 64), 6, where)

    def test_by_hand(self):
        result = self.evaluate("evaluate.linear_sgd.augment=false",
                               "evaluate.linear_sgd.batch=256", "evaluate.linear_sgd.epochs=20",
                               "evaluate.linear_sgd.learning_rate=[2]", "evaluate.fractions=[1.0]",
                               "evaluate.draws=[1]")["encoder"]["1.0"]
        parts = []
        for part in ("train", "test"):
            out = self.folder / f"{part}.safetensors"
            run("embed", self.out, "--data", self.data, "--out", out, "--part", part, check=0)
            parts.append(rows_of(read_safetensors(out)[0]))
        (rows, labels), (test, test_labels) = parts
        weight, bias = train_by_hand(rows, labels, 2.0 * 256 / 256, 20)
        right = 0
        for row, label in zip(test, test_labels):
            scores = [sum(w * x for w, x in zip(weight[c], row)) + bias[c] for c in range(4)]
            right += scores.index(max(scores)) == label
        # float32 against double may tip a tie: one image of 64 at most.
        self.assertAlmostEqual(result["top1"], right / 64, delta=1.01 / 64)

    def test_the_same_whatever_the_number_of_workers(self):
        self.assertEqual(self.evaluate("data.workers=1"), self.evaluate("data.workers=3"))

    def test_contradictory_views_are_refused(self):
        self.refused(2, ["evaluate.linear_sgd.view.crop_min", "crop_max"], "evaluate", self.out,
                     "--methods", "linear_sgd", "evaluate.linear_sgd.view.crop_min=0.9",
                     "evaluate.linear_sgd.view.crop_max=0.5")

    def test_every_rate_list_needs_a_value(self):
        self.refused(2, ["evaluate.linear_sgd.learning_rate", "found none"], "evaluate", self.out,
                     "--methods", "linear_sgd", "evaluate.linear_sgd.learning_rate=[]")


class OnlineEvaluation(ProgramTest):
    def test_the_log_tells_what_was_found(self):
        out = self.pretrain("run", "train.steps=16", "evaluate.every=1")
        lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
        found = {line["step"]: line for line in lines if "online_knn" in line}
        self.assertEqual(sorted(found), [8, 16])
        self.assertEqual([line["step"] for line in lines], list(range(1, 17)))
        for line in lines:
            self.assertLessEqual(KEYS, set(line))
        for line in found.values():
            for key in ("online_knn", "online_linear"):
                self.assertTrue(0 <= line[key] <= 1, line)
            self.assertGreater(line["online_seconds"], 0)

    def test_a_set_without_labels_is_refused(self):
        bare = self.folder / "bare"
        bare.mkdir()
        write_idx(bare / "train-images-idx3-ubyte", bytes(64 * 16 * 16), (64, 16, 16))
        self.refused(2, ["evaluate.every", "no labels"], "pretrain", "--recipe", "simclr", "--data",
                     bare, "--out", self.folder / "never", "evaluate.every=1")
        self.assertFalse((self.folder / "never").exists())


if __name__ == "__main__":
    nearfar_program.main()
