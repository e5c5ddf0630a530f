"""Malformed configs, arguments and recipe libraries: exit code, place, expected and found."""

import json
import shutil

import nearfar_program
from nearfar_program import BUILD, ProgramTest, run


class MalformedSettings(ProgramTest):
    def config(self, text):
        path = self.folder / "config.json"
        path.write_text(text)
        return path

    def pretrain_refused(self, *words, code=2, parts=(), env=None):
        return self.refused(code, parts, "pretrain", "--recipe", "simclr", "--data", self.data,
                            "--out", self.folder / "never", *words, env=env)

    def test_unknown_key_in_a_file(self):
        path = self.config('{\n  "train": {\n    "bach": 64\n  }\n}\n')
        self.pretrain_refused(path, parts=[f"{path}:3:5", "train.bach", "unknown key",
                                           'did you mean "train.batch"?'])
        self.assertFalse((self.folder / "never").exists(), "a refused config left a run behind")

    def test_value_out_of_range(self):
        path = self.config('{"train": {"batch": 0}}')
        self.pretrain_refused(path, parts=[f"{path}:1:12", "train.batch", "0 is outside [1, "])

    def test_wrong_type(self):
        path = self.config('{"train": {"batch": "many"}}')
        self.pretrain_refused(path, parts=[f"{path}:1:12", "train.batch", "expected an integer",
                                           'found "many"'])

    def test_value_that_is_no_choice(self):
        self.pretrain_refused("device=cpuu", parts=["device", "cpuu", "auto", "cuda",
                                                    'did you mean "cpu"?'])

    def test_settings_that_mean_nothing_together(self):
        self.pretrain_refused("optimizer.name=lars", "optimizer.lars_convention=mocov3",
                              "optimizer.nesterov=true",
                              parts=["optimizer.nesterov", "lars_convention=mocov3 has none"])
        self.pretrain_refused("schedule.name=step", "schedule.final_rate=0.1",
                              parts=["schedule.final_rate", "goes with cosine", "step"])
        self.assertFalse((self.folder / "never").exists(), "a refused config left a run behind")

    def test_duplicate_key(self):
        path = self.config('{"train": {"batch": 1,\n "batch": 2}}')
        self.pretrain_refused(path, parts=[f"{path}:2:2", 'duplicate key "batch"'])

    def test_trailing_comma(self):
        path = self.config('{"train": {"batch": 1,}}')
        self.pretrain_refused(path, parts=[f"{path}:1:23", "unexpected '}'", "expected string"])

    def test_truncated_config(self):
        path = self.config('{"train": {"batch": 1')
        self.pretrain_refused(path, parts=[f"{path}:1:22", "unexpected end of input"])

    def test_empty_config(self):
        path = self.config("")
        self.pretrain_refused(path, parts=[f"{path}:1:1", "unexpected end of input"])

    def test_config_on_stdin(self):
        process = run("config", "check", "-", stdin='{"train": {"epoch": 3}}')
        self.assert_refusal(process, 2,
                            ["stdin:1:12", "train.epoch", 'did you mean "train.epochs"?'])

    def test_deeply_nested_config(self):
        self.pretrain_refused(self.config("[" * 100000), parts=["nested deeper than"])

    def test_missing_config(self):
        self.pretrain_refused("none.json", parts=["none.json", "no such config file",
                                                  "expected a file"])

    def test_unknown_recipe(self):
        self.refused(2, ['"simcrl"', "not found", 'did you mean "simclr"?', "NEARFAR_RECIPE_PATH"],
                     "pretrain", "--recipe", "simcrl", "--data", self.data)

    def test_unknown_preset(self):
        self.pretrain_refused("--preset", "gray_smal",
                              parts=['"gray_smal"', "no such preset", 'did you mean "gray_small"?'])

    def test_bad_assignments(self):
        self.pretrain_refused("=3", parts=["expected KEY=VALUE", '"=3"'])
        self.pretrain_refused("train.steps=abc", parts=["train.steps", "expected an integer",
                                                        'found "abc"'])
        self.pretrain_refused("train.step=3", parts=["train.step: unknown key",
                                                     'did you mean "train.steps"?'])
        self.pretrain_refused("recipe.temperature=nan", parts=["recipe.temperature",
                                                               "expected a number"])
        self.pretrain_refused("train.steps=99999999999999999999",
                              parts=["train.steps", "99999999999999999999"])

    def test_bad_environment_variable(self):
        self.pretrain_refused(env={"NEARFAR_TRAIN__BACH": "3"},
                              parts=["environment NEARFAR_TRAIN__BACH", "unknown key",
                                     'did you mean "train.batch"?'])

    def test_unknown_command_and_option(self):
        self.refused(2, ["pretrian", "unknown command", 'did you mean "pretrain"?'], "pretrian")
        self.refused(2, ["--dat", "unknown option", "did you mean --data?"], "pretrain", "--dat",
                     "x")

    def test_missing_arguments(self):
        self.refused(2, ["--data is required", "nearfar embed --help"], "embed", "somewhere")
        self.refused(2, ["RUN_OR_CHECKPOINT is required"], "evaluate")
        self.refused(2, ["data.path: no data given", "--data PATH"], "pretrain", "--recipe",
                     "simclr")
        self.refused(2, ["recipe.name: no recipe given", "--recipe"], "pretrain", "--data",
                     self.data)
        self.refused(2, ["--input and --draws go together"], "views", "--draws", "d.json", "--out",
                     self.folder / "x.safetensors")

    def test_no_command_shows_the_help(self):
        process = run(check=2)
        self.assertIn("nearfar pretrain --recipe simclr", process.stderr)

    def test_unknown_prefix_of_keys(self):
        self.refused(2, ['no key begins with "zebra"'], "config", "keys", "zebra")

    def test_cuda_where_there_is_none(self):
        if run("doctor", "--device", "cuda").returncode == 0:
            self.skipTest("this machine has a GPU")
        self.pretrain_refused("device=cuda", code=4, parts=["device=cuda", "use device=cpu"])
        self.refused(4, ["device=cuda", "use device=cpu"], "doctor", "--device", "cuda")


