"""Recipes as plugins: found, refused before their code runs, contained, and resumed to the bit."""

import json
import shutil
import signal
import struct
import subprocess
import time

import nearfar_program
from nearfar_program import (BUILD, ProgramTest, digest, read_safetensors, run, start)

PLUGINS = BUILD / "tests/plugins"
QUICK = ["train.batch=32", "threads=1", "data.workers=1", "train.log_every=1",
         "optimizer.learning_rate=0.1", "schedule.warmup_epochs=0"]
SMALL = [*QUICK, "encoder.name=tiny", "encoder.width=8", "recipe.view.size=16",
         "recipe.view.blur=0", "recipe.projection.width=16"]


def altered(path, out, old, new):
    """A copy of a library with other bytes in its stamp."""
    data = path.read_bytes()
    if len(old) != len(new) or data.count(old) != 1:
        raise AssertionError(f"{path}: {old} stands {data.count(old)} times in it")
    out.write_bytes(data.replace(old, new))
    return out


class Found(ProgramTest):
    def listing(self, places):
        environment = {"NEARFAR_RECIPE_PATH": ":".join(map(str, places))}
        entries = json.loads(run("recipes", "--json", check=0, env=environment).stdout)
        return {entry["name"]: entry for entry in entries}

    def test_in_folders_as_files_and_by_path(self):
        folder = self.folder / "mine"
        folder.mkdir()
        shutil.copy(PLUGINS / "everything.so", folder)
        found = self.listing([folder, self.folder / "no such folder", PLUGINS / "canary.so"])
        self.assertEqual(found["everything"]["path"], str(folder / "everything.so"))
        self.assertEqual(found["everything"]["source"], "NEARFAR_RECIPE_PATH")
        self.assertEqual(found["canary"]["path"], str(PLUGINS / "canary.so"))
        self.assertEqual(found["simclr"]["source"], "built-in")
        self.assertNotIn("throwing", found)
        for entry in found.values():
            self.assertEqual(entry["interface"], found["simclr"]["interface"])
        one = json.loads(run("recipes", "mine/everything.so", "--json", check=0,
                             cwd=self.folder).stdout)
        self.assertEqual((one["name"], one["source"]), ("everything", "path"))

    def test_the_first_place_wins(self):
        folder = self.folder / "mine"
        folder.mkdir()
        shutil.copy(BUILD / "recipes/simclr.so", folder)
        self.assertEqual(self.listing([folder])["simclr"]["path"], str(folder / "simclr.so"))

    def test_what_does_not_load_is_listed_with_its_reason(self):
        folder = self.folder / "mine"
        folder.mkdir()
        (folder / "text.so").write_text("no library")
        altered(PLUGINS / "canary.so", folder / "old.so", b"interface=", b"interfacE=")
        shutil.copy(PLUGINS / "canary.so", folder / "renamed.so")
        shutil.copy(BUILD / "libnearfar.so", folder / "stampless.so")
        found = self.listing([folder])
        for name, reason in (("text", "ELF"), ("old", "interface: this program has"),
                             ("renamed", 'found "canary"'), ("stampless", "no nearfar stamp")):
            self.assertIn(reason, found[name]["problem"])
        text = run("recipes", check=0, env={"NEARFAR_RECIPE_PATH": str(folder)}).stdout
        self.assertIn("does not load: " + found["text"]["problem"], text)

    def test_an_unknown_name_says_where_was_searched(self):
        self.refused(2, ['"everythin"', 'did you mean "everything"?', str(PLUGINS), "searched: "],
                     "recipes", "everythin", env={"NEARFAR_RECIPE_PATH": str(PLUGINS)})

    def test_one_recipe_with_its_keys_and_views(self):
        path = PLUGINS / "everything.so"
        one = json.loads(run("recipes", path, "--json", check=0).stdout)
        keys = {entry["key"]: entry for entry in one["keys"]}
        self.assertEqual(keys["recipe.centre_momentum"]["range"], "[0, 1]")
        self.assertTrue(all(entry["help"] for entry in one["keys"]))
        self.assertEqual([view["size"] for view in one["views"]], [16, 8, 8])
        text = run("recipes", path, check=0).stdout
        for part in ("recipe.centre_momentum", "of the centre of the target's features", "size=16"):
            self.assertIn(part, text)


