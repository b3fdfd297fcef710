#!/usr/bin/env python3
"""Lets each call of the C library fail in turn while a node is installed, rolled back, uninstalled.

  failing_node.py DIRECTORY     with the programs that are linked with failing.c; prints TAP
  STEP=n                        of many calls only every n-th [1]

A program answers for containerd. Wanted each time: the right exit status, one line that says why,
and containerd's files are as before or as they should be; never something between, unless it says
that it could not be put back. Then the next run finishes, to the byte.
"""
import concurrent.futures
import errno
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

TOLD = 9
RELEASE = "20260914.0"
SHORTAGES = {
    "malloc": (errno.ENOMEM,), "calloc": (errno.ENOMEM,), "realloc": (errno.ENOMEM,),
    "read": (errno.EIO, errno.EINTR, "short"), "write": (errno.ENOSPC, errno.EINTR, "short"),
    "open": (errno.EIO, errno.EACCES), "fsync": (errno.EIO,), "close": (errno.EIO,), "rename": (errno.ENOSPC, errno.EACCES),
    "linkat": (errno.ENOSPC,), "mkdir": (errno.ENOSPC, errno.EACCES), "fstat": (errno.EIO,), "stat": (errno.EIO, errno.EACCES),
    "lstat": (errno.EIO,), "realpath": (errno.EACCES, errno.ENOMEM), "poll": (errno.ENOMEM, errno.EINTR),
    "eventfd": (errno.EMFILE,), "pthread_create": (errno.EAGAIN,), "unlink": (errno.EIO, errno.EACCES),
    "symlink": (errno.ENOSPC,), "readlink": (errno.EIO,), "flock": (errno.ENOLCK,), "opendir": (errno.EMFILE, errno.EACCES),
    "pipe2": (errno.EMFILE,), "posix_spawnp": (errno.ENOMEM,), "fchmod": (errno.EACCES,), "fchown": (errno.EIO,),
    "flistxattr": (errno.EIO,),
}
HARMLESS = (errno.EINTR, "short")
LASTING = (errno.EACCES, errno.ENOLCK)  # refused for good; what else there is may pass

CONTAINERD = """#!/bin/sh
# Prints what it has read, imports and all.
case $1 in --version) echo containerd example.test/containerd v$VERSION abc; exit ;; esac
if [ "$1" = config ]; then echo 'version = 3'; exit; fi
cat "$2"
if grep -q 60-gvisor "$2"; then grep -v ^version "${2%/*}/conf.d/60-gvisor.toml"; fi
"""
CONFIGURATIONS = {
    "1.7.24": """version = 2
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
""",
    "2.1.9": """version = 3
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
""",
}


class Node:
    """A node in a directory, kept by one process, and the states that it is put in."""

    def __init__(self, programs, shared):
        self.program = os.path.join(programs, "gvisor_installer")
        self.shared = shared
        self.root = tempfile.mkdtemp(prefix="node.", dir=shared)
        self.now = os.path.join(self.root, "now")
        self.before = None

    def path(self, *names):
        return os.path.join(self.now, *names)

    def make(self, version):
        shutil.rmtree(self.now, ignore_errors=True)
        os.makedirs(self.path("etc", "real"))
        with open(self.path("etc", "real", "containerd.toml"), "w", encoding="utf-8") as file:
            file.write(CONFIGURATIONS[version])
        os.symlink("real/containerd.toml", self.path("etc", "config.toml"))

    def keep(self, name):
        shutil.rmtree(os.path.join(self.root, name), ignore_errors=True)
        shutil.copytree(self.now, os.path.join(self.root, name), symlinks=True)

    def back(self, name):
        shutil.rmtree(self.now, ignore_errors=True)
        shutil.copytree(os.path.join(self.root, name), self.now, symlinks=True)

    def run(self, scenario, plan="none:1:1", restart=None):
        told_read, told_write = os.pipe()
        os.set_inheritable(told_write, True)
        command = [
            self.program, scenario.command, "--config", self.path("etc", "config.toml"), "--containerd",
            os.path.join(self.shared, "containerd"), "--prefix", self.path("opt"), "--payload",
            os.path.join(self.shared, scenario.payload), "--socket", os.path.join(self.shared, "sock"),
            "--restart-command", restart or scenario.restart.format(node=self.now), "--log-format", "json"]
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=120, check=False, close_fds=False, stdin=subprocess.DEVNULL,
                env={"FAIL_CALL": plan, "VERSION": scenario.version, "PATH": os.environ["PATH"]},
                preexec_fn=lambda: os.dup2(told_write, TOLD))
            os.close(told_write)
            told_write = -1
            return done, os.read(told_read, 1) != b""
        finally:
            for end in (told_read, told_write):
                if end >= 0:
                    os.close(end)

    def tree(self, *names):
        """What is there, but for the lock, the original and what counts restarts."""
        found = {}
        for directory, inner, files in os.walk(self.path(*names)):
            for name in inner + files:
                path = os.path.join(directory, name)
                shown = os.path.relpath(path, self.now)
                if ".orig" in name or name == "lock":
                    continue
                if os.path.islink(path):
                    found[shown] = os.readlink(path)
                elif os.path.isdir(path):
                    found[shown] = "directory"
                else:
                    with open(path, "rb") as file:
                        found[shown] = (oct(os.stat(path).st_mode), hashlib.sha256(file.read()).hexdigest())
        return found

    def restarts(self):
        try:
            with open(self.path("restarts"), encoding="utf-8") as file:
                return len(file.readlines())
        except FileNotFoundError:
            return 0


