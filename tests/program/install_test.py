"""Recipes against an installed nearfar, with source and build tree out of reach.

The page "Write a recipe" and a new recipe are built, trained, resumed, and refused where their
stamp does not fit."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

import nearfar_program
from nearfar_program import BUILD, program_environment, read_safetensors, write_idx_set

SOURCE = pathlib.Path(os.environ["NEARFAR_SOURCE_DIR"])
QUICK = ["threads=1", "data.workers=1", "train.log_every=1"]
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)


def may_hide():
    """Whether this user may put an empty folder in the place of another, for one process."""
    return subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode == 0


def stamp_of(data):
    """Where the stamp's text lies in a library, and the text."""
    begin = data.index(b"interface=")
    return begin, data[begin:].split(b"\0")[0]


class Installed(unittest.TestCase):
    """What is installed once serves all tests; the recipes are built side by side."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="nearfar-install-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.prefix = cls.folder / "prefix"
        cls.hides = may_hide()
        write_idx_set(cls.folder / "PHOTOS")
        subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.prefix], check=True,
                       capture_output=True)
        cls.page = cls.write_page()
        cls.begun = time.monotonic()
        cls.commands = json.loads(cls.run_installed("new-recipe", "mine", "--json").stdout)
        builds = [cls.start_shell(cls.commands["commands"][0]),
                  cls.start_shell(cls.page.splitlines()[0])]
        for build in builds:
            said = build.communicate()[0]
            if build.returncode != 0:
                raise AssertionError(said)
        cls.built = time.monotonic()

    @classmethod
    def write_page(cls):
        """The files of the page's blocks; returns its shell block."""
        shell = ""
        for language, path, text in BLOCK.findall((SOURCE / "recipes/README.md").read_text()):
            if language == "sh":
                shell += re.sub(r"\bPREFIX\b", str(cls.prefix), text)
            else:
                (cls.folder / path).parent.mkdir(exist_ok=True)
                (cls.folder / path).write_text(text)
        return shell

    @classmethod
    def out_of_reach(cls, command):
        """The command, with empty folders for it in the place of source and build tree."""
        if not cls.hides:
            return command
        hide = "".join(f"mount -t tmpfs none '{path}' && " for path in (BUILD, SOURCE))
        return ["unshare", "-rm", "sh", "-c", hide + 'exec "$@"', "sh", *command]

    @classmethod
    def start_shell(cls, line):
        return subprocess.Popen(cls.out_of_reach(["sh", "-c", line]), cwd=cls.folder,
                                env=program_environment(), text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)

    @classmethod
    def run_installed(cls, *words, code=0, env=None):
        process = subprocess.run(
            cls.out_of_reach([str(cls.prefix / "bin/nearfar"), *map(str, words)]), cwd=cls.folder,
            env=program_environment(env), text=True, capture_output=True)
        if process.returncode != code:
            raise AssertionError(f"{words}: {process.returncode}\n{process.stderr}")
        return process

    def test_what_is_installed(self):
        for path in ("bin/nearfar", "lib/libnearfar.so", "lib/libnearfar_images.so",
                     "lib/nearfar/recipes/simclr.so", "lib/nearfar/recipes/simclr.json",
                     "include/nearfar/framework/recipe/plugin.h",
                     "include/nearfar/nearfar/version.h", "lib/cmake/nearfar/nearfarConfig.cmake",
                     "lib/cmake/nearfar/nearfarConfigVersion.cmake"):
            self.assertTrue((self.prefix / path).exists(), path)

    def test_nothing_points_back_to_source_or_build(self):
        for path in self.prefix.rglob("*.so"):
            dynamic = subprocess.run(["readelf", "-d", path], capture_output=True, text=True).stdout
            paths = [line for line in dynamic.splitlines() if "PATH" in line]
            for line in paths:
                self.assertNotIn(str(BUILD), line, path)
        for path in (self.prefix / "lib/cmake").rglob("*"):
            if path.is_file():
                self.assertNotIn(str(SOURCE), path.read_text(), path)
        said = json.loads(self.run_installed("doctor", "--json").stdout)
        self.assertEqual(said["libraries"], str(self.prefix / "lib"))
        self.assertEqual(said["self_test"], "passed")
        listing = json.loads(self.run_installed("recipes", "--json").stdout)
        self.assertLessEqual({"simclr", "supervised"}, {entry["name"] for entry in listing})
        for entry in listing:
            self.assertEqual(entry["source"], "built-in")
            self.assertEqual(pathlib.Path(entry["path"]).parent,
                             self.prefix / "lib/nearfar/recipes")
            self.assertNotIn("problem", entry)

    def test_the_page_trains(self):
        _, recipes, pretrain = self.page.splitlines()
        self.assertIn("recipe.margin", subprocess.run(
            self.out_of_reach(["sh", "-c", recipes]), cwd=self.folder, text=True,
            env=program_environment(), capture_output=True, check=True).stdout)
        whole = self.folder / "runs/triplet"
        line = f"{pretrain} {' '.join(QUICK)} train.batch=64"
        subprocess.run(self.out_of_reach(["sh", "-c", line]), cwd=self.folder, check=True,
                       env=program_environment(), capture_output=True)
        log = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
        # Within 40 % of random guessing at first (256 noisy images, an untrained network); in the
        # end the two views are nearer than images are on average, which is 2.
        self.assertLess(abs(log[0]["loss"] / log[0]["random_guess_loss"] - 1), 0.4)
        self.assertLess(log[-1]["distance_to_other_view"],
                        0.9 * log[0]["distance_to_other_view"])
        config = json.loads((whole / "config.json").read_text())
        self.assertEqual(config["recipe"]["library"], str(self.folder / "triplet/build/triplet.so"))

    def test_a_stopped_run_goes_on_to_the_bit(self):
        arguments = ["pretrain", "--recipe", "triplet/build/triplet.so", "--data", "PHOTOS", *QUICK,
                     "train.batch=32", "train.steps=12", "train.checkpoint_every=5"]
        self.run_installed(*arguments, "--out", "runs/a")
        self.run_installed(*arguments, "--out", "runs/b")
        shutil.rmtree(self.folder / "runs/b/checkpoints/gen-12")
        (self.folder / "runs/b/encoder.safetensors").unlink()
        said = self.run_installed("pretrain", "--out", "runs/b").stderr
        self.assertIn("continuing after step 10", said)
        models = [read_safetensors(self.folder / f"runs/{run}/checkpoints/gen-12/model.safetensors")
                  for run in "ab"]
        self.assertEqual(models[0][0], models[1][0])

    def test_a_new_recipe_trains_at_once(self):
        files = {path.name for path in (self.folder / "mine").iterdir() if path.is_file()}
        self.assertEqual(files, {"mine.cpp", "mine.json", "mine_test.cpp", "CMakeLists.txt",
                                 "README.md"})
        self.assertEqual(files, set(self.commands["files"]))
        command = re.sub(r"--data \S+", "--data PHOTOS", self.commands["commands"][1])
        line = f"{command} {' '.join(QUICK)} train.steps=3 --out runs/m"
        process = subprocess.run(self.out_of_reach(["sh", "-c", line]), cwd=self.folder,
                                 env=program_environment(), text=True, capture_output=True)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertIn("preset: mine/small", process.stderr)
        print(f"built in {self.built - self.begun:.0f} s beside another", flush=True)

    def test_a_stamp_that_does_not_fit_is_refused(self):
        original = (self.folder / "triplet/build/triplet.so").read_bytes()
        begin, stamp = stamp_of(original)
        other = stamp.replace(b"torch=2.", b"torch=1.")
        path = self.folder / "other.so"
        path.write_bytes(original[:begin] + other + original[begin + len(other):])
        said = self.run_installed("pretrain", "--recipe", path, "--data", "PHOTOS", code=7).stderr
        self.assertRegex(said.splitlines()[-1],
                         r"^error: .*torch: this program has 2\.\S+, the library 1\.")
        self.assertIn(f"-Dnearfar_DIR={self.prefix}/lib/cmake/nearfar", said)

    def test_another_torch_is_not_found(self):
        empty = self.folder / "empty"
        empty.mkdir()
        (empty / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(empty LANGUAGES CXX)\n"
            "find_package(nearfar 9.9 REQUIRED)\n")
        process = subprocess.run(["cmake", "-S", empty, "-B", empty / "build",
                                  f"-DCMAKE_PREFIX_PATH={self.prefix}"], text=True,
                                 capture_output=True)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn("9.9", process.stderr)


