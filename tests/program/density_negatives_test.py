"""Instance discrimination against negatives drawn by density: ranks, restarts, and what is refused."""

import math
import shutil
import struct

import nearfar_program
from nearfar_program import digest, read_safetensors, run
from rank_runs import RanksTest

# Eight steps an epoch of 256 images: densities are found three times.
DENSITY = ["recipe.negatives=density", "recipe.density.count=40", "recipe.density.neighbours=5",
           "recipe.density.gamma=8", "recipe.temperature=0.2", "train.steps=20",
           "train.checkpoint_every=4", "train.keep=9", "optimizer.learning_rate=0.1"]
SHARDED = ["recipe.bank.sharded=true"]


class Density(RanksTest):
    recipe = "instance_discrimination"

    def train(self, ranks, out, *settings):
        if ranks == 1:
            return run(*self.arguments(out, *DENSITY, *settings), check=0)
        return self.launch(ranks, out, *DENSITY, *settings)

    def model(self, out, step=20):
        return self.folder / out / f"checkpoints/gen-{step}/model.safetensors"

    def densities(self, out, step=20):
        dtype, shape, data = read_safetensors(self.model(out, step))[0]["contrast.density"]
        self.assertEqual((dtype, shape), ("F64", [256]))
        return struct.unpack("<256d", data)

    def forget_after(self, out, step):
        """What a machine that died after that step leaves behind."""
        for generation in (self.folder / out / "checkpoints").iterdir():
            if int(generation.name.split("-")[1]) > step:
                shutil.rmtree(generation)
        self.encoder(out).unlink()

    def test_going_on_within_an_epoch_changes_no_bit(self):
        for ranks, more in ((1, []), (2, SHARDED)):
            out = f"ranks-{ranks}"
            self.train(ranks, out, *more)
            expected = digest(self.model(out))
            # Step 12 is the fourth of its epoch: the bank has moved since its densities were found.
            self.forget_after(out, 12)
            process = self.train(ranks, out, *more)
            self.assertIn("continuing after step 12", process.stderr)
            self.assertEqual(digest(self.model(out)), expected)

    def test_densities_are_those_of_the_epochs_start(self):
        self.train(1, "out")
        self.assertEqual(self.densities("out", 12), self.densities("out", 16))
        self.assertNotEqual(self.densities("out", 8), self.densities("out", 12))
        for density in self.densities("out"):
            self.assertTrue(-1.0 <= density <= 1.0)

    def test_ordered_sums_give_the_same_bits_for_any_number_of_ranks(self):
        for ranks in (1, 2, 4):
            self.train(ranks, f"ordered-{ranks}", "train.reduction=ordered")
        digests = [digest(self.encoder(f"ordered-{ranks}")) for ranks in (1, 2, 4)]
        self.assertEqual(digests, digests[:1] * 3)

    def test_gamma_says_where_negatives_are_from(self):
        for gamma, sign in ((8, 1), (-8, -1)):
            out = f"gamma{gamma}"
            self.train(1, out, f"recipe.density.gamma={gamma}")
            shifts = [line["negative_density"] for line in self.lines(out)]
            self.assertEqual(len(shifts), 20)
            self.assertGreater(sign * sum(shifts), 0.0, shifts)

    def test_more_than_there_are_is_all_others(self):
        settings = ["train.steps=2", "train.checkpoint_every=2"]
        self.train(1, "all", *settings, "recipe.density.count=255", "recipe.density.neighbours=255")
        self.train(1, "more", *settings, "recipe.density.count=5000",
                   "recipe.density.neighbours=5000")
        self.assertEqual(digest(self.model("all", 2)), digest(self.model("more", 2)))
        self.assertAlmostEqual(self.lines("more")[0]["random_guess_loss"], math.log(256))

    def test_refuses_noise_without_items(self):
        process = run(*self.arguments("out", "recipe.negatives=noise", "recipe.noise=0"))
        self.assert_refusal(process, 2, ["recipe.noise", "recipe.negatives=noise"])


if __name__ == "__main__":
    nearfar_program.main()
