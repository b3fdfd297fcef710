"""A PostgreSQL session over the Unix socket, for tests: trust, text, one simple query at a time.

Source: PostgreSQL documentation, "Frontend/Backend Protocol".
"""
import socket
import struct


class PgError(Exception):
    """What the server says; sqlstate is "" where it says nothing."""

    def __init__(self, sqlstate, text):
        super().__init__(f"{text} ({sqlstate})")
        self.sqlstate = sqlstate


class Session:
    """Fails with PgError or OSError."""

    def __init__(self, directory, port, database="postgres", user="postgres", timeout=60):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(f"{directory}/.s.PGSQL.{port}")
        self.pid = 0
        fields = f"user\0{user}\0database\0{database}\0application_name\0faults\0\0".encode()
        self.socket.sendall(struct.pack("!II", len(fields) + 8, 196608) + fields)
        self._until_ready()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def query(self, text):
        """Rows of text, None for null."""
        body = text.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack("!I", len(body) + 4) + body)
        return self._until_ready()

    def value(self, text):
        return self.query(text)[0][0]

    def _read(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise PgError("", "the server hung up")
            data += more
        return data

    def _until_ready(self):
        rows, failure = [], None
        while True:
            kind, size = struct.unpack("!cI", self._read(5))
            body = self._read(size - 4)
            if kind == b"D":
                rows.append(self._row(body))
            elif kind == b"K":
                self.pid = struct.unpack("!I", body[:4])[0]
            elif kind == b"E":
                fields = {part[:1]: part[1:].decode() for part in body.split(b"\0") if part}
                failure = PgError(fields.get(b"C", ""), fields.get(b"M", ""))
                if fields.get(b"S") == "FATAL":
                    raise failure
            elif kind == b"Z":
                if failure is not None:
                    raise failure
                return rows

    @staticmethod
    def _row(body):
        count, at, row = struct.unpack("!H", body[:2])[0], 2, []
        for _ in range(count):
            size = struct.unpack("!i", body[at : at + 4])[0]
            at += 4
            row.append(None if size < 0 else body[at : at + size].decode())
            at += max(size, 0)
        return row
