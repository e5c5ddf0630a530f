"""The workloads: what nearfar and each peer do in a round, and the claims about them."""
import functools

import torch

import measure
import photographs
import pipelines

NORMALIZE = {"mean": pipelines.MEAN, "std": pipelines.STD}
PHOTOGRAPHS = 64


class Workload:
    """Contenders by name, each a function of the round that returns seconds for one item by
    `clock`. The first is nearfar. `goals` are least ratios by peer. Measured in the same rounds:
    `limits`, seconds for one item, that the machine sets to the contender that `limit_of` names
    (nearfar), and `bounds`, ratios."""

    def __init__(self, title, item, contenders, goals, limits=None, limit_of=None, bounds=None,
                 clock="processor"):
        self.title, self.item, self.clock, self.contenders = title, item, clock, contenders
        self.goals, self.limits, self.bounds = goals, limits or {}, bounds or {}
        self.limit_of = limit_of or {}


def timed(run, items):
    """A contender of a function of the round."""
    def contender(turn):
        begin = measure.processor_seconds()
        with torch.inference_mode():
            run(turn)
        return (measure.processor_seconds() - begin) / items
    return contender


def in_turn(run, images, total):
    """Two views of each of `images` images, other ones every round."""
    return timed(lambda turn: run(turn * images % total, images), 2 * images)


def nearfar_views(nearfar, name, policy, count, epochs, do="views", **more):
    def contender(turn):
        answer = nearfar.ask(do, images=name, policy=policy, count=count, epoch=turn * epochs,
                             epochs=epochs, **NORMALIZE, **more)
        return answer["seconds"] / answer["views"]
    return contender


def arithmetic(nearfar, name, policy, count):
    """Seconds of a view's operations at the rate that the core reaches in this round."""
    answer = nearfar.ask("operations", images=name, policy=policy, count=count, epochs=16,
                         **NORMALIZE)
    a_view = answer["operations"] / answer["views"]
    return lambda turn: a_view / nearfar.ask("multiply_add", seconds=0.01)["rate"]


def large_views(nearfar, folder, quick):
    """SimCLR's views of 224 x 224 from 500 x 375."""
    pixels = photographs.pixels_of(PHOTOGRAPHS)
    nearfar.load("photographs", pixels, folder)
    policy, images = pipelines.IMAGENET, 4 if quick else 16
    peers = {"lightly, PIL": pipelines.lightly, "kornia, batch of 16": pipelines.kornia(16),
             "torchvision v2, uint8 tensors": pipelines.torchvision_uint8,
             "torchvision v2, float tensors": pipelines.torchvision_float,
             "torchvision v2, PIL": pipelines.torchvision_pil}
    ours = functools.partial(nearfar_views, nearfar, "photographs", policy, PHOTOGRAPHS)
    epochs = 1 if quick else 2
    contenders = {"nearfar": ours(epochs), "nearfar, bfloat16": ours(epochs, output="bfloat16")}
    for name, build in peers.items():
        contenders[name] = in_turn(build(pixels, policy), images, PHOTOGRAPHS)
    return Workload("SimCLR views 224 from 500x375", "view", contenders,
                    {"lightly, PIL": 18, "kornia, batch of 16": 40,
                     "torchvision v2, uint8 tensors": 70, "torchvision v2, float tensors": 70},
                    {"crops read, views written": ours(1, do="bytes"),
                     "arithmetic at full rate": arithmetic(nearfar, "photographs", policy,
                                                           PHOTOGRAPHS)})


def small_views(nearfar, folder, quick):
    """SimCLR's views of 32 x 32 without blur."""
    pixels = photographs.pixels_of(PHOTOGRAPHS, side=32).repeat(4, axis=0)
    nearfar.load("small", pixels, folder)
    policy, images, total = pipelines.CIFAR, 16 if quick else 64, len(pixels)
    ours = functools.partial(nearfar_views, nearfar, "small", policy, total)
    contenders = {
        "nearfar": ours(1 if quick else 8),
        "nearfar, bfloat16": ours(1 if quick else 8, output="bfloat16"),
        "lightly, PIL": in_turn(pipelines.lightly(pixels, policy), images, total),
        "kornia, batch of 256": in_turn(pipelines.kornia(256)(pixels, policy), total, total),
        "torchvision v2, PIL": in_turn(pipelines.torchvision_pil(pixels, policy), images, total),
    }
    return Workload("SimCLR views 32x32, no blur", "view", contenders,
                    {"kornia, batch of 256": 20, "torchvision v2, PIL": 60},
                    {"crops read, views written": ours(4, do="bytes"),
                     "arithmetic at full rate": arithmetic(nearfar, "small", policy, total)})


