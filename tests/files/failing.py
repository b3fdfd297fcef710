#!/usr/bin/env python3
"""Lets every call of the C library fail in turn, and looks at what is left.

  failing.py DIRECTORY     with the programs that are linked with failing.c; prints TAP

Wanted each time: the right exit status, one line that says why, outputs that are whole (the old or
the new ones), no temporary file. A call that is repeated or can be done without may end in success,
but then the output is right.
"""
import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile

PROGRAMS = sys.argv[1]
OLD = b"old\n"
TOLD = 9
GIVE_UP = 100000

# What each call may fail with, and the exit status that it deserves.
SHORTAGES = {
    "malloc": (errno.ENOMEM,), "calloc": (errno.ENOMEM,), "realloc": (errno.ENOMEM,),
    "aligned_alloc": (errno.ENOMEM,), "flock": (errno.ENOLCK,),
    "read": (errno.EIO, errno.EINTR, "short"), "pread": (errno.EIO, errno.EINTR, "short"),
    "write": (errno.ENOSPC, errno.EIO, errno.EINTR, "short"),
    "pwrite": (errno.ENOSPC, errno.EIO, errno.EINTR, "short"),
    "fsync": (errno.EIO, errno.ENOSPC), "close": (errno.EIO,),
    "rename": (errno.ENOSPC, errno.EACCES), "linkat": (errno.ENOSPC, errno.EACCES),
    "open": (errno.EMFILE, errno.EACCES), "mkdir": (errno.ENOSPC, errno.EACCES),
    "fstat": (errno.EIO,), "stat": (errno.EACCES,), "lstat": (errno.EIO,), "lseek": (errno.EIO,),
    "realpath": (errno.EACCES,), "poll": (errno.ENOMEM, errno.EINTR), "eventfd": (errno.EMFILE,),
    "getrandom": (errno.EAGAIN,), "pthread_create": (errno.EAGAIN,), "opendir": (errno.EMFILE, errno.EACCES),
}
HARMLESS = (errno.EINTR, "short")


class Scenario:
    """A command, the files it makes, and what they (and stdout) hold when it succeeds."""

    def __init__(self, name, command, outputs, stdin=b"", links=(), step=1, spills=False):
        self.name, self.command, self.outputs, self.stdin = name, command, outputs, stdin
        self.links, self.step, self.spills = links, step, spills
        self.good = {}


def contents(names):
    found = {}
    for name in names:
        if os.path.exists(name):
            with open(name, "rb") as file:
                found[name] = file.read()
    return found


def same(name, got, wanted):
    """Reports hold times: they are whole when they parse."""
    if name.endswith(".json") and got != OLD:
        json.loads(got)
        return True
    return got == wanted


def attempt(scenario, plan, before):
    for name in scenario.outputs:
        if "/" in name:
            shutil.rmtree(os.path.dirname(name), ignore_errors=True)
        else:
            with open(name, "wb") as file:
                file.write(OLD)
    for link in scenario.links:
        if not os.path.lexists(link):
            os.symlink(f"{link}.real", link)
        with open(f"{link}.real", "wb") as file:
            file.write(OLD)
    told_read, told_write = os.pipe()
    os.set_inheritable(told_write, True)

    def on_nine():
        os.dup2(told_write, TOLD)

    done = subprocess.run(
        scenario.command, input=scenario.stdin, capture_output=True, timeout=120, check=False,
        env={"FAIL_CALL": plan, "TMPDIR": os.getcwd()}, close_fds=False, preexec_fn=on_nine)
    os.close(told_write)
    told = os.read(told_read, 1)
    os.close(told_read)
    left = set(os.listdir(".")) - before - {name.split("/")[0] for name in scenario.outputs}
    for name in {os.path.dirname(name) for name in scenario.outputs if "/" in name}:
        if os.path.isdir(name):
            left |= {f"{name}/{entry}" for entry in os.listdir(name) if entry.startswith(".")}
    return done, told != b"", left


def judge(scenario, call, how, done, struck, left):
    """What is wrong, or None."""
    for link in scenario.links:
        if not os.path.islink(link):
            os.unlink(link)
            return "the link was replaced"
    if left:
        return f"left {sorted(left)}"
    got = contents(scenario.outputs)
    if done.returncode == 0:
        for name, wanted in scenario.good.items():
            if name == "-":
                if done.stdout != wanted:
                    return "success with other output"
            elif not same(name, got.get(name), wanted) or got.get(name) == OLD:
                return f"success with {name} not as it should be"
        return None
    if not struck:
        return f"exit status {done.returncode} without a fault: {done.stderr!r}"
    if how in HARMLESS:
        return f"exit status {done.returncode} although nothing is lost: {done.stderr!r}"
    wanted = (4,) if how == errno.EACCES else (10,)
    if done.returncode not in wanted:
        return f"exit status {done.returncode}, not {wanted[0]}: {done.stderr!r}"
    # The line itself may be what could not be written, or made.
    if call not in ("write", "malloc", "realloc") and done.stderr.count(b"\n") != 1:
        return f"not one line: {done.stderr!r}"
    for name, text in got.items():
        if "/" not in name and text != OLD and not same(name, text, scenario.good[name]):
            return f"{name} is neither old nor new: {text[:60]!r}"
        if "/" in name and text != scenario.good[name] and not name.endswith(("seconds", "bytes")):
            return f"{name} is not whole: {text[:60]!r}"
    # What has gone to a pipe cannot be taken back when a temporary file then fails.
    if call != "write" and not (call == "pread" and scenario.spills) and done.stdout not in (b"", scenario.good["-"]):
        return f"part of the output: {done.stdout[:60]!r}"
    return None


