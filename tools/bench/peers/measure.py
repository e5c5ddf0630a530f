"""Rounds in which every contender takes its turn, and what their medians say."""
import json
import multiprocessing
import os
import statistics
import subprocess
import time


def processor_seconds_of(pid):
    """Processor time so far of another process."""
    # Linux's number for that clock, as clock_getcpuclockid gives it.
    return time.clock_gettime((~pid << 3) | 2)


def processor_seconds():
    """Processor time so far of this process and of its living workers."""
    workers = multiprocessing.active_children()
    return time.process_time() + sum(processor_seconds_of(worker.pid) for worker in workers)


class Nearfar:
    """bench_views as a child process, pinned to the given cores."""

    def __init__(self, program, cores):
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores))

    def ask(self, do, **members):
        """The answer to one command; the child computes while this process waits."""
        self.process.stdin.write(json.dumps({"do": do, **members}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"error: bench_views ended with {self.process.wait()} at {do}")
        return json.loads(answer)

    def load(self, name, pixels, folder):
        """Gives it uint8 [count, height, width, 3] under a name."""
        file = folder / f"{name}.raw"
        pixels.tofile(file)
        count, height, width, _ = pixels.shape
        self.ask("load", images=name, file=str(file), count=count, height=height, width=width)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Spread:
    """Median and quartiles of one figure over the rounds."""

    def __init__(self, values):
        self.values = values
        self.median = statistics.median(values)
        self.low, self.high = self.median, self.median
        if len(values) > 1:
            self.low, _, self.high = statistics.quantiles(values, n=4, method="inclusive")

    def json(self):
        return {"median": self.median, "quartiles": [self.low, self.high], "rounds": self.values}


def interleave(contenders, rounds):
    """Calls each of {name: function of the round} once a round, every round starting with another
    one, after a round that only warms up. Returns {name: [result of each round]}."""
    names = list(contenders)
    results = {name: [] for name in names}
    for name in names:
        contenders[name](0)
    for turn in range(1, rounds + 1):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            results[name].append(contenders[name](turn))
    return results


def ratio(peer, ours):
    """Peer's time over ours, round by round: load that lasts longer than a round cancels out."""
    return Spread([theirs / mine for theirs, mine in zip(peer, ours)])
