#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""followed.py HOW...: starts processes in many ways; says, as JSON, which called leaf() how often."""

import concurrent.futures
import gc
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time


def leaf():
    pass


def work(n):
    for _ in range(n):
        leaf()
    return os.getpid(), n


def add_up(results):
    counts = {}
    for pid, n in results:
        counts[pid] = counts.get(pid, 0) + n
    return counts


def pool(method):
    with multiprocessing.get_context(method).Pool(3, time.sleep, (0.3,)) as workers:
        results = workers.map(work, range(20, 80), chunksize=1)
        workers.close()
        workers.join()
    return add_up(results)


def futures(method):
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as workers:
        return add_up(workers.map(work, range(20, 60)))


def programs():
    """Of this interpreter, by subprocess, a shell, posix_spawn, and exec after fork."""
    again = [sys.executable, os.path.abspath(__file__), "alone"]
    by_shell = ["/bin/sh", "-c", '"$@"; :', "sh"] if os.access("/bin/sh", os.X_OK) else []
    said = [subprocess.run(start + again + [n], stdout=subprocess.PIPE, check=True).stdout
            for start, n in (([], "30"), (by_shell, "40"))]
    for n in 50, 60:
        ours, its = os.pipe()
        os.set_inheritable(its, True)
        actions = [(os.POSIX_SPAWN_DUP2, its, 1)]
        if n == 50:
            pid = os.posix_spawn(sys.executable, again + ["50"], os.environ, file_actions=actions)
        else:
            pid = os.fork()
            if not pid:
                leaf()
                os.dup2(its, 1)
                os.execv(sys.executable, again + ["60"])
        os.close(its)
        with os.fdopen(ours) as stream:
            said.append(stream.read())
        os.waitpid(pid, 0)
    counts = add_up(json.loads(line) for line in said)
    counts[max(counts, key=counts.get)] += 1  # before its exec
    return counts


def serve(orders, answers, threads):
    """A worker: calls as often as each line of its orders says, in threads of its own, too."""
    for line in iter(orders.readline, ""):
        n = int(line)
        if not n:
            gc.collect()
            sys.audit("vtbpf.mark", "of %d" % os.getpid())
        others = [threading.Thread(target=work, args=(n,), name="helper-%d" % i)
                  for i in range(threads)]
        for thread in others:
            thread.start()
        work(n)
        for thread in others:
            thread.join()
        answers.write("%d %d\n" % (os.getpid(), n * (1 + threads)))
        answers.flush()
    time.sleep(0.2)
    os._exit(0)


class Worker:
    def __init__(self, others):
        its_orders, orders = os.pipe()
        answers, its_answers = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            for fd in [orders, answers] + [o.fileno() for w in others for o in (w.orders, w.answers)]:
                os.close(fd)
            serve(os.fdopen(its_orders), os.fdopen(its_answers, "w"), 2)
        os.close(its_orders)
        os.close(its_answers)
        self.orders, self.answers = os.fdopen(orders, "w"), os.fdopen(answers)

    def ask(self, n):
        self.orders.write("%d\n" % n)
        self.orders.flush()
        return [int(word) for word in self.answers.readline().split()]


def master(*_):
    """A prefork server: three workers at first, one more for each line "more"; "go", "exec", "exit"."""
    workers = []
    for _ in range(3):
        workers.append(Worker(workers))
    print(json.dumps({"pids": [w.pid for w in workers], "file": os.path.abspath(__file__)}),
          flush=True)
    for word in iter(sys.stdin.readline, ""):
        word = word.strip()
        if word == "more":
            workers.append(Worker(workers))
            print(json.dumps({"pid": workers[-1].pid}), flush=True)
        elif word == "go":
            print(json.dumps(add_up(w.ask(100 + i) for i, w in enumerate(workers))), flush=True)
        elif word == "exec":
            os.execv(sys.executable, [sys.executable, os.path.abspath(__file__), "alone", "70"])
        else:
            break


class Other:
    """What runs another interpreter."""

    def __init__(self, python):
        self.process = subprocess.Popen([python, os.path.abspath(__file__), "serve"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        universal_newlines=True)

    def ask(self, n):
        self.process.stdin.write("%d\n" % n)
        self.process.stdin.flush()
        return [int(word) for word in self.process.stdout.readline().split()]


def others():
    """Starts an interpreter for each line "start PATH"; each calls leaf() at "go"; "exit"."""
    workers = []
    print(json.dumps({}), flush=True)
    for line in iter(sys.stdin.readline, ""):
        word, _, path = line.strip().partition(" ")
        if word == "start":
            workers.append(Other(path))
            print(json.dumps({"pid": workers[-1].process.pid}), flush=True)
        elif word == "now":
            out = subprocess.check_output([path, os.path.abspath(__file__), "alone", "40"])
            print(json.dumps(json.loads(out.decode())), flush=True)
        elif word in ("go", "mark"):
            at = 100 * (word == "go")
            print(json.dumps(add_up(w.ask(at and at + i) for i, w in enumerate(workers))), flush=True)
        else:
            break
    for worker in workers:
        worker.process.stdin.close()
        worker.process.wait()


def leave_one_behind():
    child = os.fork()
    if not child:
        while True:
            leaf()
            time.sleep(0.01)
    time.sleep(0.3)
    print(json.dumps({"pid": child}), flush=True)
    sys.stdout.flush()
    os._exit(7)


def shortest():
    """Children that are gone before anybody can look at them."""
    counts = {}
    for n in range(1, 31):
        pid = os.fork()
        if not pid:
            work(n)
            os._exit(0)
        os.waitpid(pid, 0)
        counts[pid] = n
    return counts


def main(how, *args):
    if how == "alone":
        print(json.dumps(work(int(args[0]))), flush=True)
    elif how == "master":
        master()
    elif how == "others":
        others()
    elif how == "serve":
        serve(sys.stdin, sys.stdout, 2)
    elif how == "leave":
        leave_one_behind()
    elif how == "run":  # another interpreter
        subprocess.run([args[0], os.path.abspath(__file__), "alone", "10"], check=True)
    else:
        print(json.dumps({"file": os.path.abspath(__file__),
                          "counts": globals()[how](*args)}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
