#!/usr/bin/env python3
"""Kills the api and PostgreSQL at random moments while jobs come in: kills.py KILLS TAP [SEED]

Clients submit with an Idempotency-Key each and try again until they have a 202, sometimes once more
after it. In the end every 202 must be in the database, and no key more than once.
"""
import http.client
import json
import os
import random
import sys
import tempfile
import threading
import time

from service import Service

CLIENTS = 6


class Client(threading.Thread):
    """Submits until it is told to stop; accepted: key -> the ids that 202 gave."""

    def __init__(self, service, number, stop, seed, ask=lambda chance: {"kind": "pipeline"}, pause_s=0):
        super().__init__()
        self.service, self.number, self.stop = service, number, stop
        self.ask, self.pause_s = ask, pause_s  # what it submits, how long it waits after each
        self.random = random.Random(seed)
        self.accepted, self.tries, self.wrong = {}, 0, []

    def submit(self, key, job):
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=20)
        try:
            connection.request("POST", "/v1/jobs", body=json.dumps({**job, "name": key}),
                               headers={"Authorization": self.service.tokens[0], "Idempotency-Key": key,
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
            asked = self.ask(self.random)
            while not self.stop.is_set():
                self.tries += 1
                job = self.submit(key, asked)
                if job is None:
                    time.sleep(0.01)
                    continue
                self.accepted.setdefault(key, set()).add(job)
                if not again:
                    break
                again = False
            time.sleep(self.pause_s)


def compare(service, clients):
    """202s that are not in the database, keys with more jobs than one, answers that must not be."""
    kept = {}
    for line in service.sql("SELECT name, id FROM jobs.job").splitlines():
        name, job = line.split("|")
        kept.setdefault(name, set()).add(job)
    accepted = {key: ids for client in clients for key, ids in client.accepted.items()}
    return ([key for key, ids in accepted.items() if not ids <= kept.get(key, set())],
            [key for key, ids in kept.items() if len(ids) > 1],
            [line for client in clients for line in client.wrong])


def main():
    kills, tap = int(sys.argv[1]), sys.argv[2]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
    chance = random.Random(seed)
    print(f"{kills} kills, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o755)
        service = Service(work, owners=1)
        stop = threading.Event()
        clients = [Client(service, number, stop, seed + number) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for _ in range(kills):
            time.sleep(chance.uniform(0.02, 0.4))
            if chance.random() < 0.7:
                service.kill_api()
                service.start_api()
            else:
                service.kill_postgres()
                service.start_postgres()
        time.sleep(1)
        stop.set()
        for client in clients:
            client.join()
        lost, twice, wrong = compare(service, clients)
        service.end()
    accepted = sum(len(client.accepted) for client in clients)
    tries = sum(client.tries for client in clients)
    with open(tap, "w", encoding="ascii") as out:
        for name, bad in (("every 202 is in the database", lost), ("no key made two jobs", twice),
                          ("no answer but 202 and 503", wrong)):
            print(f"{'not ok' if bad else 'ok'} - {name} ({kills} kills, seed {seed})", file=out)
            for line in bad[:10]:
                print(f"# {line}", file=out)
    print(f"{accepted} jobs accepted in {tries} tries, {len(lost)} lost, {len(twice)} twice, "
          f"{len(wrong)} other answers")
    sys.exit(bool(lost or twice or wrong or not accepted))


if __name__ == "__main__":
    main()
