"""`nearfar views`: given draws give torchvision's pixels, and a sheet shows what was drawn."""

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
    """draws.json for a golden case, a view for each box."""
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


class Sheet:
    """The pixels of an 8-bit RGB PNG whose checksums are right."""

    def __init__(self, path):
        data = pathlib.Path(path).read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        at, packed, head = 8, b"", None
        while at < len(data):
            size, kind = struct.unpack(">I4s", data[at:at + 8])
            body = data[at + 8:at + 8 + size]
            (checksum,) = struct.unpack(">I", data[at + 8 + size:at + 12 + size])
            assert checksum == zlib.crc32(kind + body)
            head = struct.unpack(">IIBB", body[:10]) if kind == b"IHDR" else head
            packed += body if kind == b"IDAT" else b""
            at += 12 + size
        assert kind == b"IEND"
        self.width, self.height, depth, colour = head
        assert (depth, colour) == (8, 2)
        self.rows = self.unfiltered(zlib.decompress(packed))

    def unfiltered(self, raw):
        """The rows of pixels, by the PNG specification, section 9.2."""
        length, rows, above = 3 * self.width, [], bytes(3 * self.width)
        assert len(raw) == self.height * (1 + length)
        for y in range(self.height):
            kind = raw[y * (1 + length)]
            row = bytearray(raw[y * (1 + length) + 1:(y + 1) * (1 + length)])
            for i in range(length):
                left, corner = (row[i - 3], above[i - 3]) if i >= 3 else (0, 0)
                if kind == 4:
                    guess = left + above[i] - corner
                    choices = [(abs(guess - c), n, c)
                               for n, c in enumerate((left, above[i], corner))]
                    guess = min(choices)[2]
                else:
                    guess = (0, left, above[i], (left + above[i]) // 2)[kind]
                row[i] = (row[i] + guess) & 255
            rows.append(bytes(row))
            above = row
        return rows

    def at(self, y, x):
        return tuple(self.rows[y][3 * x:3 * x + 3])


class ContactSheet(ProgramTest):
    def photographs(self, count=3):
        folder = self.folder / "photographs"
        (folder / "seen").mkdir(parents=True)
        for i in range(count):
            (folder / "seen" / f"{i}.png").write_bytes(
                png(48, 36, lambda x, y: (5 * x, 7 * y, (40 * i + 3 * x) % 256)))
        return folder

    def sheet(self, *arguments, name="sheet.png"):
        out = self.folder / name
        process = run("views", *arguments, "--out", out, "--json", check=0)
        return Sheet(out), json.loads(process.stdout)

    def test_of_a_data_set(self):
        first, drawn = self.sheet(self.data, "--count", "3", "recipe.view.size=16", name="a.png")
        second, again = self.sheet(self.data, "--count", "3", "recipe.view.size=16", name="b.png")
        self.assertEqual(first.rows, second.rows, "the same seed drew another sheet")
        self.assertEqual(drawn["draws"], again["draws"])
        self.assertEqual((drawn["sheet"], drawn["rows"]), (str(self.folder / "a.png"), 3))
        more, _ = self.sheet(self.data, "--count", "6", "recipe.view.size=16", name="c.png")
        self.assertGreater(more.height, first.height)

    def test_another_seed_draws_other_views(self):
        zero, by_key = self.sheet(self.data, "recipe.view.size=16", "train.seed=0")
        one, _ = self.sheet(self.data, "recipe.view.size=16", "--seed", "1")
        self.assertNotEqual(zero.rows, one.rows)
        self.assertEqual(self.sheet(self.data, "recipe.view.size=16", "--seed", "0")[1]["draws"],
                         by_key["draws"])

    def test_boxes_stand_where_the_crops_are(self):
        sheet, drawn = self.sheet(self.photographs(), "recipe.view.size=24", "--repeats", "1")
        seen = 0
        for policy, (draws, color) in enumerate(zip(drawn["draws"], drawn["colors"])):
            color = tuple(bytes.fromhex(color[1:]))
            for view in draws["views"]:
                image = drawn["images"][view["image"]]
                original, crop = image["originals"][0], view["crop"]
                zoom = original["width"] // image["width"]  # small images are enlarged
                self.assertEqual(original["height"], image["height"] * zoom)
                left = original["left"] + crop["left"] * zoom
                right = left + crop["width"] * zoom - 1
                top = original["top"] + crop["top"] * zoom
                # A black line, two of the colour and a white one, from each side; boxes of other
                # views may cross, so most points decide.
                edge = [sheet.at(top + crop["height"] * zoom * k // 16, x)
                        for k in range(4, 13) for x in (left + 1, left + 2, right - 1, right - 2)]
                self.assertGreater(edge.count(color), 0.6 * len(edge), (policy, view))
                seen += 1
        self.assertEqual(seen, 6)

    def test_cells_hold_what_the_draws_give(self):
        folder = self.photographs()
        sheet, drawn = self.sheet(folder, "recipe.view.size=24", "recipe.view.interpolation=bicubic")
        pixels = b"".join(bytes((5 * x, 7 * y, (40 * i + 3 * x) % 256))
                          for i in range(3) for y in range(36) for x in range(48))
        images = self.folder / "images.safetensors"
        write_safetensors(images, {"images": ("U8", [3, 36, 48, 3], pixels)})
        zoom = drawn["zoom"]
        for draws, cells in zip(drawn["draws"], drawn["cells"]):
            path, out = self.folder / "draws.json", self.folder / "views.safetensors"
            path.write_text(json.dumps(draws))
            run("views", "--input", images, "--draws", path, "--out", out, check=0)
            tensor = read_safetensors(out)[0]["views"]
            self.assertEqual(tensor[1], [6, 3, 24, 24])
            values = numbers(tensor)
            self.assertEqual([v["image"] for v in draws["views"]], [c["image"] for c in cells])
            for i, box in enumerate(cell["cell"] for cell in cells):
                for y in range(0, 24, 5):
                    for x in range(0, 24, 5):
                        expected = [values[((i * 3 + c) * 24 + y) * 24 + x] for c in range(3)]
                        shown = sheet.at(box["top"] + y * zoom, box["left"] + x * zoom)
                        # A byte is the value to half a step.
                        for a, b in zip(expected, shown):
                            self.assertLessEqual(abs(255 * min(1, max(0, a)) - b), 0.501)

    def test_words_say_what_was_drawn(self):
        _, drawn = self.sheet(self.photographs(), "recipe.view.size=24", "recipe.view.blur=1",
                              "recipe.view.flip=1", "recipe.view.solarize=1")
        names = {"brightness": "bri", "contrast": "con", "saturation": "sat", "hue": "hue"}
        for draws, cells in zip(drawn["draws"], drawn["cells"]):
            for view, cell in zip(draws["views"], cells):
                crop, image = view["crop"], drawn["images"][view["image"]]
                words = cell["words"].split(", ")
                share = 100 * crop["height"] * crop["width"] / image["height"] / image["width"]
                self.assertAlmostEqual(float(words[0].split()[1].rstrip("%")), share, delta=0.51)
                self.assertAlmostEqual(float(words[0].split()[2]), crop["width"] / crop["height"],
                                       delta=0.00501)
                expected = ["flip"]
                expected += [f"{names[kind]} " + ("+" if kind == "hue" and value >= 0 else "") +
                             f"{value:.2f}" for kind, value in view.get("jitter", [])]
                expected += ["gray"] if view["grayscale"] else []
                expected += [f"blur {view['blur']['sigma']:.2f}", "solarize"]
                self.assertEqual(words[1:], expected)

    def test_unreadable_images_are_cells_that_say_so(self):
        folder = self.photographs()
        (folder / "seen" / "1.png").write_bytes(b"words")
        process = run("views", folder, "--out", self.folder / "s.png", "recipe.view.size=24",
                      check=0)
        self.assertIn("3 images with crop boxes, views and draws; unreadable: 1", process.stdout)
        _, drawn = self.sheet(folder, "recipe.view.size=24")
        self.assertEqual(["problem" in image for image in drawn["images"]], [False, True, False])
        self.assertIn("not a JPEG", drawn["images"][1]["problem"])

    def test_of_one_image(self):
        path = self.photographs() / "seen" / "2.png"
        _, drawn = self.sheet(path, "recipe.view.size=24", "--repeats", "3")
        self.assertEqual(drawn["rows"], 1)
        self.assertEqual(drawn["images"][0]["place"], str(path))
        self.assertEqual([cell["epoch"] for cell in drawn["cells"][0]], [1, 2, 3])

    def test_of_a_published_policy(self):
        sheet, drawn = self.sheet(self.photographs(), "--policy", "swav", "--count", "1",
                                  "view.flip=0")
        self.assertEqual([d["size"][0] for d in drawn["draws"]], [224, 224] + [96] * 6)
        self.assertFalse(any(v["flip"] for d in drawn["draws"] for v in d["views"]))
        for cells in drawn["cells"]:
            for cell in cells:
                box = cell["cell"]
                self.assertLess(box["top"] + box["height"], sheet.height)
                self.assertLess(box["left"] + box["width"], sheet.width)

    def test_list_of_policies(self):
        listed = json.loads(run("views", "--policy", "list", "--json", check=0).stdout)
        text = run("views", "--policy", "list", check=0).stdout
        self.assertLessEqual({"simclr", "moco_v2", "byol", "swav", "dino"},
                             {entry["name"] for entry in listed})
        for entry in listed:
            self.assertIn(entry["name"], text)
            self.assertIn(entry["source"], text)
            self.assertGreaterEqual(len(entry["views"]), 1)

    def test_what_would_be_ignored_is_refused(self):
        out = self.folder / "x.safetensors"
        for given in (["--input", "i.safetensors", "--draws", "d.json"],
                      ["--draws", "d.json"], ["--input", "i.safetensors"]):
            for name, more in (("IMAGE_OR_DATA", [self.data]), ("IMAGE_OR_DATA", ["view.size=3"]),
                               ("--policy", ["--policy", "byol"]), ("--seed", ["--seed", "1"]),
                               ("--recipe", ["--recipe", "simclr"]), ("--count", ["--count", "8"]),
                               ("--preset", ["--preset", "cifar"]),
                               ("--repeats", ["--repeats", "2"])):
                self.refused(2, [name, given[0]], "views", *given, *more, "--out", out)
        for name, more in (("IMAGE_OR_DATA", [self.data]), ("--seed", ["--seed", "0"]),
                           ("--count", ["--count", "8"]), ("--repeats", ["--repeats", "1"]),
                           ("--out", ["--out", out]), ("--input", ["--input", "i"]),
                           ("--draws", ["--draws", "d"])):
            self.refused(2, [name, "--policy"], "views", "--policy", "list", *more)

    def test_refusals(self):
        out = self.folder / "x.png"
        self.refused(2, ["--out"], "views", self.data)
        self.refused(2, ["an image or a data set"], "views", "--out", out)
        self.refused(2, ["--policy byool", '"byol"'], "views", self.data, "--policy", "byool",
                     "--out", out)
        self.refused(2, ["expected view.KEY=value"], "views", self.data, "run.json", "--policy",
                     "byol", "--out", out)
        self.refused(2, ["blur_sigma_min"], "views", self.data, "--policy", "byol",
                     "view.blur_sigma_min=5", "--out", out)
        self.refused(2, ["--policy", "--recipe"], "views", self.data, "--policy", "byol",
                     "--recipe", "simclr", "--out", out)
        self.refused(2, ["pixels", "--count"], "views", self.data, "--count", "60", "--out", out,
                     "recipe.view.size=1500")
        self.assertFalse(out.exists())


if __name__ == "__main__":
    nearfar_program.main()
