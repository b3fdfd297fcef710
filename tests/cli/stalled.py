#!/usr/bin/env python3
"""Runs a program whose stderr nobody reads, and stops it once it hangs there.

  stalled.py COMMAND...    prints its exit status, "hangs" where SIGTERM did not end it, and what
                           /dev/termination-log held while it hung (a mount namespace of its own)
"""
import fcntl
import os
import signal
import subprocess
import sys

WRITES_STDERR = ("1 0x2 ", "64 0x2 ")  # write(2, ...) on x86-64 and on arm64
OWN_DEV = 'mount -t tmpfs none /dev && : >/dev/termination-log && exec "$@"'


def full_pipe():
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETFL, os.O_NONBLOCK)
    try:
        while True:
            os.write(write, bytes(4096))
    except BlockingIOError:
        fcntl.fcntl(write, fcntl.F_SETFL, 0)
    return read, write


def hangs(pid):
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/syscall") as file:
                if file.read().startswith(WRITES_STDERR):
                    return True
    except (FileNotFoundError, ProcessLookupError):
        pass
    return False


reader, stderr = full_pipe()
run = subprocess.Popen(["unshare", "--mount", "sh", "-c", OWN_DEV, "sh", *sys.argv[1:]],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
while not hangs(run.pid) and run.poll() is None:
    pass
with open(f"/proc/{run.pid}/root/dev/termination-log") as file:
    said = file.read()
run.send_signal(signal.SIGTERM)
try:
    print(run.wait(timeout=30), said)
except subprocess.TimeoutExpired:
    run.kill()
    print("hangs", said)
