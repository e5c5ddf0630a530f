# What the tables of trained recipes share: runs that are kept, their judgement, means over seeds.
import json
import os
import pathlib
import statistics
import subprocess
import sys

FASHION = "/usr/share/datasets/fashion-mnist"
RUN_NOTES = "measured.json"  # beside a run: what only its process could tell


def add_common_arguments(parser, out):
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", default=FASHION)
    parser.add_argument("--out", default=out)
    parser.add_argument("--build", default=pathlib.Path(__file__).parents[2] / "build")
    parser.add_argument("settings", nargs="*", metavar="key=value")


def peak_memory(command):
    """Runs a command to its end; the peak of its resident memory in bytes."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        sys.exit(f"error: {' '.join(command)}: expected exit code 0, got {code}")
    return usage.ru_maxrss * 1024


def pretrain(program, recipe, data, folder, settings):
    """Trains unless the run is complete; the peak of memory over its processes."""
    notes = folder / RUN_NOTES
    if notes.exists():
        return json.loads(notes.read_text())["memory"]
    memory = peak_memory([program, "pretrain", "-q", "--recipe", recipe, "--data", str(data), "--out", str(folder),
                          *settings])
    notes.write_text(json.dumps({"memory": memory}))
    return memory


def judge(program, folder, methods, settings):
    """The methods of the run's evaluation.json."""
    judged = folder / "evaluation.json"
    if not judged.exists():
        subprocess.run([program, "evaluate", "-q", str(folder), "--methods", ",".join(methods), *settings],
                       check=True, stdout=subprocess.DEVNULL)
    return json.loads(judged.read_text())["methods"]


def percent(values):
    """Mean and, of several, their standard deviation, in %."""
    text = f"{100 * statistics.mean(values):.1f}"
    return text if len(values) < 2 else f"{text} ± {100 * statistics.stdev(values):.1f}"
