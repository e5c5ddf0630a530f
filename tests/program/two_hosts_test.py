"""Two network namespaces as two hosts: a run across them, and the end of one whose link is cut."""

import os
import re
import shutil
import subprocess
import sys
import time

import nearfar_program
from nearfar_program import PROGRAM, digest, program_environment
from rank_runs import RanksTest, wait_until

ADDRESSES = ("10.231.77.1", "10.231.77.2")


def ip(*words, check=True):
    return subprocess.run(["ip", *words], check=check, capture_output=True, text=True)


class Hosts:
    """Two namespaces joined by a virtual cable."""

    def __init__(self, name):
        self.names = [f"{name}-{i}" for i in range(2)]
        for host in self.names:
            ip("netns", "add", host)
        ip("link", "add", "cable", "netns", self.names[0], "type", "veth", "peer", "name", "cable",
           "netns", self.names[1])
        for host, address in zip(self.names, ADDRESSES):
            ip("-n", host, "address", "add", f"{address}/24", "dev", "cable")
            ip("-n", host, "link", "set", "cable", "up")
            ip("-n", host, "link", "set", "lo", "up")

    def close(self):
        for host in self.names:
            ip("netns", "delete", host, check=False)

    def cut(self):
        for host in self.names:
            ip("-n", host, "link", "set", "cable", "down")

    def bytes_sent(self, host):
        text = ip("-n", self.names[host], "-s", "link", "show", "cable").stdout
        return int(re.search(r"TX:.*\n\s*(\d+)", text).group(1))


def may_make_namespaces():
    name = f"nearfar-try-{os.getpid()}"
    if shutil.which("ip") is None or ip("netns", "add", name, check=False).returncode != 0:
        return False
    ip("netns", "delete", name)
    return True


class TwoHosts(RanksTest):
    def setUp(self):
        super().setUp()
        self.hosts = Hosts(f"nearfar-{os.getpid()}")
        self.addCleanup(self.hosts.close)

    def begin_on(self, host, out, *settings):
        """A rank as torchrun would start it: one on each host, the store on the first."""
        environment = {"RANK": str(host), "WORLD_SIZE": "2", "LOCAL_RANK": "0",
                       "LOCAL_WORLD_SIZE": "1", "GROUP_RANK": str(host), "MASTER_PORT": "29533",
                       "MASTER_ADDR": ADDRESSES[0], "TORCHELASTIC_RUN_ID": "cable"}
        errors = open(self.folder / f"{out}-{host}.err", "w+", encoding="utf-8")
        self.addCleanup(errors.close)
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.hosts.names[host], PROGRAM,
             *map(str, self.arguments(out, *settings))],
            stdout=subprocess.DEVNULL, stderr=errors, env=program_environment(environment),
            cwd=self.folder)
        self.addCleanup(self.end, process)
        return process

    def test_a_run_across_them_equals_one_on_one_host(self):
        self.launch(2, "here", "train.steps=10")
        processes = [self.begin_on(host, "across", "train.steps=10") for host in range(2)]
        for host, process in enumerate(processes):
            self.assertEqual(process.wait(120), 0, self.said(f"across-{host}"))
        self.assertGreater(self.hosts.bytes_sent(1), 10_000)
        self.assertEqual(digest(self.encoder("here")), digest(self.encoder("across")))

    def test_a_cut_link_ends_both_within_the_deadline(self):
        deadline = 6
        processes = [self.begin_on(host, "cut", "train.steps=100000", f"train.deadline={deadline}",
                                   "train.checkpoint_every=5") for host in range(2)]
        self.assertTrue(wait_until(lambda: len(self.lines("cut")) >= 12), self.said("cut-0"))
        self.hosts.cut()
        begin = time.monotonic()
        for host, process in enumerate(processes):
            self.assertEqual(process.wait(60), 4, self.said(f"cut-{host}"))
            errors = [line for line in self.said(f"cut-{host}").splitlines() if "error: " in line]
            self.assertEqual(len(errors), 1, self.said(f"cut-{host}"))
            self.assertRegex(errors[0], rf"rank {host} of 2: \w+ of step \d+: ")
        # The deadline and half of it again for the diagnosis, and some seconds to end.
        self.assertLess(time.monotonic() - begin, 1.5 * deadline + 10)


if __name__ == "__main__":
    if not may_make_namespaces():
        print("skipped: this user cannot make network namespaces")
        sys.exit(nearfar_program.SKIPPED)
    nearfar_program.main()
