"""Arrays and lists as NumPy, safetensors, Pillow and Python's csv write them: the same images."""

import csv

import nearfar_program
from nearfar_program import QUICK, ProgramTest, read_safetensors, run

try:
    import numpy
    import PIL.Image
    import safetensors.numpy
except ImportError:
    numpy = None

COUNT = 24


class NumpyData(ProgramTest):
    def setUp(self):
        super().setUp()
        source = numpy.random.default_rng(0)
        self.images = source.integers(0, 256, (COUNT, 3, 20, 24), dtype=numpy.uint8)
        self.labels = numpy.arange(COUNT) * 7 % 5
        self.planes = self.folder / "planes.npy"
        numpy.save(self.planes, self.images)
        numpy.save(self.folder / "planes_labels.npy", self.labels.astype(">i2"))

    def write_pixels(self):
        path = self.folder / "pixels.npy"
        numpy.save(path, numpy.ascontiguousarray(self.images.transpose(0, 2, 3, 1)))
        numpy.save(self.folder / "pixels.labels.npy", self.labels.astype("u4").reshape(-1, 1))
        targets = numpy.linspace(0, 1, 3 * COUNT).reshape(-1, 3)
        numpy.save(self.folder / "pixels_targets.npy", targets)
        return path

    def write_version(self, major):
        path = self.folder / f"version{major}.npy"
        with open(path, "wb") as file:
            numpy.lib.format.write_array(file, self.images, version=(major, 0))
        numpy.save(self.folder / f"version{major}_labels.npy", self.labels)
        return path

    def write_tensors(self):
        path = self.folder / "tensors.safetensors"
        safetensors.numpy.save_file({"images": self.images, "labels": self.labels}, path)
        return path

    def write_list(self):
        path = self.folder / "list.csv"
        with open(path, "w", newline="", encoding="utf-8-sig") as file:
            rows = csv.writer(file)
            rows.writerow(["path", "label", 'a "note"'])
            for i in range(COUNT):
                name = f'é, "{i}".png'
                PIL.Image.fromarray(self.images[i].transpose(1, 2, 0)).save(self.folder / name)
                rows.writerow([name, f"class, {self.labels[i]}", "two\nlines"])
        return path

    def test_all_forms_have_the_same_features_and_labels(self):
        out = self.folder / "run"
        run("pretrain", "--recipe", "simclr", "--data", self.planes, "--out", out, *QUICK,
            "train.batch=16", "train.steps=2", check=0)
        expected = None
        for data in (self.planes, self.write_pixels(), self.write_version(2), self.write_version(3),
                     self.write_tensors(), self.write_list()):
            path = self.folder / "features.safetensors"
            run("embed", out, "--data", data, "--out", path, "threads=1", check=0)
            tensors, _ = read_safetensors(path)
            expected = expected or tensors
            self.assertEqual(tensors, expected, data)
            labels = numpy.frombuffer(tensors["labels"][2], "<i8")
            self.assertEqual(labels.tolist(), self.labels.tolist(), data)
            self.assertEqual(tensors["features"][1][0], COUNT)

    def test_other_arrays_are_refused(self):
        for array, reason in ((numpy.asfortranarray(self.images), "found Fortran order"),
                              (self.images / 255, "expected uint8 images"),
                              (numpy.array([{}], dtype=object), "found '|O'"),
                              (numpy.zeros(3, [("a", "<f4")]), "found one of structures")):
            path = self.folder / "other.npy"
            numpy.save(path, array)
            self.refused(3, [str(path), reason], "pretrain", "--recipe", "simclr", "--data", path)


if __name__ == "__main__":
    nearfar_program.main("numpy, PIL, safetensors", missing=numpy is None)