class Refused(ProgramTest):
    """A library that does not fit is refused before any of its code runs: it would leave a mark."""

    def setUp(self):
        super().setUp()
        self.mark = self.folder / "mark"
        self.environment = {"CANARY_FILE": str(self.mark)}

    def test_a_library_that_fits_leaves_its_mark(self):
        run("recipes", PLUGINS / "canary.so", check=0, env=self.environment)
        self.assertEqual(self.mark.read_text(), "sang\n")

    def assert_refused(self, path, parts):
        for command in (["recipes", path], ["pretrain", "--recipe", path, "--data", self.data]):
            self.refused(7, [str(path), "built for another program", "-Dnearfar_DIR=", *parts],
                         *command, env=self.environment)
        listing = json.loads(run("recipes", "--json", check=0, env={
            **self.environment, "NEARFAR_RECIPE_PATH": str(path)}).stdout)
        self.assertTrue(any("problem" in entry for entry in listing))
        self.assertFalse(self.mark.exists(), "code of a refused library ran")

    def test_another_interface_torch_or_compiler(self):
        stamp = (PLUGINS / "canary.so").read_bytes()
        stamp = stamp[stamp.index(b"interface="):].split(b"\0")[0].decode()
        entries = dict(entry.split("=") for entry in stamp.split(";"))
        for key, value in entries.items():
            other = value[:-1] + ("9" if value[-1] != "9" else "8")
            path = altered(PLUGINS / "canary.so", self.folder / "canary.so",
                           f"{key}={value}".encode(), f"{key}={other}".encode())
            self.assert_refused(path, [f"{key}: this program has {value}, the library {other}"])

    def test_another_cuda(self):
        """What nearfar_add_recipe adds for CUDA sources, here as one more section."""
        note = struct.pack("<3I", 8, 256, 1) + b"nearfar\0" + b"cuda=1.5".ljust(256, b"\0")
        section = self.folder / "note"
        section.write_bytes(note)
        path = self.folder / "canary.so"
        subprocess.run(
            ["objcopy", "--add-section", f".note.nearfar_cuda={section}", PLUGINS / "canary.so",
             path], check=True)
        self.assert_refused(path, ["cuda: this program has ", "the library 1.5"])

    def test_a_library_that_needs_what_is_not_there(self):
        path = altered(PLUGINS / "canary.so", self.folder / "canary.so", b"\0libnearfar.so\0",
                       b"\0libnearfaR.so\0")
        self.refused(7, [str(path), "libnearfaR.so"], "recipes", path, env=self.environment)

    def test_a_library_whose_static_objects_fail(self):
        path = PLUGINS / "canary.so"
        for fault, reason in (("exception", "a static object threw: no licence"),
                              ("number", "a static object threw something that is not"),
                              ("terminate", "a static object ends the program without an"),
                              ("signal", "a static object ends the program: Segmentation fault"),
                              ("exit", "a static object ends the program: exit code 0")):
            environment = {"CANARY_FAULT": fault, "NEARFAR_RECIPE_PATH": str(path)}
            for command in (["recipes", path], ["pretrain", "--recipe", path, "--data", self.data]):
                self.refused(7, [f"{path}: ", reason], *command, env=environment)
            listing = json.loads(run("recipes", "--json", check=0, env=environment).stdout)
            problems = {entry["name"]: entry.get("problem", "") for entry in listing}
            self.assertIn(reason, problems.pop("canary"))
            self.assertFalse(any(problems.values()))


class Thrown(ProgramTest):
    def throwing(self, *settings):
        return ["pretrain", "--recipe", PLUGINS / "throwing.so", "--data", self.data, "--out",
                self.folder / "run", *SMALL, "train.steps=12", "train.checkpoint_every=5",
                *settings]

    def test_from_any_function(self):
        for where in ("constructor", "views", "embed", "loss", "after_step", "before_epoch",
                      "parameter_groups", "followers", "momentum", "encoder", "describe"):
            # The default parameter_groups leaves out what followers move: it asks for them first.
            name = {"momentum": "followers: momentum", "followers": "parameter_groups"}.get(where,
                                                                                            where)
            self.refused(1, [f"recipe throwing: {name}: the cause"],
                         *self.throwing(f"recipe.where={where}"))
            shutil.rmtree(self.folder / "run", ignore_errors=True)

    def test_of_any_kind(self):
        for what, code, said in (
                ("check", 1, "recipe throwing: loss: the sum should be 3, got 4"),
                ("number", 1, "recipe throwing: loss: threw something that is not"),
                ("config", 2, "error: recipe.step: expected another")):
            process = run(*self.throwing("recipe.where=loss", f"recipe.what={what}"))
            self.assertEqual(process.returncode, code, process.stderr)
            self.assertIn(said, process.stderr.splitlines()[-1])
            self.assertNotIn("Exception raised from", process.stderr)
            shutil.rmtree(self.folder / "run")

    def test_the_saved_state_is_that_of_before(self):
        trigger = self.folder / "trigger"
        settings = ["recipe.where=after_step", "recipe.step=7", f"recipe.trigger={trigger}"]
        run(*self.throwing(*settings), check=0)
        whole = self.folder / "whole"
        (self.folder / "run").rename(whole)
        trigger.touch()
        self.refused(1, ["step 8: recipe throwing: after_step: the cause",
                         "the last good checkpoint is of step 5"], *self.throwing(*settings))
        trigger.unlink()
        again = run(*self.throwing(*settings), check=0)
        self.assertIn("continuing after step 5", again.stderr)
        for name in ("model", "optimizer"):
            self.assertEqual(digest(whole / f"checkpoints/gen-12/{name}.safetensors"),
                             digest(self.folder / f"run/checkpoints/gen-12/{name}.safetensors"))


