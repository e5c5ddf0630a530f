#!/usr/bin/env python3
# Alters one value of one case of every family and expects golden_runner to notice.
"""altered_case_test.py GOLDEN_RUNNER FOLDER"""
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

INFORMATIONAL = re.compile("u8")


def run(runner, folder, *options):
    done = subprocess.run([runner, str(folder), *options], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def read_header(path):
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8:8 + length]), 8 + length


def one_case(source, target, index, case):
    """A golden folder that holds nothing but `case`."""
    (target / case["file"]).parent.mkdir(parents=True)
    shutil.copyfile(source / case["file"], target / case["file"])
    (target / "index.json").write_text(json.dumps({**index, "cases": [case],
                                                      "name_lists": []}))


def alter(path, name):
    """Doubles the first element of a float tensor and adds one."""
    header, start = read_header(path)
    form = {"F64": "<d", "F32": "<f"}[header[name]["dtype"]]
    data = bytearray(path.read_bytes())
    at = start + header[name]["data_offsets"][0]
    value = struct.unpack_from(form, data, at)[0]
    struct.pack_into(form, data, at, 2 * value + 1)
    path.write_bytes(data)


def check_family(runner, source, index, case, dump):
    """True when an output was altered and noticed."""
    header, _ = read_header(dump / pathlib.Path(case["file"]))
    outputs = [name for name, entry in header.items()
               if name != "__metadata__" and not INFORMATIONAL.match(name)
               and entry["dtype"] in ("F64", "F32")
               and entry["data_offsets"][0] < entry["data_offsets"][1]]
    for name in outputs:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            one_case(source, folder, index, case)
            status, text = run(runner, folder)
            assert status == 0 and "1 ok, 0 wrong, 0 unsupported" in text, text
            alter(folder / case["file"], name)
            status, text = run(runner, folder)
            assert status == 1 and "0 ok, 1 wrong" in text and "FAIL" in text, f"{name}: {text}"
    return bool(outputs)


def check_lists(runner, source, index):
    """Every name list holds, and none does with another shape or without a name."""
    for file in index["name_lists"]:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "index.json").write_text(json.dumps({**index, "cases": [],
                                                           "name_lists": [file]}))
            (folder / file).parent.mkdir(parents=True)
            rows = json.loads((source / file).read_text())
            wider = [*rows[:3], {**rows[3], "shape": [*rows[3]["shape"], 1]}, *rows[4:]]
            for rows, ok in ((rows, True), (wider, False), (rows[:3] + rows[4:], False)):
                (folder / file).write_text(json.dumps(rows))
                status, text = run(runner, folder)
                assert (status == 0) == ok and ("FAIL" in text) != ok, f"{file}: {text}"


def main(runner, source):
    source = pathlib.Path(source)
    index = json.loads((source / "index.json").read_text())
    with tempfile.TemporaryDirectory() as dump:
        _, text = run(runner, source, "--dump", dump)
        passed = {line.split()[0] for line in text.splitlines() if line.endswith("  ok")}
        altered = set()
        for case in index["cases"]:
            name = case["file"].removesuffix(".safetensors")
            if name in passed and case["family"] not in altered:
                if check_family(runner, source, index, case, pathlib.Path(dump)):
                    altered.add(case["family"])
    check_lists(runner, source, index)
    assert altered, "no case is supported:\n" + text
    print("noticed in", ", ".join(sorted(altered)))


if __name__ == "__main__":
    main(*sys.argv[1:])
