#!/usr/bin/env python3
"""Durable accepts a second, side by side: job_service with PostgreSQL, and a pair of Flask services
under gunicorn with SQLite. run.py [--requests N] [--rounds N]

Both are asked by the same client (wrk is not: ab, as people type it), in turn, so that a busy moment
of the machine meets both. Every 202 is then counted in its database.
"""
import argparse
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
TOP = HERE.parents[1]
JOB_SERVICE = str(TOP / "build/job_service")
POSTGRES = str(TOP / "local/postgres.sh")


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_for(port):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nobody listens on port {port}")


def clean_environment():
    return {name: value for name, value in os.environ.items()
            if not name.startswith(("PG", "DB_", "JOB_SERVICE_"))}


class Flask:
    name = "Flask, gunicorn, SQLite"
    lengths = ["-l"]  # its answers grow with the number, which ab calls failures

    def __init__(self, work):
        self.database = f"{work}/jobs.db"
        internal, self.port = free_port(), free_port()
        env = {**clean_environment(), "DATABASE": self.database, "INTERNAL": f"http://127.0.0.1:{internal}"}
        self.processes = []
        for module, port in (("internal", internal), ("public", self.port)):
            self.processes.append(subprocess.Popen(
                ["gunicorn", "--workers", "2", "--threads", "4", "--bind", f"127.0.0.1:{port}",
                 "--chdir", str(HERE), "--log-level", "error", f"{module}:app"], env=env))
            wait_for(port)
        self.tokens = ["mytoken"] * 4

    def count(self):
        with sqlite3.connect(self.database) as connection:
            return connection.execute("SELECT count(*) FROM job").fetchone()[0]

    def end(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait()


class JobService:
    name = "job_service, PostgreSQL"
    lengths = []

    def __init__(self, work):
        self.db = f"{work}/db"
        subprocess.run([POSTGRES, "start", self.db], check=True, stdout=subprocess.DEVNULL)
        text = subprocess.run(["bash", "-c", f". {self.db}/env && env -0"], env=clean_environment(), check=True,
                              capture_output=True).stdout.decode()
        self.env = dict(line.split("=", 1) for line in text.split("\0") if line)
        script = subprocess.run([JOB_SERVICE, "--init-sql"], check=True, capture_output=True).stdout.decode()
        self.sql(script + "ALTER ROLE jobs_api PASSWORD 'api';")
        many = ["--per-minute", "1000000000", "--active", "1000000000", "--per-day", "1000000000"]
        self.tokens = []
        for owner in range(4):
            subprocess.run([JOB_SERVICE, "owner", "create", f"owner{owner}", *many], env=self.env, check=True)
            self.tokens.append(subprocess.run([JOB_SERVICE, "token", "create", f"owner{owner}"], env=self.env,
                                              check=True, capture_output=True).stdout.decode().strip())
        self.port = free_port()
        self.api = subprocess.Popen([JOB_SERVICE, "api", "--listen", f"127.0.0.1:{self.port}"],
                                    env={**self.env, "PGUSER": "jobs_api", "PGPASSWORD": "api"},
                                    stderr=subprocess.DEVNULL)
        wait_for(self.port)

    def sql(self, text):
        return subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"], input=text.encode(), env=self.env,
                              check=True, capture_output=True).stdout.decode()

    def count(self):
        return int(self.sql("SELECT count(*) FROM jobs.job"))

    def end(self):
        self.api.terminate()
        self.api.wait()
        subprocess.run([POSTGRES, "stop", self.db, "immediate"], check=False, stdout=subprocess.DEVNULL)


def ask(service, tokens, requests, clients):
    """Accepts a second and the 99th percentile in ms, by one ab for each token at once."""
    began = time.monotonic()
    children = [subprocess.Popen(
        ["ab", "-q", *service.lengths, "-m", "POST", "-H", f"Authorization: {token}", "-n", str(requests // len(tokens)),
         "-c", str(clients // len(tokens)), f"http://127.0.0.1:{service.port}/jobs"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for token in tokens]
    texts = [child.communicate()[0].decode() for child in children]
    seconds = time.monotonic() - began
    for text in texts:
        failed = int(re.search(r"Failed requests: +(\d+)", text)[1])
        if failed or "Non-2xx" in text:
            sys.exit(f"{service.name}: {failed} requests failed\n{text}")
    slowest = max(int(re.search(r" 99% +(\d+)", text)[1]) for text in texts)
    return requests / seconds, slowest


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o755)
        services = [JobService(work), Flask(work)]
        rates = {(s.name, n): [] for s in services for n in (1, 4)}
        tails = {(s.name, n): [] for s in services for n in (1, 4)}
        for _ in range(options.rounds):
            for owners in (1, 4):
                for service in services:
                    before = service.count()
                    rate, tail = ask(service, service.tokens[:owners], options.requests, 4)
                    accepted = service.count() - before
                    if accepted != options.requests:
                        sys.exit(f"{service.name}: {options.requests} answers, {accepted} jobs")
                    rates[service.name, owners].append(rate)
                    tails[service.name, owners].append(tail)
        for service in services:
            service.end()
    for owners in (1, 4):
        ours, theirs = (statistics.median(rates[s.name, owners]) for s in services)
        for service in services:
            values = rates[service.name, owners]
            print(f"{owners} owner{'s' if owners > 1 else ' '}  {service.name:26}"
                  f" {statistics.median(values):8.0f} accepts/s ({min(values):.0f} to {max(values):.0f}),"
                  f" 99 % within {statistics.median(tails[service.name, owners]):.0f} ms")
        print(f"{owners} owner{'s' if owners > 1 else ' '}  {ours / theirs:.1f} times as many")


if __name__ == "__main__":
    main()
