"""Vision transformers from the outside: timm's and torchvision's files, exports, and runs that go on to the bit."""

import json
import shutil
import subprocess

import nearfar_program
from foreign_weights_test import COUNT, SIDE, PhotographTest, pixel
from nearfar_program import digest, png, read_safetensors, run
from rank_runs import moved_by_an_ulp

try:
    import safetensors.torch
    import timm
    import torch
    import torchvision
    from timm.layers import resample_abs_pos_embed
except ImportError:
    torch = None

NAME = "vit_tiny_patch16_224"
# A ViT that trains in no time: 4 x 4 patches, two blocks.
SMALL = [f"encoder.name={NAME}", "encoder.patch=8", "encoder.depth=2", "recipe.view.size=32",
         "recipe.view.blur=0", "train.batch=4", "threads=1", "data.workers=1"]


def lively(model):
    """Biases, norms and the class token of a fresh ViT tell nothing apart."""
    source = torch.Generator().manual_seed(5)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=source)
    return model.eval()


def saved(model, path, prefix="", more=None):
    state = {prefix + name: tensor.clone() for name, tensor in model.state_dict().items()}
    safetensors.torch.save_file({**state, **(more or {})}, path)
    return state


class ForeignViT(PhotographTest):
    """Files of timm and torchvision as --encoder."""

    def expected(self, model):
        model.reset_classifier(0)
        with torch.no_grad():
            return model.double()(self.images())

    def check(self, model, *, expected=None, name=NAME):
        features, document = self.embed(name)
        self.assert_equal_features(features, self.expected(model) if expected is None else expected)
        return document["weights"]

    def test_files_of_timm(self):
        torch.manual_seed(1)
        for arguments in ({}, {"global_pool": "avg"}, {"depth": 3, "patch_size": 8}):
            with self.subTest(arguments):
                model = lively(timm.create_model(NAME, img_size=SIDE, **arguments))
                saved(model, self.path)
                weights = self.check(model)
                self.assertEqual(weights["left_out"], ["head.bias", "head.weight"])
                self.assertEqual(weights["wanted"], 6 + 12 * arguments.get("depth", 12))

    def test_small_and_base(self):
        for name in ("vit_small_patch16_224", "vit_base_patch16_224"):
            with self.subTest(name):
                torch.manual_seed(2)
                model = lively(timm.create_model(name, img_size=SIDE))
                saved(model, self.path)
                self.check(model, name=name)

    def test_other_image_sizes(self):
        torch.manual_seed(3)
        model = lively(timm.create_model(NAME, dynamic_img_size=True))  # for 224 pixels
        saved(model, self.path)
        self.check(model)
        self.refused(2, ["images of 40 x 40", "patch of 16"], "embed", self.path, "--encoder", NAME,
                     "--data", self.photographs, "--out", self.folder / "f.safetensors",
                     "evaluate.image_size=40")

    def test_files_of_torchvision(self):
        torch.manual_seed(4)
        model = lively(torchvision.models.VisionTransformer(SIDE, 16, 12, 3, 192, 768))
        state = saved(model, self.path)
        model.heads = torch.nn.Identity()
        with torch.no_grad():
            expected = model.double()(self.images())
        for old in (False, True):
            if old:  # the names before torchvision 0.13
                state = {name.replace("mlp.0", "mlp.linear_1").replace("mlp.3", "mlp.linear_2"): tensor
                         for name, tensor in state.items()}
                safetensors.torch.save_file(state, self.path)
            weights = self.check(model, expected=expected)
            self.assertEqual(sorted(weights["left_out"]), ["heads.head.bias", "heads.head.weight"])

    def test_a_checkpoint_of_mocov3(self):
        torch.manual_seed(5)
        model = lively(timm.create_model(NAME, img_size=SIDE))
        momentum = {f"module.momentum_encoder.{name}": tensor + 1
                    for name, tensor in model.state_dict().items()}
        saved(model, self.path, "module.base_encoder.",
              {**momentum, "module.predictor.0.weight": torch.zeros(4, 4)})
        weights = self.check(model)
        self.assertEqual(weights["prefix"], "module.base_encoder.")
        self.assertEqual(len(weights["left_out"]), 2 + len(momentum) + 1)

    def test_what_does_not_fit(self):
        out = self.folder / "f.safetensors"
        refused = lambda name, parts: self.refused(6, parts, "embed", self.path, *name, "--data",
                                                   self.photographs, "--out", out)
        saved(timm.create_model(NAME, no_embed_class=True, img_size=SIDE), self.path)
        refused(["--encoder", NAME], ["pos_embed", "4 x 4 patches and none for the class token",
                                      "no_embed_class"])
        refused([], [f"--encoder {NAME}"])
        saved(timm.create_model("vit_small_patch16_224", img_size=SIDE), self.path)
        refused(["--encoder", NAME], ["looks like vit_small_patch16_224"])
        refused(["--encoder", "resnet18"], ["looks like vit_small_patch16_224"])
        saved(timm.create_model(NAME, reg_tokens=2, img_size=SIDE), self.path)
        refused(["--encoder", NAME], ["unexpected: reg_token"])


