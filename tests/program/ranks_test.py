"""One command on one rank or many: the same run."""

import json
import shutil
import signal
import subprocess

import nearfar_program
from nearfar_program import PROGRAM, digest, program_environment, read_safetensors, run
from rank_runs import (FASHION, RanksTest, floats_of, largest_difference, moved_by_an_ulp,
                       wait_until)

# Thirty steps of real images on a network that is quick on one core.
THIRTY = ["encoder.name=tiny", "encoder.width=8", "train.batch=64", "train.steps=30", "threads=1",
          "data.workers=1", "optimizer.name=sgd", "optimizer.learning_rate=0.01",
          "recipe.view.blur=0", "schedule.warmup_epochs=0", "train.log_every=10"]


class FashionMnist(RanksTest):
    def pretrain_fashion(self, out, ranks, *settings):
        arguments = ["pretrain", "--recipe", "simclr", "--data", FASHION, "--out",
                     self.folder / out, *THIRTY, *settings]
        launcher = [] if ranks == 1 else ["launch", "--ranks", str(ranks)]
        process = subprocess.run([PROGRAM, *launcher, *map(str, arguments)], capture_output=True,
                                 text=True, env=program_environment(), timeout=300)
        self.assertEqual(process.returncode, 0, process.stderr)
        return self.encoder(out)

    def test_ordered_sums_give_the_same_bits_for_any_number_of_ranks(self):
        digests = [digest(self.pretrain_fashion(f"ordered-{ranks}", ranks,
                                                "train.reduction=ordered"))
                   for ranks in (1, 2, 4)]
        print("SHA-256 of encoder.safetensors with 1, 2 and 4 ranks:", *digests)
        self.assertEqual(digests, digests[:1] * 3)

    def test_fast_sums_differ_as_one_unit_in_the_last_place_of_the_input_does(self):
        one = self.pretrain_fashion("one", 1)
        moved = moved_by_an_ulp(self.folder / "one")
        perturbed = largest_difference(one, self.pretrain_fashion("perturbed", 1, moved))
        self.assertGreater(perturbed, 0.0)
        scale = max(map(abs, floats_of(one)))
        for ranks in (2, 4):
            found = largest_difference(one, self.pretrain_fashion(f"fast-{ranks}", ranks))
            print(f"{ranks} ranks: largest difference {found:.2e}; one ulp of the input: "
                  f"{perturbed:.2e}; largest parameter {scale:.2f}")
            self.assertLess(found, 10.0 * perturbed)


