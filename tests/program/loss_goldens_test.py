"""Every golden case of a loss or a distance through `nearfar loss` and `nearfar distance`.

NEARFAR_GOLDENS names another folder of golden values than tests/golden."""

import array
import concurrent.futures
import copy
import json
import math
import os
import pathlib
import re
import tempfile
import unittest

import nearfar_program
from nearfar_program import ProgramTest, read_safetensors, run, write_safetensors

GOLDENS = pathlib.Path(os.environ.get("NEARFAR_GOLDENS") or
                       pathlib.Path(os.environ["NEARFAR_SOURCE_DIR"]) / "tests/golden")
FAMILIES = ("self_supervised", "metric_learning", "distances")
# Operations that nearfar does not promise.
UNSUPPORTED = {"nca", "proxy_nca", "proxy_anchor", "soft_triple", "histogram", "angular"}
# What a case stores besides an operation's outputs: what it computes on the way.
ON_THE_WAY = {"info_nce_queue": {"logits_head"}, "combined_margin": {"angle_target"},
              "sinkhorn_distance": {"cost", "plan", "exact"}}
# Inputs of one rank after the other: the loss is that of all their rows.
OVER_RANKS = {"nt_xent_ranks": "nt_xent", "moco_v3": "moco_v3"}
CODES = {"F64": "d", "F32": "f", "I64": "q"}


def numbers(tensor):
    dtype, _, data = tensor
    return array.array("B" if dtype == "BOOL" else CODES[dtype], data)


def tolerance_of(name, exact, rules):
    """(rtol, atol) of one tensor by the rules of a case, as golden_runner reads them."""
    def pair(key):
        return rules[key]["rtol"], rules[key]["atol"]
    if name in rules:
        return pair(name)
    if exact:
        return 0.0, 0.0
    if name.startswith("grad") and "grad" in rules:
        return pair("grad")
    if "all" in rules:
        return pair("all")
    if "loss" in rules and "grad" in rules:
        return pair("loss")
    pairs = [pair(key) for key in rules]
    return max(rtol for rtol, _ in pairs), max(atol for _, atol in pairs)


def complaint_of(name, found, expected, rules):
    """What is wrong with a tensor that the program wrote; empty: nothing."""
    exact = expected[0] not in ("F64", "F32")
    if found[:2] != expected[:2]:
        return f"{name} is {found[:2]}, expected {expected[:2]}"
    a, b = numbers(found), numbers(expected)
    rtol, atol = tolerance_of(name, exact, rules)
    allowed = atol + rtol * max(map(abs, b), default=0.0)
    worst = max((abs(x - y) for x, y in zip(a, b, strict=True)), default=0)
    if not worst <= allowed:  # a NaN is not
        return f"{name} is off by {worst}, allowed {allowed}"
    return "" if all(map(math.isfinite, a)) else f"{name} is not finite"


def rows_of_all_ranks(tensor, sizes):
    """[W, n, ...] as [sum of sizes, ...]: each rank's first rows, one rank after the other."""
    dtype, shape, data = tensor
    rank, row = len(data) // shape[0], len(data) // shape[0] // shape[1]
    pieces = [data[r * rank:r * rank + size * row] for r, size in enumerate(sizes)]
    return dtype, [sum(sizes), *shape[2:]], b"".join(pieces)


def of_all_ranks(tensors):
    """A case over ranks as one of its whole batch."""
    ranks = {name: tensor for name, tensor in tensors.items() if len(tensor[1]) == 3}
    _, (count, longest, _), _ = next(iter(ranks.values()))
    sizes = (list(numbers(tensors["shard_sizes"])) if "shard_sizes" in tensors
             else [longest] * count)
    return {"loss": tensors["loss"],
            **{name: rows_of_all_ranks(tensor, sizes) for name, tensor in ranks.items()
               if not name.startswith("grad_before_ddp.")}}


