# SPDX-License-Identifier: GPL-2.0-only
"""What may be at work in a target besides vtbpf: context managers that switch a tool on and off."""

import contextlib
import sys


class LineTracer:
    """A debugger's sys.settrace function: every line and opcode of every frame."""

    def __init__(self):
        self.lines = 0

    def __call__(self, frame, event, _arg):
        frame.f_trace_opcodes = event == "call"
        self.lines += 1
        return self


@contextlib.contextmanager
def settrace(_file):
    sys.settrace(LineTracer())
    try:
        yield
    finally:
        sys.settrace(None)


@contextlib.contextmanager
def setprofile(_file):
    sys.setprofile("".format)  # a callable in C that takes anything
    try:
        yield
    finally:
        sys.setprofile(None)


@contextlib.contextmanager
def settrace_then_none(_file):
    """A debugger that has come and gone: the code stays instrumented or was specialised anew."""
    sys.settrace(LineTracer())
    sys.settrace(None)
    yield


@contextlib.contextmanager
def monitoring(_file):
    """sys.monitoring with every event, lines and instructions included (3.12)."""
    api = sys.monitoring
    wanted = 0
    api.use_tool_id(api.DEBUGGER_ID, "torture")
    for name, event in vars(api.events).items():
        if event and name not in ("C_RETURN", "C_RAISE", "BRANCH"):
            api.register_callback(api.DEBUGGER_ID, event, "".format)
            wanted |= event
    api.set_events(api.DEBUGGER_ID, wanted)
    try:
        yield
    finally:
        api.set_events(api.DEBUGGER_ID, 0)
        api.free_tool_id(api.DEBUGGER_ID)


@contextlib.contextmanager
def cprofile(_file):
    import cProfile
    with cProfile.Profile():
        yield


@contextlib.contextmanager
def coverage(file):
    import coverage as tool
    measuring = tool.Coverage(data_file=None, branch=True, include=[file])
    measuring.start()
    try:
        yield
    finally:
        measuring.stop()


TOOLS = {function.__name__: function for function in
         (settrace, setprofile, settrace_then_none, monitoring, cprofile, coverage)}
