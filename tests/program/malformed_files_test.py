"""Malformed tensor files, checkpoints, draws and resumptions: exit code, file, expected, found."""

import json
import shutil
import struct

import nearfar_program
from nearfar_program import ProgramTest, read_safetensors, run, write_safetensors


def raw_safetensors(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def entry(begin, end, shape=None, dtype="F32"):
    return {"dtype": dtype, "shape": [(end - begin) // 4] if shape is None else shape,
            "data_offsets": [begin, end]}


class MalformedTensorFiles(ProgramTest):
    def embed_refused(self, data, code, *parts):
        path = self.folder / "model.safetensors"
        path.write_bytes(data)
        self.refused(code, [str(path), *parts], "embed", path, "--data", self.data, "--out",
                     self.folder / "features.safetensors")
        self.assertFalse((self.folder / "features.safetensors").exists())

    def test_files_that_are_no_safetensors(self):
        self.embed_refused(b"", 3, "too short for a safetensors file", "0 bytes")
        self.embed_refused(b"x" * 1000, 3, "not a safetensors file?", "limit of 100000000")
        self.embed_refused(raw_safetensors(b"[1]"), 3, "header does not start with '{'")
        self.embed_refused(raw_safetensors(b'{"a": '), 3, "header:1:7", "unexpected end of input")

    def test_header_beyond_the_file(self):
        data = struct.pack("<Q", 5000) + b'{"a": 1}'
        self.embed_refused(data, 3, "truncated: header of 5000 bytes", f"a file of {len(data)}")

    def test_offsets_that_overlap_leave_holes_or_end_beyond_the_file(self):
        self.embed_refused(raw_safetensors({"a": entry(0, 8), "b": entry(4, 12)}, bytes(12)), 3,
                           'tensor "b"', "begins at 4, expected 8 (overlap)")
        self.embed_refused(raw_safetensors({"a": entry(0, 8), "b": entry(12, 16)}, bytes(16)), 3,
                           'tensor "b"', "begins at 12, expected 8 (hole)")
        self.embed_refused(raw_safetensors({"a": entry(0, 16)}, bytes(12)), 3, "end at byte 16",
                           "a buffer of 12 (truncated)")

    def test_shapes_that_do_not_fit_their_bytes(self):
        self.embed_refused(raw_safetensors({"a": entry(0, 8, [3])}, bytes(8)), 3, 'tensor "a"',
                           "[0, 8] do not hold the 12 bytes of its shape")
        self.embed_refused(raw_safetensors({"a": entry(0, 8, [1 << 62, 1 << 62])}, bytes(8)), 3,
                           "shape overflows")
        self.embed_refused(raw_safetensors({"a": entry(0, 8, [2], "Q7")}, bytes(8)), 3,
                           "unknown dtype Q7")

    def test_duplicate_names(self):
        one = json.dumps(entry(0, 4))
        header = f'{{"a": {one}, "a": {one}}}'.encode()
        self.embed_refused(raw_safetensors(header, bytes(4)), 3, 'duplicate key "a"')

    def test_a_file_of_nobody(self):
        self.embed_refused(raw_safetensors({"a": entry(0, 4)}, bytes(4)), 6,
                           "not written by nearfar", "--encoder NAME")
        self.refused(2, ["resnet18, resnet34, resnet50", '"resnet19"'], "embed",
                     self.folder / "model.safetensors", "--encoder", "resnet19", "--data",
                     self.data, "--out", self.folder / "features.safetensors")


class MalformedEncoders(ProgramTest):
    def setUp(self):
        super().setUp()
        self.run_folder = self.pretrain("run", "train.steps=1")
        self.tensors, self.metadata = read_safetensors(self.run_folder / "encoder.safetensors")
        self.path = self.folder / "altered.safetensors"

    def altered_refused(self, code, *parts):
        write_safetensors(self.path, self.tensors, self.metadata)
        self.refused(code, [str(self.path), *parts], "embed", self.path, "--data", self.data,
                     "--out", self.folder / "features.safetensors")

    def test_the_unaltered_copy_works(self):
        write_safetensors(self.path, self.tensors, self.metadata)
        run("embed",
            self.path,
            "--data",
            self.data,
            "--out",
            self.folder / "f.safetensors",
            check=0)

    def test_missing_tensor(self):
        name = sorted(self.tensors)[0]
        del self.tensors[name]
        self.altered_refused(6, name)

    def test_tensor_too_many(self):
        self.tensors["surplus.weight"] = ("F32", [1], bytes(4))
        self.altered_refused(6, "surplus.weight")

    def test_wrong_shape(self):
        name = next(name for name, (_, shape, _) in sorted(self.tensors.items()) if len(shape) == 4)
        dtype, shape, data = self.tensors[name]
        self.tensors[name] = (dtype, shape[::-1], data)
        self.altered_refused(6, name, str(shape), str(shape[::-1]))

    def test_missing_metadata(self):
        del self.metadata["seed"]
        self.altered_refused(6, 'metadata "seed" is missing')


class MalformedRuns(ProgramTest):
    def test_every_checkpoint_damaged(self):
        out = self.pretrain("run", "train.steps=2")
        (out / "encoder.safetensors").unlink()
        model = out / "checkpoints/gen-2/model.safetensors"
        model.write_bytes(model.read_bytes()[:-1])
        self.refused(6, ["gen-2"], "evaluate", out)
        process = run("pretrain", "--out", out)
        self.assert_refusal(process, 6, ["checkpoints"])
        self.assertIn("model.safetensors: expected", process.stderr)

    def test_edited_manifest(self):
        out = self.pretrain("run", "train.steps=2")
        (out / "encoder.safetensors").unlink()
        manifest = out / "checkpoints/gen-2/MANIFEST.json"
        text = manifest.read_text()
        self.assertIn('"step": 2', text)
        manifest.write_text(text.replace('"seed": 0', '"seed": 1'))
        process = run("pretrain", "--out", out)
        self.assert_refusal(process, 6, ["checkpoints"])
        self.assertIn("MANIFEST.json", process.stderr)

    def test_changed_settings_on_resume(self):
        out = self.pretrain("run", "train.steps=2")
        for setting in ("train.batch=16", "recipe.temperature=0.3", "train.seed=7", "threads=2"):
            self.refused(
                2,
                [str(out), setting.split("=")[0], "cannot change in mid-run", "--fresh"],
                "pretrain", "--out", out, setting)
        run("pretrain", "--out", out, "data.workers=2", "train.log_every=5", check=0)

    def test_data_that_grew_since(self):
        out = self.pretrain("run", "train.steps=3", "train.checkpoint_every=2")
        shutil.rmtree(out / "checkpoints/gen-3")
        nearfar_program.write_idx_set(self.data, train=272)
        self.refused(6, ["gen-2", "256 images", "272"], "pretrain", "--out", out)


class MalformedDraws(ProgramTest):
    def draws_refused(self, document, *parts, code=2):
        path = self.folder / "draws.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        images = self.folder / "images.safetensors"
        write_safetensors(images, {"images": ("U8", [1, 8, 10, 3], bytes(240))})
        self.refused(code, [str(path), *parts], "views", "--input", images, "--draws", path,
                     "--out", self.folder / "views.safetensors")

    def view(self, **members):
        return {"size": [4, 4], "views": [{"image": 0, **members}]}

    def test_draws(self):
        crop = {"top": 0, "left": 4, "height": 8, "width": 7}
        self.draws_refused(self.view(crop=crop), "7 is outside [1, 6]")
        self.draws_refused(self.view(crop=dict(crop, top=-1)), "-1 is outside [0, 7]")
        self.draws_refused(self.view(crop={"top": 0}), "left")
        self.draws_refused(self.view(flop=True), "flop: unknown member")
        self.draws_refused({"views": []}, "size")
        self.draws_refused({"size": [4, 4], "views": [{"image": 1}]}, "1 is outside [0, 0]")
        self.draws_refused(self.view(jitter=[["hoe", 0.1]]), "found hoe")
        self.draws_refused(self.view(flip="yes"), ":1:41", "expected true or false", 'found "yes"')
        self.draws_refused('{"size": [4, 4], "views": [}', ":1:28", "unexpected '}'")

    def test_draws_that_no_renderer_takes(self):
        for members, column, reason in (
            ({"jitter": [["hue", 0.5], ["hue", 0.7]]}, 66, "hue shift in [-0.5, 0.5], got 0.7"),
            ({"jitter": [["contrast", -0.1]]}, 52, "jitter factor of 0 to 1000000.000000, got -0.1"),
            ({"blur": {"kernel": 4, "sigma": 1}}, 50, "odd blur kernel, got 4"),
            ({"blur": {"kernel": 9, "sigma": 1}}, 50, "below twice the size 4 x 4, got 9"),
            ({"blur": {"kernel": 3, "sigma": 0}}, 63, "blur sigma above 0, got 0"),
        ):
            self.draws_refused(self.view(**members), f":1:{column}: ", "expected", reason)
        for member, value, column, reason in (
            ("std", [1, 1, 0], 18, "expected std above 0, got 0"),
            ("std", [1, 1e-50, 1], 18, "expected std above 0, got 0"),
            ("mean", [0, 0, 1e39], 33, "within float32, found 1e+39"),
        ):
            document = {"size": [4, 4], member: value, "views": []}
            self.draws_refused(document, f":1:{column}: ", reason)

    def test_input_that_is_no_image(self):
        images, draws = self.folder / "images.safetensors", self.folder / "draws.json"
        draws.write_text(json.dumps(self.view()))
        for tensors in ({"images": ("F32", [1, 2, 2, 3], bytes(48))},
                        {"images": ("U8", [2, 2, 3], bytes(12))}):
            write_safetensors(images, tensors)
            self.refused(3, [str(images), "expected uint8 [N, height, width, 3]"], "views",
                         "--input", images, "--draws", draws, "--out",
                         self.folder / "views.safetensors")
        write_safetensors(images, {"pictures": ("U8", [1, 2, 2, 3], bytes(12))})
        self.refused(3, [str(images), 'no tensor "images"'], "views", "--input", images, "--draws",
                     draws, "--out", self.folder / "views.safetensors")


if __name__ == "__main__":
    nearfar_program.main()
