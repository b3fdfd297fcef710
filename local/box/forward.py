#!/usr/bin/env python3
"""Hands connections to a port of this machine's loopback on to an address inside the box.

forward.py PID PORT HOST HOST_PORT: PID is the box's process 1, PORT 0 takes a free one. The port
is printed once it listens. Ends when PID does.
"""

import ctypes
import os
import select
import socket
import sys
import threading

CLONE_NEWNET = 0x40000000


def pump(source, target):
    """Copies one direction until its end, and passes the end on."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for side in (source, target):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def serve(client, address):
    """Joins a client to the address inside."""
    with client:
        try:
            inside = socket.create_connection(address, timeout=10)
        except OSError as error:
            print(f"forward: {address[0]}:{address[1]}: {error}", file=sys.stderr)
            return
        with inside:
            inside.settimeout(None)
            for side in (client, inside):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=pump, args=(inside, client), daemon=True)
            back.start()
            pump(client, inside)
            back.join()


def main():
    """Listens here, then moves to the box's network, where new sockets will be."""
    pid, port, host, host_port = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    process = os.pidfd_open(pid)
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    with open(f"/proc/{pid}/ns/net", "rb") as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
            sys.exit(f"forward: setns: {os.strerror(ctypes.get_errno())}")
    print(listener.getsockname()[1], flush=True)
    while True:
        ready, _, _ = select.select([listener, process], [], [])
        if process in ready:
            return
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, (host, host_port)), daemon=True).start()


if __name__ == "__main__":
    main()
