"""Files of objects that do not have a line each, and what json's raw_decode() makes of them."""

import os
import random
import tempfile

from compare import Input, Run
from reference import BOM, DECODER, event, steps
from shapes import Shapes

FILE = 500  # objects
BETWEEN = ("", "", "\n", "\n", " ", "\t", "\r\n", "\n\n", "\n \n\t")
SPACES = ("", "", "", " ", "\n", "\r\n  ", "\t")


class ObjectsGenerator(Shapes):
    def space(self):
        return self.random.choice(SPACES)

    def file(self, damaged):
        choice, below = self.random.choice, self.below
        # Bad objects alone are not input.
        texts = [self.object_of([(steps(self.rules.key), '"u"'), (steps(self.rules.value), "1")],
                                sloppy=False), "\n"]
        for _ in range(FILE):
            texts += [self.layout() if below(3) else self.grammatical(), choice(BETWEEN)]
        raw = [text.encode() for text in texts]
        if damaged:
            at = 1 + below(len(raw) - 1)
            raw[at] = self.damaged(raw[at], raw[below(len(raw))])
        return BOM * (below(5) == 0) + b"".join(raw)


class Objects(Input):
    """An Input of such files, up to the first object that is broken."""

    def __init__(self, rules, texts):
        self.broken = None  # file, line and column of its first byte, as all places are
        super().__init__(rules, texts)

    def _read(self, file, raw):
        # A byte a character, so that places are bytes. UTF-8 is looked at object by object.
        text = raw.decode("latin-1")
        spans, at = [], len(BOM) * raw.startswith(BOM)
        while self.broken is None:
            while at < len(text) and text[at] in " \t\r\n":
                at += 1
            if at == len(text):
                break
            start, line = at, text.count("\n", 0, at) + 1
            place = (file, line, at - text.rfind("\n", 0, at))
            try:
                if text[at] != "{":
                    raise ValueError("no object")
                at = DECODER.raw_decode(text, at)[1]
                raw[start:at].decode("utf-8", "strict")
            except ValueError:
                self.broken = place
                break
            is_event = self._take(place, raw[start:at])
            if is_event is None:  # a total beyond 64 bits would end the run
                raw = raw[:start] + b" " * (at - start) + raw[at:]
                text = raw.decode("latin-1")
            else:
                spans.append((line, text.count("\n", 0, at) + 1, is_event))
        self._count(text, spans)
        return raw

    def _take(self, place, raw):
        """Whether it is an event; None where it cannot be added."""
        try:
            if len(raw) > self.rules.max_line:
                raise ValueError("too long")
            found = event(raw, self.rules)
        except ValueError:
            self.bad[place] = raw
            return False
        if found is None:
            self.skipped += 1
            return False
        return self._add(*found) or None

    def _count(self, text, spans):
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        filled = {line for first, last, _ in spans for line in range(first, last + 1)}
        blank = len(lines) - len(filled)
        self.blank += blank
        self.lines += len(spans) + blank
        for at, (first, last, is_event) in enumerate(spans):
            before, after = spans[at - 1:at], spans[at + 1:at + 2]
            self.concatenated += is_event and (
                first != last or any(last == first for _, last, _ in before)
                or any(first == last for first, _, _ in after))


class ObjectsRun(Run):
    def differences(self):
        place = self.given.broken
        if place is None:
            return super().differences()
        begin = f"{self.names[place[0]]}:{place[1]}:{place[2]}: ".encode()
        if self.status != 3 or self.out or begin not in self.err:
            return [f"status {self.status}, not 3 at {place}: {self.err[-2000:]!r}"]
        return list(self._rejects())

    def _rejects(self):
        kept = {(*place, column): raw for place, column, raw in self._kept()}
        if self.given.broken is not None and kept.pop(self.given.broken, None) is None:
            yield f"broken, but not among the rejects: {self.given.broken}"
        bad = {place: self._as_reject(raw) for place, raw in self.given.bad.items()}
        if list(kept) != sorted(kept):
            yield "rejects: not in the input's order"
        for place in sorted(kept.keys() | bad.keys()):
            if kept.get(place) != bad.get(place):
                yield f"rejects: {place}: kept as {kept.get(place)!r}, not {bad.get(place)!r}"

    def _as_reject(self, raw):
        most, end = self.given.rules.max_line + 2, b""
        if len(raw) > most:
            raw, end = raw[:min(most, 1024)], b"...[cut: %d bytes]" % len(raw)
        return raw.replace(b"\n", b"\\n").replace(b"\r", b"\\r") + end


def run_objects(binary, make_rules, check):
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    count = int(os.environ.get("LINES") or 200000)
    print(f"SEED={seed} LINES={count}")
    objects = bad = broken = 0
    for batch in range((count + 2 * FILE - 1) // (2 * FILE)):
        rng = random.Random(f"{seed}/{batch}")
        damaged = batch % 2 == 1
        rules = make_rules(rng)
        rules = rules._replace(accept=(*rules.accept, "concatenated"),
                               max_line=1 << 20 if damaged else rules.max_line)
        generator = ObjectsGenerator(rng, rules)
        stored = rng.choice(("plain", "plain", "gzip", "stdin"))
        parts = 1 if stored == "stdin" else 2
        given = Objects(rules, [generator.file(damaged) for _ in range(parts)])
        run = ObjectsRun(binary, tempfile.mkdtemp(), given, threads=rng.randrange(1, 4),
                         stored=stored)
        if not check(run, f"SEED={seed} batch {batch}"):
            return False
        objects += given.lines - given.blank
        bad += len(given.bad)
        broken += given.broken is not None
    print(f"{objects} objects, {bad} of them bad, {broken} files broken: all as the reference says")
    return True
