#!/usr/bin/env python3
"""Lets each call of the C library fail in turn within gvisor_probe.

  failing_probe.py DIRECTORY     with the programs that are linked with failing.c; prints TAP
  STEP=n                         of many calls only every n-th [1]

Wanted each time: the right exit status, one line that says why, outputs that are whole or not there.
A probe whose own call fails may take that for the kernel's answer: then its report is whole all the
same.
"""
import concurrent.futures
import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "..", "..", "gvisor_probe", "tests", "fixtures")
INPUT = tempfile.mkdtemp(prefix="failing.")
TOLD = 9
SHORTAGES = {
    "malloc": (errno.ENOMEM,), "calloc": (errno.ENOMEM,), "realloc": (errno.ENOMEM,),
    "read": (errno.EIO, errno.EINTR, "short"), "write": (errno.ENOSPC, errno.EINTR, "short"),
    "open": (errno.EMFILE, errno.EACCES), "fsync": (errno.EIO,), "close": (errno.EIO,), "rename": (errno.ENOSPC,),
    "linkat": (errno.ENOSPC,), "mkdir": (errno.ENOSPC, errno.EACCES), "fstat": (errno.EIO,), "stat": (errno.EACCES,),
    "lstat": (errno.EIO,), "realpath": (errno.EACCES,), "poll": (errno.ENOMEM, errno.EINTR), "eventfd": (errno.EMFILE,),
    "pthread_create": (errno.EAGAIN,), "unlink": (errno.EIO,), "symlink": (errno.ENOSPC,), "readlink": (errno.EIO,),
    "opendir": (errno.EMFILE,), "pipe2": (errno.EMFILE,), "fchmod": (errno.EIO,), "getrandom": (errno.EAGAIN, "short"),
}
HARMLESS = (errno.EINTR, "short")


class Scenario:
    """A command; asks: whether its output depends on what the kernel answers to it."""

    def __init__(self, name, command, outputs=(), fails=0, asks=False):
        self.name, self.command, self.outputs, self.fails, self.asks = name, command, outputs, fails, asks


def fixture(name):
    """Cut to few probes: each n-th failure of all there are."""
    with open(os.path.join(FIXTURES, name), encoding="utf-8") as file:
        report = json.load(file)
    if "probes" in report:
        report["probes"] = report["probes"][:: max(1, len(report["probes"]) // 8)]
    path = os.path.join(INPUT, name)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(report, file)
    return path


def compare(output_format):
    return ["compare", fixture("runc.json"), fixture("gvisor.json"), fixture("gvisor-sealed.json"), "--witness",
            fixture("witness.json"), "--format", output_format, "--output", "out"]


SCENARIOS = (
    Scenario("list", ["list"]),
    Scenario("a comparison as JSON", [*compare("json"), "--outputs", "values"], ("out", "values/verdict", "values/valid")),
    Scenario("a comparison as a table", compare("table"), ("out",)),
    Scenario("a comparison as Markdown", compare("markdown"), ("out",)),
    Scenario("a comparison as JUnit", compare("junit"), ("out",)),
    Scenario("questions about the kernel", ["run", "--only", "identity", "--format", "json", "--report", "report.json"],
             ("report.json",), asks=True),
)


def attempt(programs, scenario, plan):
    for name in os.listdir("."):
        (shutil.rmtree if os.path.isdir(name) else os.unlink)(name)
    told_read, told_write = os.pipe()
    os.set_inheritable(told_write, True)
    try:
        done = subprocess.run(
            [os.path.join(programs, "gvisor_probe"), *scenario.command], capture_output=True,
            timeout=120, check=False, close_fds=False, stdin=subprocess.DEVNULL,
            env={"FAIL_CALL": plan, "PATH": os.environ["PATH"], "TMPDIR": os.getcwd(), "GVISOR_PROBE_LOG_FORMAT": "json"},
            preexec_fn=lambda: os.dup2(told_write, TOLD))
        os.close(told_write)
        told_write = -1
        return done, os.read(told_read, 1) != b""
    finally:
        for end in (told_read, told_write):
            if end >= 0:
                os.close(end)


def outputs(scenario, done):
    found = {"-": done.stdout}
    for name in scenario.outputs:
        if os.path.exists(name):
            with open(name, "rb") as file:
                found[name] = file.read()
    return found


def same(scenario, name, got, wanted):
    if scenario.asks or name == "report.json":
        json.loads(got)
        return True
    return got == wanted


def judge(scenario, call, how, done, struck, good):
    """What is wrong, or None."""
    status = done.returncode
    left = [name for name in os.listdir(".") if name.endswith(".tmp")]
    if left:
        return f"left {left}"
    if not struck and status != scenario.fails:
        return f"exit status {status} without a fault: {done.stderr!r}"
    if how in HARMLESS and status != scenario.fails:
        return f"exit status {status} although nothing is lost: {done.stderr!r}"
    got = outputs(scenario, done)
    try:
        for name, bytes_ in got.items():
            if name == "-" and (status != scenario.fails or call == "write"):
                continue
            if not same(scenario, name, bytes_, good[name]):
                return f"{name} is not whole: {bytes_[:80]!r}"
    except ValueError:
        return f"no JSON: {got!r:.200}"
    if status == scenario.fails:
        missing = set(good) - set(got)
        return f"success without {missing}" if missing else None
    wanted = 4 if how == errno.EACCES else 10
    if status != wanted:
        return f"exit status {status}, not {wanted}: {done.stderr!r}"
    if call not in ("malloc", "calloc", "realloc", "write") and done.stderr.count(b'"level":"error"') != 1:
        return f"not one line: {done.stderr!r}"
    return None


def fail_each(task):
    """How often it failed, and what went wrong."""
    programs, scenario, call, step = task
    directory = tempfile.mkdtemp(prefix="failing.")
    os.chdir(directory)
    count, wrong = 0, []
    try:
        done, _ = attempt(programs, scenario, "none:1:1")
        good = outputs(scenario, done)
        if done.returncode != scenario.fails or len(good) != len(scenario.outputs) + 1:
            raise SystemExit(f"{scenario.name}: {done}")
        for how in SHORTAGES[call]:
            number = 1
            while True:
                plan = f"{call}:{number}:{how}"
                done, struck = attempt(programs, scenario, plan)
                why = judge(scenario, call, how, done, struck, good)
                if why:
                    wrong.append(f"FAIL_CALL={plan} {' '.join(scenario.command)}: {why}")
                if not struck:
                    break
                count += 1
                number += step
    finally:
        os.chdir("/")
        shutil.rmtree(directory)
    return scenario.name, call, count, wrong


def main():
    programs = os.path.abspath(sys.argv[1])
    step = int(os.environ.get("STEP") or 1)
    only = os.environ.get("ONLY", "")
    tasks = [(programs, scenario, call, step) for scenario in SCENARIOS if only in scenario.name for call in SHORTAGES]
    failed = serial = total = 0
    with concurrent.futures.ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        for name, call, count, wrong in pool.map(fail_each, tasks):
            if count == 0 and not wrong:
                continue
            serial += 1
            total += count
            failed += bool(wrong)
            print(f"{'not ok' if wrong else 'ok'} {serial} - {name}: each of {count} failures of {call} ends well", flush=True)
            for text in wrong[:5]:
                print(f"# {text}")
    print(f"1..{serial}\n# {total} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(INPUT)
