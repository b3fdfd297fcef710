#!/usr/bin/env python3
"""A relay before a PostgreSQL server that breaks one connection as a plan says.

  relay.py DIR HOST PORT    listens on 127.0.0.1, puts the port into DIR/port, runs until killed

DIR/plan, one line, is read when a client connects; what it names happens once (then DIR/fired
appears), everything else passes. COMMIT is the one that follows a COPY:
  cut-after N             both sides are cut when N client messages have passed, over all
                          connections since the plan was made
  cut-before-commit       both sides are cut when COMMIT comes from the client; it is not passed on
  lose-commit-answer      COMMIT reaches the server, but not its answer the client
  late-commit             the client is cut when it sends COMMIT; the server gets it when DIR/go
                          appears
  pause-copy              the first CopyData message is passed on, nothing more from the client until
                          DIR/go appears or either side hangs up
  refuse-after-commit     as lose-commit-answer; then clients are cut when they connect (DIR/refused
                          appears) until DIR/go appears
  tag COMMAND WORD...     COMMAND's answer after a COPY reaches the client as that of WORD...
  rename WORD             the server gets WORD with an X for its last letter, wherever it stands
  answer-G N, -H, -W      the statement N and what follows is not passed on, but answered with
                          CopyIn, CopyOut, CopyBoth
TLS is declined, because the relay reads the messages.
Source: PostgreSQL documentation, "Frontend/Backend Protocol", section "Message Formats".
"""
import os
import select
import socket
import struct
import sys
import threading
import time

ENCRYPTION_REQUESTS = (80877103, 80877104)  # TLS, GSSAPI
TYPELESS = b""
STATEMENT_ENDS = (b"S", b"Q", b"c")  # Sync, Query, CopyDone


class Plan:
    """The one plan in force, shared by all connections."""

    def __init__(self, directory):
        self.directory = directory
        self.lock = threading.Lock()
        self.name, self.word, self.count, self.passed = "", b"", 0, 0
        self.tag = ()
        self.refusing = False

    def path(self, name):
        return os.path.join(self.directory, name)

    def refresh(self):
        with self.lock:
            try:
                with open(self.path("plan")) as file:
                    words = file.read().split()
                os.unlink(self.path("plan"))
            except FileNotFoundError:
                return
            self.name, self.passed = words[0], 0
            self.word = words[1].encode() if self.name == "rename" else b""
            self.tag = (words[1].encode(), " ".join(words[2:]).encode()) if self.name == "tag" else ()
            self.count = int(words[1]) if len(words) > 1 and not self.word and not self.tag else 0

    def on_message(self, kind, body, copied):
        """What to do with this client message; the name of the plan if it fires now."""
        with self.lock:
            answers = self.name.startswith("answer-")
            self.passed += kind in STATEMENT_ENDS or not answers
            commit = copied and kind in (b"P", b"Q") and b"COMMIT\0" in body
            fires = (
                (self.name == "cut-after" and self.passed == self.count)
                or (answers and kind in STATEMENT_ENDS and self.passed == self.count)
                or (self.name in ("cut-before-commit", "lose-commit-answer", "refuse-after-commit", "late-commit") and commit)
                or (self.name == "pause-copy" and kind == b"d")
            )
            if not fires:
                return ""
            fired, self.name = self.name, ""
        return fired

    def note_fired(self):
        with open(self.path("fired"), "w"):
            pass

    def retag(self, data):
        """What the server sent, with another tag on the answer that the plan names."""
        with self.lock:
            if not self.tag:
                return data
            at = data.find(self.tag[0])
            end = data.find(b"\0", at)
            if at < 5 or end < 0 or data[at - 5:at - 4] != b"C":
                return data
            tag = self.tag[1] + b"\0"
            self.tag = ()
        self.note_fired()
        return data[:at - 5] + b"C" + struct.pack("!I", len(tag) + 4) + tag + data[end + 1:]

    def refuses(self):
        """Whether a client that connects now is cut."""
        self.refusing = self.refusing and not os.path.exists(self.path("go"))
        if self.refusing:
            with open(self.path("refused"), "w"):
                pass
        return self.refusing

    def wait_for_go(self, sockets):
        """True when DIR/go is there, False when a side hung up or a minute has passed."""
        poller = select.poll()
        for sock in sockets:
            poller.register(sock, select.POLLRDHUP)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if os.path.exists(self.path("go")):
                return True
            if poller.poll(10):
                return False
        return False


