"""A view policy by name, over and under single keys, as a run keeps it."""

import json

import nearfar_program
from nearfar_program import ProgramTest, run


class Policy(ProgramTest):
    def resolved(self, out):
        return json.loads((out / "config.json").read_text())["recipe"]

    def test_a_run_keeps_both_views_and_goes_on(self):
        settings = ("recipe.policy=byol", "recipe.view.blur=0.25", "recipe.second_view.flip=0",
                    "train.steps=2")
        out = self.pretrain("run", *settings)
        recipe = self.resolved(out)
        first, second = recipe["view"], recipe["second_view"]
        self.assertEqual(recipe["policy"], "byol")
        self.assertEqual((first["blur"], first["flip"], first["solarize"]), (0.25, 0.5, 0.0))
        self.assertEqual((second["blur"], second["flip"], second["solarize"]), (0.1, 0.0, 0.2))
        self.assertEqual((first["size"], second["size"]), (16, 16))
        self.assertEqual((first["brightness"], second["brightness"]), (0.4, 0.4))
        again = json.loads(run("config", "show", out / "config.json", "--json", check=0).stdout)
        self.assertEqual(again["recipe"], recipe)
        before = nearfar_program.digest(out / "encoder.safetensors")
        self.pretrain("run", *settings)
        self.assertEqual(nearfar_program.digest(out / "encoder.safetensors"), before)
        run_on = run("pretrain", "--recipe", "simclr", "--data", self.data, "--out", out,
                     *nearfar_program.QUICK, "recipe.policy=moco_v2", "train.steps=2")
        self.assert_refusal(run_on, 2, ["recipe.policy"])

    def test_a_saved_config_takes_settings_for_both_views(self):
        saved = self.folder / "saved.json"
        shown = run("config", "show", "recipe.name=simclr", "recipe.second_view.flip=0.2", check=0)
        saved.write_text(shown.stdout)
        later = run("config", "show", saved, "--json", "recipe.view.size=96", "recipe.view.blur=0",
                    "recipe.view.flip=0", check=0)
        recipe = json.loads(later.stdout)["recipe"]
        self.assertEqual([(recipe[view]["size"], recipe[view]["blur"], recipe[view]["flip"])
                          for view in ("view", "second_view")], [(96, 0.0, 0.0), (96, 0.0, 0.2)])

    def test_a_name_replaces_the_presets_colours_and_keeps_its_size(self):
        out = self.folder / "run"
        run("pretrain", "--recipe", "simclr", "--preset", "gray_small", "--data", self.data,
            "--out", out, "encoder.width=4", "train.batch=32", "train.steps=1",
            "recipe.policy=moco_v2", check=0)
        view = self.resolved(out)["view"]
        self.assertEqual((view["size"], view["crop_min"], view["hue"], view["grayscale"]),
                         (28, 0.2, 0.1, 0.2))

    def test_views_differ_as_their_policies_do(self):
        # The same draws in both sheets, but for the second view's solarisation.
        alike, unlike = self.folder / "alike.png", self.folder / "unlike.png"
        run("views", self.data, "--out", alike, "recipe.view.size=16", check=0)
        run("views", self.data, "--out", unlike, "recipe.view.size=16",
            "recipe.second_view.solarize=1", check=0)
        self.assertNotEqual(nearfar_program.digest(alike), nearfar_program.digest(unlike))

    def test_origins(self):
        shown = json.loads(
            run("config", "show", "--origin", "--json", "recipe.view.hue=0",
                env={"NEARFAR_RECIPE__POLICY": "byol"}, check=0).stdout)
        self.assertEqual(
            {key: tuple(shown[f"recipe.{key}"].values())
             for key in ("policy", "view.hue", "second_view.hue", "view.blur", "view.size")}, {
                 "policy": ("byol", "environment NEARFAR_RECIPE__POLICY"),
                 "view.hue": (0.0, "command line"),
                 "second_view.hue": (0.0, "as recipe.view.hue"),
                 "view.blur": (1.0, "recipe.policy=byol"),
                 "view.size": (224, "recipe.policy=byol"),
             })

    def test_mistakes(self):
        self.refused(2, ["recipe.policy", "moco_v3", "did you mean \"moco_v1\""], "config", "check",
                     "recipe.policy=moco_v3")
        self.refused(2, ["recipe simclr: view 2: crop_min: 0.9 is above crop_max 0.5"], "pretrain",
                     "--recipe", "simclr", "--data", self.data, *nearfar_program.QUICK,
                     "recipe.second_view.crop_min=0.9", "recipe.view.crop_max=0.5")


if __name__ == "__main__":
    nearfar_program.main()
