#!/usr/bin/env python3
"""Benchmarks against peers: run.py BUILD [--quick] [--only NAMES] [--rounds N] [--data DIR].

Writes results/PROCESSOR.md, the plots beside it and RESULTS.md; with --quick only prints. A run of
some groups replaces these on the processor's page and keeps the others.
"""
import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import report
import rows
from measure import Command, measure

HERE = Path(__file__).resolve().parent


def count_instructions(argv):
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *argv]
    text = subprocess.run(tool, check=True, capture_output=True, text=True).stderr
    return int(text.split("refs:")[1].split()[0].replace(",", ""))


def instructions(bench):
    """A line per shape: the instructions an event costs by variant, all of a run's included."""
    yield "| a million events | this processor's variant | portable |"
    yield "| --- | --- | --- |"
    for shape, (*options, path) in bench.shapes().items():
        one = ("--threads", "1")
        counts = [
            round(count_instructions(argv) / 1_000_000)
            for argv in (bench.fold(path, *options, *one), bench.fold_portable(path, *options, *one))
        ]
        yield f"| {shape} | {counts[0]:,} | {counts[1]:,} |"
    yield ""


def plots(bench, rounds, page):
    """Draws them beside the page, and returns what shows them on it."""
    lines = ["### Growing", ""]
    for name, title, label, shapes in (
        ("events", "10 users", "events", [(10**n, 10) for n in range(4, 9)]),
        ("users", "10,000,000 events", "users", [(bench.events, 10**n) for n in (1, 3, 5, 6, 7)]),
    ):
        series = {}
        for events, users in shapes:
            path = bench.inputs.events(events, users)
            figures = measure(
                [
                    Command("aggregator", bench.fold(path, "--max-memory", "2G")),
                    Command("DuckDB", bench.peer("duckdb", path)),
                    Command("wc -l", ["wc", "-l", str(path)]),
                ],
                rounds,
            )
            for command, one in figures.items():
                x = events if name == "events" else users
                series.setdefault(command, []).append((x, one.median()))
            if events > bench.events:
                path.unlink()  # 13 GB, which would push the others out of memory
        picture = page.with_suffix(f".{name}.svg")
        report.plot(picture, title, label, series)
        lines += [f"![{title}, by {label}]({picture.name})", ""]
    return lines


def group_lines(bench, name, rounds):
    """What a group comes to on the page."""
    if name == "instructions":
        if shutil.which("valgrind"):
            yield "### instructions an event"
            yield ""
            yield "By callgrind, one thread, without the kernel's."
            yield ""
            yield from instructions(bench)
        return
    for row in getattr(bench, name)():
        print(f"{row.title} ...", file=sys.stderr, flush=True)
        yield from report.row_lines(row, measure(row.commands, rounds))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", help="directory of the programs")
    parser.add_argument("--quick", action="store_true", help="a tenth of the events, no page")
    parser.add_argument("--only", help="groups of these names, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", help="directory of the inputs; default: bench/ in BUILD")
    options = parser.parse_args()
    bench = rows.Rows(Path(options.build).resolve(), options.data, options.quick)
    names = rows.QUICK_NAMES if options.quick else (*rows.NAMES, "instructions", "plots")
    chosen = options.only.split(",") if options.only else names
    page = report.Page(HERE / "results", names, options.rounds)
    try:
        for name in chosen:
            if name == "plots":
                page.put(name, plots(bench, max(1, options.rounds // 2), page.path))
                continue
            lines = list(group_lines(bench, name, options.rounds))
            print("\n".join(lines), file=sys.stderr, flush=True)
            if not options.quick:
                page.put(name, lines)
    finally:
        bench.stop()


main()
