"""`nearfar bench`: what it counts adds up; how fast this machine is, is nobody's business here."""

import json
import resource
import subprocess
import time

import nearfar_program
from nearfar_program import ProgramTest, png, run

SMALL = ["recipe.view.size=12", "recipe.view.blur=0"]


class Bench(ProgramTest):
    def bench(self, *arguments):
        process = run("bench", *arguments, "--seconds", "0.5", "--json", check=0)
        document = json.loads(process.stdout)
        self.assert_sound(document)
        return document

    def assert_sound(self, document):
        shares = [stage["share"] for stage in document["stages"].values()]
        self.assertAlmostEqual(sum(shares), 1.0, delta=1e-9)
        largest = max(document["stages"], key=lambda name: document["stages"][name]["share"])
        self.assertEqual(document["limit"], largest)
        one, every = document["one_core"], document["all_cores"]
        for rates in (one, every):
            images, views = rates["images_per_second"], rates["views_per_second"]
            self.assertTrue(0 < images["low"] <= images["median"] <= images["high"], images)
            self.assertAlmostEqual(views["median"] / images["median"], len(document["views"]))
        self.assertEqual(one["threads"], 1)
        self.assertAlmostEqual(
            every["speedup"],
            every["images_per_second"]["median"] / one["images_per_second"]["median"])
        feeding = document["feeding_core"]
        self.assertEqual(feeding["gpu_renders"], document["bench"] == "data")
        if not feeding["gpu_renders"]:
            self.assertEqual(feeding["images_per_second"], one["images_per_second"])
        for gpu in document["gpus"]:
            self.assertAlmostEqual(gpu["cores"] * feeding["images_per_second"]["median"],
                                   gpu["images_per_second"])
            self.assertGreater(len(gpu["source"]), 5)
        self.assertGreaterEqual(document["rounds"], 3)

    def photographs(self, bad=0):
        folder = self.folder / "photographs"
        folder.mkdir()
        for i in range(4):
            (folder / f"{i}.png").write_bytes(
                png(40 + i, 30, lambda x, y: (6 * x % 256, 8 * y % 256, 40 * i)))
        for i in range(bad):
            (folder / f"bad{i}.png").write_bytes(b"no image")
        return folder

    def test_augment_without_data(self):
        document = self.bench("augment", "view.size=32", "--threads", "2", "--rate", "1000")
        self.assertEqual(document["views"], [32, 32])
        self.assertEqual(list(document["stages"]), ["draw", "crop and resize", "colour", "blur"])
        self.assertEqual(document["all_cores"]["threads"], 2)
        self.assertEqual(document["gpus"][0]["images_per_second"], 1000)
        self.assertIn("500x375", document["title"])
        # The other rates are of published runs at about this size.
        self.assertTrue(all("CIFAR" in gpu["source"] for gpu in document["gpus"][1:]))

    def test_augment_with_a_policy_of_many_views(self):
        document = self.bench("augment", self.photographs(), "--policy", "swav", "view.size=16")
        self.assertEqual(document["views"], [16] * 8)
        self.assertEqual(document["gpus"], [])

    def test_augment_and_data_of_a_set_in_memory(self):
        self.assertEqual(self.bench("augment", self.data, *SMALL)["views"], [12, 12])
        document = self.bench("data", self.data, *SMALL)
        self.assertEqual(list(document["stages"]), ["read", "decode", "draw", "render"])
        self.assertNotIn("first_read", document)

    def test_data_of_files(self):
        document = self.bench("data", self.photographs(), *SMALL)
        self.assertGreater(document["stages"]["decode"]["share"], 0)
        self.assertGreater(document["first_read"]["milliseconds"], 0)
        self.assertGreater(document["first_read"]["bytes"], 40)

    def test_unreadable_images_are_handled_as_in_training(self):
        folder = self.photographs(bad=1)
        self.refused(3, ["bad0.png"], "bench", "data", folder, "--seconds", "0.3", "-q", *SMALL)
        self.bench("data", folder, "data.on_bad_image=skip", "data.max_bad_fraction=0.5", *SMALL)

    def test_words(self):
        text = run("bench", "augment", "view.size=32", "--seconds", "0.3", "--rate", "77",
                   check=0).stdout
        for part in ("1 thread", "STAGE", "limit: ", "yours", "CORES", "PAIRS/S", "medians of 3"):
            self.assertIn(part, text)
        self.assertNotIn("\x1b", text)

    def test_words_on_feeding_a_gpu(self):
        text = run("bench", "augment", "view.size=32", "--seconds", "0.3", check=0).stdout
        self.assertIn("if the CPU renders", text)
        text = run("bench", "data", self.data, *SMALL, "--seconds", "0.3", "--rate", "77",
                   check=0).stdout
        self.assertIn("a GPU that renders the views itself", text)
        self.assertIn("1 worker, a GPU renders", text)

    def test_a_gpu_that_renders_needs_fewer_cores(self):
        # Rendering these views takes many times as long as reading and decoding 30-pixel images.
        document = self.bench("data", self.photographs(), "recipe.view.size=224", "--rate", "1000",
                              "--threads", "1")
        rate = [document[core]["images_per_second"]["median"]
                for core in ("feeding_core", "one_core")]
        self.assertGreater(rate[0], 1.5 * rate[1])

    def test_threads_that_do_not_start(self):
        def little_room():
            # Stacks of 1 GiB: room for some 20 threads, whatever else the program needs.
            resource.setrlimit(resource.RLIMIT_STACK, (1 << 30, resource.RLIM_INFINITY))
            resource.setrlimit(resource.RLIMIT_AS, (24 << 30, 24 << 30))

        if resource.getrlimit(resource.RLIMIT_STACK)[1] != resource.RLIM_INFINITY:
            self.skipTest("the size of stacks is limited here")
        for what in (["augment", "view.size=16"], ["data", self.data, *SMALL]):
            process = subprocess.run(
                [nearfar_program.PROGRAM, "bench", *map(str, what), "--threads", "64", "--seconds",
                 "0.3", "-q"], capture_output=True, text=True, preexec_fn=little_room, timeout=300,
                env=nearfar_program.program_environment({"OMP_NUM_THREADS": "1"}))
            self.assert_refusal(process, 4, ["expected 64 threads, could start "])

    def test_more_threads_than_cores_take_no_longer(self):
        began = time.monotonic()
        document = self.bench("augment", "view.size=32", "--threads", "600")
        self.assertEqual(document["all_cores"]["threads"], 600)
        # 600 times the work of one thread would take minutes, even on many cores.
        self.assertLess(time.monotonic() - began, 60)

    def test_list_of_policies(self):
        listed = run("views", "--policy", "list", check=0).stdout
        self.assertEqual(run("bench", "--policy", "list", check=0).stdout, listed)
        self.assertEqual(run("bench", "augment", "--policy", "list", check=0).stdout, listed)
        self.refused(2, ["--policy list", "--threads"], "bench", "augment", "--policy", "list",
                     "--threads", "2")

    def test_refusals(self):
        self.refused(2, ["WHAT", "augment or data"], "bench")
        self.refused(2, ["data.workers=2", "view.KEY"], "bench", "augment", "data.workers=2")
        self.refused(2, ["expected a data set"], "bench", "data")
        self.refused(2, ["WHAT"], "bench", "nonsense")
        self.refused(2, ["--recipe", "--policy"], "bench", "augment", "--recipe", "simclr")
        self.refused(2, ["--policy simclar", "simclr"], "bench", "augment", "--policy", "simclar")
        self.refused(2, ["view.sise", "size"], "bench", "augment", "view.sise=12")


if __name__ == "__main__":
    nearfar_program.main()
