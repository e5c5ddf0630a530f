"""What the program says of itself: help, keys, schema, origins, presets, precedence, colours."""

import functools
import json
import os
import pathlib
import pty
import subprocess

import nearfar_program
from nearfar_program import ProgramTest, run

RECIPES = pathlib.Path(os.environ["NEARFAR_SOURCE_DIR"]) / "recipes"
COMMANDS = ["pretrain", "launch", "evaluate", "embed", "finetune", "export", "report", "views",
            "bench", "recipes", "new-recipe", "check-recipe", "loss", "distance", "config",
            "doctor"]


@functools.cache
def keys():
    return json.loads(run("config", "keys", "--json", check=0).stdout)


class Help(ProgramTest):
    def test_every_command_begins_with_examples(self):
        overview = run("--help", check=0).stdout
        for command in COMMANDS:
            self.assertIn(f"  {command} ", overview)
            text = run(command, "--help", check=0).stdout
            example = text.find(f"  nearfar {command}")
            self.assertTrue(0 < example < text.index("Usage:"), f"{command}: {text[:200]}")
            for option in ("--json", "--quiet", "--no-color"):
                self.assertIn(option, text)

    def test_every_key_is_in_the_help_of_pretrain(self):
        text = run("pretrain", "--help", check=0).stdout
        listed = keys()
        self.assertGreater(len(listed), 50)
        lines = {line.split()[0] for line in text.splitlines() if line.strip()}
        for entry in listed:
            self.assertIn(entry["key"], lines)
            self.assertGreater(len(entry["help"]), 5, entry["key"])
        self.assertEqual(len({entry["key"] for entry in listed}), len(listed))

    def test_keys_that_scripts_rely_on(self):
        listed = {entry["key"] for entry in keys()}
        for key in ("recipe.name", "recipe.temperature", "encoder.name", "encoder.norm_batch",
                    "data.path", "data.format", "data.drop_last", "data.on_bad_image",
                    "data.workers", "train.epochs", "train.steps", "train.batch", "train.seed",
                    "train.checkpoint_every", "train.keep", "optimizer.name",
                    "optimizer.learning_rate", "optimizer.weight_decay", "optimizer.momentum",
                    "schedule.name", "schedule.warmup_epochs", "device", "threads"):
            self.assertIn(key, listed)

    def test_keys_of_a_prefix(self):
        listed = json.loads(run("config", "keys", "train", "--json", check=0).stdout)
        self.assertEqual([e["key"] for e in listed],
                         [e["key"] for e in keys() if e["key"].startswith("train")])

    def test_version(self):
        words = run("--version", check=0).stdout.split()
        self.assertEqual((words[0], words[2]), ("nearfar", "LibTorch"))
        self.assertRegex(words[1], r"^\d+\.\d+\.\d+")
        self.assertRegex(words[3], r"^2\.\d+")

    def test_common_options_stand_everywhere(self):
        version = run("--version", check=0).stdout
        self.assertEqual(run("evaluate", "--version", check=0).stdout, version)
        for words in (["--json", "recipes"], ["recipes", "--json"]):
            self.assertIsInstance(json.loads(run(*words, check=0).stdout), (dict, list))
        run("-q", "--no-color", "recipes", check=0)

    def test_help_names_every_method_and_the_way_on(self):
        text = " ".join(run("evaluate", "--help", check=0).stdout.split())
        self.assertIn("of linear, linear_sgd, knn, retrieval, clustering, verification, open_set; "
                      "default: linear,knn", text)
        overview = run("--help", check=0).stdout
        for command in ("pretrain", "evaluate", "finetune", "report", "export"):
            self.assertIn(f"  nearfar {command} ", overview)

    def test_doctor(self):
        document = json.loads(run("doctor", "--json", check=0).stdout)
        self.assertEqual(document["self_test"], "passed")
        self.assertEqual(os.path.basename(document["blas"]), "libtorch_cpu.so")
        self.assertEqual(document["device"], "cpu" if not document["nvidia_driver"] else "cuda")
        self.assertIn("simclr", document["recipes"])
        for key in ("nearfar", "libtorch", "compiler", "processor", "cpu_features", "cores",
                    "memory"):
            self.assertTrue(document[key], key)
        text = run("doctor", check=0).stdout
        self.assertIn("self_test: passed", text)

    def test_recipes(self):
        listing = json.loads(run("recipes", "--json", check=0).stdout)
        overview = run("recipes", check=0).stdout
        shipped = {path.stem for path in RECIPES.glob("*.json")}
        self.assertLessEqual(shipped, {entry["name"] for entry in listing})
        for entry in listing:
            self.assertNotIn("problem", entry)
            self.assertTrue(entry["summary"] and entry["paper"], entry)
            self.assertIn(entry["name"], overview)
            one = json.loads(run("recipes", entry["name"], "--json", check=0).stdout)
            self.assertEqual(one["name"], entry["name"])
            text = run("recipes", entry["name"], check=0).stdout
            for preset in one["presets"].get("presets", {}):
                self.assertIn(f"  {preset}", text)