class TrainedViT(PhotographTest):
    """Runs of a small ViT."""

    def train(self, name, *settings, code=0, recipe="simclr"):
        out = self.folder / name
        process = run("pretrain", "--recipe", recipe, "--data", self.photographs, "--out", out,
                      *SMALL, "train.steps=2", "train.checkpoint_every=1", *settings)
        self.assertEqual(process.returncode, code, process.stderr)
        return out, process

    def test_a_run_starts_from_weights_of_another_grid(self):
        torch.manual_seed(6)
        model = lively(timm.create_model(NAME, depth=2, patch_size=8))  # 28 x 28 patches
        saved(model, self.path)
        out, process = self.train("run", f"encoder.weights={self.path}", "optimizer.learning_rate=0",
                                  "optimizer.weight_decay=0")
        self.assertIn("position embedding resampled from 28 x 28 to 4 x 4 patches", process.stderr)
        tensors = safetensors.torch.load_file(out / "encoder.safetensors")
        expected = resample_abs_pos_embed(model.pos_embed.detach(), [4, 4])
        # The same operation of the same library in float32.
        self.assertLess((tensors["pos_embed"] - expected).abs().max(), 1e-6)
        self.assertTrue(tensors["blocks.1.mlp.fc2.weight"].equal(model.blocks[1].mlp.fc2.weight))

    def test_going_on_changes_no_bit(self):
        settings = ["encoder.position=sincos", "encoder.start=mocov3", "encoder.drop_path=0.3"]
        whole, _ = self.train("whole", *settings)
        stopped, _ = self.train("stopped", *settings)
        for name in ("checkpoints/gen-2", "encoder.safetensors"):
            subprocess.run(["rm", "-r", stopped / name], check=True)
        run("pretrain", "--out", stopped, check=0)
        self.assertEqual(*(digest(out / "encoder.safetensors") for out in (whole, stopped)))
        first = safetensors.torch.load_file(whole / "checkpoints/gen-1/encoder.safetensors")
        last = safetensors.torch.load_file(whole / "encoder.safetensors")
        self.assertTrue(first["pos_embed"].equal(last["pos_embed"]), "fixed positions moved")
        self.assertFalse(first["cls_token"].equal(last["cls_token"]))

    def losses(self, out):
        lines = (out / "log.jsonl").read_text().splitlines()
        return [json.loads(line)["loss"] for line in lines if "loss" in json.loads(line)]

    def test_pieces_and_ranks_are_the_batch(self):
        settings = ["encoder.drop_path=0.5", "train.log_every=1", "train.batch=4",
                    "recipe.projection.width=16", "encoder.norm_batch=2"]
        whole, _ = self.train("whole", *settings)
        pieces, _ = self.train("pieces", *settings, "train.micro_batch=2")
        ranks = self.folder / "ranks"
        run("launch", "--ranks", 2, "pretrain", "--recipe", "simclr", "--data", self.photographs,
            "--out", ranks, *SMALL, "train.steps=2", *settings, check=0)
        expected = self.losses(whole)
        self.assertEqual(len(expected), 2)
        moved, _ = self.train("moved", *settings, moved_by_an_ulp(whole))
        # BatchNorm over two rows is steep: the scale is what it makes of one ulp of the input, and
        # at least the rounding of a loss that is a mean of float32 terms.
        scale = max(abs(a - b) for a, b in zip(self.losses(moved), expected, strict=True))
        for out in (pieces, ranks):
            for a, b in zip(self.losses(out), expected, strict=True):
                self.assertAlmostEqual(a, b, delta=max(10.0 * scale, 1e-6 * b))

    def test_every_export_has_the_same_features(self):
        for options in ((), ("encoder.pool=avg", "encoder.heads=6")):
            out, _ = self.train(f"run-{len(options)}", *options)
            features, _ = self.embed_run(out)
            for form in ("torchvision", "timm", "timm-folder"):
                if options and form == "torchvision":
                    self.refused(2, ["torchvision", "mean pooling"], "export", out, "--out",
                                 self.folder / "no", "--format", form)
                    continue
                with self.subTest(form=form, options=options):
                    document = json.loads(run("export", out, "--out", self.folder / form, "--format",
                                              form, "--json", check=0).stdout)
                    self.assertEqual(document["max_abs_difference"], 0.0)
                    scope = {}
                    exec("\n".join(document["python"]), scope)  # what a reader would paste
                    with torch.no_grad():
                        expected = scope["model"].double().eval()(self.run_images(out))
                    self.assert_equal_features(features, expected)
            shutil.rmtree(self.folder / "timm-folder")

    def embed_run(self, out):
        features = self.folder / "features.safetensors"
        process = run("embed", out, "--data", self.photographs, "--out", features, "threads=1",
                      f"evaluate.image_size={32}", "--json", check=0)
        return safetensors.torch.load_file(features)["features"], json.loads(process.stdout)

    def setUp(self):
        super().setUp()
        for i in range(COUNT):  # 32 pixels: nothing is resized on the way
            (self.photographs / f"{i}.png").write_bytes(png(32, 32, lambda x, y: pixel(i, x, y)))

    def run_images(self, out):
        _, metadata = read_safetensors(out / "encoder.safetensors")
        mean, std = (torch.tensor(json.loads(metadata[key]), dtype=torch.float64)
                     for key in ("mean", "std"))
        values = torch.tensor([[[pixel(i, x, y) for x in range(32)] for y in range(32)]
                               for i in range(COUNT)], dtype=torch.float64)
        return ((values / 255 - mean) / std).permute(0, 3, 1, 2)

    def test_gray_squares_from_views_to_fine_tuning(self):
        out = self.folder / "gray"
        run("pretrain", "--recipe", "simclr", "--data", self.data, "--out", out, *SMALL,
            "recipe.view.size=16", "encoder.patch=4", "encoder.position=sincos", "train.batch=32",
            "train.steps=3", "train.precision=bf16", check=0)
        document = json.loads(run("evaluate", out, "--methods", "linear,knn", "--json", "threads=1",
                                  check=0).stdout)
        for method in ("linear", "knn"):
            self.assertGreater(document["methods"][method]["encoder"]["1.0"]["top1"], 0.25)
        tuned = self.folder / "tuned"
        run("finetune", out, "--out", tuned, "train.epochs=1", "train.batch=32", "threads=1",
            check=0)
        config = json.loads((tuned / "config.json").read_text())["encoder"]
        self.assertEqual((config["patch"], config["depth"], config["position"]), (4, 2, "sincos"))
        first, last = (safetensors.torch.load_file(folder / "encoder.safetensors")
                       for folder in (out, tuned))
        self.assertTrue(first["pos_embed"].equal(last["pos_embed"]))
        self.refused(2, ["encoder.patch", "16 pixels", "2, 4, 8, 16", "got 5"], "pretrain",
                     "--recipe", "simclr", "--data", self.data, "--out", self.folder / "no", *SMALL,
                     "recipe.view.size=16", "encoder.patch=5")


if __name__ == "__main__":
    nearfar_program.main("torch, torchvision, timm, safetensors", missing=torch is None)
