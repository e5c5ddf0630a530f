"""tools/bench/views: checks that nearfar and its peers compute the same, then measures them."""
import argparse
import json
import os
import pathlib
import platform
import random
import sys
import tempfile
import time
from importlib import metadata

import numpy
import torch

import likeness
import measure
import photographs
import pipelines
import workloads

WORKLOADS = {"a": workloads.large_views, "b": workloads.small_views, "c": workloads.files_to_views,
             "d": workloads.two_threads, "e": workloads.operations}
PEERS = ("torch", "torchvision", "lightly", "kornia", "pillow")


def arguments():
    parser = argparse.ArgumentParser(prog="tools/bench/views", description=__doc__)
    parser.add_argument("--rounds", type=int, help="rounds of each workload (21; --quick: 3)")
    parser.add_argument("--only", default="".join(WORKLOADS), help="workloads: some of abcde")
    parser.add_argument("--quick", action="store_true", help="little work: shows that it runs")
    parser.add_argument("--check", action="store_true", help="compares pixels and measures nothing")
    parser.add_argument("--json", metavar="FILE", help="writes every figure of every round")
    parser.add_argument("--program", required=True, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not given.only or set(given.only) - set(WORKLOADS):
        parser.error(f"--only: expected some of {''.join(WORKLOADS)}, found {given.only}")
    if given.rounds is None:
        given.rounds = 3 if given.quick else 21
    if given.rounds < 1:
        parser.error(f"--rounds: expected at least 1, found {given.rounds}")
    return given


def is_installed(name):
    """Not all are needed for every workload, nor for --check."""
    return next(metadata.distributions(name=name), None) is not None


def machine():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")),
                 platform.processor())
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0],
            "versions": {name: metadata.version(name) for name in PEERS if is_installed(name)}}


def check(nearfar, folder, quick):
    """Stops with exit 1 where the pixels differ; returns what was found."""
    found = {"tolerance": likeness.TOLERANCE}
    for size, side, count in ((224, None, 16 if quick else 64), (32, 32, 64)):
        pixels, name = photographs.pixels_of(4, side), f"check{size}"
        nearfar.load(name, pixels, folder)
        worst, same = likeness.worst_difference(nearfar, name, pixels, size, count, folder)
        found[str(size)] = worst
        print(f"given draws, {size}x{size}: largest difference from torchvision's float32 "
              f"{worst:.1e} of {count} views (tolerance {likeness.TOLERANCE:.0e}); bfloat16 "
              f"{'equals' if same else 'differs from'} float32 rounded", flush=True)
        if not (worst <= likeness.TOLERANCE and same):
            print("error: the views are not what they should be: no ratios", file=sys.stderr)
            sys.exit(1)
    return found


def compare_distributions(nearfar, folder):
    """Statistics of drawn views side by side: for reading, they decide nothing."""
    images, policy = 64, pipelines.IMAGENET
    pixels = photographs.pixels_of(images)
    nearfar.load("sample", pixels, folder)
    task = {"images": "sample", "policy": policy, "count": images, **workloads.NORMALIZE}
    rows = {"nearfar": likeness.describe_nearfar(nearfar, task, folder)}
    for name, build in (("torchvision v2, float tensors", pipelines.torchvision_float),
                        ("lightly, PIL", pipelines.lightly),
                        ("kornia, batch of 16", pipelines.kornia(16))):
        rows[name] = likeness.describe_peer(build(pixels, policy), 0, images)
    print(f"\n{2 * images} drawn views 224x224, normalised{'':12}"
          "mean of red, green, blue (+- standard error)    deviation   step")
    for name, row in rows.items():
        means = "  ".join(f"{m:6.3f} +- {e:.3f}" for m, e in zip(row["mean"], row["error"]))
        deviation = sum(row["deviation"]) / 3
        print(f"  {name:32}{means}   {deviation:9.3f}  {row['step']:5.3f}")
    print("  (deviation: inside a view. step: between neighbours. lightly rounds to uint8 between\n"
          "  operations and blurs with PIL's boxes; kornia resizes without antialiasing)")
    return rows


