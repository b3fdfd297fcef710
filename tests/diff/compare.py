"""Runs the aggregator over files and compares all that it says with the reference."""

import csv
import gzip
import io
import json
import os
import re
import subprocess

from reference import SHAPES, VALUE_MAX, may_be_no_line, read_line, steps

REJECT = re.compile(rb"(\d+):(\d+): ([^\t]+)\t(.*)", re.DOTALL)
CUT = re.compile(rb"\.\.\.\[cut: (\d+) bytes\]$")
SHOWN = 5  # differences of one kind


class Input:
    """Files of lines, and what the reference makes of them."""

    def __init__(self, rules, texts):
        self.rules = rules
        self.bad, self.totals = {}, {}
        self.lines = self.blank = self.skipped = self.concatenated = 0
        self.used = dict.fromkeys(SHAPES, 0)
        self.files = [self._read(number, text) for number, text in enumerate(texts)]

    def _read(self, file, text):
        lines = text.split(b"\n")
        unterminated = lines.pop()
        if unterminated:
            lines.append(unterminated)
        begun = False
        for at, raw in enumerate(lines):
            if not begun and may_be_no_line(raw):
                lines[at] = raw = b" "  # all of the file would be refused
            kind, *event = read_line(raw, self.rules, first=at == 0)
            begun = begun or kind != "blank"
            if kind == "event" and not self._add(*event):
                lines[at], kind = b" ", "blank"  # a total beyond 64 bits would end the run
            if kind == "bad":
                self.bad[file, at + 1] = raw
            self.blank += kind == "blank"
            self.skipped += kind == "skipped"
        self.lines += len(lines)
        return b"\n".join(lines) + (b"" if unterminated or not lines else b"\n")

    def _add(self, key, value, used):
        total = self.totals.setdefault(key, [0, 0, value, value])
        if total[0] + value > VALUE_MAX:
            return False
        total[0] += value
        total[1] += 1
        total[2] = min(total[2], value)
        total[3] = max(total[3], value)
        for shape in used:
            self.used[shape] += 1
        return True


class Run:
    """One run of the aggregator over an Input, in a directory of its own."""

    def __init__(self, binary, directory, given, threads=1, stored="plain"):
        self.given, self.directory = given, directory
        rules = given.rules
        self.command = [
            binary, "--print", "csv", "--stats", "--max-bad", "100%",
            "--rejects", self.path("rejects"), "--report", self.path("report.json"),
            "--key", rules.key, "--value", rules.value, "--threads", str(threads),
            "--max-line", str(rules.max_line), "--max-key", str(rules.max_key),
            *rules.options(), "--",
        ]
        names = [self.path(f"{number}.jsonl") for number in range(len(given.files))]
        for name, text in zip(names, given.files):
            with open(name, "wb") as file:
                file.write(gzip.compress(text, 1) if stored == "gzip" else text)
        if stored == "stdin":
            self.names = ["standard input"]
            with open(names[0], "rb") as file:
                self._run(["-"], file)
        else:
            self.names = names
            self._run(names, subprocess.DEVNULL)

    def path(self, name):
        return os.path.join(self.directory, name)

    def _run(self, operands, stdin):
        self.command += operands
        done = subprocess.run(self.command, stdin=stdin, capture_output=True, check=False)
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    def differences(self):
        """Words on each difference, the first few of a kind."""
        if self.status != 0:
            return [f"status {self.status}: {self.err[-2000:]!r}"]
        return [*self._rejects(), *self._totals(), *self._counts()]

    def _counts(self):
        given = self.given
        with open(self.path("report.json"), encoding="utf-8") as file:
            report = json.load(file)
        expected = {"lines": given.lines, "blank_lines": given.blank, "bad_lines": len(given.bad),
                    "users": len(given.totals), "bytes": sum(map(len, given.files)),
                    "skipped_lines": given.skipped, "concatenated": given.concatenated,
                    **{shape.replace("-", "_"): n for shape, n in given.used.items()}}
        for name, number in expected.items():
            if report[name] != number:
                yield f"report: {name} is {report[name]}, not {number}"

    def _kept(self):
        """(file, line), column and bytes of each reject."""
        with open(self.path("rejects"), "rb") as file:
            kept = file.read().split(b"\n")[:-1]
        starts = [name.encode() + b":" for name in self.names]
        for text in kept:
            file = next(at for at, start in enumerate(starts) if text.startswith(start))
            line, column, _, raw = REJECT.fullmatch(text, len(starts[file])).groups()
            yield (file, int(line)), int(column), raw

    def _rejects(self):
        kept, bad = list(self._kept()), self.given.bad
        places = [place for place, _, _ in kept]
        if places != sorted(places):
            yield "rejects: not in the input's order"
        for place, column, raw in [reject for reject in kept if reject[0] not in bad][:SHOWN]:
            yield f"rejected, but good: {place}, column {column}: {raw!r}"
        for place in sorted(bad.keys() - set(places))[:SHOWN]:
            yield f"accepted, but bad: {place}: {bad[place]!r}"
        for place, column, raw in kept:
            whole = bad.get(place, raw)
            if not self._is_verbatim(raw, whole):
                yield f"rejects: {place}: kept as {raw[:300]!r} of {whole[:300]!r}"
            if not 1 <= column <= len(whole) + 1:
                yield f"rejects: {place}: there is no column {column} in {whole!r}"

    def _is_verbatim(self, raw, whole):
        if len(whole) <= self.given.rules.max_line + 2:
            return raw == whole
        cut = CUT.search(raw)
        return (cut is not None and int(cut[1]) == len(whole)
                and cut.start() > 0 and whole.startswith(raw[:cut.start()]))

    def _totals(self):
        rules, expected = self.given.rules, self.given.totals
        # Lines end in a line feed alone: keys may hold what else Python takes for a line's end.
        text = io.StringIO(self.out.decode("utf-8", "surrogateescape"), newline="\n")
        header, *rows = csv.reader(text)
        if header != [steps(rules.key)[-1], steps(rules.value)[-1], "count", "min", "max"]:
            yield f"header: {header}"
        got = {key.encode("utf-8", "surrogateescape"): [int(n) for n in row] for key, *row in rows}
        if len(got) != len(rows) or list(got) != sorted(got):
            yield "totals: not sorted by key bytes, each once"
        wrong = [key for key in got.keys() | expected.keys() if got.get(key) != expected.get(key)]
        for key in sorted(wrong)[:SHOWN]:
            yield f"total of {key!r}: {got.get(key)}, not {expected.get(key)}"
