#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""sbom.py PROGRAM LINKED: prints an SPDX 2.3 document of what PROGRAM was made of. LINKED is what
`ld -t -t` printed when it was linked: each object, member of an archive and shared library."""

import hashlib
import json
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MEMBER = re.compile(r"^\(?(.*?\.a)(?:\(.*\)|\).*)$")
# Licences as the projects themselves name them; of the parts that are used here.
LICENCES = {
    "libbpf": "LGPL-2.1-only OR BSD-2-Clause",
    "libelf": "GPL-2.0-or-later OR LGPL-3.0-or-later",
    "libcapstone": "BSD-3-Clause",
    "libseccomp": "LGPL-2.1-only",
    "libz": "Zlib",
    "libzstd": "BSD-3-Clause OR GPL-2.0-only",
    "libc": "LGPL-2.1-or-later",
    "libm": "LGPL-2.1-or-later",
    "libmvec": "LGPL-2.1-or-later",
    "libc_nonshared": "LGPL-2.1-or-later",
    "libpthread": "LGPL-2.1-or-later",
    "ld-linux": "LGPL-2.1-or-later",
    "libgcc": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libgcc_eh": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libgcc_s": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "uthash": "BSD-1-Clause",
}


def output(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def needed(program):
    """Names of the shared libraries that the loader will look for."""
    return re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-dW", program))


def linked_files(trace, ours, names):
    """{path: "STATIC_LINK" or "DYNAMIC_LINK"} of all that is no object of the tree's own; of shared
    libraries those with these names."""
    found = {}
    for line in trace:
        line = line.strip()
        member = MEMBER.match(line)
        path = os.path.realpath(member.group(1) if member else line)
        if path.startswith(ours + os.sep) or not os.path.exists(path):
            continue
        if member:
            found[path] = "STATIC_LINK"
        elif soname(path) in names:
            found[path] = "DYNAMIC_LINK"
    return found


def soname(path):
    """What a shared library calls itself; "" for anything else."""
    with open(path, "rb") as f:
        if f.read(4) != b"\x7fELF":
            return ""
    name = re.search(r"\(SONAME\).*\[(.*)\]", output("readelf", "-dW", path))
    return name.group(1) if name else ""


def package_of(path):
    """(package, version, package URL) of the distribution, or what the file's name says."""
    for name in (path, re.sub(r"^/usr", "", path), "/usr" + path):
        owner = output("dpkg-query", "-S", name).split("\n")[0].rpartition(": ")[0].split(", ")[0]
        if owner:
            break
    else:
        return None
    version = output("dpkg-query", "-W", "-f", "${Version}", owner)
    name, _, arch = owner.partition(":")
    system = ""
    with open("/etc/os-release", encoding="utf-8") as f:
        system = dict(line.rstrip("\n").split("=", 1) for line in f if "=" in line).get("ID", "")
    arch = arch or output("dpkg", "--print-architecture")
    return name, version, "pkg:deb/%s/%s@%s?arch=%s" % (system.strip('"'), name,
                                                         version.replace("+", "%2B"), arch)


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def part(path):
    stem = re.sub(r"(-[\d.]+)?\.(a|so|h)(\..*)?$", "", os.path.basename(path))
    stem = "ld-linux" if stem.startswith("ld-linux") else stem
    licence = LICENCES.get(stem, "NOASSERTION")
    package = package_of(path)
    entry = {
        "SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", os.path.basename(path)),
        "name": stem,
        "packageFileName": os.path.basename(path),
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "checksums": [{"algorithm": "SHA256", "checksumValue": sha256(path)}],
        "licenseConcluded": licence,
        "licenseDeclared": licence,
        "copyrightText": "NOASSERTION",
    }
    if package:
        entry["versionInfo"] = package[1]
        entry["sourceInfo"] = "from the package " + package[0]
        entry["externalRefs"] = [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                  "referenceLocator": package[2]}]
    return entry


def own(program):
    with open(os.path.join(HERE, "../../user/version.h"), encoding="utf-8") as f:
        version = re.search(r'VTBPF_VERSION "(.*)"', f.read()).group(1)
    return {
        "SPDXID": "SPDXRef-vtbpf",
        "name": "vtbpf",
        "versionInfo": version,
        "packageFileName": os.path.basename(program),
        "primaryPackagePurpose": "APPLICATION",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "checksums": [{"algorithm": "SHA256", "checksumValue": sha256(program)}],
        "licenseConcluded": "GPL-2.0-only",
        "licenseDeclared": "GPL-2.0-only",
        "copyrightText": "NOASSERTION",
    }


def main():
    program, trace = sys.argv[1:3]
    tree = os.path.realpath(os.path.join(HERE, "../.."))
    with open(trace, encoding="utf-8") as f:
        how = linked_files(f, tree, needed(program))
    if not how:
        sys.exit("sbom.py: %s names no library" % trace)
    header = "/usr/include/uthash.h"  # nothing to link: all of it is in its headers
    if os.path.exists(header):
        how[header] = "STATIC_LINK"
    vtbpf = own(program)
    parts = [(part(path), how[path]) for path in sorted(how)]
    created = int(output(os.path.join(HERE, "epoch.sh")) or 0)
    print(json.dumps({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "%s-%s" % (vtbpf["packageFileName"], vtbpf["versionInfo"]),
        "documentNamespace": "https://spdx.org/spdxdocs/vtbpf-%s-%s"
                             % (vtbpf["versionInfo"], vtbpf["checksums"][0]["checksumValue"][:32]),
        "creationInfo": {
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(created)),
            "creators": ["Tool: vtbpf-sbom.py"],
        },
        "packages": [vtbpf] + [p for p, _ in parts],
        "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                           "relatedSpdxElement": "SPDXRef-vtbpf"}] +
                         [{"spdxElementId": "SPDXRef-vtbpf", "relationshipType": link,
                           "relatedSpdxElement": p["SPDXID"]} for p, link in parts],
    }, indent=1))


if __name__ == "__main__":
    main()
