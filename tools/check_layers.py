#!/usr/bin/env python3
# Checks the architecture: who may include whom, where heavy headers may stand, and the form of files.
"""check_layers.py [SOURCE_DIR]: prints one line a violation, exits 1 when there is any.

The two tables below are the architecture (README.md, DESIGN section 1)."""
import fnmatch
import pathlib
import re
import sys

# Who may include whom: the first pattern that matches a file rules; headers are given by folder.
LAYERS = [
    ("augment/*", ["augment"]),
    ("distributed/*", ["distributed"]),
    ("framework/*", ["framework", "augment", "distributed"]),
    ("recipes/*", ["framework", "augment", "distributed", "recipes/blocks"]),
    ("tools/*", ["tools", "framework", "augment", "distributed", "recipes/blocks"]),
    ("tests/*", ["tests", "framework", "augment", "distributed", "recipes", "tools"]),
]

# Heavy headers: where they may stand, and in how many files at most. Tests may use them too.
CONFINED = [
    ("cuda_runtime.h", ["*.cu", "*.cuh"], None),
    ("nccl.h", ["distributed/c10d_*"], None),
    ("torch/csrc/distributed/*", ["distributed/c10d_*"], None),
    ("torch/csrc/distributed/c10d/ProcessGroupGloo.hpp", ["distributed/c10d_gloo.cpp"], 1),
    ("torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp", ["distributed/c10d_nccl.cpp"], 1),
    ("nlohmann/*", ["framework/json/*.cpp"], None),
    ("opencv2/*", ["framework/data/images/*.cpp"], None),
    ("jpeglib.h", ["framework/data/*.cpp"], 1),
    ("CLI/*", ["tools/nearfar/*.cpp"], 2),
]

# Nowhere at all: 14 to 18 seconds and a gigabyte a file.
FORBIDDEN = ["torch/torch.h", "torch/all.h", "torch/nn.h"]
# In no .cu file: 24 seconds instead of one.
FORBIDDEN_IN_CUDA = ["torch/*", "ATen/*", "c10/*"]

LARGEST_FILE = 300
LARGEST_FUNCTION = 40

PROJECT_FOLDERS = ["augment", "distributed", "framework", "recipes", "tools", "tests"]
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
CODE = (".h", ".cpp", ".cu", ".cuh")


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def includes_of(text):
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1)


def check_include(name, header):
    """What is wrong with one include, or None."""
    if matches(header, FORBIDDEN):
        return f"{header} is allowed nowhere; include torch/types.h or torch/nn/module.h"
    if name.endswith((".cu", ".cuh")) and matches(header, FORBIDDEN_IN_CUDA):
        return f"{header}: no torch header in CUDA files"
    if not name.startswith("tests/"):
        for pattern, places, _ in CONFINED:
            if matches(header, [pattern]) and not matches(name, places):
                return f"{header} is confined to {', '.join(places)}"
    if header.split("/")[0] in PROJECT_FOLDERS:
        allowed = next((folders for pattern, folders in LAYERS if matches(name, [pattern])), None)
        if allowed is not None and not any(header.startswith(folder + "/") for folder in allowed):
            return f"{header}: this folder may include {', '.join(allowed)}"
    return None


def check_counts(users):
    """Headers that stand in more files than their table says. users: pattern -> files."""
    for pattern, _, most in CONFINED:
        files = sorted(users.get(pattern, ()))
        if most is not None and len(files) > most:
            yield f"{files[0]}:1: {pattern} is confined to {most} file, found in {', '.join(files)}"


def first_comment(text, mark):
    """The words of the comment block that opens a file, below a #! line."""
    lines = text.splitlines()
    if lines and lines[0].startswith("#!"):
        lines = lines[1:]
    if mark == "#" and lines and lines[0].startswith('"""'):
        return lines[0].strip('"')
    block = []
    for line in lines:
        if not line.startswith(mark + " "):
            break
        block.append(line[len(mark) + 1:])
    return " ".join(block)


