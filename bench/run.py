#!/usr/bin/env python3
"""Benchmarks against peers: run.py BUILD [--quick] [--only WORD] [--rounds N] [--data DIR].

Writes RESULTS.md and the plots beside itself; with --quick or --only prints the table instead.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import report
from measure import Command, measure

HERE = Path(__file__).resolve().parent


@dataclass
class Row:
    title: str
    commands: list
    note: str = ""


class Bench:
    def __init__(self, options):
        self.build = Path(options.build).resolve()
        self.data = Path(options.data or self.build / "bench").resolve()
        self.data.mkdir(parents=True, exist_ok=True)
        self.quick = options.quick
        self.events = 1_000_000 if options.quick else 10_000_000
        self.users = self.events // 10
        self.aggregator = str(self.build / "aggregator")
        self.fake_gen = str(self.build / "fake_gen")
        self.server = None

    def fold(self, path, *options):
        return [self.aggregator, "--print", "csv", *options, str(path)]

    @staticmethod
    def peer(engine, path):
        return [sys.executable, str(HERE / "peer.py"), engine, str(path)]

    def input(self, events, users, *options):
        """A file of events, made once."""
        path = self.data / f"{events}-{users}{''.join(options)}.jsonl"
        if not path.exists():
            argv = [self.fake_gen, "-n", str(events), "-u", str(users), "-s", "7", *options]
            subprocess.run([*argv, "-o", path], check=True, stderr=subprocess.DEVNULL)
        return path

    def distinct(self, source):
        """The same events, each with a user of its own."""
        path = source.with_suffix(".distinct")
        if not path.exists():
            with open(source, "rb") as text, open(f"{path}.part", "wb") as out:
                for number, line in enumerate(text, 1):
                    before, name, after = line.partition(b'"userId":"user')
                    out.write(b"%b%b%d%b" % (before, name, number, after[after.index(b'"') :]))
            os.rename(f"{path}.part", path)
        return path

    def derived(self, source, name, argv):
        """Another file made of one by a filter, once."""
        path = source.with_suffix(f".{name}")
        if not path.exists():
            with open(source, "rb") as text, open(f"{path}.part", "wb") as out:
                subprocess.run(argv, stdin=text, stdout=out, check=True)
            os.rename(f"{path}.part", path)
        return path

    # Rows.

    def few_users(self):
        path = self.input(self.events, 10)
        yield Row(
            f"{self.events:,} events of 10 users",
            [
                Command("aggregator", self.fold(path)),
                Command("aggregator, 1 thread", self.fold(path, "--threads", "1")),
                Command("wc -l", ["wc", "-l", str(path)]),
                Command("DuckDB", self.peer("duckdb", path)),
                Command("Polars", self.peer("polars", path)),
                Command("chDB", self.peer("chdb", path)),
            ],
        )
        small = self.input(self.events // 10, 10)
        yield Row(
            f"{self.events // 10:,} events of 10 users",
            [
                Command("aggregator", self.fold(small)),
                Command("pandas", self.peer("pandas", small)),
            ],
        )

    def layouts(self):
        path = self.input(self.events // 5, 10)
        spaced = ["sed", r's/":/": /g; s/,"/, "/g']
        order = ["sed", "-E", r's/^\{(.*),("sessionDuration":[0-9]+)\}$/{\2,\1}/']
        escaped = ["sed", r's/":"\(..\)/":"\1\\u00e9/g']
        unicode = ["sed", 's/":"\\(..\\)/":"\\1\u00e9\u4e16/g']
        texts = {
            "compact": path,
            "spaced": self.derived(path, "spaced", spaced),
            "value first": self.derived(path, "order", order),
            "escapes in every string": self.derived(path, "escaped", escaped),
            "not ASCII in every string": self.derived(path, "unicode", unicode),
        }
        commands = [Command(label, self.fold(text)) for label, text in texts.items()]
        commands += [
            Command(f"DuckDB, {label}", self.peer("duckdb", texts[label]))
            for label in ("escapes in every string", "not ASCII in every string")
        ]
        yield Row(f"{self.events // 5:,} events in other layouts", commands)

    def many_users(self):
        path = self.input(self.events, self.users)
        few = self.input(self.events, 10)
        yield Row(
            f"{self.events:,} events of {self.users:,} users",
            [
                Command("aggregator", self.fold(path)),
                Command("aggregator, 1 thread", self.fold(path, "--threads", "1")),
                Command("aggregator, 10 users", self.fold(few)),
                Command("DuckDB", self.peer("duckdb", path)),
                Command("Polars", self.peer("polars", path)),
                Command("chDB", self.peer("chdb", path)),
            ],
        )
        if self.quick:
            return
        distinct = self.distinct(few)
        yield Row(
            f"{self.events:,} events of as many users",
            [
                Command("aggregator", self.fold(distinct, "--max-memory", "2G")),
                Command("aggregator, 256M", self.fold(distinct)),
                Command("DuckDB", self.peer("duckdb", distinct)),
            ],
            "Every event has a user of its own.",
        )

    def compressed(self):
        bgzf = self.input(self.events // 5, 10, "--gzip")
        plain = self.input(self.events // 5, 10)
        gzip = self.derived(plain, "gz", ["gzip", "-6"])
        stdin = [self.aggregator, "--print", "csv", "-"]
        yield Row(
            f"{self.events // 5:,} events, compressed",
            [
                Command("BGZF", self.fold(bgzf)),
                Command("BGZF, 1 thread", self.fold(bgzf, "--threads", "1")),
                Command("gzip", self.fold(gzip)),
                Command("zcat", stdin, stdin=["zcat", str(gzip)]),
            ],
        )

    def generator(self):
        path = self.input(self.events, 10)
        copy = str(self.data / "copy")
        small = self.input(self.events // 5, 10)
        make = [self.fake_gen, "-s", "7", "-u", "10", "-n"]
        yield Row(
            f"writing {self.events:,} events",
            [
                Command("cp, sync", ["sh", "-c", f"cp {path} {copy} && sync {copy}"]),
                Command("fake_gen", [*make, str(self.events), "-o", copy]),
            ],
            "Both end when the file is on the disk.",
        )
        yield Row(
            f"compressing {self.events // 5:,} events",
            [
                Command("pigz -6", ["sh", "-c", f"pigz -6 -c {small} >{copy} && sync {copy}"]),
                Command("fake_gen --gzip", [*make, str(self.events // 5), "--gzip", "-o", copy]),
            ],
            "fake_gen makes the events as well.",
        )

    def start(self):
        yield Row(
            "start to exit",
            [
                Command("aggregator --version", [self.aggregator, "--version"]),
                Command("fake_gen --version", [self.fake_gen, "--version"]),
                Command("python3 -c ''", ["python3", "-c", ""]),
                Command("/bin/true", ["/bin/true"]),
            ],
        )

    def load(self):
        users = self.events // 10
        path = self.input(self.events, users)
        totals = self.derived(path, "csv", [*self.fold("-")])
        self.server = tempfile.mkdtemp(prefix="bench.", dir="/tmp")
        script = str(HERE.parent / "local/postgres.sh")
        subprocess.run([script, "start", self.server], check=True, stdout=subprocess.DEVNULL)
        with open(f"{self.server}/env", encoding="utf-8") as env:
            for line in env:
                name, _, value = line.removeprefix("export ").strip().partition("=")
                os.environ[name] = value.strip("'\"")
        psql = ["psql", "-qX", "-v", "ON_ERROR_STOP=1"]
        clear = [*psql, "-c", "DROP TABLE IF EXISTS session_duration, aggregator_runs"]
        create = [
            *psql,
            "-c",
            'CREATE TABLE session_duration ("userId" text COLLATE "C" PRIMARY KEY, '
            '"sessionDuration" bigint NOT NULL)',
        ]
        # \copy takes no variables.
        script = self.data / "merge.sql"
        script.write_text((HERE / "merge.sql").read_text().replace("TOTALS", str(totals)))
        merge = [*psql, "-f", str(script)]
        load = ["sh", "-c", f"exec {self.aggregator} --run-id $(date +%s%N) {path}"]
        loaded = f"loaded {self.count(totals)} totals into session_duration in"
        note = "The aggregator's time is its load alone, as it logs it, without the reading."
        for title, before in (("into an empty table", [clear, create]), ("onto a full one", [])):
            yield Row(
                f"loading {self.count(totals):,} totals {title}",
                [
                    Command("psql \\copy, merge", merge, before=before),
                    Command("aggregator", load, before=before, seconds_from=loaded),
                ],
                note,
            )

    @staticmethod
    def count(totals):
        with open(totals, "rb") as lines:
            return sum(1 for _ in lines) - 1

    def gvisor(self):
        runsc = find_runsc()
        if runsc is None or os.geteuid() != 0:
            return
        path = self.input(self.events, 10)
        fold = self.fold(path, "--log-format", "json")
        inside = [runsc, "--platform=systrap", "--network=none", "--ignore-cgroups", "do"]
        read = "blank) in"
        yield Row(
            f"{self.events:,} events of 10 users under gVisor (systrap)",
            [
                Command("runc's kernel", fold, seconds_from=read),
                Command("gVisor", [*inside, *fold], seconds_from=read),
            ],
            "Reading and adding alone, as the aggregator logs it, without the sandbox's start.",
        )

    def stop(self):
        if self.server:
            script = str(HERE.parent / "local/postgres.sh")
            subprocess.run([script, "stop", self.server, "immediate"], check=False)
            shutil.rmtree(self.server, ignore_errors=True)

    # The rest.

    def instructions(self):
        """Per event, without what every run costs once."""
        counts = []
        for events in (100_000, 200_000):
            path = self.input(events, 10)
            argv = [
                "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                *self.fold(path, "--threads", "1"),
            ]  # fmt: skip
            text = subprocess.run(argv, check=True, capture_output=True, text=True).stderr
            counts.append(int(text.split("refs:")[1].split()[0].replace(",", "")))
        return round((counts[1] - counts[0]) / 100_000)

    def plots(self, rounds):
        for name, title, label, shapes in (
            ("events", "10 users", "events", [(10**n, 10) for n in range(4, 9)]),
            ("users", "10,000,000 events", "users", [(self.events, 10**n) for n in (1, 3, 5, 6, 7)]),
        ):
            series = {}
            for events, users in shapes:
                path = self.input(events, users)
                figures = measure(
                    [
                        Command("aggregator", self.fold(path, "--max-memory", "2G")),
                        Command("DuckDB", self.peer("duckdb", path)),
                        Command("wc -l", ["wc", "-l", str(path)]),
                    ],
                    rounds,
                )
                for command, one in figures.items():
                    x = events if name == "events" else users
                    series.setdefault(command, []).append((x, one.median()))
                if events > self.events:
                    path.unlink()  # 13 GB, which would push the others out of memory
            report.plot(HERE / f"{name}.svg", title, label, series)


def find_runsc():
    """RUNSC, or what the cluster tests have built: Debian's is too old to know systrap."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    built = sorted(cache.glob("argo-steps/box/built/gvisor-*/bin/runsc"))
    return os.environ.get("RUNSC") or (str(built[-1]) if built else None)


