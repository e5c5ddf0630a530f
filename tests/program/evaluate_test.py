"""`nearfar evaluate` and `embed`: the promised document, the same from every form of an encoder."""

import json
import math
import os
import shutil
from array import array

import nearfar_program
from nearfar_program import SharedRunTest, read_safetensors, run

SOURCES = {"encoder", "untrained", "raw_pixels"}
FRACTIONS = {"1.0", "0.1", "0.01"}
RESULT = {"top1", "spread", "seeds", "top5", "interval", "per_class", "settings"}


def vectors(tensor):
    _, (count, width), data = tensor
    flat = array("f", data)
    return [flat[i * width:(i + 1) * width].tolist() for i in range(count)]


def unit(vector):
    norm = math.sqrt(sum(v * v for v in vector))
    return [v / norm for v in vector] if norm > 0 else vector


def knn_top1(train, train_label, test, test_label, k, temperature, centred):
    """The weighted vote of Wu et al. (2018) in plain Python: weight exp(cosine / temperature)."""
    mean = [sum(column) / len(train) if centred else 0.0 for column in zip(*train)]
    train = [unit([v - m for v, m in zip(row, mean)]) for row in train]
    test = [unit([v - m for v, m in zip(row, mean)]) for row in test]
    right = 0
    for query, label in zip(test, test_label):
        cosine = [sum(a * b for a, b in zip(query, row)) for row in train]
        votes = {}
        for i in sorted(range(len(train)), key=lambda i: -cosine[i])[:k]:
            votes[train_label[i]] = votes.get(train_label[i], 0.0) + math.exp(
                cosine[i] / temperature)
        right += max(votes, key=votes.get) == label
    return right / len(test)


def map_at_r(features, labels):
    """Musgrave, Belongie and Lim (2020) by the definition, each image ranking all the others."""
    rows = [unit(row) for row in features]
    total = 0.0
    for query, wanted in enumerate(labels):
        others = [i for i in range(len(rows)) if i != query]
        cosine = {i: sum(a * b for a, b in zip(rows[query], rows[i])) for i in others}
        hits = [labels[i] == wanted for i in sorted(others, key=lambda i: (-cosine[i], i))]
        size = sum(hits)
        total += sum(sum(hits[:i + 1]) / (i + 1) for i in range(size) if hits[i]) / size
    return total / len(rows)


