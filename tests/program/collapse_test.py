"""A real run that collapses is told so, with the likely cause; one that learns hears nothing."""

import json

import nearfar_program
from nearfar_program import BUILD, ProgramTest, QUICK, run

COLLAPSING = BUILD / "tests/plugins/negative_free.so"
STEPS = ["train.steps=130", "train.log_every=5", "optimizer.learning_rate=0.5",
         "train.checkpoint_every=1000"]
# BatchNorm at the end of the head would keep every dimension's spread.
BARE_HEAD = "recipe.projection.batch_norm=false"


class Collapse(ProgramTest):
    def train(self, recipe, *settings):
        """The lines of the log, and the one warning that both log and terminal hold, if any."""
        out = self.folder / "run"
        process = run("pretrain", "--recipe", recipe, "--data", self.data, "--out", out, *QUICK,
                      *STEPS, *settings, check=0)
        lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
        said = [line for line in process.stderr.splitlines() if line.startswith("warning: ")]
        logged = [f"warning: step {line['step']}: {line['warning']}" for line in lines
                  if "warning" in line]
        self.assertEqual(said, logged)
        return lines, said

    def assert_collapsed(self, last):
        self.assertLess(last["embedding_std"], 0.1)
        self.assertGreater(last["negative_similarity"], 0.99)
        self.assertGreater(last["uniformity"], -0.1)

    def test_a_loss_without_negatives_and_without_stop_gradient(self):
        lines, said = self.train(COLLAPSING, BARE_HEAD)
        self.assert_collapsed(lines[-1])
        self.assertEqual(len(said), 1, said)
        for part in ("collapsed", "stop-gradient", "optimizer.learning_rate"):
            self.assertIn(part, said[0])

    def test_simclr_with_a_learning_rate_that_its_bare_head_does_not_bear(self):
        lines, said = self.train("simclr", BARE_HEAD)
        self.assert_collapsed(lines[-1])
        self.assertEqual(len(said), 1, said)
        self.assertIn("the loss is that of guessing", said[0].lower())
        self.assertNotIn("stop-gradient", said[0])

    def test_simclr_with_its_own_head(self):
        lines, said = self.train("simclr")
        self.assertEqual(said, [])
        self.assertGreater(lines[-1]["embedding_std"], 0.9)


if __name__ == "__main__":
    nearfar_program.main()