def run_scenario(scenario, results):
    before = set(os.listdir(".")) | {f"{link}.real" for link in scenario.links} | set(scenario.links)
    done, _, left = attempt(scenario, "none:1:1", before)
    if done.returncode != 0 or left:
        raise SystemExit(f"{scenario.name} fails by itself: {done} {left}")
    scenario.good = {"-": done.stdout, **contents(scenario.outputs)}
    for call, ways in SHORTAGES.items():
        faults = []
        struck_count = 0
        for how in ways:
            number = 1
            while number < GIVE_UP:
                plan = f"{call}:{number}:{how}"
                done, struck, left = attempt(scenario, plan, before)
                wrong = judge(scenario, call, how, done, struck, left)
                if wrong:
                    faults.append(f"FAIL_CALL={plan} {' '.join(scenario.command)}: {wrong}")
                if not struck:
                    break
                struck_count += 1
                number += scenario.step
        if struck_count == 0:
            continue
        results.append(not faults)
        print(f"{'not ok' if faults else 'ok'} {len(results)} - {scenario.name}: each of {struck_count} "
              f"failures of {call} ends well", flush=True)
        for fault in faults[:5]:
            print(f"# {fault}")


def scenarios():
    generator, aggregator = (os.path.join(PROGRAMS, name) for name in ("fake_gen", "aggregator"))
    subprocess.run([generator, "-n", "2000", "-s", "1", "-o", "in.jsonl"], check=True, stderr=subprocess.DEVNULL)
    subprocess.run([generator, "-n", "2000", "-s", "1", "-z", "-o", "in.bgz"], check=True, stderr=subprocess.DEVNULL)
    subprocess.run("gzip -c in.jsonl >in.gz; zstd -qc <in.jsonl >in.zst; head -n 1000 in.jsonl >half; "
                   "zstd -qc half half >frames.zst", shell=True, check=True)
    subprocess.run([generator, "-n", "150000", "-u", "10000000", "-s", "1", "-o", "many.jsonl"], check=True,
                   stderr=subprocess.DEVNULL)
    with open("in.jsonl", "ab") as file:
        file.write(b"bad\n")
    with open("in.jsonl", "rb") as file:
        text = file.read()
    report = ["--report", "report.json", "--log-format", "json"]
    yield Scenario("a file of events", [generator, "-n", "2000", "-s", "1", "-t", "2", "-o", "out", *report],
                   ["out", "report.json"])
    yield Scenario("a compressed file", [generator, "-n", "2000", "-s", "1", "-z", "-t", "2", "-o", "out"], ["out"])
    yield Scenario("a file behind a link", [generator, "-n", "20", "-s", "1", "-o", "link"], ["link.real"],
                   links=("link",))
    yield Scenario("events to a pipe", [generator, "-n", "2000", "-s", "1", "-t", "2", "-o", "-"], [])
    yield Scenario(
        "totals with rejects and outputs",
        [aggregator, "--print", "csv", "--max-bad", "1", "--rejects", "rejects", "-t", "2", "--outputs", "values",
         *report, "in.jsonl"],
        ["rejects", "report.json", *(f"values/{name}" for name in ("lines", "users", "total", "bad_lines",
                                                                     "already_applied"))])
    for name, flags in (("gzip", ["in.gz"]), ("BGZF", ["in.bgz"]), ("zstd", ["in.zst"]), ("frames", ["frames.zst"])):
        yield Scenario(f"totals of {name}", [aggregator, "--print", "json", "-t", "2", *flags], [])
    with open("objects.json", "wb") as file:
        file.write(text[:-len(b"bad\n")].replace(b"\n", b"") + b"{}")
    yield Scenario("totals of objects without lines",
                   [aggregator, "--print", "json", "-t", "2", "--accept", "concatenated", "--max-bad", "1",
                    "--rejects", "rejects", "objects.json"], ["rejects"])
    os.makedirs("parts/below")
    for part in ("parts/a", "parts/below/b"):
        shutil.copy("in.gz", part)
    with open("list", "wb") as file:
        file.write(b"in.gz\0parts")
    yield Scenario("totals of directories and a list", [aggregator, "--print", "json", "-t", "2", "-R", "-0",
                                                        "--files-from", "list"], [])
    yield Scenario("totals of a pipe", [aggregator, "--print", "table", "--max-bad", "1", "-t", "1", "-"], [], text)
    yield Scenario("totals that spill", [aggregator, "--print", "csv", "--stats", "-m", "25M", "-t", "1", "many.jsonl"], [],
                   step=9, spills=True)


def main():
    global PROGRAMS
    PROGRAMS = os.path.abspath(PROGRAMS)
    results = []
    directory = tempfile.mkdtemp(prefix="failing.")
    kept = os.getcwd()
    os.chdir(directory)
    try:
        for scenario in scenarios():
            run_scenario(scenario, results)
    finally:
        os.chdir(kept)
        shutil.rmtree(directory)
    print(f"1..{len(results)}")
    return 0 if all(results) else 1


sys.exit(main())
