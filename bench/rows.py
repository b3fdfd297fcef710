"""What is measured: groups of rows, each of commands that are run in turn."""
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import inputs
from measure import Command

HERE = Path(__file__).resolve().parent
NAMES = (
    "few_users", "many_users", "distinct_users", "long_keys", "statistics", "layouts", "compressed",
    "generator", "start", "load", "gvisor",
)  # fmt: skip
QUICK_NAMES = ("few_users", "many_users", "statistics", "layouts", "compressed", "start")


@dataclass
class Row:
    title: str
    commands: list
    note: str = ""


class Rows:
    """A method for each group yields its rows."""

    def __init__(self, build, data, quick):
        self.aggregator = str(build / "aggregator")
        self.portable = str(build / "portable/bin/aggregator")
        self.fake_gen = str(build / "fake_gen")
        self.inputs = inputs.Inputs(data or build / "bench", self.fake_gen)
        self.events = 1_000_000 if quick else 10_000_000
        self.users = self.events // 10
        self.server = None

    def fold(self, path, *options):
        return [self.aggregator, "--print", "csv", *options, str(path)]

    def fold_portable(self, path, *options):
        """Without vectors that not every processor has."""
        return [self.portable, "--print", "csv", *options, str(path)]

    def variants(self, path, *options):
        """Both variants, by all threads and by one."""
        one = (*options, "--threads", "1")
        return [
            Command("aggregator", self.fold(path, *options)),
            Command("aggregator, 1 thread", self.fold(path, *one)),
            Command("portable", self.fold_portable(path, *options)),
            Command("portable, 1 thread", self.fold_portable(path, *one)),
        ]

    @staticmethod
    def peer(engine, path):
        return [sys.executable, str(HERE / "peer.py"), engine, str(path)]

    def few_users(self):
        path = self.inputs.events(self.events, 10)
        yield Row(
            f"{self.events:,} events of 10 users",
            [
                *self.variants(path),
                Command("wc -l", ["wc", "-l", str(path)]),
                Command("DuckDB", self.peer("duckdb", path)),
                Command("Polars", self.peer("polars", path)),
                Command("chDB", self.peer("chdb", path)),
            ],
        )
        small = self.inputs.events(self.events // 10, 10)
        yield Row(
            f"{self.events // 10:,} events of 10 users",
            [
                Command("aggregator", self.fold(small)),
                Command("pandas", self.peer("pandas", small)),
            ],
        )

    def many_users(self):
        path = self.inputs.events(self.events, self.users)
        few = self.inputs.events(self.events, 10)
        yield Row(
            f"{self.events:,} events of {self.users:,} users",
            [
                *self.variants(path),
                Command("aggregator, 10 users", self.fold(few)),
                Command("DuckDB", self.peer("duckdb", path)),
                Command("Polars", self.peer("polars", path)),
                Command("chDB", self.peer("chdb", path)),
            ],
        )

    def distinct_users(self):
        path = self.inputs.distinct(self.inputs.events(self.events, 10))
        yield Row(
            f"{self.events:,} events of as many users",
            [
                *self.variants(path, "--max-memory", "2G"),
                Command("aggregator, 256M", self.fold(path)),
                Command("DuckDB", self.peer("duckdb", path)),
            ],
            "Every event has a user of its own.",
        )

    def long_keys(self):
        limit = ("--max-memory", "2G")
        many = self.inputs.events(self.events, self.users)
        distinct = self.inputs.distinct(self.inputs.events(self.events, 10))
        for users, short in ((f"{self.users:,}", many), ("as many", distinct)):
            path = self.inputs.uuids(short)
            yield Row(
                f"{self.events:,} events of {users} users named by UUIDs",
                [
                    *self.variants(path, *limit),
                    Command("aggregator, short names", self.fold(short, *limit)),
                    Command("DuckDB", self.peer("duckdb", path)),
                ],
                "A name has 36 bytes.",
            )

    def statistics(self):
        for users in (10, self.users):
            path = self.inputs.events(self.events, users)
            yield Row(
                f"{self.events:,} events of {users:,} users, with statistics",
                [
                    Command("aggregator", self.fold(path)),
                    Command("aggregator --stats", self.fold(path, "--stats")),
                    Command("portable", self.fold_portable(path)),
                    Command("portable --stats", self.fold_portable(path, "--stats")),
                ],
            )

    def layouts(self):
        path = self.inputs.events(self.events // 5, 10)
        odd = {
            "escapes in every string": self.inputs.derived(path, "escaped", inputs.ESCAPED),
            "not ASCII in every string": self.inputs.derived(path, "unicode", inputs.UNICODE),
        }
        texts = {
            "compact": path,
            "spaced": self.inputs.derived(path, "spaced", inputs.SPACED),
            "value first": self.inputs.derived(path, "order", inputs.VALUE_FIRST),
            **odd,
        }
        yield Row(
            f"{self.events // 5:,} events in other layouts",
            [Command(label, self.fold(text)) for label, text in texts.items()]
            + [Command(f"{label}, portable", self.fold_portable(t)) for label, t in texts.items()]
            + [Command(f"{label}, DuckDB", self.peer("duckdb", text)) for label, text in odd.items()],
        )

    def compressed(self):
        bgzf = self.inputs.events(self.events // 5, 10, "--gzip")
        plain = self.inputs.events(self.events // 5, 10)
        gzip = self.inputs.derived(plain, "gz", ["gzip", "-6"])
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
        path = self.inputs.events(self.events, 10)
        copy = str(self.inputs.directory / "copy")
        small = self.inputs.events(self.events // 5, 10)
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

    @staticmethod
    def start_of(program):
        return Command(f"{Path(program).name} --version", [program, "--version"])

    def start(self):
        yield Row(
            "start to exit",
            [
                self.start_of(self.aggregator),
                self.start_of(self.fake_gen),
                Command("python3 -c ''", ["python3", "-c", ""]),
                Command("/bin/true", ["/bin/true"]),
            ],
        )

    def start_server(self):
        self.server = tempfile.mkdtemp(prefix="bench.", dir="/tmp")
        script = str(HERE.parent / "local/postgres.sh")
        subprocess.run([script, "start", self.server], check=True, stdout=subprocess.DEVNULL)
        with open(f"{self.server}/env", encoding="utf-8") as env:
            for line in env:
                name, _, value = line.removeprefix("export ").strip().partition("=")
                os.environ[name] = value.strip("'\"")

    def load(self):
        path = self.inputs.events(self.events, self.users)
        totals = self.inputs.derived(path, "csv", self.fold("-"))
        self.start_server()
        psql = ["psql", "-qX", "-v", "ON_ERROR_STOP=1"]
        clear = [*psql, "-c", "DROP TABLE IF EXISTS session_duration, aggregator_runs"]
        create = [
            *psql,
            "-c",
            'CREATE TABLE session_duration ("userId" text COLLATE "C" PRIMARY KEY, '
            '"sessionDuration" bigint NOT NULL)',
        ]
        # \copy takes no variables.
        script = self.inputs.directory / "merge.sql"
        script.write_text((HERE / "merge.sql").read_text().replace("TOTALS", str(totals)))
        merge = [*psql, "-f", str(script)]
        load = ["sh", "-c", f"exec {self.aggregator} --run-id $(date +%s%N) {path}"]
        with open(totals, "rb") as lines:
            count = sum(1 for _ in lines) - 1
        loaded = f"loaded {count} totals into session_duration in"
        for title, before in (("into an empty table", [clear, create]), ("onto a full one", [])):
            yield Row(
                f"loading {count:,} totals {title}",
                [
                    Command("psql \\copy, merge", merge, before=before),
                    Command("aggregator", load, before=before, seconds_from=loaded),
                ],
                "The aggregator's time is its load alone, as it logs it, without the reading.",
            )

    def gvisor(self):
        runsc = find_runsc()
        if runsc is None or os.geteuid() != 0:
            return
        path = self.inputs.events(self.events, 10)
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

    def shapes(self):
        """What instructions are counted of: a million events each."""
        few = self.inputs.events(1_000_000, 10)
        many = self.inputs.events(1_000_000, 100_000)
        return {
            "10 users": [few],
            "10 users, --stats": ["--stats", few],
            "10 users, escapes in every string": [
                self.inputs.derived(few, "escaped", inputs.ESCAPED)
            ],
            "10 users, not ASCII in every string": [
                self.inputs.derived(few, "unicode", inputs.UNICODE)
            ],
            "100,000 users": [many],
            "100,000 users named by UUIDs": [self.inputs.uuids(many)],
            "as many users as events": ["--max-memory", "2G", self.inputs.distinct(few)],
        }

    def stop(self):
        if self.server:
            script = str(HERE.parent / "local/postgres.sh")
            subprocess.run([script, "stop", self.server, "immediate"], check=False)
            shutil.rmtree(self.server, ignore_errors=True)


def find_runsc():
    """RUNSC, or what the cluster tests have built: Debian's is too old to know systrap."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    built = sorted(cache.glob("argo-steps/box/built/gvisor-*/bin/runsc"))
    return os.environ.get("RUNSC") or (str(built[-1]) if built else None)
