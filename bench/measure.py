"""Whole processes, measured in turn: A B C, A B C, so that drift of the machine hits all alike."""
import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field


@dataclass
class Command:
    """One thing to run. before: argument lists, run each time, not measured."""

    label: str
    argv: list
    before: list = field(default_factory=list)
    stdin: list = None  # a command whose output it reads, as part of what is measured
    seconds_from: str = None  # instead of the wall clock: text of stderr before a number


@dataclass
class Figures:
    wall: list = field(default_factory=list)
    cpu: list = field(default_factory=list)
    rss: int = 0

    def median(self):
        return statistics.median(self.wall)


def run_once(command, env):
    for argv in command.before:
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    # time(1) starts it: memory that was once this interpreter's would count as the command's.
    with tempfile.NamedTemporaryFile("r") as figures:
        argv = ["/usr/bin/time", "-f", "%M", "-o", figures.name, *command.argv]
        start = time.monotonic()
        source = command.stdin and subprocess.Popen(command.stdin, stdout=subprocess.PIPE, env=env)
        process = subprocess.Popen(
            argv,
            stdin=source.stdout if source else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=env,
        )
        text = process.stderr.read().decode(errors="replace")
        cpu, process.returncode = reap(process)
        if source:
            cpu += reap(source)[0]
        wall = time.monotonic() - start
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(command.argv)}: status {process.returncode}\n{text}")
        rss = int(figures.read().split()[-1]) * 1024
    if command.seconds_from:
        wall = float(text.split(command.seconds_from)[1].split()[0])
    return wall, cpu, rss


def reap(process):
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, process.returncode


def measure(commands, rounds, env=None):
    """One warm-up of each, then `rounds` rounds; a Figures per label."""
    figures = {command.label: Figures() for command in commands}
    for number in range(rounds + 1):
        for command in commands:
            wall, cpu, rss = run_once(command, env)
            if number > 0:
                one = figures[command.label]
                one.wall.append(wall)
                one.cpu.append(cpu)
                one.rss = max(one.rss, rss)
    return figures


def ratio(above, below):
    """The median of the ratios round by round."""
    return statistics.median(a / b for a, b in zip(above.wall, below.wall))