class Evaluate(SharedRunTest):
    SETTINGS = ["train.steps=12"]

    def evaluate(self, what, *options):
        path = self.folder / "evaluation-elsewhere.json"
        run("evaluate", what, "--out", path, "threads=1", *options, check=0)
        return json.loads(path.read_text())

    def embed(self, what, name, *options):
        out = self.folder / f"{name}.safetensors"
        run("embed", what, "--data", self.data, "--out", out, *options, check=0)
        return read_safetensors(out)[0], (self.folder /
                                          f"{name}.paths.txt").read_text().splitlines()

    def test_document_and_table(self):
        process = run("evaluate", self.out, "--json", check=0)
        document = json.loads(process.stdout)
        self.assertEqual(document, json.loads((self.out / "evaluation.json").read_text()))
        self.assertEqual(
            (document["data"]["name"], document["data"]["train"], document["data"]["test"]),
            ("squares", 256, 64))
        self.assertEqual(set(document["methods"]), {"linear", "knn"})
        for method, sources in document["methods"].items():
            self.assertEqual(set(sources), SOURCES, method)
            for source, fractions in sources.items():
                self.assertEqual(set(fractions), FRACTIONS, (method, source))
                for fraction, result in fractions.items():
                    where = (method, source, fraction)
                    confusion = result.pop("confusion", None)
                    self.assertEqual(confusion is None, (source, fraction) != ("encoder", "1.0"))
                    self.check_result(result, fraction, where)
                    if confusion:
                        # 16 test images a class.
                        self.assertEqual([row[c] / 16 for c, row in enumerate(confusion)],
                                         result["per_class"], where)
                        self.assertEqual([sum(row) for row in confusion], [16] * 4, where)
        table = run("evaluate", self.out, "threads=1", check=0).stdout
        for word in ("method", "labels", "encoder", "untrained", "raw pixels", "linear", "knn",
                     "100 %", "10 %", "1 %"):
            self.assertIn(word, table)

    def check_result(self, result, fraction, where):
        self.assertEqual(set(result), RESULT, where)
        low, high = result["interval"]
        self.assertTrue(0 <= low <= result["top1"] <= high <= 1 and low < high, (where, result))
        self.assertEqual(len(result["per_class"]), 4, where)
        # 16 test images a class: the mean over classes is the mean over images.
        self.assertAlmostEqual(sum(result["per_class"]) / 4, result["top1"], places=9, msg=where)
        self.assertIsNone(result["top5"], "top-5 of four classes")
        self.assertIsInstance(result["settings"], dict)
        if fraction == "1.0":
            self.assertEqual((result["seeds"], result["spread"]), (1, 0.0), where)
        else:
            self.assertGreaterEqual(result["seeds"], 3, where)

    def test_table_shows_the_numbers_of_the_document(self):
        process = run("evaluate", self.out, "--methods", "knn", check=0)
        methods = json.loads((self.out / "evaluation.json").read_text())["methods"]
        self.assertEqual(set(methods), {"knn"})
        line = next(line for line in process.stdout.splitlines() if "100 %" in line)
        for source in SOURCES:
            self.assertIn(f"{100 * methods['knn'][source]['1.0']['top1']:.1f}", line)

    def test_keeps_the_methods_of_the_same_encoder_and_images(self):
        quick = ("evaluate.fractions=[1]", "evaluate.draws=[1]")
        run("evaluate", self.out, "--methods", "knn", *quick, check=0)
        first = json.loads((self.out / "evaluation.json").read_text())
        process = run("evaluate", self.out, "--methods", "retrieval", *quick, check=0)
        both = json.loads((self.out / "evaluation.json").read_text())
        self.assertEqual(set(both["methods"]), {"knn", "retrieval"})
        self.assertEqual(both["methods"]["knn"], first["methods"]["knn"])
        self.assertIn("knn ", process.stdout)
        self.assertNotIn("replaced", process.stderr)
        # Other images, then an encoder that was written since.
        process = run("evaluate", self.out, "--methods", "knn", "data.limit=128", *quick, check=0)
        self.assertIn("replaced", process.stderr)
        self.assertEqual(set(json.loads((self.out / "evaluation.json").read_text())["methods"]),
                         {"knn"})
        os.utime(self.out / "evaluation.json", (0, 0))
        process = run("evaluate", self.out, "--methods", "retrieval", "data.limit=128", *quick,
                      check=0)
        self.assertIn("replaced", process.stderr)

    def test_neighbours_by_hand(self):
        document = self.evaluate(self.out, "--methods", "knn")
        result = document["methods"]["knn"]["encoder"]["1.0"]
        train, _ = self.embed(self.out, "train")
        test, _ = self.embed(self.out, "test", "--part", "test")
        labels = [array("q", part["labels"][2]).tolist() for part in (train, test)]
        chosen = result["settings"]["chosen"][0]
        by_hand = knn_top1(vectors(train["features"]), labels[0], vectors(test["features"]),
                           labels[1], chosen["k"], chosen["temperature"], chosen["centred"])
        # float32 against double may tip a tie: one image of 64 at most.
        self.assertAlmostEqual(result["top1"], by_hand, delta=1.01 / 64)

    def test_methods_that_fit_no_labels(self):
        process = run("evaluate", self.out, "--methods", "retrieval,clustering,verification",
                      "evaluate.fractions=[0.1]", "evaluate.draws=[2]", check=0)
        methods = json.loads((self.out / "evaluation.json").read_text())["methods"]
        for method, headline in (("retrieval", "map_at_r"), ("clustering", "ami"),
                                 ("verification", "auc")):
            self.assertEqual(set(methods[method]), SOURCES)
            line = next(x for x in process.stdout.splitlines() if x.startswith(method + " "))
            for source, fractions in methods[method].items():
                self.assertEqual(set(fractions), {"1.0"}, (method, source))
                result = fractions["1.0"]
                low, high = result["interval"]
                self.assertTrue(low <= result[headline] <= high, (method, source, result))
                self.assertIn(f"{100 * result[headline]:.1f}", line)
        for key in ("recall_at_1", "map_at_r", "r_precision", "nmi"):
            self.assertTrue(0 <= methods["retrieval"]["encoder"]["1.0"][key] <= 1, key)
        self.assertEqual(methods["verification"]["encoder"]["1.0"]["positives"], 4 * 16 * 15 // 2)
        self.assertEqual(methods["verification"]["encoder"]["1.0"]["negatives"], 6 * 16 * 16)

    def test_retrieval_by_hand(self):
        document = self.evaluate(self.out, "--methods", "retrieval")
        test, _ = self.embed(self.out, "test", "--part", "test")
        by_hand = map_at_r(vectors(test["features"]), array("q", test["labels"][2]).tolist())
        # float32 against double may let two neighbours change places.
        self.assertAlmostEqual(document["methods"]["retrieval"]["encoder"]["1.0"]["map_at_r"],
                               by_hand, delta=2e-3)

    def test_refuses_methods_that_do_not_fit(self):
        process = run("evaluate", self.out, "--methods", "open_set", check=3)
        self.assertIn("expected at least 5 classes", process.stderr)
        process = run("evaluate", self.out, "--methods", "linear,svm", check=2)
        self.assertIn('found "svm"', process.stderr)
        self.assertIn("retrieval", process.stderr)
        self.assertFalse((self.out / "evaluation.json").exists())

    def test_refuses_settings_and_places_before_it_extracts_features(self):
        for code, parts, arguments in (
                (2, ["evaluate.knn.k", "ascending"], ["evaluate.knn.k=[5,1]"]),
                (2, ["evaluate.linear.l2_weakest"], ["evaluate.linear.l2_strongest=1e-9"]),
                (2, ["evaluate.draws"], ["evaluate.draws=[1]"]),
                (2, ["evaluate.fractions", "0.1 twice"],
                 ["evaluate.fractions=[0.1,0.1]", "evaluate.draws=[1,1]"]),
                (4, [f"{self.folder}/none", "No such file"],
                 ["--out", self.folder / "none/evaluation.json"])):
            process = self.refused(code, parts, "evaluate", self.out, *arguments)
            self.assertNotIn("features of the encoder", process.stderr)

    def test_runs_where_device_says(self):
        embed = ["embed", self.out, "--data", self.data, "--out", self.folder / "f.safetensors"]
        commands = (["evaluate", self.out, "--methods", "retrieval"], embed,
                    ["report", self.out])
        for command in commands:
            run(*command, "device=cpu", check=0)
        self.refused(2, ["device", "gpu"], *commands[0], "device=gpu")
        if os.path.exists("/proc/driver/nvidia/version"):
            return
        for command in commands:
            self.refused(4, ["device=cuda"], *command, "device=cuda")

    def test_prints_the_table_even_where_it_cannot_be_written(self):
        (self.folder / "taken.json").mkdir()
        process = run("evaluate", self.out, "--methods", "knn", "--out",
                      self.folder / "taken.json", check=4)
        self.assertIn("raw pixels", process.stdout)

    def test_deterministic_and_the_same_from_every_form(self):
        documents = [self.evaluate(what) for what in
                     (self.out, self.out, self.out / "checkpoints/gen-12",
                      self.out / "encoder.safetensors")]
        for document in documents[1:]:
            self.assertEqual(documents[0]["methods"], document["methods"])
        copy = self.folder / "copy.safetensors"
        shutil.copy(self.out / "encoder.safetensors", copy)
        self.assertEqual(documents[0]["methods"],
                         self.evaluate(copy, "--data", self.data)["methods"])

    def test_embed(self):
        all_forms = [self.embed(what, "f") for what in
                     (self.out, self.out / "checkpoints/gen-12", self.out / "encoder.safetensors")]
        self.assertEqual(all_forms[0], all_forms[1])
        self.assertEqual(all_forms[0], all_forms[2])
        tensors, paths = all_forms[0]
        self.assertEqual(set(tensors), {"features", "labels"})
        self.assertEqual(tensors["features"][:2], ("F32", [256, 32]))
        self.assertEqual(tensors["labels"][:2], ("I64", [256]))
        self.assertEqual(array("q", tensors["labels"][2]).tolist(), [i % 4 for i in range(256)])
        self.assertEqual(len(paths), 256)
        self.assertEqual(len(set(paths)), 256)
        self.assertEqual(len({tuple(row) for row in vectors(tensors["features"])}), 256)

        test, test_paths = self.embed(self.out, "t", "--part", "test")
        self.assertEqual((test["features"][1], len(test_paths)), ([64, 32], 64))
        both, both_paths = self.embed(self.out, "b", "--part", "all")
        self.assertEqual(both["features"][2], tensors["features"][2] + test["features"][2])
        self.assertEqual(both_paths, paths + test_paths)

    def test_a_stopped_run_is_judged_by_its_checkpoint(self):
        expected = self.evaluate(self.out, "--methods", "knn")
        (self.out / "encoder.safetensors").unlink()
        self.assertEqual(expected["methods"],
                         self.evaluate(self.out, "--methods", "knn")["methods"])

    def test_where_the_document_goes(self):
        run("evaluate", self.out / "checkpoints/gen-12", "--methods", "knn", check=0)
        self.assertTrue((self.out / "evaluation.json").exists())


if __name__ == "__main__":
    nearfar_program.main()
