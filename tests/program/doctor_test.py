"""`nearfar doctor` asked about ranks: plans, and tests of those that are there."""

import json
import subprocess
import time

import nearfar_program
from nearfar_program import ProgramTest, QUICK, program_environment, run, write_idx_set
from rank_runs import launched


class Plan(ProgramTest):
    def settings(self, *more):
        return ["--recipe", "simclr", "--data", self.data, *QUICK, *more]

    def plan(self, *words):
        return json.loads(run("doctor", "--plan", "--json", *words, check=0).stdout)

    def test_a_thousand_ranks(self):
        self.data = self.folder / "many"
        write_idx_set(self.data, train=1100, side=8)
        plan = self.plan("--ranks", 1024, *self.settings("train.batch=1025"))
        self.assertEqual((plan["ranks"], plan["gpus_per_host"], plan["hosts"]), (1024, 8, 128))
        self.assertEqual(plan["images_per_rank"], {"largest": 2, "smallest": 1})
        memory = plan["memory_per_rank"]
        self.assertEqual(memory["total"], sum(memory[part] for part in
                                              ("parameters", "gradients", "optimizer", "buffers",
                                               "activations", "batches")))
        step = plan["step"]
        # Two views, 16 dimensions in float32, then a log-sum and a weight in float64.
        self.assertEqual(step["all_gather"]["payload_bytes"], 1025 * 2 * (16 * 4 + 2 * 8))
        self.assertEqual(step["all_gather"]["sent_bytes"],
                         1025 * 160 - 1025 * 160 // 1024)
        self.assertGreaterEqual(step["background_sum"]["payload_bytes"], memory["parameters"])
        total = step["total"]
        self.assertEqual(total["sent_bytes"],
                         sum(step[kind]["sent_bytes"] for kind in step if kind != "total"))
        self.assertEqual(total["sent_bytes_between_hosts_by_each_host"], total["sent_bytes"])
        self.assertEqual(total["sent_bytes_between_hosts"], 128 * total["sent_bytes"])
        self.assertGreater(plan["start"]["broadcast"]["calls"], 0)
        self.assertEqual(plan["check"]["all_gather"], plan["start"]["all_gather"])

    def test_one_host_sends_nothing_to_another(self):
        plan = self.plan("--ranks", 4, "--gpus-per-host", 4, *self.settings())
        self.assertEqual(plan["hosts"], 1)
        self.assertEqual(plan["step"]["total"]["sent_bytes_between_hosts"], 0)

    def test_words(self):
        text = run("doctor", "--plan", "--ranks", 3, "--gpus-per-host", 2, *self.settings(),
                   check=0).stdout
        for part in ("simclr with tiny on 3 ranks, 2 hosts", "32 images, 10 or 11 on each rank",
                     "MEMORY OF A RANK", "each step", "at the start", "every 1,000 steps",
                     "all_gather", "background_sum", "by each host to another",
                     "2 (W - 1) / W S"):
            self.assertIn(part, text)

    def test_it_is_quick_and_leaves_nothing_behind(self):
        begin = time.monotonic()
        run("doctor", "--plan", "--ranks", 64, "--recipe", "simclr", "--data", self.data,
            "train.batch=128", "encoder.name=resnet18", check=0, cwd=self.folder)
        self.assertLess(time.monotonic() - begin, 60.0)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["squares"])

    def test_a_gpu_that_is_not_here(self):
        if json.loads(run("doctor", "--json", check=0).stdout)["nvidia_driver"]:
            return
        process = run("doctor", "--plan", "--ranks", 2, *self.settings("device=cuda"), check=0)
        self.assertIn("device=cuda: there is no GPU here", process.stderr)

    def test_refusals(self):
        self.refused(2, ["--ranks"], "doctor", "--plan", *self.settings())
        self.refused(2, ["33 ranks", "32"], "doctor", "--plan", "--ranks", 33, "-q",
                     *self.settings())
        self.refused(2, ["--plan and --distributed"], "doctor", "--plan", "--distributed")
        self.refused(2, ["--ranks", "nearfar launch"], "doctor", "--distributed", "--ranks", 2)
        self.refused(2, ["--plan or --distributed"], "doctor", "train.batch=3")
        self.refused(2, ["data.path"], "doctor", "--plan", "--ranks", 2, "--recipe", "simclr")


class Distributed(ProgramTest):
    def launch(self, ranks, *words, env=None):
        return subprocess.run(launched(ranks, "doctor", "--distributed", *words),
                              capture_output=True, text=True, env=program_environment(env),
                              cwd=self.folder, timeout=300)

    def assert_gradients(self, document, recipe, ranks, compared_as):
        self.assertEqual((document["recipe"], document["compared_ranks"], document["compared_as"]),
                         (recipe, ranks, compared_as))
        self.assertEqual(len(document["gradients"]), 3)
        for comparison in document["gradients"]:
            self.assertLess(comparison["difference"], 1e-8, comparison)

    def test_one_rank_alone(self):
        process = run("doctor", "--distributed", check=0)
        self.assertIn("one rank alone", process.stdout)
        self.assertIn("gradient(2 ranks) == gradient(1 rank) for simclr", process.stdout)
        document = json.loads(run("doctor", "--distributed", "--recipe", "supervised", "--json",
                                  check=0).stdout)
        self.assertEqual(len(document["roster"]), 1)
        self.assertNotIn("links", document)
        self.assert_gradients(document, "supervised", 2, "threads")

    def test_launched_ranks(self):
        process = self.launch(2, "--json", "--recipe", "supervised", "--data", self.data)
        self.assertEqual(process.returncode, 0, process.stderr)
        document = json.loads(process.stdout)
        self.assertEqual((document["ranks"], document["started_by"]), (2, "nearfar launch"))
        self.assertEqual([entry["rank"] for entry in document["roster"]], [0, 1])
        self.assertEqual([entry["local_rank"] for entry in document["roster"]], [0, 1])
        self.assertEqual(len({entry["process"] for entry in document["roster"]}), 2)
        for key in ("nearfar", "libtorch", "recipe_hash", "settings_hash"):
            self.assertEqual(len({entry[key] for entry in document["roster"]}), 1)
        links = document["links"]
        self.assertGreater(links["latency_seconds"], 0.0)
        self.assertGreaterEqual(links["bytes"], 1 << 20)
        self.assertAlmostEqual(links["sum_bytes_per_second"] * links["sum_seconds"],
                               links["bytes"], delta=1.0)
        self.assert_gradients(document, "supervised", 2, "ranks")

    def test_words_of_rank_0_alone(self):
        process = self.launch(2)
        self.assertEqual(process.returncode, 0, process.stderr)
        for part in ("2 ranks, started by nearfar launch", "latency: ", "clocks: within",
                     "gradient(2 ranks) == gradient(1 rank) for simclr"):
            self.assertEqual(process.stdout.count(part), 1, process.stdout)


if __name__ == "__main__":
    nearfar_program.main()