class Scenario:
    """A command on a node in some state. fails: the status in which it ends without any fault."""

    def __init__(self, name, command, version, start=(), payload="payload", fails=0, failing="exit 7"):
        self.name, self.command, self.version, self.start = name, command, version, start
        self.payload, self.fails = payload, fails
        # The first restart fails where that is what is tried, those after it do not.
        first = f"[ -e {{node}}/failed ] || {{{{ touch {{node}}/failed; {failing}; }}}}; " if fails else ""
        self.restart = f"echo x >>{{node}}/restarts; {first}:"


SCENARIOS = (
    Scenario("an installation by tables", "install", "1.7.24"),
    Scenario("an installation by a drop-in", "install", "2.1.9"),
    Scenario("an upgrade", "install", "2.1.9", start=("install",), payload="newer"),
    Scenario("a roll-back of tables", "install", "1.7.24", fails=4),
    Scenario("a roll-back of a drop-in", "install", "2.1.9", fails=4),
    Scenario("an uninstall of tables", "uninstall", "1.7.24", start=("install",)),
    Scenario("an uninstall of a drop-in", "uninstall", "2.1.9", start=("install",)),
    Scenario("an uninstall that is rolled back", "uninstall", "2.1.9", start=("install",), fails=4),
    Scenario("a second run", "install", "2.1.9", start=("install",)),
    Scenario("verify", "verify", "2.1.9", start=("install",)),
    Scenario("check", "check", "2.1.9"),
    Scenario("status", "status", "2.1.9", start=("install",)),
)


def prepare(node, scenario):
    """Leaves the state before under "start"; returns what etc/ and all is to be after."""
    node.make(scenario.version)
    for command in scenario.start:
        done, _ = node.run(Scenario("", command, scenario.version))
        if done.returncode != 0:
            raise SystemExit(f"{command}: {done.stderr.decode()}")
    if os.path.exists(node.path("restarts")):
        os.unlink(node.path("restarts"))
    node.keep("start")
    node.before = node.tree("etc")
    done, _ = node.run(scenario)
    if done.returncode != scenario.fails:
        raise SystemExit(f"{scenario.name}: {done.stderr.decode()}")
    if scenario.fails and node.tree("etc") != node.before:
        raise SystemExit(f"{scenario.name}: not as before")
    again(node, scenario)
    return node.tree("etc"), node.tree()


def again(node, scenario):
    """The next run, without faults: it ends well."""
    done, _ = node.run(scenario, restart=f"echo x >>{node.now}/restarts")
    if os.path.exists(node.path("failed")):
        os.unlink(node.path("failed"))
    if os.path.exists(node.path("restarts")):
        os.unlink(node.path("restarts"))
    return done


def message_of(done):
    """The last line, which is the failure's; and how many say so."""
    lines = [json.loads(line) for line in done.stderr.decode().splitlines()]
    return lines[-1]["msg"] if lines else "", sum(line["level"] == "error" for line in lines)


def judge(node, scenario, call, how, done, struck, after):
    """What is wrong, or None."""
    status = done.returncode
    if not struck and status != scenario.fails:
        return f"exit status {status} without a fault: {done.stderr!r}"
    if how in HARMLESS and status != scenario.fails:
        return f"exit status {status} although nothing is lost: {done.stderr!r}"
    etc = node.tree("etc")
    if status == 0:
        if b'"level":"warn' in done.stderr:  # a copy that cannot be removed is told, and swept by the next run
            etc = {name: what for name, what in etc.items() if not name.endswith(".before")}
        return None if scenario.fails == 0 and etc == after else "success, but containerd's files are not as they should be"
    wanted = {4 if how in LASTING else 10, *((scenario.fails,) if scenario.fails else ())}
    if status not in wanted:
        return f"exit status {status}, not of {wanted}: {done.stderr!r}"
    try:
        message, errors = message_of(done)
    except ValueError:
        return f"not a log: {done.stderr!r}"
    if call not in ("malloc", "calloc", "realloc", "write") and errors < 1:
        return f"no reason: {done.stderr!r}"
    if "could not be put back" in message:
        return None if scenario.fails else f"a single fault, and not put back: {message}"
    settled = "gVisor is out of containerd's files" in message
    if settled:  # our own copies, which the message speaks of, and their directory
        etc = {name: what for name, what in etc.items() if not name.endswith(".before") and what != "directory"}
        after = {name: what for name, what in after.items() if what != "directory"}
    if etc != (after if settled else node.before):
        left = sorted(set(etc.items()) ^ set((after if settled else node.before).items()))
        return f"{message}: but containerd's files are not {'as told' if settled else 'as before'}: {left}"
    # A command that was ended before it could count is not a restart.
    if not settled and node.restarts() == 1 and "was not restarted" not in message:
        return f"{message}: but containerd runs with what is no longer there"
    return None


