"""`nearfar report`: one page that holds the run's numbers, and works in a real browser."""

import html.parser
import json
import pathlib
import re
import shutil
import time

import nearfar_program
from browser import Browser, find_browser
from nearfar_program import ProgramTest, png, run

VOID = {"meta", "link", "img", "input", "br"}
SMALL = ["threads=1", "report.points=60", "report.gallery=100"]


class Page(html.parser.HTMLParser):
    """Elements, ids, addresses, text and data blocks of a page; checks that elements nest."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.addresses, self.blocks, self.values = [], [], {}, []
        self.open, self.texts, self.tags = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append((tag, found))
        self.ids += [found["id"]] if "id" in found else []
        for name, value in attributes:
            if name in ("src", "href", "srcset", "action", "data", "poster"):
                self.addresses.append(value)
            if name == "data-value" and value:
                self.values.append(float(value))
            assert not name.startswith("on"), f"{tag} {name}: an inline handler"
        if tag not in VOID:
            self.open.append((tag, found))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1][0] == tag, f"</{tag}> after {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data):
        tag, found = self.open[-1] if self.open else ("", {})
        if tag == "script" and found.get("type") == "application/json":
            self.blocks[found["id"]] = json.loads(data)
        elif tag not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(self.texts)


class Report(ProgramTest):
    def setUp(self):
        super().setUp()
        self.out = self.pretrain("run", "train.steps=12")

    def report(self, *options, run_folder=None):
        process = run("report", run_folder or self.out, *SMALL, *options, "--json", check=0)
        summary = json.loads(process.stdout)
        text = pathlib.Path(summary["page"]).read_text(encoding="utf-8")
        self.assertEqual(summary["bytes"], len(text.encode()))
        page = Page(text)
        self.assertEqual(len(page.ids), len(set(page.ids)), "ids are unique")
        for address in page.addresses:
            self.assertRegex(address, r"^(#[\w-]+|data:)")
        outside = [found for found in re.findall(r"https?://[^\s\"'<>)]+", text)
                   if not found.startswith("http://www.w3.org/2000/svg")]
        self.assertEqual(outside, [], "nothing from the network")
        return summary, page

    def judge(self):
        run("evaluate", self.out, "evaluate.fractions=[1.0]", "evaluate.draws=[1]", "threads=1",
            check=0)
        return json.loads((self.out / "evaluation.json").read_text())

    def test_numbers_are_those_of_the_files(self):
        evaluation = self.judge()
        summary, page = self.report()
        self.assertEqual(summary["sections"][:4], ["evaluation", "curves", "map", "neighbours"])
        self.assertEqual((summary["points"], summary["remarks"]), (60, []))
        log = [json.loads(line) for line in (self.out / "log.jsonl").read_text().splitlines()]
        drawn = {}
        for chart in page.blocks["curve-data"].values():
            for series in chart["series"]:
                self.assertEqual(series["step"], [line["step"] for line in log])
                drawn[series["name"]] = series["value"]
        keys = {key for line in log for key in line} - {"step", "epoch", "time",
                                                        "random_guess_loss"}
        curves = sorted(map(tuple, drawn.values()))
        self.assertEqual(curves, sorted(tuple(line[key] for line in log) for key in keys))
        for method in evaluation["methods"].values():
            for source in method.values():
                entry = source["1.0"]
                self.assertIn(entry["top1"], page.values)
                for share in entry["per_class"] if method is evaluation["methods"]["linear"] else []:
                    self.assertIn(share, page.values)
        counts = evaluation["methods"]["linear"]["encoder"]["1.0"]["confusion"]
        for true, row in enumerate(counts):
            said = sum(1 for told, count in enumerate(row) if
                       (f"{true} told right: {count} of 16" if told == true else
                        f"{true} taken for {told}: {count} of 16") in page.text)
            self.assertEqual(said, 4, f"every cell of the confusion's row {true}")
        config = json.loads((self.out / "config.json").read_text())
        self.assertIn(json.dumps(config["train"]["steps"]), page.text)
        rows = {found["data-key"] for tag, found in page.tags if "data-key" in found}
        self.assertEqual(len(rows), summary["settings"])
        self.assertIn("command line", page.text, "settings say where they come from")

    def test_map_and_neighbours(self):
        _, page = self.report()
        map_data = page.blocks["map-data"]
        self.assertEqual(map_data["classes"], ["0", "1", "2", "3"])
        for layout in map_data["layouts"]:
            self.assertEqual((len(layout["x"]), len(layout["y"])), (60, 60))
            self.assertEqual((min(layout["x"]) >= 0, max(layout["x"]) <= 1000), (True, True))
        # 64 test images, class i % 4: the label is that of the row that the place names.
        for label, place in zip(map_data["label"], map_data["place"]):
            self.assertEqual(label, int(re.search(r"\[(\d+)\]$", place).group(1)) % 4, place)
        marks = [found for tag, found in page.tags if tag == "use" and "style" in found]
        self.assertEqual(len(marks), 60)
        again, _ = self.report("--out", self.folder / "again.html")
        self.assertEqual((self.out / "report.html").read_bytes(),
                         (self.folder / "again.html").read_bytes(), "the same page again")
        self.assertEqual(again["page"], str(self.folder / "again.html"))

    def test_runs_without_this_or_that(self):
        summary, page = self.report()
        self.assertNotIn("evaluation", summary["sections"])
        self.assertIn("nearfar evaluate", page.text)
        with (self.out / "log.jsonl").open("a") as log:
            for step in range(5):
                log.write(json.dumps({"step": 13 + step, "loss": None, "warning": "collapsing <i>"})
                          + "\n")
        (self.out / "encoder.safetensors").unlink()
        summary, page = self.report()
        self.assertEqual(summary["points"], 60, "the newest checkpoint is shown")
        self.assertIn("no result yet", page.text)
        self.assertEqual(page.text.count("collapsing <i>"), 3)
        self.assertIn("2 more warnings", page.text)
        shutil.rmtree(self.out / "checkpoints")
        (self.out / "views.png").write_bytes(b"no picture")
        (self.out / "log.jsonl").write_text("")
        summary, page = self.report()
        self.assertEqual((summary["points"], summary["curves"]), (0, []))
        self.assertIn("Map and neighbours are missing", page.text)
        self.assertIn("views.png is left out", page.text)

    def test_colour_images_without_labels_and_hostile_names(self):
        album = self.folder / "album"
        album.mkdir()
        for i in range(24):
            name = "<img src=x onerror=alert(1)>.png" if i == 5 else f"{i}.png"
            (album / name).write_bytes(png(20, 24, lambda x, y: (10 * i, 9 * x, 9 * y)))
        out = self.folder / "<b>run"
        run("pretrain", "--recipe", "simclr", "--data", album, "--out", out, "train.steps=2",
            "train.batch=4", "encoder.name=tiny", "encoder.width=4", "threads=1",
            "data.workers=1", "recipe.view.size=16", check=0)
        summary, page = self.report(run_folder=out)
        self.assertEqual((summary["points"], summary["neighbor_rows"]), (24, 6))
        self.assertIn("<img src=x onerror=alert(1)>.png", page.blocks["map-data"]["place"])
        self.assertEqual(page.blocks["map-data"]["classes"], [])
        self.assertEqual([found for tag, found in page.tags
                          if tag == "b" or "onerror" in found or found.get("src") == "x"], [])
        self.assertIn("there is no test part", page.text)

    def test_refusals(self):
        self.refused(6, ["nowhere: expected a run's folder"], "report", "nowhere")
        self.refused(2, ["report.points", "100000"], "report", self.out, "report.points=100000")
        self.refused(2, ["report.pints", "report.points"], "report", self.out, "report.pints=1")
        self.refused(3, ["nodata"], "report", self.out, "--data", "nodata")
        (self.out / "evaluation.json").write_text('{"methods": 3}')
        self.refused(2, ["evaluation.json:1:2"], "report", self.out)

    def opened(self, path, **window):
        browser = Browser(**window)
        self.addCleanup(browser.close)
        browser.open(path)
        return browser

    def centre_of(self, browser, selector, index=0):
        """Scrolls an element to the middle and says where it then is."""
        return browser.value(
            f"(() => {{ const e = document.querySelectorAll('{selector}')[{index}];"
            "e.scrollIntoView({block: 'center', behavior: 'instant'});"
            "const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2];"
            "})()")

    def test_in_a_browser(self):
        self.assertIsNotNone(find_browser(), "no Chromium found: tools/setup --test installs it")
        self.judge()
        self.report()
        browser = self.opened(self.out / "report.html")
        log = [json.loads(line) for line in (self.out / "log.jsonl").read_text().splitlines()]

        # The pointer in the middle of the first chart, 340 of 400 wide, reads the nearest step.
        browser.move_to(*self.centre_of(browser, ".chart svg"))
        reading = browser.value("document.querySelector('.reading').textContent")
        step = int(re.match(r"step (\d+) · ", reading).group(1))
        self.assertTrue(5 <= step <= 8, reading)
        self.assertAlmostEqual(float(reading.split(" · ")[1]), log[step - 1]["loss"], places=2)
        self.assertEqual(browser.value("document.querySelectorAll('.cursor line').length"),
                         browser.value("document.querySelectorAll('.chart').length"))

        # A point of the map shows its own image and place.
        data = json.loads(browser.value("document.getElementById('map-data').textContent"))
        browser.move_to(*self.centre_of(browser, ".plane use", 17))
        shown = browser.value("document.querySelector('#map-hover .quiet').textContent")
        distance = [(x - data["layouts"][0]["x"][17]) ** 2 + (y - data["layouts"][0]["y"][17]) ** 2
                    for x, y in zip(data["layouts"][0]["x"], data["layouts"][0]["y"])]
        self.assertLess(distance[data["place"].index(shown)], 30 ** 2)
        self.assertFalse(browser.value("document.getElementById('map-hover').hidden"))
        self.assertIn("data:image/", browser.value(
            "getComputedStyle(document.querySelector('.thumbnail')).backgroundImage"))

        # The other layout moves every point to where its data says.
        browser.click(*self.centre_of(browser, "label[for=layout1]"))
        time.sleep(1.2)  # the points take 0.9 s
        for i in (0, 30, 59):
            moved = browser.value(
                f"getComputedStyle(document.querySelectorAll('.plane use')[{i}]).transform")
            self.assertEqual(re.findall(r"-?[\d.]+", moved)[-2:],
                             [str(data["layouts"][1][axis][i]) for axis in "xy"])

        # A class of the legend puts the others back.
        browser.click(*self.centre_of(browser, ".legend button", 2))
        faded = browser.value("document.querySelectorAll('.plane use.faded').length")
        self.assertEqual(faded, sum(label != 2 for label in data["label"]))

        self.assertEqual(browser.console, [], "no errors, no warnings")
        self.assertEqual([address for address in browser.requests
                          if not address.startswith(("data:", "file:"))], [])
        browser.screenshot(self.folder / "shot.png", whole=True)
        self.assertGreater((self.folder / "shot.png").stat().st_size, 50_000)

    def test_on_a_phone_and_in_the_dark(self):
        self.judge()
        self.report()
        browser = self.opened(self.out / "report.html", width=390, height=800, dark=True)
        self.assertEqual(browser.value("document.documentElement.scrollWidth"), 390,
                         "nothing sticks out to the right")
        light = "getComputedStyle(document.body).backgroundColor"
        dark = browser.value(light)
        browser.resize(390, 800, dark=False)
        self.assertNotEqual(browser.value(light), dark)
        self.assertEqual(browser.console, [])

    def test_without_its_script(self):
        self.report()
        path = self.out / "report.html"
        path.write_text(re.sub(r"<script>.*?</script>", "", path.read_text(), flags=re.S))
        browser = self.opened(path)
        self.assertGreater(browser.value("document.querySelectorAll('.chart path').length"), 5)
        data = json.loads(browser.value("document.getElementById('map-data').textContent"))
        browser.click(*self.centre_of(browser, "label[for=layout1]"))
        time.sleep(1.2)
        moved = browser.value("getComputedStyle(document.querySelector('.plane use')).transform")
        self.assertEqual(re.findall(r"-?[\d.]+", moved)[-2:],
                         [str(data["layouts"][1][axis][0]) for axis in "xy"])

    def test_the_policy_stops_other_scripts(self):
        self.report()
        path = self.out / "report.html"
        path.write_text(path.read_text().replace(
            "</main>", "<script>window.intruder = 1</script><img src='x' onerror='intruder = 2'>"
            "</main>"))
        browser = self.opened(path)
        self.assertEqual(browser.value("typeof window.intruder"), "undefined")
        self.assertNotEqual(browser.console, [], "the browser says what it stopped")


if __name__ == "__main__":
    nearfar_program.main()
