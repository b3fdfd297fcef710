"""The ground of the dispatcher's tests: a database behind a proxy, a lying API server, dispatchers.

Faults (fake_faults.py) meet what dispatchers ask of both: "GET /api/..." and "SQL UPDATE ...".
"""
import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

from fake_kube import Kube

TOP = Path(__file__).resolve().parents[2]
BUILD = os.environ.get("BUILD", str(TOP / "build"))
FINAL = ("finished", "failed", "cancelled")
KINDS = {"scripted": {"template": "scripted", "result": "perf", "parameters": {
             "script": {"pattern": "[a-z-]+", "default": "number"}}},
         "recorded": {"template": "recorded", "file": True, "bases": ["debian:12"], "parameters": {
             "script": {"pattern": "[a-z-]+", "default": "recorded"}}}}

# The protocol's minutes, for tests.
QUICK = ("--poll 20ms --reconcile-every 200ms --watch-for 2s --requeue-for 1s --engine-after 2s --stray-after 0 "
         "--nudge-after 0 --give-up-after 60s --image-after 1s --settle-for 0 --log-after 8s").split()


class Proxy(threading.Thread):
    """Between a dispatcher and PostgreSQL, at whole statements and whole answers."""

    def __init__(self, address, faults):
        super().__init__(daemon=True)
        self.address, self.faults = address, faults
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=Session, args=(self, client), daemon=True).start()


class Session:
    """One connection. A fault of a statement is kept until its answer is whole."""

    def __init__(self, proxy, client):
        self.faults, self.client, self.fault = proxy.faults, client, {}
        try:
            self.server = socket.create_connection(proxy.address)
        except OSError:
            client.close()
            return
        for sock in (self.client, self.server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self.guarded, args=(self.answers,), daemon=True).start()
        self.guarded(self.statements)

    def guarded(self, function):
        try:
            function()
        except OSError:
            pass
        for sock in (self.client, self.server):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @staticmethod
    def message(stream, typed=True):
        kind = stream.read(1) if typed else b""
        length = stream.read(4)
        if len(length) < 4:
            raise OSError("the end")
        rest = stream.read(struct.unpack("!I", length)[0] - 4)
        return kind, kind + length + rest, rest

    def statements(self):
        stream = self.client.makefile("rb")
        self.server.sendall(self.message(stream, typed=False)[1])
        pending, text = b"", ""
        while True:
            kind, whole, rest = self.message(stream)
            pending += whole
            if kind in (b"P", b"Q"):
                text = rest.split(b"\0")[1 if kind == b"P" else 0].decode()
            if kind not in (b"S", b"Q"):
                if kind not in (b"P", b"B", b"D", b"E", b"C"):
                    self.server.sendall(pending)
                    pending = b""
                continue
            asked = "SQL " + " ".join(text.split())
            fault = self.faults.meet(asked)
            time.sleep(fault.get("delay_ms", 0) / 1000)
            if fault.get("hold") == "before" and not self.faults.hold(asked):
                raise OSError("dropped")
            if fault.get("cut") == "before":
                raise OSError("cut")
            self.fault = {**fault, "asked": asked}
            self.server.sendall(pending)
            pending = b""

    def answers(self):
        stream, pending, ready = self.server.makefile("rb"), b"", False
        while True:
            kind, whole, _ = self.message(stream)
            pending += whole
            if kind == b"Z":
                fault, self.fault = self.fault, {}
                if fault.get("hold") == "after":
                    self.faults.hold(fault["asked"])
                if fault.get("cut") == "after":
                    raise OSError("cut")
                ready = True
            if kind in (b"Z", b"G", b"A") or not ready:
                self.client.sendall(pending)
                pending = b""


