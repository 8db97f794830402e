# SPDX-License-Identifier: GPL-2.0-only
"""Which BPF objects a vtbpf has, and whether they are gone when it is."""

import ctypes
import os
import time


class BpfObjects:
    """The kernel's BPF programs, maps and links by their ids; bpftool may be missing."""

    NUMBER = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
    NEXT_ID = {"prog_id": 11, "map_id": 12, "link_id": 31}  # enum bpf_cmd of <linux/bpf.h>

    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.seen, self.sightings = set(), 0

    def existing(self):
        found = set()
        for kind, command in self.NEXT_ID.items():
            attr = (ctypes.c_uint32 * 32)()
            while self.libc.syscall(self.NUMBER, command, attr, ctypes.sizeof(attr)) == 0:
                found.add((kind, attr[1]))
                attr[0] = attr[1]
        return found

    def note(self, pid):
        """Notes what the vtbpf with this pid and its children have open. It may end meanwhile."""
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            pids = [pid] + [int(child) for child in f.read().split()]
        held = set()
        for each in pids:
            for fd in os.listdir("/proc/%d/fdinfo" % each):
                with open("/proc/%d/fdinfo/%s" % (each, fd)) as f:
                    facts = dict(line.split(":", 1) for line in f if ":" in line)
                mine = {(kind, int(facts[kind])) for kind in self.NEXT_ID if kind in facts}
                held |= mine
                self.seen |= mine
        if {kind for kind, _ in held} == set(self.NEXT_ID) and held <= self.existing():
            self.sightings += 1

    def left(self):
        """How many of all that were noted still exist; the kernel takes its time to free them."""
        assert self.sightings, "this check never saw the BPF objects of a running vtbpf"
        for _ in range(100):
            left = self.seen & self.existing()
            if not left:
                break
            time.sleep(0.1)
        return len(left)
