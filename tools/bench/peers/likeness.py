"""Do both compute the same thing? Pixels for given draws, distributions for drawn ones."""
import random

import numpy
import torch
from torchvision.transforms.v2 import functional as F

import pipelines

# On the scale [0, 1]: that of the golden jitter orders, whose steps multiply the rounding of
# float32 (6e-8, and sums of some hundred terms) by their factors. Seen: 2e-6.
TOLERANCE = 1e-5
# solarize jumps at its threshold: pixels this close to it may fall on either side.
NEAR_THRESHOLD = 1e-4


def given_draw(source, images, height, width, size):
    """One view of draws.json with every operation given; each is absent in some views."""
    draw = {"image": source.randrange(images), "flip": source.random() < 0.5,
            "grayscale": source.random() < 0.2}
    tall, wide = source.randint(height // 4, height), source.randint(width // 4, width)
    draw["crop"] = {"top": source.randint(0, height - tall), "height": tall,
                    "left": source.randint(0, width - wide), "width": wide}
    if source.random() < 0.8:
        steps = [[name, source.uniform(0.2, 1.8)]
                 for name in ("brightness", "contrast", "saturation")]
        steps.append(["hue", source.uniform(-0.2, 0.2)])
        source.shuffle(steps)
        draw["jitter"] = steps
    if source.random() < 0.5 and size > 23:
        draw["blur"] = {"kernel": 23, "sigma": source.uniform(0.1, 2.0)}
    if source.random() < 0.2:
        draw["solarize"] = 0.5
    return draw


def torchvision_view(pixels, draw, size):
    """The draw by torchvision's functions in float32: the view, and which of it can be compared."""
    crop = draw["crop"]
    view = torch.from_numpy(pixels[draw["image"]]).permute(2, 0, 1).contiguous().float() / 255
    view = F.resized_crop(view, crop["top"], crop["left"], crop["height"], crop["width"],
                          [size, size], antialias=True)
    if draw["flip"]:
        view = F.horizontal_flip(view)
    for name, factor in draw.get("jitter", []):
        view = getattr(F, f"adjust_{name}")(view, factor)
    if draw["grayscale"]:
        view = F.rgb_to_grayscale(view, num_output_channels=3)
    if "blur" in draw:
        kernel, sigma = draw["blur"]["kernel"], draw["blur"]["sigma"]
        view = F.gaussian_blur(view, [kernel, kernel], [sigma, sigma])
    sure = torch.ones_like(view, dtype=torch.bool)
    if "solarize" in draw:
        sure = (view - draw["solarize"]).abs() > NEAR_THRESHOLD
        view = F.solarize(view, draw["solarize"])
    return F.normalize(view, list(pipelines.MEAN), list(pipelines.STD)), sure


def render(nearfar, name, draws, size, folder, output, past_caches=False):
    """nearfar's views [n, 3, size, size] for given draws, as float32."""
    file = folder / "rendered.raw"
    nearfar.ask("render", images=name, file=str(file), output=output, past_caches=past_caches,
                draws={"size": [size, size], "interpolation": "bilinear",
                       "mean": pipelines.MEAN, "std": pipelines.STD, "views": draws})
    values = torch.frombuffer(bytearray(file.read_bytes()), dtype=getattr(torch, output))
    return values.view(-1, size, size, 3).permute(0, 3, 1, 2).float()


def worst_difference(nearfar, name, pixels, size, count, folder):
    """Largest difference between nearfar's and torchvision's pixels on the scale [0, 1], and
    whether nearfar's other ways to write a view give the same: float32 past the caches, and
    bfloat16 both ways, rounded to nearest."""
    source = random.Random(size)
    _, height, width, _ = pixels.shape
    draws = [given_draw(source, len(pixels), height, width, size) for _ in range(count)]
    ways = {(output, past): render(nearfar, name, draws, size, folder, output, past)
            for output in ("float32", "bfloat16") for past in (False, True)}
    ours = ways["float32", False]
    rounded = {"float32": ours, "bfloat16": ours.bfloat16().float()}
    same = all(torch.equal(views, rounded[output]) for (output, _), views in ways.items())
    std = torch.tensor(pipelines.STD).view(3, 1, 1)
    worst = 0.0
    for view, draw in zip(ours, draws):
        expected, sure = torchvision_view(pixels, draw, size)
        worst = max(worst, float(((view - expected) * std).abs()[sure].max()))
    return worst, same


def describe(views):
    """Of views [n, 3, height, width]: mean and its standard error by channel, the mean standard
    deviation inside a view, and the mean step between neighbours in a row (sharpness)."""
    means = views.mean((2, 3))
    return {"mean": means.mean(0).tolist(),
            "error": (means.std(0) / len(views) ** 0.5).tolist(),
            "deviation": views.std((2, 3)).mean(0).tolist(),
            "step": float((views[..., 1:] - views[..., :-1]).abs().mean())}


def describe_nearfar(nearfar, task, folder):
    file = folder / "sample.raw"
    nearfar.ask("write", file=str(file), **task)
    size = task["policy"]["size"]
    values = torch.from_numpy(numpy.fromfile(file, dtype=numpy.float32))
    return describe(values.view(-1, size, size, 3).permute(0, 3, 1, 2))


def describe_peer(run, first, count):
    return describe(torch.stack(run(first, count)))
