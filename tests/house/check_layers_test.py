#!/usr/bin/env python3
# Plants one violation of each rule in an empty project and expects check_layers.py to name it.
import pathlib
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parent.parent.parent / "tools"
sys.dont_write_bytecode = True
sys.path.insert(0, str(TOOLS))
import check_layers  # noqa: E402

HEAD = "// What this file is for.\n"


def body(lines):
    return "int f() {\n" + "  g();\n" * (lines - 2) + "}\n"


class CheckLayers(unittest.TestCase):
    def found(self):
        return list(check_layers.check(self.root))

    def plant(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def expect(self, name, text, *whats):
        self.plant(name, text)
        found = self.found()
        self.assertEqual(len(found), len(whats), found)
        for violation, what in zip(found, whats):
            self.assertIn(what, violation)
            self.assertTrue(violation.startswith(name + ":"), violation)
        (self.root / name).unlink()

    def include(self, name, header, *whats):
        once = "#pragma once\n" if name.endswith((".h", ".cuh")) else ""
        self.expect(name, HEAD + once + f'#include "{header}"\n', *whats)

    def test_downwards_only(self):
        for name, header in [("augment/a.h", "distributed/b.h"), ("augment/a.cpp", "framework/b.h"),
                             ("distributed/a.cpp", "augment/b.h"), ("framework/x/a.cpp", "recipes/b.h"),
                             ("framework/x/a.cpp", "tools/nearfar/b.h"),
                             ("framework/x/a.cpp", "tests/b.h"), ("recipes/a.cpp", "recipes/b.h"),
                             ("recipes/blocks/a.cpp", "recipes/b.h"),
                             ("tools/nearfar/a.cpp", "recipes/simclr.h")]:
            self.include(name, header, "this folder may include")
        for name, header in [("augment/a.cpp", "augment/b.h"), ("framework/x/a.cpp", "augment/b.h"),
                             ("framework/x/a.cpp", "framework/y/b.h"),
                             ("recipes/a.cpp", "recipes/blocks/b.h"),
                             ("tools/nearfar/a.cpp", "tools/nearfar/b.h"),
                             ("tests/a.cpp", "tests/b.h"), ("augment/a.cpp", "vector")]:
            self.include(name, header)

    def test_confined_headers(self):
        for name, header in [("augment/a.cpp", "cuda_runtime.h"), ("distributed/a.cpp", "nccl.h"),
                             ("distributed/a.cpp", "torch/csrc/distributed/c10d/Store.hpp"),
                             ("framework/data/a.cpp", "nlohmann/json.hpp"),
                             ("framework/json/a.h", "nlohmann/json.hpp"),
                             ("framework/data/a.cpp", "opencv2/imgcodecs.hpp"),
                             ("tools/nearfar/a.h", "CLI/CLI.hpp"), ("augment/a.cpp", "jpeglib.h")]:
            self.include(name, header, "is confined to")
        for name, header in [("augment/a.cu", "cuda_runtime.h"),
                             ("framework/json/a.cpp", "nlohmann/json.hpp"),
                             ("framework/data/images/a.cpp", "opencv2/imgcodecs.hpp"),
                             ("framework/data/a.cpp", "jpeglib.h"),
                             ("tools/nearfar/a.cpp", "CLI/CLI.hpp")]:
            self.include(name, header)

    def test_one_file_alone(self):
        self.plant("framework/data/a.cpp", HEAD + "#include <jpeglib.h>\n")
        self.plant("framework/data/b.cpp", HEAD + "#include <jpeglib.h>\n")
        self.assertIn("found in framework/data/a.cpp, framework/data/b.cpp", "".join(self.found()))

    def test_forbidden_headers(self):
        for header in ["torch/torch.h", "torch/all.h", "torch/nn.h"]:
            for name in ["framework/a.cpp", "tests/a.cpp", "cmake/a.h"]:
                self.include(name, header, "is allowed nowhere")
        for header in ["torch/types.h", "ATen/ATen.h", "c10/util/Half.h"]:
            self.include("augment/a.cu", header, "no torch header in CUDA files")
        self.include("framework/a.cpp", "torch/types.h")

    def test_first_line(self):
        what = "the first line must be a comment sentence"
        self.expect("augment/a.cpp", "int x;\n", what)
        self.expect("augment/a.cpp", "// no full stop\nint x;\n", what)
        self.expect("tools/run", "#!/bin/sh\necho\n", what)
        self.expect("tools/run", "#!/bin/sh\n# Says what it does.\necho\n")
        self.expect("augment/a.cpp", "// A sentence that goes\n// over two lines.\nint x;\n")

    def test_pragma_once(self):
        self.expect("augment/a.h", HEAD, "#pragma once is missing")

    def test_length_of_files(self):
        self.expect("augment/a.cpp", HEAD + "\n" * 299)
        self.expect("augment/a.cpp", HEAD + "\n" * 300, "301 lines")

    def test_length_of_functions(self):
        what = "function of 41 lines"
        self.expect("augment/a.cpp", HEAD + body(40))
        self.expect("augment/a.cpp", HEAD + body(41), what)
        wraps = [("namespace a::b {\n", "}\n"), ("namespace {\nstruct S {\n", "};\n}\n"),
                 ("template <int N = (1 + 2)>\nclass C : public D<(1)> {\n public:\n", "};\n"),
                 ('extern "C" {\n', "}\n"), ("const char* s = \"{ // '\";\n", ""),
                 ("/* { */ // {\nconstexpr char c = '{';\n", ""),
                 ("const auto table = std::array{1, 2};\n#define X {\n", ""),
                 ("auto raw = R\"x({ \" )x\";\nint64_t n = 1'000'000;\n", ""),
                 ("enum class E { a, b };\n", "")]
        for before, after in wraps:
            self.expect("augment/a.cpp", HEAD + before + body(40) + after)
            self.expect("augment/a.cpp", HEAD + before + body(41) + after, what)
        method = body(41).replace("int f()", "S::S(int a) noexcept : a_(a), b_{a}")
        self.expect("augment/a.cpp", HEAD + method, what)
        lambdas = body(41).replace("int f() {", "int f() { auto g = [&](int x) { return x; };")
        self.expect("augment/a.cpp", HEAD + lambdas, what)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
