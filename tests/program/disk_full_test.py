"""A full disk or a read-only folder stops a run with one clear line and loses no checkpoint."""

import contextlib
import subprocess

import nearfar_program
from nearfar_program import ProgramTest, QUICK, digest, read_safetensors, run

# Event files grow step by step: without them a disk's room can be told in checkpoints.
STEPS = ["train.steps=24", "train.checkpoint_every=4", "train.tensorboard=false"]


def mount(*options):
    return subprocess.run(["mount", *map(str, options)], capture_output=True, text=True)


def size_of(folder):
    """Bytes on a disk with blocks of 4096."""
    return sum(
        -(-path.stat().st_size // 4096) * 4096 for path in folder.rglob("*") if path.is_file())


class DiskFull(ProgramTest):
    @contextlib.contextmanager
    def disk(self, size):
        """A disk of its own with so many bytes; skips where nothing can be mounted."""
        folder = self.folder / "disk"
        folder.mkdir()
        mounted = mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder)
        if mounted.returncode != 0:
            self.skipTest(f"nothing can be mounted here: {mounted.stderr.strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", str(folder)], check=True)

    def remount(self, folder, options):
        changed = mount("-o", f"remount,{options}", folder)
        self.assertEqual(changed.returncode, 0, changed.stderr)

    def arguments(self, out):
        return ["pretrain", "--recipe", "simclr", "--data", self.data, "--out", out, *QUICK, *STEPS]

    def test_disk_that_holds_two_checkpoints_and_a_half(self):
        whole = self.folder / "whole"
        run(*self.arguments(whole), check=0)
        checkpoint = size_of(whole / "checkpoints/gen-24")
        rest = size_of(whole) - size_of(whole / "checkpoints")
        with self.disk(rest + 5 * checkpoint // 2) as disk:
            out = disk / "run"
            process = run(*self.arguments(out))
            self.assert_refusal(process, 4, [
                "checkpoint of step 12 not saved",
                str(out / "checkpoints"), "No space left on device", "last good", "step 8"
            ])
            names = sorted(path.name for path in (out / "checkpoints").iterdir())
            self.assertEqual(names, ["gen-4", "gen-8"], "the unfinished checkpoint keeps its space")
            self.remount(disk, f"size={rest + 8 * checkpoint}")
            again = run(*self.arguments(out), check=0)
            self.assertIn("continuing after step 8", again.stderr)
            self.assertEqual(digest(whole / "encoder.safetensors"),
                             digest(out / "encoder.safetensors"))
            for name in ("model", "optimizer"):
                file = f"checkpoints/gen-24/{name}.safetensors"
                self.assertEqual(digest(whole / file), digest(out / file))

    def test_disk_that_holds_next_to_nothing(self):
        with self.disk(16384) as disk:
            self.assert_refusal(run(*self.arguments(disk / "run")), 4, ["No space left on device",
                                                                         str(disk / "run")])

    def test_read_only_disk(self):
        out = self.pretrain("trained", "train.steps=1")
        with self.disk(1 << 20) as disk:
            self.remount(disk, "ro")
            self.refused(4, [f"{disk}/run", "Read-only file system"], *self.arguments(disk / "run"))
            features = disk / "features.safetensors"
            self.refused(4, [str(features), "Read-only file system"], "embed", out, "--data",
                         self.data, "--out", features)
            self.refused(4, [f"{disk}/views.png", "Read-only file system"], "views", self.data,
                         "--out", disk / "views.png", "recipe.view.size=16")

    def test_results_into_no_folder(self):
        out = self.pretrain("trained", "train.steps=1")
        missing = self.folder / "none/features.safetensors"
        self.refused(4, [str(missing), "No such file or directory"], "embed", out, "--data",
                     self.data, "--out", missing)

    def test_a_file_where_the_run_should_be(self):
        path = self.folder / "file"
        path.write_text("not a folder")
        self.refused(4, [str(path)], *self.arguments(path))
        self.assertEqual(path.read_text(), "not a folder")

    def test_interrupted_result_is_replaced_as_a_whole(self):
        out = self.pretrain("trained", "train.steps=1")
        features = self.folder / "features.safetensors"
        run("embed", out, "--data", self.data, "--out", features, check=0)
        before = features.read_bytes()
        with self.disk(16384) as disk:
            (disk / "features.safetensors").write_bytes(before[:8000])
            self.refused(4, ["No space left on device"], "embed", out, "--data", self.data, "--out",
                         disk / "features.safetensors")
            self.assertEqual((disk / "features.safetensors").read_bytes(), before[:8000])
            self.assertEqual([path.name for path in disk.iterdir()], ["features.safetensors"])
        self.assertEqual(read_safetensors(features)[0]["features"][1], [256, 32])


if __name__ == "__main__":
    nearfar_program.main()