class MalformedRecipes(ProgramTest):
    def library(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def test_text_as_a_library(self):
        path = self.library("text.so", b"this is no library\n" * 100)
        self.refused(7, [str(path), "expected a 64-bit ELF library"], "pretrain", "--recipe", path,
                     "--data", self.data)

    def test_library_without_a_stamp(self):
        path = self.folder / "other.so"
        shutil.copy(BUILD / "libnearfar_images.so", path)
        self.refused(7, [str(path), "no nearfar stamp"], "pretrain", "--recipe", path, "--data",
                     self.data)

    def test_missing_library(self):
        path = self.folder / "gone.so"
        self.refused(7, [str(path), "No such file"], "pretrain", "--recipe", path, "--data",
                     self.data)

    def test_library_of_another_build(self):
        original = (BUILD / "recipes/simclr.so").read_bytes()
        version = run("--version", check=0).stdout.split()[-1].encode()
        altered = original.replace(b"=" + version, b"=" + b"9" * len(version))
        self.assertNotEqual(original, altered, "the stamp does not hold LibTorch's version")
        path = self.library("old.so", altered)
        self.refused(7, [str(path), "built for another program", version.decode(), "rebuild"],
                     "pretrain", "--recipe", path, "--data", self.data)

    def test_truncated_library(self):
        original = (BUILD / "recipes/simclr.so").read_bytes()
        for size in (0, 10, 64, len(original) // 2):
            path = self.library("short.so", original[:size])
            self.refused(7, [str(path)], "pretrain", "--recipe", path, "--data", self.data)

    def test_bad_library_beside_good_ones_is_listed_with_its_problem(self):
        self.library("broken.so", b"text")
        environment = {"NEARFAR_RECIPE_PATH": str(self.folder)}
        listing = json.loads(run("recipes", "--json", check=0, env=environment).stdout)
        by_name = {entry["name"]: entry for entry in listing}
        self.assertIn("ELF", by_name["broken"]["problem"])
        self.assertNotIn("problem", by_name["simclr"])

    def test_malformed_presets(self):
        path = self.folder / "mine.so"
        shutil.copy(BUILD / "recipes/simclr.so", path)
        path.with_suffix(".json").write_text('{"presets": }')
        self.refused(2, [f"{self.folder}/mine.json:1:13"], "pretrain", "--recipe", path, "--data",
                     self.data)


if __name__ == "__main__":
    nearfar_program.main()
