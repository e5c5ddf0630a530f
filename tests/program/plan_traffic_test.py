"""What `nearfar doctor --plan` says that ranks send, and what crosses the wire between real ones."""

import json
import shutil
import subprocess
import sys

import nearfar_program
from nearfar_program import run
from rank_runs import RanksTest, launched

# A network of its own, whose loopback counts what these ranks send and nothing else.
ALONE = ["unshare", "--net", "--map-root-user", "sh", "-c",
         'ip link set lo up && "$@" >&2 && cat /proc/net/dev', "sh"]


def may_be_alone():
    if shutil.which("ip") is None or shutil.which("unshare") is None:
        return False
    return subprocess.run([*ALONE, "true"], capture_output=True).returncode == 0


def bytes_sent(device_table):
    """Of the loopback, from /proc/net/dev: the ninth number."""
    line = next(line for line in device_table.splitlines() if line.strip().startswith("lo:"))
    return int(line.split(":")[1].split()[8])


class PlanTraffic(RanksTest):
    SETTINGS = ["train.batch=64", "train.log_every=1000", "train.checkpoint_every=1000",
                "train.self_test=false"]
    # Steps of two runs, whose difference has neither start nor end. The first collectives are
    # compared before they begin.
    STEPS = (5, 15)

    def bytes_of_step(self, ranks, width):
        sent = [self.bytes_of_run(ranks, width, steps) for steps in self.STEPS]
        return (sent[1] - sent[0]) / (self.STEPS[1] - self.STEPS[0])

    def bytes_of_run(self, ranks, width, steps):
        arguments = self.arguments(f"run-{ranks}-{width}-{steps}", *self.SETTINGS,
                                   f"encoder.width={width}", f"train.steps={steps}")
        process = subprocess.run([*ALONE, *launched(ranks, *arguments)], capture_output=True,
                                 text=True, env=nearfar_program.program_environment(), timeout=300)
        self.assertEqual(process.returncode, 0, process.stderr)
        return bytes_sent(process.stdout)

    def plan(self, ranks, width):
        return json.loads(run("doctor", "--plan", "--ranks", ranks, "--json", "--recipe", "simclr",
                              "--data", self.data, *nearfar_program.QUICK, *self.SETTINGS,
                              f"encoder.width={width}", check=0).stdout)["step"]["total"]

    def test_planned_bytes_are_those_on_the_wire(self):
        for ranks in (2, 4):
            wire = [self.bytes_of_step(ranks, width) for width in (8, 32)]
            plans = [self.plan(ranks, width) for width in (8, 32)]
            planned = [ranks * plan["sent_bytes"] for plan in plans]
            # About as many messages, of more bytes: what is said besides cancels out.
            self.assertLess(plans[1]["calls"] - plans[0]["calls"], 5)
            ratio = (wire[1] - wire[0]) / (planned[1] - planned[0])
            # A collective of Gloo is a few messages to and from every neighbour, which are led,
            # answered and acknowledged.
            besides = (wire[1] - planned[1]) / plans[1]["calls"] / ranks / (ranks - 1)
            print(f"{ranks} ranks: {wire[1]:,.0f} bytes a step on the wire, {planned[1]:,} planned; "
                  f"of more bytes {ratio:.4f} of what was planned; besides {besides:.0f} bytes a "
                  "collective and neighbour")
            self.assertAlmostEqual(ratio, 1.0, delta=0.03)
            self.assertLess(besides, 2000)


if __name__ == "__main__":
    if not may_be_alone():
        print("skipped: no right to make network namespaces")
        sys.exit(nearfar_program.SKIPPED)
    nearfar_program.main()
