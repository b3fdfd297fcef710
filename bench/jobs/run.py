#!/usr/bin/env python3
"""Durable accepts a second, side by side: job_service with PostgreSQL, and a pair of Flask services
under gunicorn with SQLite. run.py [--requests N] [--rounds N]

Both are asked by the same client (wrk is not: ab, as people type it), in turn, so that a busy moment
of the machine meets both. Every 202 is then counted in its database.
"""
import argparse
import contextlib
import os
import re
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests/jobs"))

from service import Service, clean_environment, free_port  # noqa: E402 # from the tests, see above

OWNERS = 4


def wait_for(port):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nobody listens on port {port}")


class Flask:
    name = "Flask, gunicorn, SQLite"
    ours = False
    # Its answers grow with the number, which ab calls failures. Where it hangs up, ab goes on.
    options = ["-l", "-r"]

    def __init__(self, work):
        self.database = f"{work}/jobs.db"
        internal, self.port = free_port(), free_port()
        env = {**clean_environment(), "DATABASE": self.database, "INTERNAL": f"http://127.0.0.1:{internal}"}
        self.processes = []
        for module, port in (("internal", internal), ("public", self.port)):
            self.processes.append(subprocess.Popen(
                ["gunicorn", "--workers", "2", "--threads", "4", "--bind", f"127.0.0.1:{port}",
                 "--no-control-socket", "--chdir", str(HERE), "--log-level", "error", f"{module}:app"], env=env))
            wait_for(port)
        self.tokens = ["mytoken"] * OWNERS

    def count(self):
        with sqlite3.connect(self.database) as connection:
            return connection.execute("SELECT count(*) FROM job").fetchone()[0]

    def end(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait()


class JobService(Service):
    name = "job_service, PostgreSQL"
    ours = True
    options = []

    def __init__(self, work):
        super().__init__(work, OWNERS)
        wait_for(self.port)

    def count(self):
        return int(self.sql("SELECT count(*) FROM jobs.job"))


def failed(text):
    """Requests of one ab that were not accepted."""
    return int(re.search(r"Failed requests: +(\d+)", text)[1]) + sum(
        map(int, re.findall(r"Non-2xx responses: +(\d+)", text)))


def ask(service, tokens, requests, clients):
    """Seconds, the 99th percentile in ms and failed requests, by one ab for each token at once."""
    began = time.monotonic()
    children = [subprocess.Popen(
        ["ab", "-q", *service.options, "-m", "POST", "-H", f"Authorization: {token}", "-n", str(requests // len(tokens)),
         "-c", str(clients // len(tokens)), f"http://127.0.0.1:{service.port}/jobs"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for token in tokens]
    texts = [child.communicate()[0].decode() for child in children]
    seconds = time.monotonic() - began
    failures = sum(map(failed, texts))
    slowest = max(int(re.search(r" 99% +(\d+)", text)[1]) for text in texts)
    return seconds, slowest, failures


def measure(services, cases, requests, rounds):
    """(service, owners, clients) -> accepts a second, 99th percentile in ms and failures, one a round.

    A peer's failures are a part of what is compared. Ours end the run."""
    found = {(service.name, *case): [] for service in services for case in cases}
    for _ in range(rounds):
        for owners, clients in cases:
            for service in services:
                before = service.count()
                seconds, slowest, failures = ask(service, service.tokens[:owners], requests, clients)
                accepted = service.count() - before
                if service.ours and (failures or accepted != requests):
                    sys.exit(f"{service.name}: {failures} of {requests} requests failed, {accepted} jobs")
                # Where a server hangs up without an answer, ab sees no failure: no job tells it.
                failures = max(failures, requests - accepted)
                found[service.name, owners, clients].append(((requests - failures) / seconds, slowest, failures))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, nargs="+", default=[4, 16, 64], help="multiples of 4")
    options = parser.parse_args()
    cases = [(owners, clients) for owners in (1, OWNERS) for clients in options.clients]
    with tempfile.TemporaryDirectory() as work, contextlib.ExitStack() as ends:
        os.chmod(work, 0o755)
        services = []
        for kind in (JobService, Flask):
            services.append(kind(work))
            ends.callback(services[-1].end)
        found = measure(services, cases, options.requests, options.rounds)
    for case in cases:
        medians = []
        for service in services:
            rates, tails, failures = zip(*found[service.name, *case])
            medians.append(statistics.median(rates))
            asked = options.requests * options.rounds
            print(f"{case[0]} owner{'s' if case[0] > 1 else ' '} {case[1]:2} clients  {service.name:24}"
                  f" {medians[-1]:6.0f} accepts/s ({min(rates):.0f} to {max(rates):.0f}),"
                  f" 99 % within {statistics.median(tails):.0f} ms"
                  + (f", {sum(failures)} of {asked} failed" if any(failures) else ""))
        print(f"{'':20} {medians[0] / medians[1]:.1f} times as many")


if __name__ == "__main__":
    main()
