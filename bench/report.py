"""RESULTS.md and the plots."""
import os
import platform
import subprocess

from measure import ratio


def machine():
    model = next(
        line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")
    )
    flags = next(line for line in open("/proc/cpuinfo") if line.startswith("flags"))
    vectors = "AVX2" if "avx2" in flags else "no AVX2"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{model}, {os.cpu_count()} CPUs, {vectors}, {memory:.0f} GiB, Linux {platform.release()}, "
        f"load {os.getloadavg()[0]:.1f} when it ended"
    )


def mebibytes(value):
    return f"{value / 2**20:,.0f} MiB"


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
        yield f"    {command.label}: {pipe}{' '.join(command.argv)}"
    yield ""


def write(path, results, versions, instructions, settings):
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    ).stdout.strip()
    with open(path, "w", encoding="utf-8") as out:
        print("# Measured\n", file=out)
        print(f"By `{settings}`, at {commit or 'an unknown commit'}. {machine()}.", file=out)
        print(f"{versions}.\n", file=out)
        print(
            "Whole processes on files in the page cache, in turn, round by round; a ratio is the "
            "median of the rounds' ratios to the first command. Other figures are medians.\n",
            file=out,
        )
        if instructions:
            print(f"Instructions per event (callgrind, AVX2 path): {instructions}.\n", file=out)
        for row, figures in results:
            print("\n".join(row_lines(row, figures)), file=out)


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
