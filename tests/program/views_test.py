"""`nearfar views`: given draws give torchvision's pixels, and a data set gives a contact sheet."""

import json
import os
import pathlib
import struct
import zlib
from array import array

import nearfar_program
from nearfar_program import ProgramTest, png, read_safetensors, run, write_safetensors

GOLDEN = pathlib.Path(os.environ["NEARFAR_SOURCE_DIR"]) / "tests/golden"
KINDS = ["brightness", "contrast", "saturation", "hue"]


def numbers(tensor):
    """The tensor's values in order; the array type of its dtype."""
    dtype, _, data = tensor
    return array({"F32": "f", "F64": "d", "I64": "q", "BOOL": "b"}[dtype], data)


def rows(tensor, width=4):
    flat = numbers(tensor)
    return [flat[i:i + width].tolist() for i in range(0, len(flat), width)]


def golden_case(name):
    index = json.loads((GOLDEN / "index.json").read_text())
    path = f"augmentation/{name}.safetensors"
    case = next(case for case in index["cases"] if case["file"] == path)
    return case, read_safetensors(GOLDEN / path)[0]


def draws_of(case, tensors):
    """draws.json of INTERFACE.md for a golden case, a view for each box."""
    settings = case["hyperparameters"]
    views = [{"image": 0, "crop": dict(zip(("top", "left", "height", "width"), box))}
             for box in rows(tensors["boxes"])]
    draws = {"size": settings["size"], "views": views}
    if case["operation"] == "resized_crop":
        draws["interpolation"] = settings["interpolation"]
        return draws
    draws.update(mean=settings["mean"], std=settings["std"])
    order, factors = rows(tensors["order"]), rows(tensors["factors"])
    chosen = {
        name: numbers(tensors[name])
        for name in ("flip", "jitter", "gray", "blur", "solarize", "sigma")
    }
    for i, view in enumerate(views):
        view["flip"] = bool(chosen["flip"][i])
        view["grayscale"] = bool(chosen["gray"][i])
        if chosen["jitter"][i]:
            view["jitter"] = [[KINDS[code], factors[i][code]] for code in order[i]]
        if chosen["blur"][i]:
            view["blur"] = {"kernel": settings["kernel_size"][0], "sigma": chosen["sigma"][i]}
        if chosen["solarize"][i]:
            view["solarize"] = 0.5
    return draws


class GivenDraws(ProgramTest):
    def render(self, tensors, draws):
        channels, height, width = tensors["image"][1]
        planes = tensors["image"][2]
        size = height * width
        interleaved = bytes(planes[c * size + i] for i in range(size) for c in range(channels))
        images, path = self.folder / "images.safetensors", self.folder / "draws.json"
        write_safetensors(images, {"images": ("U8", [1, height, width, 3], interleaved)})
        path.write_text(json.dumps(draws))
        out = self.folder / "views.safetensors"
        run("views", "--input", images, "--draws", path, "--out", out, check=0)
        return read_safetensors(out)[0]["views"]

    def assert_like_golden(self, name):
        case, tensors = golden_case(name)
        views = self.render(tensors, draws_of(case, tensors))
        self.assertEqual(views[0], "F32")
        self.assertEqual(views[1], tensors["f32"][1])
        worst = max(abs(a - b) for a, b in zip(numbers(views), numbers(tensors["f32"])))
        # The golden case's own tolerance: float32 against torchvision's float32.
        self.assertLessEqual(worst, case["tolerance"]["f32"]["atol"], name)

    def test_chains(self):
        for name in ("chain_simclr", "chain_byol", "chain_simclr_large"):
            self.assert_like_golden(name)

    def test_resized_crops(self):
        for name in ("resized_crop_32_bilinear", "resized_crop_32_bicubic",
                     "resized_crop_odd_bicubic"):
            self.assert_like_golden(name)

    def test_another_draw_gives_other_pixels(self):
        case, tensors = golden_case("chain_simclr")
        draws = draws_of(case, tensors)
        draws["views"][0]["flip"] = not draws["views"][0]["flip"]
        views = numbers(self.render(tensors, draws))
        expected = numbers(tensors["f32"])
        first = 3 * 32 * 32
        self.assertGreater(max(abs(a - b) for a, b in zip(views[:first], expected[:first])), 0.01)
        self.assertLessEqual(max(abs(a - b) for a, b in zip(views[first:], expected[first:])), 1e-4)


class ContactSheet(ProgramTest):
    def decode(self, path):
        """Width, height and filtered rows of an 8-bit PNG whose checksums are right."""
        data = path.read_bytes()
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        at, pixels, head = 8, b"", None
        while at < len(data):
            size, kind = struct.unpack(">I4s", data[at:at + 8])
            body = data[at + 8:at + 8 + size]
            self.assertEqual(struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0],
                             zlib.crc32(kind + body))
            head = struct.unpack(">IIBB", body[:10]) if kind == b"IHDR" else head
            pixels += body if kind == b"IDAT" else b""
            at += 12 + size
        self.assertEqual(kind, b"IEND")
        width, height, depth, colour = head
        channels = {0: 1, 2: 3, 6: 4}[colour]
        raw = zlib.decompress(pixels)
        self.assertEqual((depth, len(raw)), (8, height * (1 + width * channels)))
        return width, height, raw

    def test_of_a_data_set(self):
        sheets = []
        for name in ("a.png", "b.png"):
            process = run("views", self.data, "--count", "3", "--out", self.folder / name, "--json",
                          "recipe.view.size=16", check=0)
            self.assertEqual(json.loads(process.stdout), {
                "sheet": str(self.folder / name),
                "rows": 3
            })
            sheets.append((self.folder / name).read_bytes())
        self.assertEqual(sheets[0], sheets[1], "the same seed drew another sheet")
        width, height, raw = self.decode(self.folder / "a.png")
        # Three rows of 16 pixels; an original and at least two views beside it.
        self.assertGreaterEqual(height, 3 * 16)
        self.assertGreaterEqual(width, 3 * 16)
        self.assertGreater(len(set(raw)), 20, "the sheet shows next to nothing")
        run("views", self.data, "--count", "6", "--out", self.folder / "c.png",
            "recipe.view.size=16", check=0)
        self.assertGreater(self.decode(self.folder / "c.png")[1], height)

    def test_another_seed_draws_other_views(self):
        for seed in (0, 1):
            run("views", self.data, "--out", self.folder / f"{seed}.png", f"train.seed={seed}",
                "recipe.view.size=16", check=0)
        self.assertNotEqual(
            self.decode(self.folder / "0.png")[2],
            self.decode(self.folder / "1.png")[2])

    def test_of_photographs(self):
        photographs = self.folder / "photographs"
        photographs.mkdir()
        for i in range(3):
            (photographs / f"{i}.png").write_bytes(
                png(40 + i, 30, lambda x, y: (6 * x, 8 * y, 40 * i)))
        run("views", photographs, "--out", self.folder / "p.png", "recipe.view.size=24", check=0)
        self.assertGreaterEqual(self.decode(self.folder / "p.png")[0], 3 * 24)


if __name__ == "__main__":
    nearfar_program.main()
