"""A whole training step of nearfar against the bare networks' forward and backward in PyTorch."""
import argparse
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time

import safetensors.torch
import torch

from bare_network import SimClrNetworks
from measure import interleave, ratio

# Of the largest embedding: float32 sums in another order; bfloat16 has 8 bits.
TOLERANCE = {"fp32": 1e-4, "bf16": 3e-2}


class Nearfar:
    """bench_step as a child process that is stopped while others are timed: its loader would go on
    and take their cores, and have batches ready for free."""

    def __init__(self, program, data, settings):
        environment = {**os.environ, "GOMP_SPINCOUNT": "20000"}
        self.process = subprocess.Popen([program, data, *settings], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=environment)

    def ask(self, what, argument):
        os.kill(self.process.pid, signal.SIGCONT)
        self.process.stdin.write(f"{what} {argument}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise SystemExit(f"error: bench_step ended with {self.process.wait()} at {what}")
        os.kill(self.process.pid, signal.SIGSTOP)
        return answer

    def close(self):
        os.kill(self.process.pid, signal.SIGCONT)
        self.process.stdin.close()
        self.process.wait()


class Bare:
    """The same networks on the same views in PyTorch, as the recipe of every framework runs them:
    one forward a view, then one backward."""

    def __init__(self, tensors, precision):
        state = {k: v for k, v in tensors.items() if not k.startswith("bench.")}
        self.networks = SimClrNetworks(state).train()
        self.precision = precision
        self.views = [tensors[f"bench.view{v}"].contiguous(memory_format=torch.channels_last)
                      for v in range(2)]

    def embed(self):
        enabled = self.precision == "bf16"
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            embeddings = [self.networks(view) for view in self.views]
        return [embedding.float() for embedding in embeddings]

    def passes(self, count):
        begin = time.perf_counter()
        for _ in range(count):
            for parameter in self.networks.parameters():
                parameter.grad = None
            sum(embedding.square().sum() for embedding in self.embed()).backward()
        return time.perf_counter() - begin


def prepare(nearfar):
    """The peer with nearfar's own weights, after checking that both compute the same."""
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        nearfar.ask("save", file.name)
        with safetensors.safe_open(file.name, "pt") as opened:
            metadata = opened.metadata()
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}
    torch.set_num_threads(int(metadata["threads"]))
    bare = Bare(tensors, metadata["precision"])
    with torch.no_grad():
        worst = max(((mine - tensors[f"bench.embedding{v}"]).abs().max() /
                     tensors[f"bench.embedding{v}"].abs().max()).item()
                    for v, mine in enumerate(bare.embed()))
    if worst > TOLERANCE[metadata["precision"]]:
        raise SystemExit(f"error: the embeddings differ by {worst:.1e} of the largest")
    return bare, metadata, worst


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--steps", type=int, default=4, help="a round")
    parser.add_argument("--json")
    parser.add_argument("settings", nargs="*", default=[])
    arguments = parser.parse_args()
    settings = ["encoder.name=tiny", "train.batch=512", *arguments.settings]
    nearfar = Nearfar(arguments.program, arguments.data, settings)
    bare, metadata, worst = prepare(nearfar)
    count = arguments.steps
    times = interleave({"step": lambda _: float(nearfar.ask("steps", count)) / count,
                        "networks": lambda _: float(nearfar.ask("networks", count)) / count,
                        "bare": lambda _: bare.passes(count) / count}, arguments.rounds)
    nearfar.close()
    images = bare.views[0].shape[0]
    name = [setting for setting in settings if setting.startswith("encoder.name=")][-1]
    print(f"{name.removeprefix('encoder.name=')}, batch {images}, {metadata['precision']}, {metadata['threads']} threads, medians "
          f"of {arguments.rounds} rounds; embeddings agree to {worst:.0e} of the largest")
    names = {"step": "nearfar, whole step (views to update)",
             "networks": "nearfar, networks alone",
             "bare": "PyTorch, networks alone (forward, backward)"}
    for name, words in names.items():
        median = statistics.median(times[name])
        print(f"{words:45} {median * 1000:8.1f} ms {images / median:8.0f} images/s")
    whole = ratio(times["step"], times["bare"])
    print(f"whole step / PyTorch's bare networks: {whole.median:.3f} "
          f"({whole.low:.3f} to {whole.high:.3f})")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"ratio": whole.json(), "seconds": times, **metadata}, file, indent=1)


if __name__ == "__main__":
    main()
