"""`nearfar finetune`: what it learns from, what it is judged on, and the files that it leaves."""

import json
from array import array

import nearfar_program
from nearfar_program import SharedRunTest, png, read_safetensors, run, write_safetensors

# A class of the squares is a quarter of the image: a flip would change it.
QUICK = ["train.epochs=8", "train.batch=16", "optimizer.learning_rate=0.5", "threads=1",
         "data.workers=1", "recipe.view.flip=0", "recipe.view.crop_min=0.8"]


def rows(tensor):
    _, (count, width), data = tensor
    flat = array("f", data)
    return [flat[i * width:(i + 1) * width] for i in range(count)]


class Finetune(SharedRunTest):
    SETTINGS = ["train.steps=2", "train.seed=3"]

    def setUp(self):
        super().setUp()
        self.source = self.out
        self.out = self.folder / "tuned"

    def finetune(self, *arguments, source=None):
        process = run("finetune", source or self.source, "--out", self.out, "--json", *QUICK,
                      *arguments, check=0)
        document = json.loads(process.stdout)
        self.assertEqual(document, json.loads((self.out / "finetune.json").read_text()))
        return document, process.stderr

    def config(self, folder=""):
        return json.loads((self.out / folder / "config.json").read_text())

    def top1_by_hand(self, folder, data, part):
        """Predictions in plain Python from `embed` and the classifier's file."""
        features = self.folder / "features.safetensors"
        run("embed", folder, "--data", data, "--part", part, "--out", features, check=0)
        stored, _ = read_safetensors(features)
        classifier, metadata = read_safetensors(folder / "classifier.safetensors")
        weight = rows(classifier["fc.weight"])
        bias = array("f", classifier["fc.bias"][2])
        labels = array("q", stored["labels"][2])
        right = 0
        for feature, label in zip(rows(stored["features"]), labels):
            scores = [b + sum(a * w for a, w in zip(feature, row)) for row, b in zip(weight, bias)]
            right += scores.index(max(scores)) == label
        self.assertEqual(len(json.loads(metadata["classes"])), len(weight))
        return right / len(labels)

    def test_document_baseline_and_files(self):
        document, said = self.finetune("--labels", "0.5", "--baseline")
        self.assertEqual(document["labels"], 0.5)
        for part, folder in (("fine_tuned", self.out), ("from_scratch", self.out / "from_scratch")):
            report = document[part]
            self.assertEqual((report["images"], report["test_images"]), (128, 64))
            self.assertAlmostEqual(report["top1"], self.top1_by_hand(folder, self.data, "test"))
            # A bright quarter is learned in a few steps; guessing would be right in a quarter.
            self.assertGreater(report["top1"], 0.5)
            self.assertAlmostEqual(sum(report["per_class"]) / 4, report["top1"])
        self.assertIn("initial weights: " + str(self.source / "encoder.safetensors"), said)
        tuned, scratch = self.config(), self.config("from_scratch")
        self.assertEqual(tuned["encoder"].pop("weights"),
                         str(self.source / "encoder.safetensors"))
        self.assertEqual(scratch["encoder"].pop("weights"), "")
        self.assertEqual(len(tuned["encoder"].pop("weights_hash")), 32)
        scratch["encoder"].pop("weights_hash")
        self.assertEqual(tuned, scratch, "the baseline differs in nothing else")
        own = json.loads((self.source / "config.json").read_text())
        self.assertEqual(tuned["data"]["mean"], own["data"]["mean"])
        self.assertEqual(tuned["train"]["seed"], 3)
        self.assertEqual(
            {key: tuned["optimizer"][key] for key in ("name", "nesterov", "weight_decay")},
            {"name": "sgd", "nesterov": True, "weight_decay": 0.0})
        text = run("finetune", self.source, "--out", self.out, "--baseline", check=0).stdout
        self.assertIn("fine-tuned", text)
        self.assertIn(f"{100 * document['from_scratch']['top1']:.1f}", text)

    def test_published_settings(self):
        for labels, epochs in (("0.01", 60), ("0.1", 30)):
            out = self.folder / labels
            run("finetune", self.source, "--out", out, "--labels", labels, "train.steps=1",
                "threads=1", check=0)
            config = json.loads((out / "config.json").read_text())
            self.assertEqual(config["train"]["epochs"], epochs)
            self.assertEqual((config["optimizer"]["learning_rate"], config["optimizer"]["scaling"],
                              config["optimizer"]["momentum"], config["schedule"]["name"],
                              config["schedule"]["warmup_epochs"]),
                             (0.05, "linear", 0.9, "cosine", 0.0))
            for key in ("jitter", "grayscale", "blur", "solarize"):
                self.assertEqual(config["recipe"]["view"][key], 0.0)

    def test_again_it_is_finished_and_says_the_same(self):
        first, _ = self.finetune("--labels", "0.5")
        before = nearfar_program.digest(self.out / "encoder.safetensors")
        again = run("finetune", self.source, "--out", self.out, "--json", check=0)
        self.assertEqual(json.loads(again.stdout), first)
        self.assertEqual(before, nearfar_program.digest(self.out / "encoder.safetensors"))
        self.refused(2, ["data.label_fraction"], "finetune", self.source, "--out", self.out,
                     "--labels", "0.25")
        other = self.pretrain("other", "train.steps=1")
        self.refused(2, ["encoder.weights"], "finetune", other, "--out", self.out)

    def test_images_that_judge_are_not_learned(self):
        data = self.folder / "sorted"
        for label in ("dark", "light"):
            (data / label).mkdir(parents=True)
            for i in range(20):
                value = 200 * (label == "light") + i
                (data / label / f"{i}.png").write_bytes(
                    png(16, 16, lambda x, y: (value, value, (x * y) % 50)))
        source = self.folder / "colour"
        run("pretrain", "--recipe", "simclr", "--data", data, "--out", source,
            *nearfar_program.QUICK, "train.steps=1", check=0)
        document, _ = self.finetune("data.test_fraction=0.25", source=source)
        report = document["fine_tuned"]
        self.assertEqual((report["images"], report["test_images"]), (30, 10))

    def test_data_of_the_run_by_another_name(self):
        settings = ["data.split_seed=5", "data.test_fraction=0.25", "data.limit=32",
                    "data.sampler=balanced", "data.images_per_class=16", "train.batch=32"]
        pixels, labels = self.folder / "images.npy", self.folder / "images_labels.npy"
        nearfar_program.write_npy(pixels, "|u1", (128, 8, 8), bytes(i % 251 for i in range(8192)))
        nearfar_program.write_npy(labels, "|u1", (128,), bytes(i % 2 for i in range(128)))
        source = self.folder / "balanced"
        run("pretrain", "--recipe", "simclr", "--data", pixels, "--out", source,
            *nearfar_program.QUICK, *settings, "train.steps=1", check=0)
        document, _ = self.finetune("--data", self.folder / "squares/../images.npy", source=source)
        config = self.config()["data"]
        self.assertEqual((config["split_seed"], config["test_fraction"], config["limit"]),
                         (5, 0.25, 32))
        self.assertEqual((config["sampler"], config["label_fraction"]), ("shuffle", 1.0))
        self.assertEqual((document["fine_tuned"]["images"], document["fine_tuned"]["test_images"]),
                         (32, 32))

    def test_images_that_pretraining_saw(self):
        pixels, labels = self.folder / "images.npy", self.folder / "images_labels.npy"
        nearfar_program.write_npy(pixels, "|u1", (128, 8, 8), bytes(i % 251 for i in range(8192)))
        nearfar_program.write_npy(labels, "|u1", (128,), bytes(i % 2 for i in range(128)))
        source = self.folder / "everything"
        run("pretrain", "--recipe", "simclr", "--data", pixels, "--out", source,
            *nearfar_program.QUICK, "data.test_fraction=0", "train.steps=1", check=0)
        document, said = self.finetune("data.test_fraction=0.25", "--baseline", source=source)
        self.assertIn("warning: pretraining saw 32 of the 32 images that judge here", said)
        self.assertEqual([document[part]["seen_in_pretraining"]
                          for part in ("fine_tuned", "from_scratch")], [32, 0])

        def seen():
            process = run("evaluate", self.out, "--json", "--methods", "knn", check=0)
            return json.loads(process.stdout)["data"]["seen_in_pretraining"], process.stderr

        page = json.loads(run("report", self.out, "--json", check=0).stdout)
        share = f"{100 * document['fine_tuned']['top1']:.1f} % of 32 test images right"
        self.assertIn(f"Fine-tuned on 100 % of the labels: {share}; from scratch",
                      " ".join(page["remarks"]))
        self.assertEqual(seen()[0], 32)
        (source / "encoder.safetensors").write_bytes(
            (self.source / "encoder.safetensors").read_bytes())
        number, said = seen()
        self.assertIsNone(number, "other weights than it started from")
        self.assertIn("warning: which images pretraining saw is not known: ", said)

    def test_weights_of_others(self):
        tensors, _ = read_safetensors(self.source / "encoder.safetensors")
        path = self.folder / "foreign.safetensors"
        write_safetensors(path, {f"module.{name}": tensor for name, tensor in tensors.items()})
        document, said = self.finetune("--encoder", "tiny", "--data", self.data, "data.mean=[0.3]",
                                       "data.std=[0.3]", "recipe.view.size=16", source=path)
        self.assertIn('prefix "module." removed', said)
        self.assertEqual(document["fine_tuned"]["images"], 256)

    def test_refusals(self):
        photographs = self.folder / "unsorted"
        photographs.mkdir()
        for i in range(8):
            (photographs / f"{i}.png").write_bytes(png(16, 16, lambda x, y: (i, x, y)))
        source = self.folder / "unlabelled"
        run("pretrain", "--recipe", "simclr", "--data", photographs, "--out", source,
            *nearfar_program.QUICK, "train.batch=4", "train.steps=1", check=0)
        self.refused(3, ["expected", "label", str(photographs)], "finetune", source, "--out",
                     "x")
        self.refused(2, ["--labels"], "finetune", self.source, "--labels", "1.5")
        self.refused(2, ["--labels", "finite", "nan"], "finetune", self.source, "--labels", "nan")
        self.refused(2, ["--labels", "data.label_fraction", "found both"], "finetune", self.source,
                     "--out", "x", "--labels", "0.1", "data.label_fraction=0.5")
        for command in (["finetune"], ["evaluate"], ["export", "--out", "x"],
                        ["embed", "--out", "x", "--data", self.data]):
            self.refused(2, ["--encoder", "expected tiny", "found resnet50"], *command,
                         self.source, "--encoder", "resnet50")
        self.refused(2, ["train.epoch", "did you mean"], "finetune", self.source, "--out", "x",
                     "train.epoch=3")
        self.refused(6, ["no such run"], "finetune", self.folder / "none")
        self.assertFalse((self.folder / "x").exists())


if __name__ == "__main__":
    nearfar_program.main()