def lightly_epoch(files, workers, batch):
    """One epoch of lightly's data set through PyTorch's loader; its worker stays alive."""
    from lightly.data import LightlyDataset
    data = LightlyDataset(str(files), transform=pipelines.lightly_transform(pipelines.IMAGENET))
    loader = torch.utils.data.DataLoader(data, batch_size=batch, shuffle=True, drop_last=True,
                                         num_workers=workers, persistent_workers=workers > 0)
    return lambda turn: [None for _ in loader]


def files_to_views(nearfar, folder, quick):
    """A folder of JPEG files to pairs of views: nearfar's loader with one worker."""
    count, batch, epochs = (16, 8, 1) if quick else (PHOTOGRAPHS, 16, 4)
    files = folder / "files"
    size = photographs.write_folder(files, count)
    task = {"policy": pipelines.IMAGENET, "count": batch, "folder": str(files), **NORMALIZE}

    def ours(turn):
        answer = nearfar.ask("folder", epoch=turn * epochs, epochs=epochs, **task)
        return answer["seconds"] / count / epochs

    def decode(turn):
        return nearfar.ask("decode", folder=str(files))["seconds"] / count

    contenders = {"nearfar": ours}
    for workers in (0, 1):
        name = f"lightly, {workers} loader workers"
        contenders[name] = timed(lightly_epoch(files, workers, batch), count)
    return Workload(f"JPEG folder ({size / 1000:.0f} kB a file) to two views 224", "pair",
                    contenders, {name: 8 for name in list(contenders)[1:]},
                    {"decoding once, whole": decode})


def two_threads(nearfar, folder, quick):
    """One batch by `render` on one thread and on two; `nearfar` may use two cores."""
    pixels = photographs.pixels_of(PHOTOGRAPHS)
    nearfar.load("photographs", pixels, folder)
    task = {"images": "photographs", "policy": pipelines.IMAGENET, "count": PHOTOGRAPHS,
            "epochs": 1 if quick else 2, **NORMALIZE}

    def batch(threads, turn):
        return nearfar.ask("views", threads=threads, epoch=turn * task["epochs"], **task)

    def wall(threads, turn):
        answer = batch(threads, turn)
        return answer["wall"] / answer["views"]

    def processor_ratio(turn):
        """The most that idle cores could make of it: 2, less what sharing the work costs."""
        two, one = (batch(threads, turn)["seconds"] for threads in (2, 1))
        return 2 * one / two

    def arithmetic_ratio(turn):
        """Registers only: what the two cores give each other, and other programs leave them."""
        rates = [nearfar.ask("multiply_add", threads=threads, seconds=0.1)["rate"]
                 for threads in (2, 1)]
        return rates[0] / rates[1]

    return Workload("render: two threads against one", "view",
                    {"two threads": functools.partial(wall, 2),
                     "one thread": functools.partial(wall, 1)}, {"one thread": 1.9},
                    bounds={"arithmetic alone, now": arithmetic_ratio,
                            "with idle cores, at most": processor_ratio},
                    clock="wall-clock")


def operations(nearfar, folder, quick):
    """nearfar alone: crops, and what each operation adds when every view has it."""
    nearfar.load("photographs", photographs.pixels_of(PHOTOGRAPHS), folder)
    crops = {**pipelines.IMAGENET, "jitter": 0.0, "grayscale": 0.0, "blur": 0.0}
    policies = {"resized crops": crops}
    strengths = {name: 0.0 for name in pipelines.JITTER}
    for name in pipelines.JITTER:
        only = {**strengths, name: pipelines.IMAGENET[name]}
        policies[f"and {name}"] = {**crops, **only, "jitter": 1.0}
    policies["and jitter, all four"] = {**crops, "jitter": 1.0}
    for name in ("grayscale", "blur", "solarize"):
        policies[f"and {name}"] = {**crops, name: 1.0}
    limited = {f"arithmetic: {name}": name
               for name in ("resized crops", "and jitter, all four", "and blur")}
    return Workload("nearfar by operation, views 224 from 500x375", "view",
                    {name: nearfar_views(nearfar, "photographs", policy, PHOTOGRAPHS,
                                         1 if quick else 2) for name, policy in policies.items()},
                    {}, {limit: arithmetic(nearfar, "photographs", policies[name], PHOTOGRAPHS)
                         for limit, name in limited.items()}, limited)
