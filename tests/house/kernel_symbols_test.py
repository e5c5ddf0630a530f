"""No function of the wider instruction sets may stand in for one that every processor must run.

The linker keeps one copy of each weak symbol (an inline function or template that was not inlined).
If that copy came from a kernel compiled for AVX-512, the whole program would need AVX-512. So the
kernels' objects may define strong symbols of their own namespace alone.
Usage: kernel_symbols_test.py OBJECT... (the objects of all kernels)
"""
import pathlib
import subprocess
import sys
import tempfile

WEAK = set("uvVwW")


def weak_definitions(path):
    lines = subprocess.run(["nm", "--defined-only", "--demangle", path], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    return [line for line in lines if line.split(maxsplit=2)[1] in WEAK]


def a_weak_symbol_is_noticed():
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "weak.cpp")
        source.write_text("inline int shared(int x) { return x; }\nint (*user())(int) { return shared; }\n")
        subprocess.run(["c++", "-c", source, "-o", f"{folder}/weak.o"], check=True)
        return len(weak_definitions(f"{folder}/weak.o")) == 1


def main():
    objects = sys.argv[1:]
    assert objects, "expected the kernels' objects"
    assert a_weak_symbol_is_noticed(), "nm shows no weak symbol where there is one"
    leaks = {path: weak_definitions(path) for path in objects}
    for path, symbols in leaks.items():
        for symbol in symbols:
            print(f"{path}: {symbol}")
    sys.exit(1 if any(leaks.values()) else 0)


main()
