"""NT-Xent and MoCo's loss of nearfar against lightly's and against naive PyTorch."""
import argparse
import json
import statistics
import subprocess
import time

import torch
from torch.nn import functional
from lightly.loss import NTXentLoss

from measure import interleave, ratio

WIDTH, ANCHORS, BATCH, LENGTH = 128, 8192, 256, 65536
NT_XENT_TEMPERATURE, MOCO_TEMPERATURE = 0.1, 0.07


class Nearfar:
    """bench_losses as a child process; it sleeps while others are timed."""

    def __init__(self, program):
        self.process = subprocess.Popen([program, "--serve"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def ask(self, task, work):
        """Wall and processor seconds."""
        self.process.stdin.write(f"{task} {work}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"error: bench_losses ended with {self.process.wait()} at {task}")
        return tuple(float(word) for word in answer.split())


def timed(work):
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def passes(leaves, loss):
    """Forward and backward."""
    def run():
        for leaf in leaves:
            leaf.grad = None
        loss().backward()
    return run


def naive_nt_xent(z1, z2):
    z = functional.normalize(torch.cat([z1, z2]))
    logits = z @ z.t() / NT_XENT_TEMPERATURE
    logits.fill_diagonal_(-torch.inf)
    return functional.cross_entropy(logits, torch.arange(len(z)).roll(len(z1)))


def naive_moco(query, key, queue):
    query, key = functional.normalize(query), functional.normalize(key)
    # The queue changes before backward: every implementation copies it.
    logits = torch.cat([(query * key).sum(1, keepdim=True), query @ queue.clone().t()], 1)
    return functional.cross_entropy(logits / MOCO_TEMPERATURE,
                                    torch.zeros(len(query), dtype=torch.long))


def nt_xent_peers():
    z1, z2 = (torch.randn(ANCHORS // 2, WIDTH, requires_grad=True) for _ in range(2))
    lightly = NTXentLoss(NT_XENT_TEMPERATURE)
    check("NT-Xent", lightly(z1, z2), naive_nt_xent(z1, z2))
    return {"lightly": passes([z1, z2], lambda: lightly(z1, z2)),
            "naive PyTorch": passes([z1, z2], lambda: naive_nt_xent(z1, z2))}


def moco_peers():
    query = torch.randn(BATCH, WIDTH, requires_grad=True)
    key = torch.randn(BATCH, WIDTH)
    lightly = NTXentLoss(MOCO_TEMPERATURE, memory_bank_size=(LENGTH, WIDTH))
    lightly(query, key)  # makes the bank
    queue = lightly.memory_bank.bank.detach()
    queue = (queue if queue.shape[0] == LENGTH else queue.t()).clone().contiguous()
    check("MoCo", lightly(query.detach(), key), naive_moco(query, key, queue))

    def naive():
        passes([query], lambda: naive_moco(query, key, queue))()
        queue[:BATCH] = functional.normalize(key)
    return {"lightly": passes([query], lambda: lightly(query, key)), "naive PyTorch": naive}


def check(name, ours, reference):
    difference = abs(ours.item() / reference.item() - 1)
    if difference > 1e-4:
        raise SystemExit(f"error: {name}: lightly and the definition differ by {difference:.1e}")


def measure(nearfar, title, task, peers, rounds):
    contenders = {"nearfar": lambda _: nearfar.ask(task, "nearfar"),
                  "its matrix products alone": lambda _: nearfar.ask(task, "products")}
    contenders |= {name: lambda _, work=work: timed(work) for name, work in peers.items()}
    times = interleave(contenders, rounds)
    print(f"{title}, {torch.get_num_threads()} threads, medians of {rounds} rounds")
    figures = {}
    for name, pairs in times.items():
        wall, processor = zip(*pairs)
        walls, processors = (ratio(mine, ours) for mine, ours in
                             zip((wall, processor), zip(*times["nearfar"])))
        print(f"  {name:26} {statistics.median(wall) * 1000:8.1f} ms  x {walls.median:5.2f} "
              f"({walls.low:.2f} to {walls.high:.2f});  processor "
              f"{statistics.median(processor) * 1000:8.1f} ms  x {processors.median:5.2f}")
        figures[name] = {"seconds": wall, "processor_seconds": processor, "ratio": walls.json(),
                         "processor_ratio": processors.json()}
    return figures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    nearfar = Nearfar(arguments.program)
    figures = {
        "nt_xent": measure(nearfar, f"NT-Xent, {ANCHORS} anchors of {WIDTH}, forward and backward",
                           "nt_xent", nt_xent_peers(), arguments.rounds),
        "moco": measure(nearfar, f"MoCo, {BATCH} queries, {LENGTH} negatives of {WIDTH}, forward, "
                        "backward and queue", "moco", moco_peers(), arguments.rounds)}
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)


if __name__ == "__main__":
    main()
