"""Weights of torchvision and timm: the same features here as there, and clear words where they do not fit."""

import json
import struct
import subprocess
import sys

import nearfar_program
from nearfar_program import ProgramTest, png, read_safetensors, run

try:
    import safetensors.torch
    import timm
    import torch
    import torchvision
except ImportError:
    torch = None

SIDE = 64
COUNT = 4
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def pixel(image, x, y):
    """Red, green and blue of the image with that number."""
    return (x * 5 + 40 * image) % 256, (y * 3 + 17 * image) % 256, (x * y + 90 * image) % 256


def lively(model):
    """BatchNorms of a fresh model change nothing: give them statistics and scales to tell apart."""
    source = torch.Generator().manual_seed(5)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor, low, high in ((module.weight, 0.5, 1.5), (module.bias, -0.2, 0.2),
                                      (module.running_mean, -0.2, 0.2),
                                      (module.running_var, 0.5, 2.0)):
                tensor.data.uniform_(low, high, generator=source)
            module.num_batches_tracked.fill_(7)
    return model


def write_zeros(path, state):
    """Tensors of these names and shapes that are all zero: a file with a hole for its values."""
    header, end = {}, 0
    for name, tensor in state.items():
        begin, end = end, end + tensor.nbytes
        header[name] = {"dtype": "I64" if tensor.dtype == torch.int64 else "F32",
                        "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)


class PhotographTest(ProgramTest):
    """Four images, and a place for a model."""

    def setUp(self):
        super().setUp()
        self.photographs = self.folder / "photographs"
        self.photographs.mkdir()
        for i in range(COUNT):
            (self.photographs / f"{i}.png").write_bytes(
                png(SIDE, SIDE, lambda x, y: pixel(i, x, y)))
        self.path = self.folder / "model.safetensors"

    def images(self, mean=MEAN, std=STD):
        """The same pixels as a normalised batch in float64."""
        values = torch.tensor([[[pixel(i, x, y) for x in range(SIDE)] for y in range(SIDE)]
                               for i in range(COUNT)], dtype=torch.float64)
        return ((values / 255 - torch.tensor(mean)) / torch.tensor(std)).permute(0, 3, 1, 2)

    def expected(self, model, **options):
        """Features of a model without its classifier."""
        model.fc = torch.nn.Identity()
        with torch.no_grad():
            return model.double().eval()(self.images(**options))

    def embed(self, name, *options, path=None):
        """Features and the command's document."""
        out = self.folder / "features.safetensors"
        process = run("embed", path or self.path, "--encoder", name, "--data", self.photographs,
                      "--out", out, f"evaluate.image_size={SIDE}", "threads=1", "--json", *options,
                      check=0)
        return safetensors.torch.load_file(out)["features"], json.loads(process.stdout)

    def assert_equal_features(self, features, expected, tolerance=1e-5):
        self.assertEqual(features.shape, expected.shape)
        self.assertGreater(expected.std(0).mean(), 1e-3, "the features tell no images apart")
        error = ((features - expected).abs().max() / expected.abs().max()).item()
        # float32 here against float64 there: up to 150 layers' rounding.
        self.assertLess(error, tolerance)


class ForeignWeights(PhotographTest):
    """A file of weights as --encoder."""

    def check_architecture(self, name, model):
        state = {key: tensor.clone() for key, tensor in lively(model).state_dict().items()}
        safetensors.torch.save_file(state, self.path)
        features, document = self.embed(name)
        self.assert_equal_features(features, self.expected(model))
        weights = document["weights"]
        self.assertEqual(weights["loaded"], len(state) - 2)
        self.assertEqual(weights["wanted"], len(state) - 2)
        self.assertEqual(sorted(weights["left_out"]), ["fc.bias", "fc.weight"])
        self.assertEqual(weights["prefix"], "")

    def check_names(self, name, make):
        """Every name and shape fits: without values in the file and features to compare."""
        with torch.device("meta"):
            state = make(name).state_dict()
        write_zeros(self.path, state)
        _, document = self.embed(name)
        self.assertEqual((document["weights"]["loaded"], document["weights"]["wanted"]),
                         (len(state) - 2, len(state) - 2))
        self.assertEqual(sorted(document["weights"]["left_out"]), ["fc.bias", "fc.weight"])

    def test_every_architecture_of_torchvision(self):
        make = lambda name: getattr(torchvision.models, name)(weights=None)
        for name in ("resnet18", "resnet50", "wide_resnet50_2"):
            with self.subTest(name):
                torch.manual_seed(1)
                self.check_architecture(name, make(name))
        for name in ("resnet34", "resnet101", "resnet152", "wide_resnet101_2"):
            with self.subTest(name):
                self.check_names(name, make)

    def test_models_of_timm(self):
        torch.manual_seed(2)
        self.check_architecture("resnet18", timm.create_model("resnet18"))
        for name in ("resnet50", "wide_resnet50_2"):
            with self.subTest(name):
                self.check_names(name, timm.create_model)

    def test_a_checkpoint_of_moco(self):
        torch.manual_seed(3)
        query, key = (lively(torchvision.models.resnet18(num_classes=16)) for _ in range(2))
        state = {f"module.encoder_q.{n}": t.clone() for n, t in query.state_dict().items()}
        state |= {f"module.encoder_k.{n}": t + 1 for n, t in key.state_dict().items()}
        state |= {"module.queue": torch.randn(16, 32), "module.queue_ptr": torch.tensor([3])}
        safetensors.torch.save_file(state, self.path)
        features, document = self.embed("resnet18")
        self.assert_equal_features(features, self.expected(query))
        self.assertEqual(document["weights"]["prefix"], "module.encoder_q.")
        # 120 of the query encoder are taken; its classifier, the key encoder and the queue are not.
        self.assertEqual(len(document["weights"]["left_out"]), 2 + 122 + 2)

    def test_a_backbone_in_a_sequential(self):
        """lightly's SimCLR: backbone = Sequential(*children of the ResNet but the last)."""
        torch.manual_seed(4)
        model = lively(torchvision.models.resnet18())
        whole = torch.nn.Module()
        whole.backbone = torch.nn.Sequential(*list(model.children())[:-1])
        whole.projection_head = torch.nn.Linear(512, 8)
        safetensors.torch.save_file(whole.state_dict(), self.path)
        features, document = self.embed("resnet18")
        self.assert_equal_features(features, self.expected(model))
        self.assertEqual(document["weights"]["prefix"], "backbone.")

    def test_half_precision_and_absent_counters(self):
        torch.manual_seed(6)
        model = lively(torchvision.models.resnet18())
        for dtype, name in ((torch.float16, "F16"), (torch.bfloat16, "BF16")):
            state = {key: tensor.to(dtype) for key, tensor in model.state_dict().items()
                     if not key.endswith("num_batches_tracked")}
            safetensors.torch.save_file(state, self.path)
            rounded = torchvision.models.resnet18()
            rounded.load_state_dict({key: tensor.float() for key, tensor in state.items()},
                                    strict=False)
            features, document = self.embed("resnet18")
            self.assert_equal_features(features, self.expected(rounded))
            self.assertEqual(document["weights"]["converted"], name)
            self.assertEqual((document["weights"]["loaded"], len(document["weights"]["absent"])),
                             (100, 20))

    def test_normalisation_and_size_are_settings(self):
        torch.manual_seed(7)
        model = lively(torchvision.models.resnet18())
        safetensors.torch.save_file(model.state_dict(), self.path)
        mean, std = [0.5, 0.4, 0.3], [0.5, 0.25, 0.125]
        features, _ = self.embed("resnet18", f"data.mean={mean}", f"data.std={std}")
        self.assert_equal_features(features, self.expected(model, mean=mean, std=std))

    def test_a_stem_for_small_images(self):
        torch.manual_seed(8)
        model = torchvision.models.resnet18()
        model.conv1 = torch.nn.Conv2d(3, 64, 3, stride=1, padding=1, bias=False)
        model.maxpool = torch.nn.Identity()
        safetensors.torch.save_file(lively(model).state_dict(), self.path)
        features, _ = self.embed("resnet18")
        self.assert_equal_features(features, self.expected(model))

    def refused_embed(self, code, parts, *options):
        self.refused(code, parts, "embed", self.path, "--data", self.photographs, "--out",
                     self.folder / "f.safetensors", *options)

    def test_what_does_not_fit(self):
        state = torchvision.models.resnet34().state_dict()
        safetensors.torch.save_file(state, self.path)
        self.refused_embed(6, ["does not fit resnet18", "unexpected: layer1.2.bn1", "and",
                               "looks like resnet34"], "--encoder", "resnet18")
        self.refused_embed(6, ["--encoder resnet34"])
        state["layer1.0.conv1.wieght"] = state.pop("layer1.0.conv1.weight")
        safetensors.torch.save_file(state, self.path)
        self.refused_embed(6, ["missing: layer1.0.conv1.weight",
                               'is it "layer1.0.conv1.wieght"?'], "--encoder", "resnet34")

    def test_pickles_are_not_opened(self):
        model = lively(torchvision.models.resnet18())
        for name, legacy in (("new.pth", False), ("old.pt", True)):
            self.path = self.folder / name
            torch.save({"state_dict": model.state_dict(), "epoch": 3}, self.path,
                       _use_new_zipfile_serialization=not legacy)
            process = run("embed", self.path, "--encoder", "resnet18", "--data", self.photographs,
                          "--out", self.folder / "f.safetensors")
            self.assert_refusal(process, 6, ["torch.save", "weights_only=True"])
            # The Python that it names does what it says.
            subprocess.run([sys.executable, "-c", process.stderr.split("in Python: ")[1]],
                           check=True)
            features, _ = self.embed("resnet18", path=f"{self.path}.safetensors")
            self.assert_equal_features(features, self.expected(model))
            model = lively(torchvision.models.resnet18())


class StartingWeights(PhotographTest):
    """encoder.weights: a run that starts from a file."""

    def start(self, name, *settings, code=0):
        out = self.folder / name
        process = run("pretrain", "--recipe", "simclr", "--data", self.photographs, "--out", out,
                      "encoder.name=resnet18", "encoder.stem=imagenet", "recipe.view.size=64",
                      "recipe.view.blur=0", "train.batch=4", "train.steps=2", "threads=1",
                      "train.checkpoint_every=1", "data.workers=1", f"encoder.weights={self.path}",
                      *settings)
        self.assertEqual(process.returncode, code, process.stderr)
        return out, process

    def setUp(self):
        super().setUp()
        torch.manual_seed(9)
        self.model = lively(torchvision.models.resnet18())
        safetensors.torch.save_file(self.model.state_dict(), self.path)

    def test_a_run_starts_from_them(self):
        # At a rate of 0 the parameters stay what they were.
        out, process = self.start("run", "optimizer.learning_rate=0", "optimizer.weight_decay=0")
        self.assertIn("120 of 120 tensors, left out: fc.bias, fc.weight", process.stderr)
        tensors, metadata = read_safetensors(out / "encoder.safetensors")
        for name, parameter in self.model.named_parameters():
            if not name.startswith("fc."):
                self.assertEqual(tensors[name][2], parameter.detach().numpy().tobytes(), name)
        config = json.loads((out / "config.json").read_text())
        self.assertEqual(config["encoder"]["weights_hash"], metadata["initial_weights"])
        for key, expected in (("mean", MEAN), ("std", STD)):
            for found, wanted in zip(config["data"][key], expected):
                self.assertAlmostEqual(found, wanted, places=6)

    def test_going_on_needs_no_file_and_changes_no_bit(self):
        whole, _ = self.start("whole")
        stopped, _ = self.start("stopped")
        for name in ("checkpoints/gen-2", "encoder.safetensors"):
            subprocess.run(["rm", "-r", stopped / name], check=True)
        self.path.unlink()
        run("pretrain", "--out", stopped, check=0)
        self.assertEqual(*(nearfar_program.digest(out / "encoder.safetensors")
                           for out in (whole, stopped)))

    def test_what_a_kill_left_of_a_first_save_is_no_checkpoint(self):
        out, _ = self.start("run", "optimizer.learning_rate=0", "optimizer.weight_decay=0")
        subprocess.run(["rm", "-r", *(out / "checkpoints").iterdir(), out / "encoder.safetensors"],
                       check=True)
        (out / "checkpoints" / "gen-2.tmp").mkdir()
        self.assertIn("initial weights", run("pretrain", "--out", out, check=0).stderr)
        tensors, _ = read_safetensors(out / "encoder.safetensors")
        self.assertEqual(tensors["conv1.weight"][2],
                         self.model.conv1.weight.detach().numpy().tobytes())

    def test_another_file_of_that_name_is_refused(self):
        out, _ = self.start("run", "train.steps=1")
        subprocess.run(["rm", "-r", *(out / "checkpoints").iterdir()], check=True)
        self.model.bn1.bias.data += 1
        safetensors.torch.save_file(self.model.state_dict(), self.path)
        self.refused(6, ["encoder.weights", "weights_hash"], "pretrain", "--out", out)

    def test_weights_that_do_not_fit(self):
        _, process = self.start("run", "encoder.name=resnet50", code=6)
        self.assert_refusal(process, 6, ["does not fit resnet50", "looks like resnet18"])
        self.assertFalse((self.folder / "run").exists())


if __name__ == "__main__":
    nearfar_program.main("torch, torchvision, timm, safetensors", missing=torch is None)
