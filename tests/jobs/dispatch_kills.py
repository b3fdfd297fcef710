#!/usr/bin/env python3
"""Kills dispatchers, the api and PostgreSQL at random moments while jobs flow, and an API server that
lies goes on and off: dispatch_kills.py KILLS TAP [SEED]

In the end every job that was accepted must have ended, none twice, with one result at most, and
nothing may be left in the cluster.
"""
import json
import os
import random
import sys
import tempfile
import threading
import time

from dispatch_ground import KINDS, Ground
from kills import Client, compare
from service import Service

CLIENTS, PAUSE_S = 4, 0.15
SCRIPTS = ["number"] * 5 + ["two-pods", "exit", "oom", "ok", "evicted"]
ENDS = {"number": "finished 1.5", "two-pods": "finished 2.5", "exit": "failed exit", "oom": "failed oom",
        "ok": "failed no-result", "evicted": "failed evicted"}
# Always, now and then.
LIES = [{"match": "^(GET|POST|PATCH|DELETE)", "times": 0, "chance": 0.01, **how} for how in (
    {"status": 500}, {"status": 429, "retry_after": 1}, {"status": 504, "done": True}, {"cut": "before"},
    {"cut": "after"}, {"cut": "middle"}, {"delay_ms": 300})] + [
    {"match": "watch=", "times": 0, "chance": 0.05, "after": 3, "stream": how}
    for how in ("close", "cut", "gone", "double", "skip", "stale")]


class Chaos:
    def __init__(self, directory, chance):
        kinds_file = f"{directory}/kinds.json"
        with open(kinds_file, "w", encoding="ascii") as out:
            json.dump(KINDS, out)
        self.chance = chance
        self.service = Service(directory, 1, "--kinds", kinds_file)
        os.environ.update(self.service.env)
        self.ground = Ground(f"{directory}/ground", chance.random())
        self.ground.token = self.service.tokens[0]
        for rule in LIES:
            self.ground.faults.add(**rule)
        for name in ("a", "b"):
            self.start(name)
        self.kinds = [("dispatcher a", 6, lambda: self.again("a")),
                      ("dispatcher b", 4, lambda: self.again("b")),
                      ("both dispatchers", 2, self.both),
                      ("api", 3, self.api),
                      ("PostgreSQL", 1.5, self.postgres),
                      ("connections", 2, self.ground.kube.close_all),
                      ("versions", 1, self.ground.store.compact),
                      ("a Workflow", 1, self.forget)]
        self.done = dict.fromkeys((name for name, _, _ in self.kinds), 0)

    def start(self, name):
        # Events that are skipped may be those that say why a pod failed; a busy machine is no dead engine.
        self.ground.start(name, "--settle-for", "10s", "--engine-after", "30s")

    def again(self, name):
        self.ground.kill(name)
        self.start(name)

    def both(self):
        for name in ("a", "b"):
            self.ground.kill(name)
        time.sleep(self.chance.uniform(0, 0.3))
        for name in ("a", "b"):
            self.start(name)

    def api(self):
        self.service.kill_api()
        self.service.start_api()

    def postgres(self):
        self.service.kill_postgres()
        self.service.start_postgres()

    def forget(self):
        """One that runs is not there any more."""
        with self.ground.store.changed:
            running = [thing["metadata"]["name"] for thing in self.ground.store.of("workflows")
                       if thing.get("status", {}).get("phase") == "Running" and not thing["spec"].get("suspend")]
            if running:
                self.ground.store.forget(("workflows", "jobs", self.chance.choice(running)))

    def kill(self):
        name, _, what = self.chance.choices(self.kinds, [weight for _, weight, _ in self.kinds])[0]
        what()
        self.done[name] += 1

    def cancel_one(self):
        try:
            rows = self.ground.sql("SELECT id FROM jobs.job WHERE state IN ('queued', 'submitting', 'pending', 'running') "
                                   "ORDER BY random() LIMIT 1")
            if rows:
                self.ground.cancel(rows[0])
        except RuntimeError:
            pass  # the database was killed

    def wrong_ends(self):
        """Jobs that came to another end than their scripts, tried again three times at most, allow."""
        bad = []
        for line in self.ground.sql(
                "SELECT j.id, j.parameters->>'script', j.cancel_asked, j.attempt, "
                "concat_ws(' ', j.state, j.cause, r.perf) FROM jobs.job j LEFT JOIN jobs.result r ON r.job = j.id"):
            job, script, cancelled, attempt, outcome = line.split("|")
            if outcome == ENDS[script] or (cancelled == "t" and outcome == "cancelled"):
                continue
            if outcome == "failed lost" and attempt == "3":
                continue
            bad.append(f"{job}, {script}: {outcome}")
        return bad


def main():
    count, tap = int(sys.argv[1]), sys.argv[2]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
    chance = random.Random(seed)
    print(f"{count} kills, seed {seed}", flush=True)
    verdicts, stop = [], threading.Event()

    def verdict(name, bad):
        verdicts.append(f"{'not ok' if bad else 'ok'} - {name} ({count} kills, seed {seed})")
        verdicts.extend(f"# {line}" for line in list(bad)[:40])

    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o755)
        chaos = Chaos(work, chance)
        clients = [Client(chaos.service, number, stop, seed + number, lambda chance: {
            "kind": "scripted", "parameters": {"script": chance.choice(SCRIPTS)}}, PAUSE_S) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for _ in range(count):
            time.sleep(chance.uniform(0, 0.2))
            chaos.kill()
            if chance.random() < 0.2:
                chaos.cancel_one()
        stop.set()
        for client in clients:
            client.join()
        lies = sum(rule["hits"] for rule in chaos.ground.kube.state()["rules"])
        chaos.ground.faults.clear()
        try:
            chaos.ground.settle(60)
            verdict("every job that was accepted ends, and nothing is left in the cluster", [])
        except AssertionError as why:
            verdict("every job that was accepted ends, and nothing is left in the cluster", str(why).splitlines())
        try:
            chaos.ground.check()
            verdict("no job ends twice, runs twice to its end, or has two results", [])
        except AssertionError as why:
            verdict("no job ends twice, runs twice to its end, or has two results", str(why).splitlines())
        verdict("each job comes to its own end", chaos.wrong_ends())
        lost, twice, other = compare(chaos.service, clients)
        verdict("every 202 is in the database, no key made two jobs", lost + twice + other)
        states = chaos.ground.sql("SELECT count(*) || ' ' || state FROM jobs.job GROUP BY state ORDER BY state")
        attempts = chaos.ground.sql("SELECT coalesce(sum(attempt - 1), 0) FROM jobs.job WHERE attempt > 0")[0]
        chaos.ground.close()
        chaos.service.end()
    with open(tap, "w", encoding="utf-8") as out:
        out.write("\n".join(verdicts) + "\n")
    accepted = sum(len(client.accepted) for client in clients)
    print(f"{accepted} jobs accepted: {', '.join(states)}; {attempts} further attempts; {lies} lies of the API; "
          + ", ".join(f"{number} x {name}" for name, number in chaos.done.items()))
    failed = [line for line in verdicts if line.startswith("not ok")]
    print("\n".join(failed))
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
