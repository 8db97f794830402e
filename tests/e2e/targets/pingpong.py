# SPDX-License-Identifier: GPL-2.0-only
"""pingpong.py N: two processes that send each other a byte N times; each answers what it has received."""

import os
import sys

import proto

N = int(sys.argv[1])


def send(pipe):
    os.write(pipe, b"x")


def receive(pipe):
    assert os.read(pipe, 1) == b"x"


def serve(inlet, outlet):
    for _ in range(N):
        send(outlet)
        receive(inlet)


def answer(inlet, outlet):
    for _ in range(N):
        receive(inlet)
        send(outlet)


def main():
    down, up = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.close(down[1])
        os.read(down[0], 1)
        answer(down[0], up[1])
        os.read(down[0], 1)
        os._exit(0)
    os.close(down[0])
    proto.ready(child=child)
    os.write(down[1], b"!")
    serve(up[0], down[1])
    proto.done()
    os.close(down[1])
    os.wait()


if __name__ == "__main__":
    main()
