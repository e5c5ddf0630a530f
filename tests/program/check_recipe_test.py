"""check-recipe finds the law that each mistake of a recipe breaks, says why, and passes the sound twin."""

import json

import nearfar_program
from nearfar_program import BUILD, ProgramTest, run

PLUGINS = BUILD / "tests/plugins"
FLAWED = PLUGINS / "flawed.so"
REFUSED = 7

# Mistake: the law that it breaks, and parts of the reason.
MISTAKES = {
    "throw_in_make": ("exceptions", ["recipe flawed: constructor: no luck in make"]),
    "throw_in_embed": ("exceptions", ["recipe flawed: embed: no luck in embed"]),
    "throw_in_loss": ("exceptions", ["recipe flawed: loss: no luck in loss"]),
    "throw_in_backward": ("exceptions", ["the gradient of loss() threw: no luck backward"]),
    "throw_in_after_step": ("exceptions", ["recipe flawed: after_step: no luck in after_step"]),
    "nan": ("constant_images", ["images of one colour", "the gradient of", "not finite", "floor"]),
    "forgotten_buffer": ("state", ["is no registered buffer", "register_buffer()", "its loss"]),
    "draw_in_loss": ("generator", ["loss() drew", "batch.random"]),
    "draw_in_before_epoch": ("generator", ["before_epoch() drew", "context.random"]),
    "own_slice": ("ranks", ["2 ranks", "the loss is that of one rank, the gradient of",
                            "gather_with_grad"]),
    "detached_gather": ("gradient", ["at embedding 1", "finite differences give"]),
    "local_mean": ("ranks", ["the mean of the ranks' losses", "shard.total"]),
    "local_centre": ("ranks", ["buffer centre of rank 1 has other bits than that of rank 0"]),
    "impure_embed": ("embed", ["embedding 0 has other bits when the batch is embedded again"]),
    "embed_moves_buffer": ("embed", ["embed() changed calls", "after_step()"]),
    "batch_mean": ("micro_batches", ["micro-batches of 4", "row i of an embedding"]),
    "sum": ("random_guess", ["which the recipe gives as 3.466", "a sum instead of a mean"]),
    "frozen": ("learns", ["does not fall", "parameters that no group holds"]),
}


class CheckRecipe(ProgramTest):
    def check(self, recipe, *words, code):
        process = run("check-recipe", recipe, *words, "--json", check=code)
        document = json.loads(process.stdout)
        self.assertEqual(document["obeys"], code == 0)
        return {law["law"]: law for law in document["laws"]}, process.stderr

    def test_each_mistake_breaks_its_law(self):
        for mistake, (name, parts) in MISTAKES.items():
            with self.subTest(mistake):
                laws, said = self.check(FLAWED, f"recipe.mistake={mistake}", "--only", name,
                                        code=REFUSED)
                self.assertEqual(list(laws), [name])
                self.assertEqual(laws[name]["verdict"], "broken")
                for part in parts:
                    self.assertIn(part, laws[name]["reason"])
                self.assertIn(f"error: {name}: {laws[name]['reason']}\n", said)

    def test_the_sound_twin_obeys_every_law(self):
        laws, said = self.check(FLAWED, code=0)
        self.assertEqual({law["verdict"] for law in laws.values()}, {"holds"}, laws)
        self.assertEqual(said, "")
        self.assertLessEqual({name for name, _ in MISTAKES.values()}, set(laws))

    def test_every_law_is_broken_by_some_mistake_alone(self):
        """A mistake that one law is for leaves the unrelated ones whole. Draws from the global
        generator are not among them: a rank's thread may take numbers that start another's weights."""
        for mistake, broken in [("nan", {"constant_images"}), ("own_slice", {"ranks"}),
                                ("local_centre", {"ranks"}), ("frozen", {"learns"}),
                                ("forgotten_buffer", {"state", "resume"})]:
            with self.subTest(mistake):
                laws, _ = self.check(FLAWED, f"recipe.mistake={mistake}", code=REFUSED)
                self.assertEqual({name for name, law in laws.items()
                                  if law["verdict"] == "broken"}, broken, laws)

    def test_a_choice_of_a_built_in_recipe(self):
        """What the default leaves out: ctest asks for the defaults of every recipe."""
        drawn = ["recipe.negatives=density", "recipe.density.count=8", "recipe.density.neighbours=3"]
        for more in ([], ["recipe.bank.sharded=true"]):
            laws, said = self.check("instance_discrimination", *drawn, *more, code=0)
            self.assertNotIn("broken", {law["verdict"] for law in laws.values()}, said)

    def test_a_key_without_help(self):
        laws, _ = self.check(PLUGINS / "undocumented.so", code=REFUSED)
        self.assertIn("recipe.temperature: expected a help text", laws["keys"]["reason"])
        self.assertEqual({name for name, law in laws.items() if law["verdict"] == "broken"},
                         {"keys"})

    def test_a_level_that_is_not_given_is_said_and_not_asked(self):
        laws, said = self.check(FLAWED, "recipe.mistake=no_guess", "--only", "random_guess", code=0)
        self.assertEqual(laws["random_guess"]["verdict"], "not asked")
        self.assertIn("Loss::random_guess", laws["random_guess"]["reason"])
        self.assertEqual(said, "")

    def test_everything_that_throws_is_contained(self):
        laws, _ = self.check(FLAWED, "recipe.mistake=throw_in_loss", code=REFUSED)
        for name, law in laws.items():
            if law["verdict"] != "broken":
                self.assertIn(name, {"keys", "embed"})
            else:
                self.assertIn("recipe flawed: loss: no luck in loss", law["reason"])

    def test_the_table_and_the_reasons(self):
        text = run("check-recipe", FLAWED, "recipe.mistake=own_slice", "--only", "ranks,keys",
                   check=REFUSED).stdout
        self.assertIn(str(FLAWED), text)
        self.assertRegex(text, r"ranks +broken +\d+\.\d")
        self.assertRegex(text, r"keys +holds")
        self.assertTrue(text.endswith("1 of 2 laws hold, 1 broken\n"), text)

    def test_what_is_asked_wrongly_is_refused(self):
        self.refused(2, ['law "rank"', "did you mean ranks?"], "check-recipe", "simclr", "--only",
                     "rank")
        self.refused(2, ["recipe.temprature", "temperature"], "check-recipe", "simclr",
                     "recipe.temprature=1")
        self.refused(2, ['preset "cifr"', 'did you mean "cifar"?'], "check-recipe", "simclr",
                     "--preset", "cifr")
        self.refused(7, ["nothing.so"], "check-recipe", self.folder / "nothing.so")


if __name__ == "__main__":
    nearfar_program.main()
