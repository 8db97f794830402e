# SPDX-License-Identifier: GPL-2.0-only
"""web_app.py, counting its requests where scripts/bench_overhead.py reads them: the file WEB_COUNT."""
import mmap
import os

import web_app

with open(os.environ["WEB_COUNT"], "r+b") as file:
    COUNT = memoryview(mmap.mmap(file.fileno(), 8)).cast("Q")


def application(environ, start_response):
    COUNT[0] += 1
    return web_app.application(environ, start_response)
