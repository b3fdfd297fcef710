"""The page of this processor, RESULTS.md and the plots."""
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from measure import ratio

TOP = str(Path(__file__).resolve().parent.parent)


def processor():
    """Its name, which may stand for many models, and the numbers that tell them apart."""
    facts = {}
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            name, _, value = line.partition(":")
            facts.setdefault(name.strip(), value.strip())
    if "model name" in facts:
        name = re.sub(r"\((R|TM)\)", "", facts["model name"])
        return f"{name} (family {facts['cpu family']}, model {facts['model']})", facts["flags"].split()
    name = f"{platform.machine()} ({facts.get('CPU implementer')}, {facts.get('CPU part')})"
    return name, facts.get("Features", "").split()


def variant(flags):
    """Of the aggregator, as it chooses it."""
    if platform.machine() == "aarch64":
        return "NEON"
    return "AVX2" if {"avx2", "bmi2"} <= set(flags) else "portable"


def versions():
    names = ("duckdb", "polars", "chdb", "pandas")
    found = [f"{name} {__import__(name).__version__}" for name in names]
    return ", ".join(found) + f", Python {sys.version.split()[0]}"


def commit():
    argv = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    found = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()
    return found or "an unknown commit"


def short(text):
    return text.replace(f"{TOP}/", "")


class Page:
    """A section per group; those of earlier runs on the same processor stay until measured again."""

    def __init__(self, directory, names, rounds):
        self.name, self.flags = processor()
        slug = re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")
        self.path = directory / f"{slug}.md"
        self.index = directory.parent / "RESULTS.md"
        self.names, self.rounds = names, rounds

    def heading(self):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        yield f"# Measured on {self.name}"
        yield ""
        yield (
            f"{os.cpu_count()} CPUs, {memory:.0f} GiB, Linux {platform.release()}. "
            f"The aggregator's variant: {variant(self.flags)}."
        )
        yield f"{versions()}."
        yield ""
        yield (
            "Whole processes on files in the page cache, in turn, round by round; a ratio is the "
            "median of the rounds' ratios to the first command. Other figures are medians; memory "
            "is the greatest."
        )
        yield ""

    def put(self, name, lines):
        marks = {one: f"<!-- {one} -->" for one in self.names}
        old = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        sections = dict(re.findall(r"^<!-- (\w+) -->\n(.*?)(?=^<!-- |\Z)", old, re.S | re.M))
        load = os.getloadavg()[0]
        told = f"`make bench ONLY={name} ROUNDS={self.rounds}` at {commit()}, load {load:.1f} at its end."
        sections[name] = "\n".join([told, "", *lines]) + "\n"
        self.path.parent.mkdir(exist_ok=True)
        with open(self.path, "w", encoding="utf-8") as out:
            print("\n".join(self.heading()), file=out)
            for one in self.names:
                if sections.get(one):
                    print(f"{marks[one]}\n{sections[one].strip()}\n", file=out)
        self.list_pages()

    def list_pages(self):
        with open(self.index, "w", encoding="utf-8") as out:
            print("# Measured\n\nBy `make bench`, a page per processor:\n", file=out)
            for page in sorted(self.path.parent.glob("*.md")):
                title = page.read_text(encoding="utf-8").split("\n", 1)[0]
                name = title.removeprefix("# Measured on ")
                print(f"- [{name}](results/{page.name})", file=out)


def mebibytes(value):
    return f"{value / 2**20:,.{1 if value < 10 * 2**20 else 0}f} MiB"


def row_lines(row, figures):
    """A table of one row's commands; the first is what the others are compared with."""
    first = figures[row.commands[0].label]
    yield f"### {row.title}"
    yield ""
    if row.note:
        yield row.note
        yield ""
    yield "| command | median | min-max | CPU | peak RSS | ratio |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for command in row.commands:
        one = figures[command.label]
        yield (
            f"| {command.label} | {one.median():.3f} s | {min(one.wall):.3f}-{max(one.wall):.3f} | "
            f"{sorted(one.cpu)[len(one.cpu) // 2]:.2f} s | {mebibytes(one.rss)} | "
            f"{ratio(one, first):.2f} |"
        )
    yield ""
    for command in row.commands:
        pipe = " ".join(command.stdin) + " | " if command.stdin else ""
        yield f"    {command.label}: {short(pipe + ' '.join(command.argv))}"
    yield ""


def plot(path, title, x_label, series):
    """series: label -> [(x, seconds)]; both axes logarithmic."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "bench"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4))
    for label, points in series.items():
        axes.loglog(*zip(*points), marker="o", markersize=3, label=label)
    axes.set(title=title, xlabel=x_label, ylabel="seconds, whole process")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