class Connection(threading.Thread):
    def __init__(self, plan, client, address):
        super().__init__(daemon=True)
        self.plan, self.client, self.address = plan, client, address
        self.server = None
        self.answering = True  # server's bytes reach the client
        self.copied = False
        self.answered = threading.Event()  # the server is ready for the next query

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.client.recv(size - len(data))
            if not more:
                raise ConnectionError("the client is gone")
            data += more
        return data

    def read_message(self, first):
        kind = TYPELESS if first else self.read(1)
        head = self.read(4)
        return kind, head, self.read(struct.unpack("!I", head)[0] - 4)

    def pump_answers(self):
        """Server to client; recognises ReadyForQuery only where answers are withheld."""
        pending = b""
        try:
            while True:
                data = self.server.recv(65536)
                if not data:
                    break
                if self.answering:
                    self.client.sendall(self.plan.retag(data) if self.copied else data)
                    continue
                pending += data
                while len(pending) >= 5:
                    size = 1 + struct.unpack("!I", pending[1:5])[0]
                    if len(pending) < size:
                        break
                    if pending[:1] == b"Z":
                        self.answered.set()
                    pending = pending[size:]
        except OSError:
            pass
        self.answered.set()
        if self.answering:
            self.hang_up(self.client)

    def hang_up(self, *sides):
        for side in sides:
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def run(self):
        try:
            self.server = socket.create_connection(self.address)
            for side in (self.client, self.server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.pump_answers, daemon=True).start()
            self.forward()
        except (OSError, ConnectionError):
            pass
        self.hang_up(*(side for side in (self.client, self.server) if side))

    def forward(self):
        first = True
        while True:
            kind, head, body = self.read_message(first)
            if first and len(body) == 4 and struct.unpack("!I", body)[0] in ENCRYPTION_REQUESTS:
                self.client.sendall(b"N")
                continue
            first = False
            fired = self.plan.on_message(kind, body, self.copied)
            if self.plan.word:
                body = body.replace(self.plan.word, self.plan.word[:-1] + b"X")
            self.copied = self.copied or kind == b"d"
            message = kind + head + body
            if fired == "":
                self.server.sendall(message)
            elif fired == "cut-after":
                self.server.sendall(message)
                self.plan.note_fired()
                return
            elif fired == "cut-before-commit":
                self.plan.note_fired()
                return
            elif fired.startswith("answer-"):
                self.plan.note_fired()
                while True:
                    if kind in STATEMENT_ENDS:
                        self.client.sendall(fired[-1:].encode() + struct.pack("!Ibh", 7, 0, 0))
                    kind = self.read_message(first=False)[0]
            elif fired == "pause-copy":
                self.server.sendall(message)
                self.plan.note_fired()
                if not self.plan.wait_for_go([self.client, self.server]):
                    return
            else:
                self.plan.refusing = fired == "refuse-after-commit"
                self.commit_alone(message, late=fired == "late-commit")
                return

    def commit_alone(self, message, late):
        """Passes COMMIT on, up to its Sync, and keeps the answer."""
        self.answering = False
        kind = b""
        while kind != b"S":
            kind, head, body = self.read_message(first=False)
            message += kind + head + body
        if late:
            self.hang_up(self.client)
            self.plan.note_fired()
            if not self.plan.wait_for_go([]):
                return
        self.server.sendall(message)
        self.answered.wait(60)
        self.hang_up(self.client)
        self.plan.note_fired()


def main():
    directory, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    plan = Plan(directory)
    listener = socket.socket()
    # Small, so that a paused COPY is felt by the client.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    with open(plan.path("port.new"), "w") as file:
        file.write(f"{listener.getsockname()[1]}\n")
    os.rename(plan.path("port.new"), plan.path("port"))
    while True:
        client, _ = listener.accept()
        plan.refresh()
        if plan.refuses():
            client.close()
            continue
        Connection(plan, client, (host, port)).start()


main()
