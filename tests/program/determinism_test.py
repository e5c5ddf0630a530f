"""The same seed gives the same bits, whatever reads the data and whatever the environment says."""

import json

import nearfar_program
from nearfar_program import ProgramTest, digest, read_safetensors, run

SHORT = "train.steps=10"  # more than an epoch of 8 steps, so that the order is drawn anew


class Determinism(ProgramTest):
    def weights(self, name, *settings, env=None):
        """The tensors of encoder.safetensors; the metadata holds a hash of all settings."""
        run("pretrain", "--recipe", "simclr", "--data", self.data, "--out", self.folder / name,
            *nearfar_program.QUICK, SHORT, *settings, env=env, check=0)
        return read_safetensors(self.folder / name / "encoder.safetensors")[0]

    def losses(self, name):
        lines = (self.folder / name / "log.jsonl").read_text().splitlines()
        return [json.loads(line)["loss"] for line in lines]

    def test_twice_the_same_file(self):
        self.weights("a")
        self.weights("b")
        for file in ("encoder.safetensors", "checkpoints/gen-10/model.safetensors",
                     "checkpoints/gen-10/optimizer.safetensors", "views.png"):
            self.assertEqual(digest(self.folder / "a" / file), digest(self.folder / "b" / file),
                             file)
        self.assertEqual(self.losses("a"), self.losses("b"))
        self.assertEqual(len(set(self.losses("a"))), 10, "the loss does not move")

    def test_any_number_of_workers(self):
        one = self.weights("one", "data.workers=1", "recipe.view.blur=0.5")
        for workers in (2, 4):
            self.assertEqual(one, self.weights(f"w{workers}", f"data.workers={workers}",
                                               "recipe.view.blur=0.5"), f"{workers} workers")

    def test_environment_of_openmp_and_locale(self):
        plain = self.weights("plain")
        environments = [{"OMP_NUM_THREADS": "1"}, {"OMP_NUM_THREADS": "4"},
                        {"MKL_NUM_THREADS": "3", "OMP_DYNAMIC": "true"},
                        {"LC_ALL": "de_DE.UTF-8", "TZ": "Asia/Tokyo"}]
        for i, environment in enumerate(environments):
            self.assertEqual(plain, self.weights(str(i), env=environment), environment)

    def test_another_seed_gives_another_encoder(self):
        a, b = self.weights("a"), self.weights("b", "train.seed=1")
        self.assertEqual(a.keys(), b.keys())
        learned = [name for name in a if name.endswith("weight")]
        self.assertGreater(len(learned), 3)
        for name in learned:
            self.assertNotEqual(a[name], b[name], name)

    def test_two_threads_twice(self):
        self.assertEqual(self.weights("a", "threads=2"), self.weights("b", "threads=2"))

    def test_where_it_runs_does_not_matter(self):
        whole = self.weights("whole")
        run("pretrain", "--recipe", "simclr", "--data", "squares", "--out", "other",
            *nearfar_program.QUICK, SHORT, cwd=self.folder, check=0)
        self.assertEqual(whole, read_safetensors(self.folder / "other/encoder.safetensors")[0])


if __name__ == "__main__":
    nearfar_program.main()