class Everything(ProgramTest):
    """A recipe that brings its own views, encoder, buffers, follower, groups and order."""

    def arguments(self, out, *settings, recipe=PLUGINS / "everything.so"):
        return ["pretrain", "--recipe", recipe, "--data", self.data, "--out", out, *QUICK,
                "train.steps=20", "train.checkpoint_every=3", "train.keep=1000", *settings]

    def log(self, out):
        return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]

    def stop_at(self, out, step):
        process = start(*self.arguments(out))
        log = out / "log.jsonl"
        while process.poll() is None and not (log.exists() and
                                              log.read_text().count("\n") >= step):
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()

    def test_its_state_survives_to_the_bit(self):
        whole, stopped = self.folder / "whole", self.folder / "stopped"
        run(*self.arguments(whole), check=0)
        for step in (2, 7, 13):  # epochs have 8 steps: within them, and beyond the first
            self.stop_at(stopped, step)
        run(*self.arguments(stopped), check=0)
        for name in ("model", "optimizer"):
            self.assertEqual(digest(whole / f"checkpoints/gen-20/{name}.safetensors"),
                             digest(stopped / f"checkpoints/gen-20/{name}.safetensors"))
        keys = ("step", "epoch", "loss", "centre_norm", "most_visits")
        self.assertEqual([[line[key] for key in keys] for line in self.log(whole)],
                         [[line[key] for key in keys] for line in self.log(stopped)])

    def test_all_that_it_brings_is_used(self):
        out = self.folder / "run"
        run(*self.arguments(out), check=0)
        first, _ = read_safetensors(out / "checkpoints/gen-3/model.safetensors")
        last, _ = read_safetensors(out / "checkpoints/gen-20/model.safetensors")
        self.assertEqual(first["encoder.stem.weight"], last["encoder.stem.weight"])  # frozen
        for name in ("encoder.body.weight", "target.body.weight", "predictor.weight", "centre",
                     "mean"):
            self.assertNotEqual(first[name], last[name], name)
        self.assertNotEqual(last["encoder.body.weight"], last["target.body.weight"])
        # An epoch of 8 steps shows half of the images twice and the others never; a step later 32
        # of these have been seen. In the shuffled order every image would have been.
        model, _ = read_safetensors(out / "checkpoints/gen-9/model.safetensors")
        visits = struct.unpack("<256q", model["visits"][2])
        self.assertEqual([visits.count(times) for times in range(3)], [96, 32, 128])
        self.assertEqual(self.log(out)[-1]["most_visits"], 3.0)

    def test_its_own_network_is_judged_and_not_taken_for_another(self):
        out = self.folder / "run"
        plugin = self.folder / "everything.so"
        shutil.copy(PLUGINS / "everything.so", plugin)
        run(*self.arguments(out, "recipe.width=24", recipe=plugin), check=0)
        encoder, metadata = read_safetensors(out / "encoder.safetensors")
        self.assertEqual(set(encoder), {"stem.weight", "body.weight", "body.bias"})
        self.assertEqual(metadata["encoder"], "own")
        run("evaluate", out, "--methods", "knn", check=0)
        judged = json.loads((out / "evaluation.json").read_text())["methods"]["knn"]
        self.assertLessEqual({"encoder", "untrained"}, set(judged))
        features = self.folder / "features.safetensors"
        run("embed", out, "--data", self.data, "--out", features, check=0)
        self.assertEqual(read_safetensors(features)[0]["features"][1], [256, 24])
        for command in (["export", out, "--out", self.folder / "e.safetensors"],
                        ["finetune", out]):
            self.refused(2, ["recipe everything", "own"], *command)
        plugin.unlink()
        self.refused(6, ['recipe "everything"', str(plugin)], "embed", out, "--data", self.data,
                     "--out", features)

    def test_a_run_without_its_plugin_says_which(self):
        out = self.folder / "run"
        moved = self.folder / "moved" / "everything.so"
        moved.parent.mkdir()
        shutil.copy(PLUGINS / "everything.so", moved)
        run(*self.arguments(out, "train.steps=4", recipe=moved), check=0)
        config = json.loads((out / "config.json").read_text())
        self.assertEqual(config["recipe"]["name"], "everything")
        self.assertEqual(config["recipe"]["library"], str(moved))
        more = ["pretrain", "--out", out]
        run(*more, check=0)  # found by the path that it kept
        moved.unlink()
        self.refused(2, [str(out), '"everything"', str(moved), "is gone", "searched: ",
                         str(BUILD / "recipes")], *more)
        run(*more, check=0, env={"NEARFAR_RECIPE_PATH": str(PLUGINS)})
        run(*more, "--recipe", PLUGINS / "everything.so", check=0)
        self.refused(2, ["recipe.name"], *more, "--recipe", "simclr")

    def test_a_run_by_name_without_its_place_says_which(self):
        out = self.folder / "run"
        place = {"NEARFAR_RECIPE_PATH": str(PLUGINS)}
        run(*self.arguments(out, "train.steps=4", recipe="everything"), check=0, env=place)
        self.assertEqual(json.loads((out / "config.json").read_text())["recipe"]["library"], "")
        self.refused(2, [str(out), '"everything": not found', str(BUILD / "recipes"),
                         "NEARFAR_RECIPE_PATH adds places"], "pretrain", "--out", out)


if __name__ == "__main__":
    nearfar_program.main()