class GoldenCase:
    """A case with its command and the tensors that the command has to write."""

    def __init__(self, item):
        self.item, self.name = item, item["file"]
        self.tensors, _ = read_safetensors(GOLDENS / item["file"])
        settings = dict(item["hyperparameters"])
        self.operation = item["operation"]
        self.command, self.kind = "loss", self.operation
        if item["family"] == "distances":
            self.command = "distance"
            self.kind = settings.pop("kind", self.operation.removesuffix("_distance"))
        if settings.pop("world_size", None):
            self.kind = OVER_RANKS[self.operation]
            self.tensors = of_all_ranks(self.tensors)
        self.settings = [f"{key}={value if isinstance(value, str) else json.dumps(value)}"
                         for key, value in settings.items()]

    def run(self, folder, tensors=None, settings=None):
        """The finished process and where its output is."""
        stem = pathlib.Path(folder) / pathlib.Path(self.name).stem
        given, out = f"{stem}.in.safetensors", f"{stem}.out.safetensors"
        write_safetensors(given, self.tensors if tensors is None else tensors)
        return run(self.command, self.kind, "--input", given, "--output", out,
                   *(self.settings if settings is None else settings)), out

    def is_an_output(self, name, inputs):
        return not (name in inputs or name.startswith(("unit.", "grad.unit."))
                    or name in ON_THE_WAY.get(self.operation, ()))

    def complaints(self, folder, inputs):
        process, out = self.run(folder)
        if process.returncode != 0:
            return [process.stderr]
        written, _ = read_safetensors(out)
        complaints = [f"{name} is missing" for name in self.tensors
                      if self.is_an_output(name, inputs) and name not in written]
        complaints += [complaint_of(name, found, self.tensors[name], self.item["tolerance"])
                       for name, found in written.items() if name in self.tensors]
        return [complaint for complaint in complaints if complaint]


def listing(command):
    return {entry["name"]: entry
            for entry in json.loads(run(command, "--list", "--json", check=0).stdout)}


def input_names(entry, tensors, required=False):
    """The tensors that an operation takes as inputs; z of npid_nce is one and an output as well."""
    patterns = [name.replace(".", r"\.").replace("*", r"\d+") for name, optional in
                re.findall(r"([\w.*]+) \[[^]]*\](?: int64)?( \(optional\))?", entry["inputs"])
                if not (required and optional)]
    return {name for name in tensors if any(re.fullmatch(p, name) for p in patterns)}


class LossGoldens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.offered = {command: listing(command) for command in ("loss", "distance")}
        items = json.loads((GOLDENS / "index.json").read_text())["cases"]
        cls.cases = [GoldenCase(item) for item in items
                     if item["family"] in FAMILIES and item["operation"] not in UNSUPPORTED]

    def entry(self, case):
        return self.offered[case.command][case.kind]

    def one_each(self):
        """The first case of every operation and distance."""
        firsts = {}
        for case in self.cases:
            firsts.setdefault((case.command, case.kind), case)
        return list(firsts.values())

    def of_all(self, cases, visit):
        """visit(case, folder) of each case, two at a time; fails with all complaints."""
        with tempfile.TemporaryDirectory(prefix="nearfar-test-") as folder:
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                found = list(pool.map(lambda case: visit(case, folder), cases))
        wrong = [f"{case.name}: {complaint}" for case, complaints in zip(cases, found)
                 for complaint in complaints]
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))

    def test_every_operation_is_offered_with_its_formula(self):
        self.assertGreater(len(self.cases), 100)
        for case in self.cases:
            self.assertIn(case.kind, self.offered[case.command], case.name)
        for entries in self.offered.values():
            for entry in entries.values():
                self.assertTrue(entry["formula"] and entry["inputs"], entry)
                for key in entry["keys"]:
                    self.assertTrue(key["help"] and key["default"] is not None, entry)

    def test_every_case_has_the_golden_values(self):
        # The case's file is the input as it is: what an operation does not know is ignored.
        def check(case, folder):
            return case.complaints(folder, input_names(self.entry(case), case.tensors))
        self.of_all(self.cases, check)

    def test_an_altered_input_is_noticed(self):
        """Not every number is within its tolerance of anything."""
        case = copy.copy(next(case for case in self.cases if case.kind == "nt_xent"))
        dtype, shape, data = case.tensors["z1"]
        values = array.array("d", data)
        values[0] += 1e-6
        case.tensors = {**case.tensors, "z1": (dtype, shape, values.tobytes())}
        with tempfile.TemporaryDirectory(prefix="nearfar-test-") as folder:
            self.assertIn("grad.z1 is off by", str(case.complaints(folder, {"z1", "z2"})))

    def refusal(self, process, parts):
        """What is wrong with a refusal: it is one line that names every part, exit code 3."""
        lines = process.stderr.splitlines()
        said = process.stderr + process.stdout
        if process.returncode != 3 or len(lines) != 1 or not lines[0].startswith("error: "):
            return [f"expected one error and exit code 3, got {process.returncode}: {said}"]
        return [f"expected {part!r} in {lines[0]}" for part in parts if part not in lines[0]]

    def test_a_missing_input_is_named(self):
        def check(case, folder):
            name = min(input_names(self.entry(case), case.tensors, required=True))
            tensors = {other: tensor for other, tensor in case.tensors.items() if other != name}
            return self.refusal(case.run(folder, tensors)[0], [f"{name}: missing", case.kind])
        self.of_all(self.one_each(), check)

    def test_another_shape_is_named(self):
        def check(case, folder):
            name = min(input_names(self.entry(case), case.tensors, required=True))
            dtype, shape, data = case.tensors[name]
            wrong = {**case.tensors, name: (dtype, [1, 1, 1, *shape], data)}
            return self.refusal(case.run(folder, wrong)[0], [f"{name}: expected ["])
        self.of_all(self.one_each(), check)


