#!/usr/bin/env python3
"""Breaks loads into real servers on purpose, and checks what is left.

  run.py COUNT [FILE]     until COUNT injections have struck; SEED=n repeats those of another time
  SEED=n ONLY=i run.py    the i-th of them alone
  LANES=n                 servers side by side [3]
From 500 on also what takes a minute.

After each injection the run is repeated by its exit status, as Argo would, until it is done; then
totals, ledger, sessions, locks, staging tables and files must be as if nothing had happened. What
came too late to break anything (a run is over in a fraction of a second) does not count.
TAP goes to FILE, else to stdout; failures and a table of counts to stdout.
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import kinds
from lane import BUILD, TABLES, Lane, Wrong
from relay import Plan

INPUTS = {"small": (300, 10), "middle": (20000, 5000), "wide": (60000, 30000)}


class Input:
    """A file, what it adds up to, and what a run of it takes when nobody disturbs it."""

    def __init__(self, directory, name, events, users):
        self.name, self.path = name, os.path.join(directory, name + ".jsonl")
        subprocess.run([f"{BUILD}/fake_gen", "-n", str(events), "-u", str(users), "-s", name, "-o", self.path],
                       check=True, stderr=subprocess.DEVNULL)
        self.sums = {}
        with open(self.path, encoding="utf-8") as file:
            for line in file:
                event = json.loads(line)
                self.sums[event["userId"]] = self.sums.get(event["userId"], 0) + event["sessionDuration"]
        self.seconds, self.passed = 0.0, {"up": 0, "down": 0}


class Run:
    def __init__(self, name, file, shard, shards, table, options=()):
        self.name, self.input, self.shard, self.shards = name, file, shard, shards
        self.table, self.options = table, (*TABLES[table].split(), *options)

    def __str__(self):
        return f"run {self.name} {self.shard}/{self.shards} of {self.input.name} into {self.table}"


class Harness:
    def __init__(self, seed, directory, tap):
        self.seed, self.directory, self.tap = seed, directory, tap
        self.inputs = {name: Input(directory, name, *size) for name, size in INPUTS.items()}
        self.lock = threading.Lock()
        self.next, self.results, self.stopping = 0, [], False

    def plan(self, index):
        """The index-th injection: the same for a seed, whatever came before it."""
        chances = random.Random(f"{self.seed}:{index}")
        names = list(kinds.KINDS)
        # Each kind has its turn, then chance decides.
        name = names[index] if index < len(names) else chances.choices(
            names, [weight for _, weight in kinds.KINDS.values()])[0]
        few = 0 if name == "fill-disk" else 3
        file = self.inputs[chances.choices(list(INPUTS), (few, 5, 2))[0]]
        shards = chances.choice((1, 1, 2, 3))
        table = "full_disk" if name == "fill-disk" else "session_duration"
        options = ("--threads", str(chances.randint(1, 3)))
        run = Run(f"{self.seed}-{index}", file, chances.randrange(shards), shards, table, options)
        return name, run, chances

    def measure(self, lane):
        """Bytes on the wire, then the time without a relay."""
        for file in self.inputs.values():
            plan = lane.relay.plan = Plan()
            run = Run(f"measure-{file.name}", file, 0, 1, "session_duration")
            lane.repeat(run, relayed=True)
            lane.count(run)
            run = Run(f"measure-again-{file.name}", file, 0, 1, "session_duration")
            started = time.monotonic()
            lane.repeat(run)
            lane.count(run)
            with self.lock:
                seconds = time.monotonic() - started
                file.seconds = min(file.seconds, seconds) if file.seconds else seconds
                file.passed = dict(plan.passed)

    def inject(self, lane, index, name, inject, run, chances):
        started = time.monotonic()
        failure = None
        try:
            happened = inject(lane, run, chances)
            if chances.random() < 0.2:
                lane.repeat(run)  # once more changes nothing
            lane.count(run)
            lane.check([run])
        except Exception as reason:  # pylint: disable=broad-except
            if self.stopping:
                return False
            happened = True
            failure = f"{reason}" if isinstance(reason, Wrong) else traceback.format_exc()
        with self.lock:
            self.results.append((name, happened, failure))
            seconds = time.monotonic() - started
            self.say(f"{'not ok' if failure else 'ok'} {len(self.results)} - {name} {index}: {run}"
                     f"{' # SKIP not possible here' if happened is None else ''} ({seconds:.1f} s)")
            if failure:
                self.say(f"# SEED={self.seed} ONLY={index}")
                for line in failure.rstrip().split("\n"):
                    self.say(f"# {line}")
        return failure is None

    def say(self, text):
        if self.tap is not sys.stdout:
            print(text, file=self.tap, flush=True)
        if self.tap is sys.stdout or not text.startswith("ok "):
            print(text, flush=True)

    def work(self, number, take):
        """One lane; what is not exact once stays so, hence a new lane after a failure."""
        lane, serial = None, 0
        try:
            while not self.stopping and (task := take()) is not None:
                if lane is None:
                    lane = Lane(os.path.join(self.directory, f"lane.{number}.{serial}"))
                    serial += 1
                    self.measure(lane)
                if not self.inject(lane, *task) or lane.spent:
                    lane.close()
                    lane = None
        except Exception:  # pylint: disable=broad-except
            with self.lock:  # a lane that could not be set up
                self.results.append(("harness", True, traceback.format_exc()))
                self.say("not ok - the harness\n# " + traceback.format_exc().replace("\n", "\n# "))
        finally:
            if lane is not None:
                lane.close()

    def take(self, count, only):
        with self.lock:
            struck = sum(happened is True for _, happened, _ in self.results)
            index = self.next
            self.next += 1
        if only is not None:
            return self.task(only) if index == 0 else None
        return self.task(index) if struck < count and index < 3 * count else None

    def task(self, index):
        name, run, chances = self.plan(index)
        return index, name, kinds.KINDS[name][0], run, chances

    def take_slow(self, slow):
        with self.lock:
            name = next(slow, None)
        if name is None:
            return None
        run = Run(f"{self.seed}-{name}", self.inputs["middle"], 0, 1, "session_duration")
        return name, name, kinds.SLOW[name], run, random.Random(f"{self.seed}:{name}")

    def report(self):
        counts = {}
        for name, happened, failure in self.results:
            count = counts.setdefault(name, [0, 0, 0, 0])
            count[0] += 1
            count[1] += happened is True
            count[2] += happened is None
            count[3] += failure is not None
        self.say(f"# {'kind':22} {'tried':>6} {'struck':>6} {'skipped':>7} {'wrong':>6}")
        for name, count in counts.items():
            self.say("# {:22} {:6} {:6} {:7} {:6}".format(name, *count))
        self.say("# {:22} {:6} {:6} {:7} {:6}".format("all", *map(sum, zip(*counts.values()))))


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**9))
    only = int(os.environ["ONLY"]) if os.environ.get("ONLY") else None
    slow = iter(kinds.SLOW if count >= 500 and only is None else ())
    started = time.monotonic()
    directory = tempfile.mkdtemp(prefix="faults.", dir="/tmp")
    os.chmod(directory, 0o755)
    tap = open(sys.argv[2], "w", encoding="utf-8") if len(sys.argv) > 2 else sys.stdout
    harness = Harness(seed, directory, tap)

    def stop(*_):
        harness.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        harness.say(f"# SEED={seed}")
        workers = [
            threading.Thread(target=harness.work, args=(number, lambda: harness.take(count, only)))
            for number in range(int(os.environ.get("LANES") or 3))
        ]
        if count >= 500 and only is None:
            workers.append(threading.Thread(target=harness.work, args=("slow", lambda: harness.take_slow(slow))))
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        harness.report()
        harness.say(f"# {time.monotonic() - started:.0f} s, SEED={seed}")
        harness.say(f"1..{len(harness.results)}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        tap.flush()
    return 1 if harness.stopping or any(failure for _, _, failure in harness.results) else 0


if __name__ == "__main__":
    sys.exit(main())
