"""`nearfar export`: the Python that it prints loads the file strictly, with the same features."""

import json
import pathlib
import shutil
import tempfile

import nearfar_program
from nearfar_program import ProgramTest, png, read_safetensors, run

try:
    import safetensors.torch
    import timm
    import torch
    import torchvision
except ImportError:
    torch = None

SIDE = 32
COUNT = 4


def pixel(image, x, y):
    return (x * 7 + 50 * image) % 256, (y * 9 + 13 * image) % 256, (x * y + 70 * image) % 256


class Export(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.common = pathlib.Path(tempfile.mkdtemp(prefix="nearfar-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.common)
        cls.photographs = cls.common / "photographs"
        cls.photographs.mkdir()
        for i in range(COUNT):
            (cls.photographs / f"{i}.png").write_bytes(
                png(SIDE, SIDE, lambda x, y: pixel(i, x, y)))

    def trained(self, name, stem, *settings, data=None):
        """A run of one step, which tests share: they only read it."""
        out = self.common / f"{name}-{stem}{'-gray' if data else ''}"
        if not out.exists():
            run("pretrain", "--recipe", "simclr", "--data", data or self.photographs, "--out", out,
                f"recipe.view.size={SIDE}", "recipe.view.blur=0", "train.batch=4", "train.steps=1",
                "threads=1", "data.workers=1", "recipe.view.hue=0", f"encoder.name={name}",
                f"encoder.stem={stem}", "encoder.width=8", *settings, check=0)
        return out

    def export(self, source, out, *options):
        process = run("export", source, "--out", out, "--json", *options, check=0)
        document = json.loads(process.stdout)
        # Equal weights in an equal program: nothing may differ at all.
        self.assertEqual(document["max_abs_difference"], 0.0)
        return document

    def loaded(self, document):
        """The model that the printed Python makes."""
        scope = {}
        exec("\n".join(document["python"]), scope)  # what a reader would paste
        return scope["model"].double().eval()

    def features(self, source, data):
        out = self.folder / "features.safetensors"
        run("embed", source, "--data", data, "--out", out, "threads=1", check=0)
        return safetensors.torch.load_file(out)["features"]

    def assert_same_features(self, source, model, data=None, images=None):
        _, metadata = read_safetensors(source / "encoder.safetensors")
        if images is None:
            images = torch.tensor([[[pixel(i, x, y) for x in range(SIDE)] for y in range(SIDE)]
                                   for i in range(COUNT)], dtype=torch.float64)
        mean, std = (torch.tensor(json.loads(metadata[key])) for key in ("mean", "std"))
        images = ((images / 255 - mean) / std).permute(0, 3, 1, 2)
        with torch.no_grad():
            expected = model(images)
        features = self.features(source, data or self.photographs)
        self.assertEqual(features.shape, expected.shape)
        self.assertGreater(expected.std(0).mean(), 1e-3, "the features tell no images apart")
        # float32 against float64: a score of layers' rounding of the largest feature.
        self.assertLess((features - expected).abs().max() / expected.abs().max(), 1e-5)

    def test_every_form_of_an_encoder(self):
        for name, stem, formats in (("resnet18", "cifar", ("torchvision", "timm")),
                                    ("resnet18", "imagenet", ("torchvision", "timm",
                                                              "timm-folder")),
                                    ("resnet50", "imagenet", ("timm-folder",)),
                                    ("tiny", "auto", ("torchvision",)),
                                    ("tiny", "imagenet", ("torchvision",))):
            source = self.trained(name, stem)
            for form in formats:
                with self.subTest(name=name, stem=stem, format=form):
                    out = self.folder / f"{name}-{stem}-{form}"
                    document = self.export(source, out, "--format", form)
                    self.assert_same_features(source, self.loaded(document))

    def test_gray_images(self):
        source = self.trained("resnet18", "imagenet", "recipe.view.saturation=0", data=self.data)
        for form in ("torchvision", "timm", "timm-folder"):
            model = self.loaded(self.export(source, self.folder / form, "--format", form))
            self.assertEqual(model.conv1.weight.shape, (64, 1, 7, 7))

    def test_what_timm_knows_of_a_folder(self):
        source = self.trained("resnet18", "imagenet")
        self.export(source, self.folder / "out", "--format", "timm-folder")
        model = timm.create_model(f"local-dir:{self.folder / 'out'}", pretrained=True)
        _, metadata = read_safetensors(source / "encoder.safetensors")
        config = timm.data.resolve_model_data_config(model)
        self.assertEqual(list(config["mean"]), json.loads(metadata["mean"]))
        self.assertEqual(list(config["std"]), json.loads(metadata["std"]))
        self.assertEqual(list(config["input_size"]), [3, SIDE, SIDE])
        # A classifier of one's own on top.
        model = timm.create_model(f"local-dir:{self.folder / 'out'}", pretrained=True,
                                  num_classes=7)
        self.assertEqual(model(torch.zeros(1, 3, 64, 64)).shape, (1, 7))

    def test_the_file(self):
        source = self.trained("resnet18", "cifar")
        out = self.folder / "deep/folder/file.safetensors"
        document = self.export(source / "checkpoints/gen-1", out)
        tensors, metadata = read_safetensors(out)
        self.assertEqual(metadata["format"], "pt")
        own, own_metadata = read_safetensors(source / "encoder.safetensors")
        self.assertEqual((tensors, metadata["encoder"]), (own, own_metadata["encoder"]))
        self.assertEqual((document["tensors"], document["encoder"]), (120, "resnet18"))
        text = run("export", source, "--out", out, check=0).stdout
        self.assertIn("largest difference of features 0", text)
        for line in document["python"]:
            self.assertIn(line, text)

    def test_foreign_names_become_torchvisions(self):
        model = torchvision.models.resnet18()
        state = {f"module.{name}": tensor.half() for name, tensor in model.state_dict().items()}
        path = self.folder / "foreign.safetensors"
        safetensors.torch.save_file(state, path)
        out = self.folder / "own.safetensors"
        self.export(path, out, "--encoder", "resnet18")
        model.fc = torch.nn.Identity()
        model.load_state_dict(safetensors.torch.load_file(out), strict=True)
        self.assertTrue(model.conv1.weight.equal(state["module.conv1.weight"].float()))

    def test_refusals(self):
        source = self.trained("tiny", "auto")
        for form in ("timm", "timm-folder"):
            self.refused(2, ["timm has no encoder tiny", "--format torchvision"], "export", source,
                         "--out", "x", "--format", form)
        source = self.trained("resnet18", "cifar")
        self.refused(2, ["cifar stem", "--format timm"], "export", source, "--out", "x",
                     "--format", "timm-folder")
        self.assertFalse((self.folder / "x").exists())
        self.refused(2, ["--out", str(self.folder), "expected a file", "found a folder"], "export",
                     source, "--out", self.folder)
        self.refused(6, ["no such run"], "export", self.folder / "none", "--out", "x")


if __name__ == "__main__":
    nearfar_program.main("torch, torchvision, timm, safetensors", missing=torch is None)