class Configuration(ProgramTest):
    def settings(self, *words, env=None):
        return json.loads(run("config", "show", "--json", *words, env=env, check=0).stdout)

    def origins(self, *words, env=None):
        return json.loads(
            run("config", "show", "--origin", "--json", *words, env=env, check=0).stdout)

    def config(self, value):
        path = self.folder / "my.json"
        path.write_text(json.dumps(value))
        return path

    def test_schema(self):
        schema = json.loads(run("config", "schema", check=0).stdout)
        self.assertIn("$schema", schema)
        described = set()

        def walk(node, prefix):
            self.assertEqual(node["type"], "object", prefix)
            self.assertIs(node["additionalProperties"], False, prefix)
            for name, child in node["properties"].items():
                if "properties" in child:
                    walk(child, f"{prefix}{name}.")
                else:
                    described.add(prefix + name)
                    self.assertTrue({"type", "enum"} & set(child), prefix + name)

        walk(schema, "")
        self.assertEqual(described, {entry["key"] for entry in keys()})

    def test_every_preset_of_every_recipe_is_a_valid_config(self):
        count = 0
        for path in RECIPES.glob("*.json"):
            for name, preset in json.loads(path.read_text())["presets"].items():
                config = self.config(preset["settings"])
                resolved = json.loads(
                    run("config", "check", config, "--recipe", path.stem, "--json", check=0).stdout)
                self.assert_contains(resolved, preset["settings"], f"{path.stem}/{name}")
                self.assertGreater(len(preset["source"]), 10, "a preset without a source")
                count += 1
        self.assertGreater(count, 0)

    def assert_contains(self, resolved, settings, where):
        for key, value in settings.items():
            if isinstance(value, dict):
                self.assert_contains(resolved[key], value, f"{where}.{key}")
            else:
                self.assertEqual(resolved[key], value, f"{where}.{key}")

    def test_shown_config_is_a_config(self):
        shown = self.settings("train.batch=48", "recipe.temperature=0.25")
        self.assertEqual(self.settings(self.config(shown)), shown)
        self.assertEqual((shown["train"]["batch"], shown["recipe"]["temperature"]), (48, 0.25))
        self.assertEqual(shown, json.loads(run("config", "show", "train.batch=48",
                                               "recipe.temperature=0.25", check=0).stdout))

    def test_precedence_and_origins(self):
        path = self.config({"train": {"batch": 11, "seed": 11, "keep": 11}})
        environment = {"NEARFAR_TRAIN__BATCH": "22", "NEARFAR_TRAIN__SEED": "22",
                       "NEARFAR_TRAIN__CHECKPOINT_EVERY": "22"}
        origins = self.origins(path, "train.batch=33", env=environment)
        found = {name: tuple(origins[f"train.{name}"].values())
                 for name in ("batch", "seed", "keep", "checkpoint_every", "log_every")}
        self.assertEqual(
            found, {
                "batch": (33, "command line"),
                "seed": (22, "environment NEARFAR_TRAIN__SEED"),
                "keep": (11, f"file {path}"),
                "checkpoint_every": (22, "environment NEARFAR_TRAIN__CHECKPOINT_EVERY"),
                "log_every": (10, "default")
            })
        table = run("config", "show", "--origin", path, env=environment, check=0).stdout
        line = next(line for line in table.splitlines() if line.startswith("train.keep "))
        self.assertEqual(line.split(None, 2), ["train.keep", "11", f"file {path}"])

    def test_forms_of_a_config(self):
        path = self.config({"train": {"batch": 11}})
        expected = self.settings(path)
        self.assertEqual(expected["train"]["batch"], 11)
        self.assertEqual(self.settings(f"@{path}"), expected)
        stdin = run("config", "show", "-", "--json", stdin='{"train.batch": 11}', check=0).stdout
        self.assertEqual(json.loads(stdin), expected)

    def test_preset_below_file_below_command_line(self):
        config = self.config({"recipe": {"temperature": 0.4}})
        out = self.folder / "run"
        run("pretrain", config, "--recipe", "simclr", "--preset", "gray_small", "--data", self.data,
            "--out", out, "train.batch=64", "train.steps=1", "recipe.view.size=16", check=0)
        resolved = json.loads((out / "config.json").read_text())
        preset = json.loads(
            (RECIPES / "simclr.json").read_text())["presets"]["gray_small"]["settings"]
        self.assertEqual(resolved["recipe"]["temperature"], 0.4)
        self.assertEqual(resolved["train"]["batch"], 64)
        self.assertEqual(resolved["encoder"]["width"], preset["encoder"]["width"])
        self.assertEqual(resolved["schedule"]["warmup_epochs"], preset["schedule"]["warmup_epochs"])


