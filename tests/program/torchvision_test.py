"""Encoders load into torchvision's models, strictly, and give the same features there."""

import json

import nearfar_program
from nearfar_program import ProgramTest, png, read_safetensors, run

try:
    import torch
    import torchvision
except ImportError:
    torch = None

SIDE = 32
COUNT = 6
DTYPES = {"F32": "float32", "I64": "int64"}


def pixel(image, x, y):
    """Red, green and blue of the image with that number."""
    return (x * 8 + 40 * image) % 256, (y * 8 + 17 * image) % 256, (x * y + 90 * image) % 256


def tensors_of(path):
    stored, metadata = read_safetensors(path)
    tensors = {
        name: torch.frombuffer(bytearray(data), dtype=getattr(torch, DTYPES[dtype])).view(shape)
        for name, (dtype, shape, data) in stored.items()
    }
    return tensors, metadata


class Torchvision(ProgramTest):
    def photographs(self, side=SIDE):
        folder = self.folder / "photographs"
        folder.mkdir()
        for i in range(COUNT):
            (folder / f"{i}.png").write_bytes(png(side, side, lambda x, y: pixel(i, x, y)))
        return folder

    def images(self, side, mean, std):
        """The same pixels as a normalised batch."""
        values = torch.tensor([[[pixel(i, x, y) for x in range(side)] for y in range(side)]
                               for i in range(COUNT)], dtype=torch.float32)
        batch = (values / 255 - torch.tensor(mean)) / torch.tensor(std)
        return batch.permute(0, 3, 1, 2).contiguous()

    def assert_same_features(self, encoder, model, images, photographs, *options):
        with torch.no_grad():
            expected = model.double().eval()(images.double())
        file = self.folder / "features.safetensors"
        run("embed", encoder, "--data", photographs, "--out", file, "threads=1", *options, check=0)
        features = tensors_of(file)[0]["features"]
        self.assertEqual(features.shape, expected.shape)
        self.assertGreater(expected.std(0).mean(), 1e-3, "the features tell no images apart")
        # float32 against float64: some ten layers' rounding of the largest feature. After two steps
        # the running variances are far from the data's, so that features can reach thousands.
        error = (features - expected).abs().max() / expected.abs().max()
        self.assertLess(error, 1e-5)

    def train_and_compare(self, name, stem, steps):
        photographs, out = self.photographs(), self.folder / "run"
        run("pretrain", "--recipe", "simclr", "--data", photographs, "--out", out,
            f"encoder.name={name}", f"encoder.stem={stem}", f"recipe.view.size={SIDE}",
            "recipe.view.blur=0", "train.batch=3", f"train.steps={steps}", "threads=1",
            "data.workers=1", "optimizer.learning_rate=0.3", check=0)
        state, metadata = tensors_of(out / "encoder.safetensors")
        self.assertEqual((metadata["encoder"], metadata["input_size"]), (name, str(SIDE)))
        model = getattr(torchvision.models, name)(weights=None)
        model.fc = torch.nn.Identity()
        if stem == "cifar":
            model.conv1 = torch.nn.Conv2d(3, 64, 3, stride=1, padding=1, bias=False)
            model.maxpool = torch.nn.Identity()
        model.load_state_dict(state, strict=True)
        images = self.images(SIDE, json.loads(metadata["mean"]), json.loads(metadata["std"]))
        self.assert_same_features(out, model, images, photographs)

    def test_resnet18(self):
        self.train_and_compare("resnet18", "imagenet", steps=2)

    def test_resnet18_with_a_stem_for_small_images(self):
        self.train_and_compare("resnet18", "cifar", steps=2)

    def test_resnet50(self):
        self.train_and_compare("resnet50", "imagenet", steps=1)

    def test_cpc_is_the_mean_over_patches_of_torchvisions_model(self):
        photographs, out = self.photographs(), self.folder / "run"
        run("pretrain", "--recipe", "cpc", "--data", photographs, "--out", out,
            "encoder.name=resnet18", "encoder.stem=cifar", f"recipe.view.size={SIDE}",
            "recipe.patch=16", "recipe.stride=6", "recipe.first_step=1", "recipe.last_step=2",
            "recipe.context.width=8", "recipe.context.layers=2", "train.batch=3",
            "train.steps=2", "threads=1", "data.workers=1", "optimizer.learning_rate=0.1", check=0)
        state, metadata = tensors_of(out / "encoder.safetensors")
        self.assertEqual((metadata["encoder"], metadata["given_encoder"]), ("own", "resnet18"))
        inner = torchvision.models.resnet18(weights=None)
        inner.fc = torch.nn.Identity()
        inner.conv1 = torch.nn.Conv2d(3, 64, 3, stride=1, padding=1, bias=False)
        inner.maxpool = torch.nn.Identity()
        inner.load_state_dict(state, strict=True)

        class Patches(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = inner

            def forward(self, images):
                parts = [self.inner(images[..., top:top + 16, left:left + 16])
                         for top in (0, 6, 12) for left in (0, 6, 12)]
                return torch.stack(parts).mean(0)

        images = self.images(SIDE, json.loads(metadata["mean"]), json.loads(metadata["std"]))
        self.assert_same_features(out, Patches(), images, photographs)

    def test_a_file_of_torchvision(self):
        torch.manual_seed(3)
        model = torchvision.models.resnet18(weights=None)
        names = {torch.float32: "F32", torch.int64: "I64"}
        stored = {name: (names[tensor.dtype], list(tensor.shape), tensor.numpy().tobytes())
                  for name, tensor in model.state_dict().items()}
        path = self.folder / "torchvision.safetensors"
        nearfar_program.write_safetensors(path, stored)
        model.fc = torch.nn.Identity()
        # torchvision's protocol: a crop of 224 from the middle of 256.
        images = self.images(256, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])[..., 16:240, 16:240]
        self.assert_same_features(path, model, images, self.photographs(256), "--encoder",
                                  "resnet18")


if __name__ == "__main__":
    nearfar_program.main("torch, torchvision", missing=torch is None)
