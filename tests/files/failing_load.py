#!/usr/bin/env python3
"""Lets calls of the C library fail in turn within a load into a real database.

  failing_load.py DIRECTORY     with the programs that are linked with failing.c; prints TAP
  STEP=n                        of many calls only every n-th [1]

After each failure the run is repeated until it is done; then totals and ledger must be exact. The
session goes through a socket, without TLS and password: what OpenSSL does without memory is not
ours to mend. Nor is glibc, which dies where it has none for the table of its name services.
"""
import errno
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
from lane import Lane, Wrong  # pylint: disable=wrong-import-position
from run import Input, Run  # pylint: disable=wrong-import-position

CALLS = {
    "malloc": errno.ENOMEM, "calloc": errno.ENOMEM, "realloc": errno.ENOMEM, "aligned_alloc": errno.ENOMEM,
    "poll": errno.ENOMEM,
    "write": errno.ENOSPC, "open": errno.EMFILE, "fstat": errno.EIO, "pread": errno.EIO, "fsync": errno.EIO,
    "eventfd": errno.EMFILE, "getrandom": errno.EAGAIN, "pthread_create": errno.EAGAIN, "mkdir": errno.ENOSPC,
}
TOLD, DEATHS_IN_GLIBC = 9, 3


def attempt(lane, run, plan):
    told_read, told_write = os.pipe()
    os.set_inheritable(told_write, True)
    try:
        process = lane.start(
            run, program=os.path.join(sys.argv[1], "aggregator"), environment={"FAIL_CALL": plan},
            by_socket=True, close_fds=False, preexec_fn=lambda: os.dup2(told_write, TOLD))
        status = lane.finish(process)
        os.close(told_write)
        told_write = -1
        return status, os.read(told_read, 1) != b""
    finally:
        for end in (told_read, told_write):
            if end >= 0:
                os.close(end)


def fail_each(lane, file, call, with_errno, step):
    """How often it failed, and what went wrong."""
    number, struck_count, deaths, wrong = 1, 0, 0, []
    while True:
        run = Run(f"{call}-{number}", file, 0, 1, "session_duration", ("--threads", "1"))
        plan = f"{call}:{number}:{with_errno}"
        try:
            status, struck = attempt(lane, run, plan)
            lane.repeat(run, status)
            lane.count(run)
            lane.check([run])
        except Wrong as reason:
            deaths += call == "malloc" and str(reason).startswith(("exit status -11", "exit status -6"))
            if deaths == 0 or deaths > DEATHS_IN_GLIBC or "exit status -" not in str(reason):
                wrong.append(f"FAIL_CALL={plan}: {reason}")
            if "exit status" not in str(reason):
                return struck_count, wrong  # the totals are no longer what they should be
            struck = True
            lane.repeat(run)
            lane.count(run)
        if not struck:
            return struck_count, wrong
        struck_count += 1
        number += step


def main():
    sys.argv[1] = os.path.abspath(sys.argv[1])
    step = int(os.environ.get("STEP") or 1)
    directory = tempfile.mkdtemp(prefix="failing.", dir="/tmp")
    os.chmod(directory, 0o755)
    failed = 0
    try:
        lane = Lane(os.path.join(directory, "lane"))
        try:
            file = Input(directory, "input", 300, 10)
            for serial, (call, with_errno) in enumerate(CALLS.items(), 1):
                count, wrong = fail_each(lane, file, call, with_errno, step)
                failed += bool(wrong)
                print(f"{'not ok' if wrong else 'ok'} {serial} - a load: each of {count} failures of {call} ends "
                      "well, and a rerun makes it exact", flush=True)
                for text in wrong[:20]:
                    print(f"# {text.rstrip()}")
        finally:
            lane.close()
    finally:
        shutil.rmtree(directory)
    print(f"1..{len(CALLS)}")
    return 1 if failed else 0


sys.exit(main())
