# SPDX-License-Identifier: GPL-2.0-only
"""How little vtbpf needs, and how little it keeps."""

import json
import os
import pwd
import re
import shutil
import stat
import subprocess

from harness import Skip, Target, Tracer, case, clean_env

NOBODY = pwd.getpwnam("nobody")
LEAST = ("bpf", "perfmon", "sys_ptrace")
OTHERS = LEAST + ("dac_read_search",)


def as_nobody(context, caps):
    """The begin of a command line that runs vtbpf as nobody with these capabilities and no others."""
    binary = context.path("vtbpf")
    if not os.path.exists(binary):
        shutil.copy(context.vtbpf, binary)
        os.chmod(binary, 0o755)
        os.chmod(context.tmp, 0o777)
    wanted = ",".join(["-all"] + ["+" + cap for cap in caps])
    return ["setpriv", "--reuid=%d" % NOBODY.pw_uid, "--regid=%d" % NOBODY.pw_gid,
            "--clear-groups", "--inh-caps=" + wanted, "--ambient-caps=" + wanted,
            "--bounding-set=" + wanted, "--", binary]


def public_script(context, name):
    """A copy of a target's script that every user may read."""
    for each in (name, "proto.py"):
        shutil.copy(context.script(each), context.path(each))
        os.chmod(context.path(each), 0o644)
    return context.path(name)


def target_of(context, user):
    """Of nobody or of root: a target that runs as that user."""
    argv = [context.public_python().path, public_script(context, "calls.py"), "300"]
    target = Target(argv, user=user or None)
    context.started.append(target)
    return target


def traces(context, target, caps, *options):
    """vtbpf with these capabilities sees every call of the target."""
    out = context.path("out.json")
    tracer = Tracer(as_nobody(context, caps) + ["-p", str(target.pid), "-o", out] + list(options),
                    out=out, env=clean_env(), cwd=context.tmp)
    context.started.append(tracer)
    tracer.wait_tracing(target.pid)
    truth = target.ask("go")
    trace = tracer.stop()
    counts = trace.counts(target.facts["file"])
    for thread in truth["threads"]:
        assert counts[thread["tid"]]["leaf"] == 2 * thread["rounds"], (thread, counts)
    status = os.stat(out)
    assert status.st_uid == NOBODY.pw_uid and not stat.S_IMODE(status.st_mode) & 0o111, status
    return trace


@case(each="ends")
def three_capabilities(context):
    """As nobody with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE only: nobody's process is traced."""
    target = target_of(context, NOBODY.pw_uid)
    trace = traces(context, target, LEAST)
    assert trace.raw["file_info"]["files"][target.facts["file"]]


@case()
def others_processes(context):
    """With CAP_DAC_READ_SEARCH another user's is, too; a source that only root may read is not shown."""
    target = target_of(context, 0)
    os.chmod(target.facts["file"], 0o600)
    trace = traces(context, target, OTHERS)
    assert not trace.raw.get("file_info", {}).get("files"), trace.raw["file_info"]["files"].keys()


@case()
def least_privilege_launch(context):
    """`-- PROGRAM` as nobody with the three capabilities."""
    out = context.path("out.json")
    argv = as_nobody(context, LEAST) + ["-o", out, "--", context.public_python().path, "-c",
                                        "def f(): pass\nfor i in range(77): f()"]
    done = subprocess.run(argv, cwd=context.tmp, env=clean_env(), stderr=subprocess.PIPE, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    with open(out, encoding="utf-8") as f:
        names = [event["name"] for event in json.load(f)["traceEvents"] if event["ph"] == "X"]
    assert sum(name.startswith("f (") for name in names) == 77, names[:5]


@case()
def missing_capability(context):
    """Each capability that is not there is named, with what to do: exit 3."""
    target = target_of(context, 0)
    for missing in OTHERS:
        caps = [cap for cap in OTHERS if cap != missing]
        done = subprocess.run(as_nobody(context, caps) + ["-p", str(target.pid)], cwd=context.tmp,
                              env=clean_env(), stderr=subprocess.PIPE, text=True, timeout=60)
        assert done.returncode == 3, (missing, done)
        assert "CAP_" + missing.upper() in done.stderr, (missing, done.stderr)
        others = [cap for cap in caps if "CAP_%s," % cap.upper() in done.stderr]
        assert not others, (missing, done.stderr)
        assert all(line.startswith("vtbpf: ") for line in done.stderr.splitlines()), done.stderr
    assert target.ask("go")["threads"]
    assert not os.path.exists(context.path("result.json"))


@case()
def hardened_binary(context):
    """PIE, full RELRO, no executable stack, no search path; stack protector and fortified calls."""
    if "build/san" in context.vtbpf or "build/debug" in context.vtbpf:
        raise Skip("not the optimised build")
    shown = subprocess.run(["readelf", "-W", "-h", "-l", "-d", "--dyn-syms", context.vtbpf],
                           stdout=subprocess.PIPE, text=True, check=True).stdout
    for wanted in (r"Type:\s+DYN", r"GNU_RELRO", r"FLAGS_1.*\bNOW\b", r"FLAGS_1.*\bPIE\b",
                   r"GNU_STACK\s.*\sRW\s", r"__stack_chk_fail", r"__\w+_chk\b"):
        assert re.search(wanted, shown), wanted
    for unwanted in (r"\(RPATH\)", r"\(RUNPATH\)", r"LOAD\s.*\sRWE\s", r"\(TEXTREL\)"):
        assert not re.search(unwanted, shown), unwanted