class Speech(ProgramTest):
    def test_quiet_and_json(self):
        arguments = ["pretrain", "--recipe", "simclr", "--data", self.data, *nearfar_program.QUICK,
                     "train.steps=1", "--out"]
        loud = run(*arguments, self.folder / "loud", check=0)
        self.assertIn("preset: ", loud.stderr)
        self.assertIn("learning rate: ", loud.stderr)
        quiet = run(*arguments, self.folder / "quiet", "-q", check=0)
        self.assertEqual(quiet.stderr, "")
        document = json.loads(run(*arguments, self.folder / "json", "--json", check=0).stdout)
        self.assertEqual((document["folder"], document["step"], document["finished"]),
                         (str(self.folder / "json"), 1, True))

    def said_on_a_terminal(self, *arguments, environment):
        """What a refused command writes to a terminal."""
        reader, terminal = pty.openpty()
        clean = {k: v for k, v in nearfar_program.program_environment().items() if k != "NO_COLOR"}
        subprocess.run([nearfar_program.PROGRAM, *arguments],
                       stderr=terminal,
                       stdout=subprocess.DEVNULL,
                       env=dict(clean, TERM="xterm", **environment))
        os.close(terminal)
        with os.fdopen(reader, "rb", buffering=0) as stream:
            return stream.read(10000).decode()

    def test_colours_on_terminals_only_and_as_wanted(self):
        arguments = ["recipes", "nothing"]
        self.assertIn("\033[", self.said_on_a_terminal(*arguments, environment={}))
        self.assertNotIn("\033[", self.said_on_a_terminal(*arguments,
                                                          environment={"NO_COLOR": "1"}))
        self.assertNotIn("\033[", self.said_on_a_terminal(*arguments, "--no-color", environment={}))
        self.assertIn("error: ", run(*arguments, env={"NO_COLOR": ""}).stderr)
        self.assertNotIn("\033[", run(*arguments, env={"NO_COLOR": ""}).stderr)

    def test_a_finished_run_says_so(self):
        out = self.pretrain("run", "train.steps=1")
        before = nearfar_program.digest(out / "encoder.safetensors")
        again = run("pretrain", "--out", out, check=0)
        self.assertIn("finished", again.stdout + again.stderr)
        self.assertEqual(before, nearfar_program.digest(out / "encoder.safetensors"))

    def test_default_folders_are_new_ones(self):
        for number in (1, 2):
            run("pretrain", "--recipe", "simclr", "--data", self.data, *nearfar_program.QUICK,
                "train.steps=1", cwd=self.folder, check=0)
            self.assertTrue(
                (self.folder / f"runs/simclr-squares-{number}/encoder.safetensors").exists())


if __name__ == "__main__":
    nearfar_program.main()