def milliseconds(spread):
    return f"{spread.median * 1e3:9.4f}  [{spread.low * 1e3:.4f}, {spread.high * 1e3:.4f}]"


def verdict(ratio, goal):
    if goal is None:
        return ""
    return f"   goal {goal}x: {'reached' if ratio.median >= goal else 'not reached'}"


def report(workload, results):
    """Prints one workload's table; returns it for --json."""
    spreads = {name: measure.Spread(values) for name, values in results.items()}
    ours = next(iter(workload.contenders))
    print(f"\n{workload.title}: {workload.clock} ms a {workload.item}, median [quartiles]")
    table = {name: spread.json() for name, spread in spreads.items()}
    for name in workload.contenders:
        line = f"  {name:38}{milliseconds(spreads[name]):30}"
        if name == ours:
            line += f"{1 / spreads[name].median:8.0f} a second"
        else:
            ratio, goal = measure.ratio(results[name], results[ours]), workload.goals.get(name)
            line += f"{ratio.median:8.2f}x  [{ratio.low:.2f}, {ratio.high:.2f}]"
            line += verdict(ratio, goal)
            table[name].update(ratio=ratio.json(), goal=goal)
        print(line)
    for name in workload.limits:
        ratio = measure.ratio(results[workload.limit_of.get(name, ours)], results[name])
        print(f"  limit: {name:31}{milliseconds(spreads[name]):30}"
              f"nearfar takes {ratio.median:.2f} times this")
    for name in workload.bounds:
        spread = spreads[name]
        print(f"  limit: {name:61}{spread.median:8.2f}x  [{spread.low:.2f}, {spread.high:.2f}]")
    return table


def measure_workload(build, nearfar, folder, given):
    workload = build(nearfar, folder, given.quick)
    every = {**workload.contenders, **workload.limits, **workload.bounds}

    def clocks():
        computed = measure.processor_seconds_of(nearfar.process.pid) + measure.processor_seconds()
        return computed, time.monotonic()

    computed, began = clocks()
    results = measure.interleave(every, given.rounds)
    computed, took = (after - before for after, before in zip(clocks(), (computed, began)))
    table = report(workload, results)
    if workload.clock == "processor":
        beside = "" if computed / took > 0.95 else ": other programs ran, and slow peers the most"
        print(f"  this had {computed / took:.0%} of the core{beside}")
    return {"title": workload.title, "item": workload.item, "clock": workload.clock,
            "share_of_core": computed / took, "results": table}


def measure_all(nearfar, folder, given, cores):
    """One core for everybody; only the two threads have two."""
    tables = {}
    for letter in given.only:
        if letter == "d":
            with measure.Nearfar(given.program, set(cores[-2:])) as two_cores:
                tables[letter] = measure_workload(WORKLOADS[letter], two_cores, folder, given)
        else:
            tables[letter] = measure_workload(WORKLOADS[letter], nearfar, folder, given)
    print(f"\nload {os.getloadavg()[0]:.2f} after; {given.rounds} rounds in turn; a ratio is the "
          "median of the rounds' ratios")
    return tables


def main():
    given = arguments()
    found = {"machine": machine()}
    print(found["machine"]["cpu"], "|",
          ", ".join(f"{name} {version}" for name, version in found["machine"]["versions"].items()),
          f"| load {found['machine']['load']:.2f} before\n")
    random.seed(1), numpy.random.seed(1), torch.manual_seed(1)
    torch.set_num_threads(1)
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    with tempfile.TemporaryDirectory(prefix="nearfar-bench-") as name, \
            measure.Nearfar(given.program, {cores[-1]}) as nearfar:
        folder = pathlib.Path(name)
        found["check"] = check(nearfar, folder, given.quick)
        if not given.check:
            if "a" in given.only and not given.quick:
                found["distributions"] = compare_distributions(nearfar, folder)
            found["workloads"] = measure_all(nearfar, folder, given, cores)
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