def check_form(name, text):
    """Violations that concern a file's form: (line, what)."""
    comment = first_comment(text, "//" if name.endswith(CODE) else "#")
    if len(comment.split()) < 2 or not comment.rstrip().endswith((".", ":", "?")):
        yield 1, "the first line must be a comment sentence that says what the file is for"
    if not name.endswith(CODE):
        return
    if name.endswith((".h", ".cuh")) and "#pragma once" not in text:
        yield 1, "#pragma once is missing"
    lines = text.count("\n")
    if lines > LARGEST_FILE:
        yield LARGEST_FILE, f"{lines} lines, at most {LARGEST_FILE}"
    for first, last in functions_of(text):
        if last - first + 1 > LARGEST_FUNCTION:
            yield first, f"function of {last - first + 1} lines, at most {LARGEST_FUNCTION}"


LITERALS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^()\s\\]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'"
    r"|^[ \t]*#(?:\\\n|[^\n])*", re.S | re.M)
SCOPE = re.compile(r"^(?:template\s*<.*>\s*|inline\s+|export\s+|typedef\s+|\[\[.*?\]\]\s*)*"
                   r"(?:namespace|class|struct|union|enum)\b", re.S)

ACCESS = ("public", "protected", "private")


def without_literals(text):
    """Comments, strings and preprocessor lines blanked, line numbers kept."""
    def blank(found):
        kept = re.sub(r"[^\n]", " ", found.group(0))
        return '""' + kept[2:] if found.group(0).startswith(('"', "R")) else kept
    return LITERALS.sub(blank, text)


INITIALIZER = object()  # a brace like that of x{1}: part of the statement around it


def functions_of(text):
    """(first line, last line) of each function that is not inside another; a brace scan."""
    scopes = []  # for each open brace: INITIALIZER, the line where its function begins, or None
    statement, statement_line, line, before = "", 1, 1, " "
    for character in without_literals(text):
        if character == "{" and not before.isspace() and before not in "({})=":
            scopes.append(INITIALIZER)
        elif character == "{":
            head = statement.strip()
            inside = any(scope is not None for scope in scopes)
            is_function = not inside and "(" in head and not SCOPE.match(head)
            scopes.append(statement_line if is_function else None)
            statement = ""
        elif character == "}":
            scope = scopes.pop() if scopes else None
            if isinstance(scope, int):
                yield scope, line
            if scope is not INITIALIZER:
                statement = ""
        elif character == ";" or (character == ":" and statement.strip() in ACCESS):
            statement = ""
        else:
            if not statement.strip() and not character.isspace():
                statement, statement_line = "", line
            statement += character
        line += character == "\n"
        before = character


def source_files(root):
    """Files whose form is checked, as names relative to the root."""
    for folder in PROJECT_FOLDERS + ["cmake"]:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_file() and (name.endswith(CODE + (".py", ".cmake"))
                                   or path.name == "CMakeLists.txt" or is_script(path)):
                yield name
    if (root / "CMakeLists.txt").exists():
        yield "CMakeLists.txt"


def is_script(path):
    with path.open("rb") as file:
        return path.suffix == "" and file.read(2) == b"#!"


def check(root):
    """All violations as "file:line: what"."""
    root = pathlib.Path(root)
    users = {}
    for name in source_files(root):
        text = (root / name).read_text(encoding="utf-8")
        if name != "CMakeLists.txt":
            for line, what in check_form(name, text):
                yield f"{name}:{line}: {what}"
        if not name.endswith(CODE):
            continue
        for line, header in includes_of(text):
            for pattern, _, _ in CONFINED:
                if matches(header, [pattern]) and not name.startswith("tests/"):
                    users.setdefault(pattern, set()).add(name)
            what = check_include(name, header)
            if what:
                yield f"{name}:{line}: {what}"
    yield from check_counts(users)


if __name__ == "__main__":
    found = list(check(sys.argv[1] if len(sys.argv) > 1 else "."))
    print("\n".join(found) if found else "layers hold")
    sys.exit(1 if found else 0)