def fail_each(task):
    """How often it failed, and what went wrong."""
    programs, shared, scenario, call, step = task
    node = Node(programs, shared)
    count, wrong = 0, []
    try:
        after_etc, after = prepare(node, scenario)
        for how in SHORTAGES[call]:
            number = 1
            while True:
                plan = f"{call}:{number}:{how}"
                node.back("start")
                done, struck = node.run(scenario, plan)
                why = judge(node, scenario, call, how, done, struck, after_etc)
                if struck and why is None:
                    done = again(node, scenario)
                    if done.returncode != 0 or node.tree() != after:
                        left = sorted(set(node.tree().items()) ^ set(after.items()))
                        why = f"the next run does not finish: {done.returncode} {done.stderr!r} {left}"
                if why:
                    wrong.append(f"FAIL_CALL={plan} {scenario.command}: {why}")
                if not struck:
                    break
                count += 1
                number += step
    finally:
        shutil.rmtree(node.root, ignore_errors=True)
    return scenario.name, call, count, wrong


def make_payload(directory, release):
    os.mkdir(directory)
    source = os.path.join(directory, "says.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write(f'#include <unistd.h>\nint main(void) {{ return write(1, "runsc release-{release}\\n", '
                   f'{len(release) + 15}) < 0; }}\n')
    subprocess.run(["gcc", "-Os", "-s", "-o", os.path.join(directory, "runsc"), source], check=True)
    os.mkdir(os.path.join(directory, "gvisor-bin"))
    shutil.copy(os.path.join(directory, "runsc"), os.path.join(directory, "containerd-shim-runsc-v1"))
    shutil.copy(os.path.join(directory, "runsc"), os.path.join(directory, "gvisor-bin", "gvisor_sentry"))
    with open(os.path.join(directory, "RELEASE"), "w", encoding="utf-8") as file:
        file.write(f"{release}\n")


def main():
    programs = os.path.abspath(sys.argv[1])
    step = int(os.environ.get("STEP") or 1)
    only = os.environ.get("ONLY", "")
    # In memory where that is possible: every write is made durable.
    shared = tempfile.mkdtemp(prefix="failing.", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    failed = serial = total = 0
    try:
        make_payload(os.path.join(shared, "payload"), RELEASE)
        make_payload(os.path.join(shared, "newer"), "20261001.0")
        with open(os.path.join(shared, "containerd"), "w", encoding="utf-8") as file:
            file.write(CONTAINERD)
        os.chmod(os.path.join(shared, "containerd"), 0o755)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(os.path.join(shared, "sock"))
        listener.listen(64)

        def answer():
            while True:
                listener.accept()[0].close()

        tasks = [(programs, shared, scenario, call, step)
                 for scenario in SCENARIOS if only in scenario.name for call in SHORTAGES]
        with concurrent.futures.ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
            results = pool.map(fail_each, tasks)
            threading.Thread(target=answer, daemon=True).start()
            for name, call, count, wrong in results:
                if count == 0 and not wrong:
                    continue
                serial += 1
                total += count
                failed += bool(wrong)
                print(f"{'not ok' if wrong else 'ok'} {serial} - {name}: each of {count} failures of {call} ends well, "
                      "and the next run finishes", flush=True)
                for text in wrong[:5]:
                    print(f"# {text}")
    finally:
        shutil.rmtree(shared)
    print(f"1..{serial}\n# {total} failures")
    return 1 if failed else 0


def alone():
    """Goes on where few processes are to be seen: an uninstall looks at each that there is."""
    inside = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if os.geteuid() == 0 and "ALONE" not in os.environ and subprocess.run([*inside, "true"], check=False).returncode == 0:
        os.environ["ALONE"] = "yes"
        os.execvp(inside[0], [*inside, sys.executable, *sys.argv])


if __name__ == "__main__":
    alone()
    sys.exit(main())