class Refusals(ProgramTest):
    """What is written wrongly, once for both commands."""

    def setUp(self):
        super().setUp()
        self.input = self.folder / "in.safetensors"
        self.output = self.folder / "out.safetensors"
        floats = array.array("d", range(1, 7)).tobytes()
        write_safetensors(self.input, {name: ("F64", [3, 2], floats)
                                       for name in ("z1", "z2", "x", "y", "bystander")})

    def refuse(self, code, parts, *arguments):
        self.refused(code, parts, *arguments)
        self.assertFalse(self.output.exists())

    def files(self):
        return ["--input", self.input, "--output", self.output]

    def test_keys(self):
        self.refuse(2, ["temprature", 'did you mean "temperature"?'], "loss", "nt_xent",
                    *self.files(), "temprature=0.1")
        self.refuse(2, ["temperature", "0", "[0.001, 10]"], "loss", "nt_xent", *self.files(),
                    "temperature=0")
        self.refuse(2, ["q", "unknown key"], "distance", "lp", *self.files(), "q=3")

    def test_names(self):
        self.refuse(2, ["nt_xnet", 'did you mean "nt_xent"?'], "loss", "nt_xnet", *self.files())
        self.refuse(2, ["euclidian", 'did you mean "euclidean"?'], "distance", "euclidian",
                    *self.files())
        self.refuse(2, ["nt_xent", "--input and --output"], "loss", "nt_xent", "--input",
                    self.input)

    def test_files(self):
        self.refuse(3, [str(self.folder / "none.safetensors")], "loss", "nt_xent", "--input",
                    self.folder / "none.safetensors", "--output", self.output)
        (self.folder / "text.safetensors").write_text("nothing of the kind")
        self.refuse(3, ["text.safetensors"], "loss", "nt_xent", "--input",
                    self.folder / "text.safetensors", "--output", self.output)

    def test_sizes_and_kinds_that_do_not_fit_each_other(self):
        write_safetensors(self.input, {"z1": ("F64", [3, 2], bytes(48)),
                                       "z2": ("F64", [2, 2], bytes(32))})
        self.refuse(3, ["z2: expected [N, d] with N = 3"], "loss", "nt_xent", *self.files())
        write_safetensors(self.input, {"x": ("F64", [3, 2], bytes(48)),
                                       "y": ("I64", [3, 2], bytes(48))})
        self.refuse(3, ["y: expected", "float"], "distance", "euclidean", *self.files())

    def test_float32_stays_float32(self):
        floats = array.array("f", range(1, 7)).tobytes()
        write_safetensors(self.input, {name: ("F32", [3, 2], floats) for name in ("z1", "z2")})
        run("loss", "nt_xent", *self.files(), check=0)
        self.assertEqual({tensor[0] for tensor in read_safetensors(self.output)[0].values()},
                         {"F32"})


if __name__ == "__main__":
    nearfar_program.main()
