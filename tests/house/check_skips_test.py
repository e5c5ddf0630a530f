#!/usr/bin/env python3
# Runs ctest on a small project with skipped tests and expects check_skips to tell them apart.
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
TOOL = SOURCE / "tools/check_skips"
PROGRAM_TESTS = SOURCE / "tests/program"

PROJECT = """
add_test(passes "true")
add_test(format "sh" "-c" "exit 77")
set_tests_properties(format PROPERTIES SKIP_RETURN_CODE 77)
add_test(on_gpu "sh" "-c" "echo '[  SKIPPED ]'")
set_tests_properties(on_gpu PROPERTIES SKIP_REGULAR_EXPRESSION "SKIPPED" LABELS "slow;gpu")
"""


class CheckSkips(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        (cls.folder / "CTestTestfile.cmake").write_text(PROJECT)
        subprocess.run(["ctest", "--output-junit", "junit.xml"], cwd=cls.folder, check=True,
                       capture_output=True)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def verdict(self, rules, junit="junit.xml"):
        (self.folder / "list.txt").write_text(rules)
        done = subprocess.run([sys.executable, str(TOOL), str(self.folder / junit),
                               str(self.folder), str(self.folder / "list.txt")], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def test_all_allowed(self):
        status, text = self.verdict("# why\nlabel gpu  # no device\ntest format\n")
        self.assertEqual((status, text), (0, "3 tests, 2 skipped, 2 of them allowed\n"))

    def test_a_skip_that_is_not_listed(self):
        status, text = self.verdict("label gpu\n")
        self.assertEqual(status, 1)
        self.assertIn("error: format was skipped and is not in", text)
        self.assertNotIn("on_gpu was skipped", text)
        status, text = self.verdict("label slo\ntest format\n")
        self.assertEqual(status, 1)
        self.assertIn("error: on_gpu was skipped", text)

    def test_conditions(self):
        self.assertEqual(self.verdict("label gpu\ntest format unless no-such-program\n")[0], 0)
        self.assertEqual(self.verdict("label gpu\ntest format unless sh\n")[0], 1)

    def test_malformed_input(self):
        status, text = self.verdict("label\n")
        self.assertEqual(status, 1)
        self.assertIn("list.txt:1: expected", text)
        (self.folder / "empty.xml").write_text("<testsuite/>")
        self.assertEqual(self.verdict("label gpu\n", "empty.xml")[0], 1)

    def test_programs_without_their_modules_say_that_they_skip(self):
        for name in ("bench_views", "export", "foreign_weights", "numpy_data", "torchvision"):
            # Neither this Python (-S: without packages) nor the other one has them.
            only = ["-k", "Pixels"] if name == "bench_views" else []
            done = subprocess.run([sys.executable, "-SB", PROGRAM_TESTS / f"{name}_test.py", *only],
                                  env={**os.environ, "NEARFAR_TORCH_PYTHON": "false",
                                       "NEARFAR_BUILD_DIR": "none",
                                       "NEARFAR_SOURCE_DIR": SOURCE},
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 77, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