class NewRecipe(nearfar_program.ProgramTest):
    def test_names_and_folders_are_checked(self):
        for name in ("Triplet", "3d", "a b", "a-b", "a__b", "a_", "_a", "", "x" * 65, "ä"):
            self.refused(2, ["expected a name", f'found "{name}"'], "new-recipe", name)
        self.refused(2, ['"simclr"', "simclr.so"], "new-recipe", "simclr")
        (self.folder / "there").mkdir()
        self.refused(2, ["there: is there already"], "new-recipe", "there")
        self.refused(2, ["is there already"], "new-recipe", "other", "--out", "there")
        self.assertEqual(list((self.folder / "there").iterdir()), [])

    def test_names_in_the_files(self):
        run = nearfar_program.run
        said = run("new-recipe", "two_words", "--out", "a folder/of mine", check=0, cwd=self.folder)
        build, train = said.stdout.splitlines()
        self.assertIn("cmake -S 'a folder/of mine' -B 'a folder/of mine/build'", build)
        self.assertIn("--recipe 'a folder/of mine/build/two_words.so'", train)
        folder = self.folder / "a folder/of mine"
        self.assertIn("class TwoWordsRecipe final", (folder / "two_words.cpp").read_text())
        for path in folder.iterdir():
            self.assertNotIn("{{", path.read_text(), path)


if __name__ == "__main__":
    nearfar_program.main()