class Sql:
    """One psql that answers again and again, and is started again after a failure."""

    def __init__(self, env):
        self.env, self.process = env, None

    def __call__(self, text):
        if self.process is None:
            self.process = subprocess.Popen(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"], env=self.env,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                            text=True)
        try:
            self.process.stdin.write(f"{text.rstrip().rstrip(';')};\n\\echo '<end>'\n")
            self.process.stdin.flush()
        except OSError:
            pass
        lines = []
        for line in self.process.stdout:
            if line == "<end>\n":
                return lines
            lines.append(line.rstrip("\n"))
        why = self.process.stderr.read()
        self.process.wait()
        self.process = None
        raise RuntimeError(why)


class Dispatcher:
    """A process, what it is called, what it logs."""

    def __init__(self, ground, name, options):
        self.name = name
        self.log = f"{ground.directory}/{name}.log"
        env = {**ground.env, "PGHOST": "127.0.0.1", "PGPORT": str(ground.proxy.port), "PGUSER": "jobs_dispatch",
               "PGPASSWORD": "dispatch", "PGSSLMODE": "disable", "PGGSSENCMODE": "disable",
               "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(ground.kube.port)}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [f"{BUILD}/job_service", "dispatch", *ground.options(name), *options], env=env, stdout=log, stderr=log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        """SIGTERM; its status."""
        self.process.terminate()
        return self.process.wait(30)


class Ground:
    def __init__(self, directory, seed=None):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        self.env = dict(os.environ)
        self.sql = Sql(self.env)
        self.kube = Kube(f"{directory}/account", seed=seed)
        self.faults, self.argo, self.store = self.kube.faults, self.kube.argo, self.kube.store
        self.proxy = Proxy((self.env["PGHOST"], int(self.env["PGPORT"])), self.faults)
        self.dispatchers = {}
        self.count = 0
        with open(f"{directory}/kinds.json", "w", encoding="ascii") as out:
            json.dump(KINDS, out)
        # What other tests left is none of these.
        self.sql("TRUNCATE jobs.job, jobs.idempotency, jobs.dispatcher CASCADE")
        self.sql("UPDATE jobs.owner_count SET active = 0")
        if not self.sql("SELECT 1 FROM jobs.owner WHERE name = 'tests'"):
            subprocess.run([f"{BUILD}/job_service", "owner", "create", "tests", "--per-minute", "1000000", "--active",
                            "1000000", "--per-day", "1000000"], env=self.env, check=True)
        self.token = subprocess.run([f"{BUILD}/job_service", "token", "create", "tests"], env=self.env, check=True,
                                    capture_output=True, text=True).stdout.strip()

    def options(self, name):
        return ["--name", name, "--account", f"{self.directory}/account", "--kinds",
                f"{self.directory}/kinds.json", "--log-format", "text", *QUICK]

    def start(self, name="a", *options):
        self.dispatchers[name] = Dispatcher(self, name, options)
        return self.dispatchers[name]

    def kill(self, name="a"):
        self.dispatchers.pop(name).kill()

    def again(self, name="a"):
        self.kill(name)
        self.start(name)

    def close(self):
        self.faults.clear()
        for dispatcher in self.dispatchers.values():
            dispatcher.kill()

    # --- jobs ----------------------------------------------------------------------------------------

    def submit(self, script="number", kind="scripted"):
        """Its id."""
        self.count += 1
        parameters = json.dumps({"script": script})
        file = "convert_to('FROM debian:12', 'UTF8')" if kind == "recorded" else "NULL"
        rows = self.sql(
            f"SELECT outcome, id FROM jobs_v1.submit(ARRAY['{self.token}'], ARRAY['{kind}'], ARRAY['n{self.count}'], "
            f"ARRAY['{parameters}'], ARRAY[NULL], ARRAY[{file}]::bytea[], "
            f"ARRAY[sha256('{self.count}-{time.time_ns()}'::bytea)], ARRAY[NULL], ARRAY[NULL]::int[])")
        outcome, job = rows[0].split("|")
        assert outcome == "accepted", outcome
        return job

    def cancel(self, job):
        self.sql(f"SELECT * FROM jobs_v1.cancel('{self.token}', '{job}')")

    def row(self, job, what="state, cause, reason, attempt, workflow_uid"):
        return self.sql(f"SELECT {what} FROM jobs.job WHERE id = '{job}'")[0].split("|")

    def state(self, job):
        return self.row(job, "state")[0]

    def outcome(self, job):
        """"finished 1.5", "failed oom", "cancelled"."""
        return " ".join(filter(None, self.sql(
            "SELECT concat_ws(' ', j.state, j.cause, r.perf) FROM jobs.job j LEFT JOIN jobs.result r ON r.job = j.id "
            f"WHERE j.id = '{job}'")))

    def wait(self, what, condition, seconds=20):
        end = time.monotonic() + seconds
        while True:
            try:
                if condition():
                    return
            except RuntimeError:  # the database is away
                pass
            if time.monotonic() > end:
                raise AssertionError(f"{what}: not within {seconds} s\n{self.describe()}")
            time.sleep(0.01)

    def unsettled(self):
        """What is not over, in the database and in the cluster."""
        rows = self.sql("SELECT concat_ws(' ', j.id, j.state, j.cause, j.attempt, j.reason, j.workflow_uid, j.parameters) "
                        "FROM jobs.job j WHERE j.state NOT IN "
                        "('finished', 'failed', 'cancelled') OR NOT EXISTS "
                        "(SELECT FROM jobs.log_end e WHERE e.job = j.id) AND j.attempt > 0")
        with self.store.changed:
            return rows + ["/".join(key) for key in self.store.objects]

    def settle(self, seconds=20):
        try:
            self.wait("all ends", lambda: not self.unsettled(), seconds)
        except AssertionError as why:
            raise AssertionError("\n".join([*self.unsettled(), str(why)])) from why

    def describe(self):
        text = json.dumps(self.kube.state(), indent=1)
        rows = self.sql("SELECT id, state, cause, reason, attempt, workflow_uid, cancel_asked FROM jobs.job LIMIT 50")
        logs = "".join(f"--- {name}\n" + "".join(open(dispatcher.log, encoding="utf-8").readlines()[-30:])
                       for name, dispatcher in self.dispatchers.items())
        return "\n".join([text, *rows, logs])

    # --- what must hold ------------------------------------------------------------------------------

    def logs(self, job):
        rows = self.sql(f"SELECT encode(bytes, 'hex') FROM jobs.log WHERE job = '{job}' ORDER BY at_byte")
        return bytes.fromhex("".join(rows)).decode()

    def check(self):
        """What holds of every job, whatever happened, once all has settled."""
        bad = []
        for line in self.sql(
                "SELECT j.id, j.state, j.attempt, coalesce(j.workflow_uid, ''), r.attempt, r.workflow_uid, "
                "(SELECT count(*) FROM jobs.transition t WHERE t.job = j.id AND t.state IN "
                "('finished', 'failed', 'cancelled')) FROM jobs.job j LEFT JOIN jobs.result r ON r.job = j.id"):
            job, state, attempt, uid, of_attempt, of_uid, ends = line.split("|")
            if (state == "finished") != bool(of_uid):
                bad.append(f"{job} is {state}, its result: {of_uid or 'none'}")
            if of_uid and (of_uid, of_attempt) != (uid, attempt):
                bad.append(f"{job}: a result of attempt {of_attempt}, {of_uid}, the job is at {attempt}, {uid}")
            if ends != "1":
                bad.append(f"{job} ended {ends} times")
            if int(attempt) > 3:
                bad.append(f"{job} had {attempt} attempts")
            plays = [play for play in self.argo.plays.values() if play.job == job]
            done = [play for play in plays if play.ran and play.ended and
                    play.nodes.get(play.key[2], {}).get("phase") == "Succeeded"]
            if len(done) > 1:
                bad.append(f"{job} ran twice to its end: {[play.key[2] for play in done]}")
            resumed = [play for play in plays if self.kube.resumed[play.uid]]
            if len(resumed) > int(attempt):
                bad.append(f"{job}: {len(resumed)} Workflows ran in {attempt} attempts")
        if (active := self.sql("SELECT sum(active) FROM jobs.owner_count")) != ["0"]:
            bad.append(f"active jobs are counted where there are none: {active}")
        for name in ("wrong", "adopted", "overlaps", "failed", "names"):
            bad += [f"{name}: {line}" for line in self.kube.state()[name]]
        assert not bad, "\n".join(bad[:20])

    def check_log(self, job):
        """Each line that its containers wrote, once, in order, and that it is said to be whole."""
        ended = self.sql(f"SELECT complete, bytes, coalesce(reason, '') FROM jobs.log_end WHERE job = '{job}'")
        text = self.logs(job)
        lines = [line for line in text.splitlines() if not re.fullmatch(r"==> .* <==|", line)]
        assert lines == self.argo.written[job], f"{lines} is not {self.argo.written[job]}; {ended}"
        assert ended == [f"t|{len(text.encode())}|"], ended


def log(text):
    print(text, file=sys.stderr, flush=True)
