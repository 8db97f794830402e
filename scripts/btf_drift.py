#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""btf_drift.py OURS KERNEL: compares two `bpftool -j btf dump` files. See gen-vmlinux.sh."""

import json
import sys

# Laid out by the kernel's user API: read at fixed offsets, not relocated.
FIXED = ("pt_regs", "user_pt_regs")


class Btf:
    def __init__(self, path):
        with open(path) as f:
            types = json.load(f)["types"]
        self.types = {t["id"]: t for t in types}
        self.structs = {t["name"]: t for t in types
                        if t["kind"] in ("STRUCT", "UNION") and t["name"] != "(anon)"}
        self.enums = {v["name"]: v["val"] for t in types if t["kind"] in ("ENUM", "ENUM64")
                      for v in t["values"]}

    def strip(self, type_id):
        """The type behind typedefs and qualifiers."""
        t = self.types.get(type_id)
        while t and t["kind"] in ("TYPEDEF", "CONST", "VOLATILE", "RESTRICT", "TYPE_TAG"):
            t = self.types.get(t["type_id"])
        return t

    def shape(self, type_id):
        """What is compared of a type: kind and size, or the name of a struct."""
        t = self.strip(type_id)
        if not t:
            return "void"
        if t["kind"] in ("STRUCT", "UNION", "FWD"):
            return "struct " + t["name"]
        if t["kind"] == "PTR":
            return "pointer to " + self.shape(t["type_id"])
        if t["kind"] == "ARRAY":
            return "%d of %s" % (t["nr_elems"], self.shape(t["type_id"]))
        return "%s of %d bytes" % (t["kind"].lower(), t.get("size", 0))

    def fields(self, struct, base=0):
        """{name: (bit offset, shape)}, members of anonymous structs and unions included."""
        result = {}
        for member in struct["members"]:
            at = base + member["bits_offset"]
            inner = self.strip(member["type_id"])
            if member["name"] == "(anon)" and inner and "members" in inner:
                result.update(self.fields(inner, at))
            else:
                result[member["name"]] = (at, self.shape(member["type_id"]))
        return result


def compare_struct(ours, kernel, name):
    """[(is it fatal, message), ...]"""
    if name not in kernel.structs:
        return [(True, "struct %s: not in this kernel" % name)]
    found = []
    have = kernel.fields(kernel.structs[name])
    for field, (offset, shape) in ours.fields(ours.structs[name]).items():
        if field not in have:
            found.append((True, "struct %s: no field %s in this kernel" % (name, field)))
            continue
        if have[field][1] != shape:
            found.append((False, "struct %s.%s: %s here, %s in this kernel"
                          % (name, field, shape, have[field][1])))
        if name in FIXED and have[field][0] != offset:
            found.append((True, "struct %s.%s: at byte %d here, %d in this kernel"
                          % (name, field, offset // 8, have[field][0] // 8)))
    return found


def main():
    ours, kernel = Btf(sys.argv[1]), Btf(sys.argv[2])
    found = []
    for name in ours.structs:
        # A flavour such as struct task_struct___old stands for another kernel's layout.
        if "___" not in name:
            found += compare_struct(ours, kernel, name)
    for name, value in ours.enums.items():
        if name in kernel.enums and kernel.enums[name] != value:
            found.append((True, "%s: %d here, %d in this kernel" % (name, value, kernel.enums[name])))
    for fatal, message in found:
        print("%s %s" % ("MISSING" if fatal else "drift  ", message))
    print("%d structs compared, %d differences" % (len(ours.structs), len(found)))
    return 1 if any(fatal for fatal, _ in found) else 0


if __name__ == "__main__":
    sys.exit(main())
