#!/usr/bin/env python3
"""The scanner against an independent parser: scanner.py random|accepted|objects|corpus AGGREGATOR

random: LINES generated and damaged lines (default 200,000), from SEED (default: another each time).
accepted: the same with --accept, --skip-missing and JSON Pointers by chance.
objects: files of objects that do not have a line each; of these, too, LINES in all.
corpus: cases by hand, each as a field's value and as a whole line.
"""

import os
import random
import shutil
import sys
import tempfile

from compare import Input, Run
from corpus import cases
from generate import Generator
from objects import run_objects
from reference import BOM, SHAPES, Rules, read_line
from shapes import Shapes

BATCH = 10000
NAMES = (("userId", "sessionDuration"),) * 3 + (("k", "v"), ("é😀", 'a"b\\c'), ("key", "key2"))
POINTERS = (("userId", "sessionDuration"), ("/userId", "/sessionDuration"), ("/user/id", "value"),
            ("/user/id", "/session/duration"), ("/a/b/k", "/a/v"), ("k", "/a~1b/m~0n/é"),
            ("/a/k", "/a/v"), ("/~1k", "a/v"))


def check(run, told):
    """Prints what differs and keeps the run's files; True where nothing does."""
    found = run.differences()
    for difference in found[:20]:
        print(f"{told}: {difference}")
    if found:
        print(f"{told}: files kept in {run.directory}: {' '.join(run.command)}")
    else:
        shutil.rmtree(run.directory)
    return not found


def random_rules(rng):
    """The usual limits mostly, at times such as the lines of the layouts just meet or miss."""
    key, value = rng.choice(NAMES)
    max_line = rng.choice((1 << 20,) * 7 + (4096, 160, 120))
    max_key = rng.choice((1024,) * 7 + (2600, 20, 7))
    return Rules(key, value, max_line, max_key)


def random_accepted(rng):
    accept = tuple(shape for shape in SHAPES if rng.random() < 0.6)
    key, value = rng.choice(POINTERS)
    return random_rules(rng)._replace(key=key, value=value, accept=accept,
                                      skip_missing=rng.random() < 0.5)


def run_random(binary, make_rules=random_rules, make_generator=Generator):
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    count = int(os.environ.get("LINES") or 200000)
    print(f"SEED={seed} LINES={count}")
    lines = bad = 0
    for batch in range((count + BATCH - 1) // BATCH):
        rng = random.Random(f"{seed}/{batch}")
        rules = make_rules(rng)
        generator = make_generator(rng, rules)
        stored = rng.choice(("plain", "plain", "gzip", "stdin"))
        parts = 1 if stored == "stdin" else rng.randrange(1, 4)
        given = Input(rules, [generator.text(min(BATCH, count) // parts) for _ in range(parts)])
        run = Run(binary, tempfile.mkdtemp(), given, threads=rng.randrange(1, 4), stored=stored)
        if not check(run, f"SEED={seed} batch {batch}"):
            return False
        lines += given.lines
        bad += len(given.bad)
    print(f"{lines} lines, {bad} of them bad: all as the reference says")
    return True


def run_corpus(binary):
    rules, texts, good = Rules(), [], True
    for name, raw, is_good in cases():
        if b"\n" in raw:
            sys.exit(f"{name}: a line feed ends a line")
        if (read_line(raw, rules)[0] != "bad") != is_good:
            print(f"{name}: the reference says otherwise: {raw!r}")
            good = False
        texts.append(raw)
    for begin, end in ((b"", b"\n"), (b"", b"\r\n"), (BOM, b"\n")):
        run = Run(binary, tempfile.mkdtemp(), Input(rules, [begin + end.join(texts)]))
        good = check(run, "corpus") and good
    print(f"{len(texts)} cases")
    return good


def run_accepted(binary):
    return run_random(binary, random_accepted, Shapes)


if __name__ == "__main__":
    modes = {"random": run_random, "accepted": run_accepted, "corpus": run_corpus,
             "objects": lambda binary: run_objects(binary, random_accepted, check)}
    if len(sys.argv) != 3 or sys.argv[1] not in modes:
        sys.exit(__doc__)
    sys.exit(not modes[sys.argv[1]](sys.argv[2]))