class Launched(RanksTest):
    def test_every_number_of_ranks_takes_the_same_views_and_steps(self):
        run(*self.arguments("one", "train.steps=4"), check=0)
        self.launch(2, "two", "train.steps=4")
        self.launch(3, "three", "train.steps=4")
        one = self.lines("one")
        run(*self.arguments("moved", "train.steps=4", moved_by_an_ulp(self.folder / "one")), check=0)
        scale = max(abs(a["loss"] - b["loss"]) for a, b in zip(one, self.lines("moved")))
        for other in ("two", "three"):
            for a, b in zip(one, self.lines(other), strict=True):
                self.assertEqual((a["step"], a["epoch"], a["learning_rate"]),
                                 (b["step"], b["epoch"], b["learning_rate"]))
                # Float32 sums in another order: as one ulp of the input, and at least the rounding
                # of a loss that is a mean of float32 terms.
                self.assertAlmostEqual(a["loss"], b["loss"],
                                       delta=max(10.0 * scale, 1e-6 * a["loss"]))
        self.assertEqual(json.loads((self.folder / "two/environment.json").read_text())["ranks"], 2)

    def test_only_rank_0_speaks(self):
        process = self.launch(2, "out", "train.steps=4")
        self.assertEqual(process.stderr.count("encoder: tiny"), 1, process.stderr)
        self.assertEqual(process.stdout.count("next: nearfar evaluate"), 1)

    def test_warnings_of_other_ranks_are_heard(self):
        self.data = self.write_photographs()
        process = self.launch(4, "out", "train.steps=2", "train.batch=16", "data.on_bad_image=skip",
                              "data.max_bad_fraction=0.5", "encoder.norm_batch=16",
                              "data.test_fraction=0")
        heard = [line for line in process.stderr.splitlines() if "07.png" in line]
        self.assertTrue(heard, process.stderr)
        self.assertTrue(all("warning: " in line for line in heard))
        state = json.loads((self.folder / "out/checkpoints/gen-2/MANIFEST.json").read_text())
        self.assertIn("07.png", json.dumps(state))

    def test_a_run_of_two_ranks_goes_on_with_four(self):
        # A tenth of the others' rate: at theirs, twelve steps make of a rounding what they learn.
        settings = ["train.steps=12", "train.checkpoint_every=6", "train.keep=2",
                    "optimizer.learning_rate=0.03"]
        self.launch(2, "whole", *settings)
        shutil.copytree(self.folder / "whole", self.folder / "changed")
        shutil.rmtree(self.folder / "changed/checkpoints/gen-12")
        self.encoder("changed").unlink()
        process = self.launch(4, "changed", *settings)
        self.assertIn("continuing after step 6", process.stderr)
        whole, changed = self.encoder("whole"), self.encoder("changed")
        self.assertEqual(set(read_safetensors(whole)[0]), set(read_safetensors(changed)[0]))
        # Six steps in another order of sums. What that makes depends on the processor's sums, and
        # is measured: as much as one ulp of the input, and far less than what the steps learn.
        self.launch(2, "moved", *settings, moved_by_an_ulp(self.folder / "whole"))
        scale = largest_difference(whole, self.encoder("moved"))
        half = self.folder / "whole/checkpoints/gen-6/encoder.safetensors"
        learned, found = largest_difference(whole, half), largest_difference(whole, changed)
        print(f"4 ranks after 2: largest difference {found:.2e}; one ulp of the input: "
              f"{scale:.2e}; six steps: {learned:.2e}")
        self.assertGreater(scale, 0.0)
        self.assertLess(10.0 * scale, learned)
        self.assertLess(found, 10.0 * scale)

    def test_an_ordered_run_of_two_ranks_goes_on_with_four_to_the_bit(self):
        settings = ["train.steps=12", "train.checkpoint_every=6", "train.reduction=ordered"]
        self.launch(2, "whole", *settings)
        self.launch(2, "changed", *settings)
        subprocess.run(["rm", "-r", self.folder / "changed/checkpoints/gen-12"], check=True)
        self.encoder("changed").unlink()
        self.launch(4, "changed", *settings)
        self.assertEqual(digest(self.encoder("whole")), digest(self.encoder("changed")))

    def test_a_signal_stops_all_ranks_at_the_same_step_and_the_run_goes_on(self):
        steps = ["train.steps=60", "train.checkpoint_every=50"]
        self.launch(2, "whole", *steps)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            out = f"stopped-{int(number)}"
            process = self.begin(2, out, *steps)
            self.assertTrue(wait_until(lambda out=out: len(self.lines(out)) >= 2))
            process.send_signal(number)
            self.assertEqual(process.wait(60), 75, self.said(out))
            self.launch(2, out, *steps)
            self.assertEqual(digest(self.encoder("whole")), digest(self.encoder(out)))


class Refused(RanksTest):
    def test_a_batch_without_an_image_for_each_rank(self):
        process = self.launch(4, "out", "train.batch=3", check=2)
        self.assertIn("train.batch: expected at least one image for each of 4 ranks, found 3",
                      process.stderr)
        self.assertFalse((self.folder / "out").exists())

    def test_a_last_batch_without_an_image_for_each_rank(self):
        # 256 images in batches of 85: one is left.
        process = self.launch(2, "out", "train.batch=85", "data.drop_last=false", check=2)
        self.assertIn("data.drop_last", process.stderr)
        self.assertIn("found 1 of 256", process.stderr)

    def test_shards_that_ranks_do_not_divide(self):
        process = self.launch(3, "out", "train.reduction=ordered", check=2)
        self.assertIn("train.shards: expected a multiple of the 3 ranks", process.stderr)

    def test_contradictory_environments(self):
        process = run(*self.arguments("out"), env={"RANK": "3", "WORLD_SIZE": "2",
                                                   "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1",
                                                   "MASTER_ADDR": "127.0.0.1",
                                                   "MASTER_PORT": "29511"})
        self.assert_refusal(process, 2, ["RANK", "3", "WORLD_SIZE", "2"])

    def test_ranks_with_other_settings(self):
        environment = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
                       "MASTER_PORT": "29512", "TORCHELASTIC_RUN_ID": "other"}
        processes = [subprocess.Popen(
            [PROGRAM, *map(str, self.arguments("out", f"train.seed={5 + rank}"))],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=program_environment({**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)}))
                     for rank in range(2)]
        said = [process.communicate(timeout=120)[1] for process in processes]
        for process, text in zip(processes, said):
            self.assertEqual(process.returncode, 2, text)
        self.assertIn("rank 1 has another run than rank 0: train.seed: 6 instead of 5", said[0])


if __name__ == "__main__":
    nearfar_program.main()
