#!/usr/bin/env python3
"""A server that answers as it should not: hostile_server.py DIR MODE

Listens on 127.0.0.1, puts the port into DIR/port and what clients sent into DIR/received.
  no-tls    declines TLS and asks whoever goes on for the password in clear text
  error     refuses the login with a long message full of control characters
  huge      announces a message of a gigabyte, and begins it
  garbage   bytes that are not the protocol
  empty     lets everybody in and answers every statement with success and no rows
  notices   lets everybody in and then never stops to send notices
  results   lets everybody in and then never stops to send results of the first statement
  copy-in   lets everybody in and answers every statement with the begin of a COPY from the client;
            copy-out: to the client; copy-both: both ways
Source: PostgreSQL documentation, "Frontend/Backend Protocol".
"""
import os
import socket
import struct
import sys
import threading

ENCRYPTION_REQUESTS = (80877103, 80877104)  # TLS, GSSAPI


def message(kind, body):
    return kind + struct.pack("!I", len(body) + 4) + body


def error(sqlstate, text):
    fields = {b"S": b"FATAL", b"V": b"FATAL", b"C": sqlstate, b"M": text}
    return message(b"E", b"".join(name + value + b"\0" for name, value in fields.items()) + b"\0")


WELCOME = message(b"R", struct.pack("!I", 0)) + message(b"S", b"server_version\00015.0\0") + message(b"Z", b"I")
CLEARTEXT = message(b"R", struct.pack("!I", 3))
# Parse, Bind, Describe, Execute and Sync, in one go; or a simple query.
EMPTY = (message(b"1", b"") + message(b"2", b"") + message(b"n", b"") + message(b"C", b"SELECT 0\0")
         + message(b"Z", b"T"))
COPIES = {"copy-in": b"G", "copy-out": b"H", "copy-both": b"W"}
RESULT = message(b"C", b"SELECT 0\0")
NOTICE = message(b"N", b"SNOTICE\0VNOTICE\0C00000\0M" + b"so much to say " * 50 + b"\0\0")


class Client:
    def __init__(self, directory, mode, sock):
        self.mode, self.socket = mode, sock
        self.answer = message(COPIES[mode], b"\0\0\0") if mode in COPIES else EMPTY
        self.log = open(os.path.join(directory, "received"), "ab", buffering=0)

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise ConnectionError
            self.log.write(more)
            data += more
        return data

    def greet(self):
        while True:
            size, code = struct.unpack("!II", self.read(8))
            self.read(size - 8)
            if code not in ENCRYPTION_REQUESTS:
                return
            self.socket.sendall(b"N")

    def serve(self):
        try:
            self.greet()
            if self.mode == "no-tls":
                self.socket.sendall(CLEARTEXT)
            elif self.mode == "error":
                self.socket.sendall(error(b"28P01", b"\x1b[2J\x07no\n\x9b you " + b"may not " * 2000))
            elif self.mode == "huge":
                self.socket.sendall(b"E" + struct.pack("!I", 1 << 30) + b"x" * 65536)
            elif self.mode == "garbage":
                self.socket.sendall(bytes(range(256)) * 16)
            else:
                self.socket.sendall(WELCOME)
            while self.mode == "notices":
                self.socket.sendall(NOTICE * 100)
            while True:
                kind, size = struct.unpack("!cI", self.read(5))
                self.read(size - 4)
                while kind == b"S" and self.mode == "results":
                    self.socket.sendall(RESULT * 100)
                if kind in (b"S", b"Q"):
                    self.socket.sendall(self.answer)
        except OSError:
            pass
        self.socket.close()


def main():
    directory, mode = sys.argv[1:]
    listener = socket.create_server(("127.0.0.1", 0))
    with open(os.path.join(directory, "port.new"), "w", encoding="ascii") as file:
        file.write(f"{listener.getsockname()[1]}\n")
    os.rename(os.path.join(directory, "port.new"), os.path.join(directory, "port"))
    while True:
        client, _ = listener.accept()
        threading.Thread(target=Client(directory, mode, client).serve, daemon=True).start()


main()
