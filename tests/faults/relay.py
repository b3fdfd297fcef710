"""A relay that breaks connections at any byte, also within messages and around COMMIT.

tests/db/relay.py breaks between messages; this one counts bytes. One plan is in force at a time, for
all connections together:
  up N, down N             both sides are cut after N bytes in that direction
  stall up|down N SECONDS  the direction stands still for so long after N bytes, then goes on
  commit N HOW EXTRA       the N-th COMMIT of the client:
      before               is not passed on
      split                is passed on up to its byte EXTRA, then both sides are cut
      answer               is passed on, its answer is not
      half-answer          is passed on, and EXTRA bytes of the answer
      late                 is passed on EXTRA ms after the client was cut
"""
import socket
import threading

CHUNK = 65536
COMMIT = b"COMMIT\0"


class Plan:
    def __init__(self, kind="", direction="", after=0, seconds=0.0, how="", extra=0):
        self.kind, self.direction, self.after = kind, direction, after
        self.seconds, self.how, self.extra = seconds, how, extra
        self.passed = {"up": 0, "down": 0}
        self.commits = 0
        self.fired = False
        self.lock = threading.Lock()


def hang_up(*sides):
    for side in sides:
        try:
            side.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Connection:
    def __init__(self, relay, client, server):
        self.relay, self.client, self.server = relay, client, server
        self.plan = relay.plan
        self.answer_room = None  # bytes of answers still passed on; None: all
        self.answered = threading.Event()
        self.ends = 0
        for direction, source, target in (("up", client, server), ("down", server, client)):
            threading.Thread(target=self.pump, args=(direction, source, target), daemon=True).start()

    def cut(self):
        self.plan.fired = True
        hang_up(self.client, self.server)

    def pump(self, direction, source, target):
        try:
            while data := source.recv(CHUNK):
                if not self.pass_on(direction, data, target):
                    break
        except OSError:
            pass
        self.answered.set()
        hang_up(self.client, self.server)
        with self.relay.lock:
            self.ends += 1
            if self.ends == 2:
                self.client.close()
                self.server.close()

    def pass_on(self, direction, data, target):
        plan = self.plan
        if direction == "up" and plan.kind == "commit" and COMMIT in data:
            with plan.lock:
                plan.commits += 1
                ours = plan.commits == plan.after
            if ours:
                return self.commit(data, target)
        if direction == "down" and self.answer_room is not None:
            target.sendall(data[: self.answer_room])
            self.answered.set()
            return False
        with plan.lock:
            before = plan.passed[direction]
            plan.passed[direction] += len(data)
            here = (
                plan.kind in ("cut", "stall")
                and direction == plan.direction
                and not plan.fired
                and before <= plan.after < before + len(data)
            )
            plan.fired = plan.fired or here
        if not here:
            target.sendall(data)
            return True
        target.sendall(data[: plan.after - before])
        if plan.kind == "cut":
            return False
        self.relay.sleep(plan.seconds)
        target.sendall(data[plan.after - before :])
        return True

    def commit(self, data, target):
        plan, at = self.plan, data.index(COMMIT) - 6  # Parse: type, length, an empty name
        plan.fired = True
        if plan.how == "before":
            return False
        if plan.how == "split":
            target.sendall(data[: at + plan.extra % (len(data) - at)])
            return False
        if plan.how == "late":
            hang_up(self.client)
            self.relay.sleep(plan.extra / 1000)
            target.sendall(data)
            self.relay.sleep(0.2)
            return False
        self.answer_room = plan.extra if plan.how == "half-answer" else 0
        target.sendall(data)
        self.answered.wait(10)
        return False


class Relay:
    """Listens on a port of 127.0.0.1 of its own, for a server on another."""

    def __init__(self, port):
        self.server_port, self.plan, self.lock = port, Plan(), threading.Lock()
        self.stopping = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def sleep(self, seconds):
        self.stopping.wait(seconds)

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            try:
                server = socket.create_connection(("127.0.0.1", self.server_port))
            except OSError:
                client.close()
                continue
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Connection(self, client, server)
