"""CPC from the outside: its bounds in the log, the network that is kept, settings that do not fit."""

import json

import nearfar_program
from nearfar_program import ProgramTest, read_safetensors, run

# Views of 16 pixels are 3 x 3 patches of 8.
SMALL = ["encoder.name=tiny", "encoder.width=4", "recipe.view.size=16", "recipe.view.grayscale=0",
         "recipe.patch=8", "recipe.stride=4", "recipe.first_step=1", "recipe.last_step=2",
         "recipe.context.layers=2", "recipe.context.width=16", "train.batch=32",
         "train.log_every=1", "threads=1", "data.workers=1"]


class Cpc(ProgramTest):
    def train(self, out, *settings):
        run("pretrain", "--recipe", "cpc", "--data", self.data, "--out", self.folder / out, *SMALL,
            *settings, check=0)
        lines = (self.folder / out / "log.jsonl").read_text().splitlines()
        return self.folder / out, [json.loads(line) for line in lines]

    def test_the_log_has_the_bound_of_each_step_and_it_rises(self):
        _, lines = self.train("run", "train.steps=120", "optimizer.name=adamw",
                              "optimizer.learning_rate=0.003", "optimizer.scaling=none")
        for line in lines:
            bound = line["random_guess_loss"] - line["loss"]
            self.assertAlmostEqual(line["mutual_information_bound"], bound, places=4)
            steps = [line[f"mutual_information_bound_{k}"] for k in (1, 2)]
            self.assertAlmostEqual(sum(steps) / 2, bound, places=4)
        means = [sum(line["mutual_information_bound"] for line in part) / 8
                 for part in (lines[:8], lines[-8:])]
        self.assertGreater(means[1], means[0] + 0.5)

    def test_the_network_of_patches_is_judged_and_not_taken_for_its_inner_one(self):
        out, _ = self.train("run", "train.steps=4")
        encoder, metadata = read_safetensors(out / "encoder.safetensors")
        self.assertIn("conv1.weight", encoder)
        self.assertEqual((metadata["encoder"], metadata["given_encoder"]), ("own", "tiny"))
        run("evaluate", out, "--methods", "linear,knn", check=0)
        methods = json.loads((out / "evaluation.json").read_text())["methods"]
        for method in ("linear", "knn"):
            self.assertLessEqual({"encoder", "untrained"}, set(methods[method]))
        features = self.folder / "features.safetensors"
        run("embed", out, "--data", self.data, "--out", features, check=0)
        self.assertEqual(read_safetensors(features)[0]["features"][1], [256, 32])
        self.refused(2, ["recipe cpc", "own"], "export", out, "--out",
                     self.folder / "e.safetensors")

    def test_its_weights_start_a_network_of_whole_images(self):
        out, _ = self.train("run", "train.steps=4")
        run("pretrain", "--recipe", "simclr", "--data", self.data, "--out", self.folder / "next",
            *nearfar_program.QUICK, "train.steps=1", f"encoder.weights={out}", check=0)

    def test_views_without_enough_rows_are_refused(self):
        self.refused(2, ["recipe.last_step", "1) to 2", "3 rows of patches", "got 3"], "pretrain",
                     "--recipe", "cpc", "--data", self.data, *SMALL, "recipe.last_step=3")
        self.refused(2, ["recipe.patch", "recipe.view.size, 16", "got 17"], "pretrain", "--recipe",
                     "cpc", "--data", self.data, *SMALL, "recipe.patch=17")


if __name__ == "__main__":
    nearfar_program.main()