def versions():
    names = ("duckdb", "polars", "chdb", "pandas")
    found = [f"{name} {__import__(name).__version__}" for name in names]
    return ", ".join(found) + f", Python {sys.version.split()[0]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", help="directory of the programs")
    parser.add_argument("--quick", action="store_true", help="a tenth of the events, no plots")
    parser.add_argument("--only", help="rows of these names, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", help="directory of the inputs; default: bench/ in BUILD")
    options = parser.parse_args()
    bench = Bench(options)
    names = ["few_users", "many_users", "layouts", "compressed", "generator", "start", "load", "gvisor"]
    if options.quick:
        names = ["few_users", "many_users", "layouts", "compressed", "start"]
    chosen = options.only.split(",") if options.only else names
    written = not options.quick and not options.only
    valgrind = bench.instructions() if written and shutil.which("valgrind") else None
    settings = "make bench" if options.rounds == 5 else f"make bench ROUNDS={options.rounds}"
    results = []
    try:
        for name in chosen:
            for row in getattr(bench, name)():
                print(f"{row.title} ...", file=sys.stderr, flush=True)
                results.append((row, measure(row.commands, options.rounds)))
                print("\n".join(report.row_lines(*results[-1])), file=sys.stderr, flush=True)
                if written:
                    report.write(HERE / "RESULTS.md", results, versions(), valgrind, settings)
    finally:
        bench.stop()
    if written:
        bench.plots(max(1, options.rounds // 2))


main()
