#!/usr/bin/env python3
"""Kills the api and PostgreSQL at random moments while jobs come in: kills.py KILLS TAP [SEED]

Clients submit with an Idempotency-Key each and try again until they have a 202, sometimes once more
after it. In the end every 202 must be in the database, and no key more than once.
"""
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
JOB_SERVICE = str(TOP / "build/job_service")
POSTGRES = str(TOP / "local/postgres.sh")
CLIENTS = 6


class Ground:
    """A server and an api, and how to end and start them again."""

    def __init__(self, work):
        self.db = f"{work}/db"
        self.log = open(f"{work}/log", "wb")
        subprocess.run([POSTGRES, "start", self.db], check=True, stdout=self.log)
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith(("PG", "DB_", "JOB_SERVICE_"))}
        text = subprocess.run(["bash", "-c", f". {self.db}/env && env -0"], env=self.env, check=True,
                              capture_output=True).stdout.decode()
        self.env = dict(line.split("=", 1) for line in text.split("\0") if line)
        self.port = self.free_port()
        self.api = None
        self.sql(subprocess.run([JOB_SERVICE, "--init-sql"], check=True, capture_output=True).stdout.decode()
                 + "ALTER ROLE jobs_api PASSWORD 'api';")
        many = ["--per-minute", "1000000", "--active", "1000000", "--per-day", "1000000"]
        subprocess.run([JOB_SERVICE, "owner", "create", "killed", *many], env=self.env, check=True)
        self.token = subprocess.run([JOB_SERVICE, "token", "create", "killed"], env=self.env, check=True,
                                    capture_output=True).stdout.decode().strip()
        self.start_api()

    @staticmethod
    def free_port():
        import socket
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            return sock.getsockname()[1]

    def sql(self, text):
        return subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"], input=text.encode(), env=self.env,
                              check=True, capture_output=True).stdout.decode()

    def start_api(self):
        env = {**self.env, "PGUSER": "jobs_api", "PGPASSWORD": "api"}
        self.api = subprocess.Popen([JOB_SERVICE, "api", "--listen", f"127.0.0.1:{self.port}"], env=env,
                                    stdout=self.log, stderr=self.log)

    def kill_api(self):
        self.api.send_signal(signal.SIGKILL)
        self.api.wait()
        self.start_api()

    def kill_postgres(self):
        subprocess.run([POSTGRES, "stop", self.db, "immediate"], check=True, stdout=self.log, stderr=self.log)
        subprocess.run([POSTGRES, "start", self.db], check=True, stdout=self.log, stderr=self.log)

    def end(self):
        self.api.terminate()
        self.api.wait()
        subprocess.run([POSTGRES, "stop", self.db, "immediate"], check=False, stdout=self.log)


class Client(threading.Thread):
    """Submits until it is told to stop; accepted: key -> the ids that 202 gave."""

    def __init__(self, ground, number, stop, seed):
        super().__init__()
        self.ground, self.number, self.stop = ground, number, stop
        self.random = random.Random(seed)
        self.accepted, self.tries, self.wrong = {}, 0, []

    def submit(self, key):
        connection = http.client.HTTPConnection("127.0.0.1", self.ground.port, timeout=20)
        try:
            connection.request("POST", "/v1/jobs", body=json.dumps({"kind": "pipeline", "name": key}),
                               headers={"Authorization": self.ground.token, "Idempotency-Key": key,
                                        "Content-Type": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        if answer.status == 202:
            return json.loads(body)["id"]
        if answer.status != 503:
            self.wrong.append(f"status {answer.status}: {body.decode(errors='replace')}")
        return None

    def run(self):
        at = 0
        while not self.stop.is_set():
            key = f"{self.number}-{at}"
            at += 1
            again = self.random.random() < 0.2
            while not self.stop.is_set():
                self.tries += 1
                job = self.submit(key)
                if job is None:
                    time.sleep(0.01)
                    continue
                self.accepted.setdefault(key, set()).add(job)
                if not again:
                    break
                again = False


def main():
    kills, tap = int(sys.argv[1]), sys.argv[2]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
    chance = random.Random(seed)
    print(f"{kills} kills, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o755)
        ground = Ground(work)
        stop = threading.Event()
        clients = [Client(ground, number, stop, seed + number) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for _ in range(kills):
            time.sleep(chance.uniform(0.02, 0.4))
            if chance.random() < 0.7:
                ground.kill_api()
            else:
                ground.kill_postgres()
        time.sleep(1)
        stop.set()
        for client in clients:
            client.join()
        kept = {}
        for line in ground.sql("SELECT name, id FROM jobs.job").splitlines():
            name, job = line.split("|")
            kept.setdefault(name, set()).add(job)
        accepted = {key: ids for client in clients for key, ids in client.accepted.items()}
        ground.end()
    wrong = [line for client in clients for line in client.wrong]
    lost = [key for key, ids in accepted.items() if not ids <= kept.get(key, set())]
    twice = [key for key, ids in kept.items() if len(ids) > 1]
    tries = sum(client.tries for client in clients)
    with open(tap, "w", encoding="ascii") as out:
        for name, bad in (("every 202 is in the database", lost), ("no key made two jobs", twice),
                          ("no answer but 202 and 503", wrong)):
            print(f"{'not ok' if bad else 'ok'} - {name} ({kills} kills, seed {seed})", file=out)
            for line in bad[:10]:
                print(f"# {line}", file=out)
    print(f"{len(accepted)} jobs accepted in {tries} tries, {len(lost)} lost, {len(twice)} twice, "
          f"{len(wrong)} other answers")
    sys.exit(bool(lost or twice or wrong or not accepted))


if __name__ == "__main__":
    main()
