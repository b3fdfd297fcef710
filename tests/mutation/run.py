#!/usr/bin/env python3
"""Would the tests notice? run.py [--check] [--only REGEX] [--jobs N] [TABLE.toml ...]

Changes one place of the code at a time, as the tables beside this file say, builds what the change
touches and runs the tests that should fail. A mutant is caught when one of them fails or does not end
in time. What no test noticed is listed at the end.

Works on copies of the checkout's tracked files under build/mutation, never on the checkout itself.
--check only looks whether the tables fit the code and the tests, and says nothing if they do.

Status 0: nothing survived that the tables do not call equivalent; 1: something did; 2: a table is
wrong, or the tests fail without any change.
"""

import argparse
import concurrent.futures
import fcntl
import os
import pathlib
import queue
import re
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build/mutation"
PATIENCE = 5  # times as long as without any change, and a minute, before tests are taken to hang


class Mistake(Exception):
    """A table that cannot be used."""


def test_mistake(test):
    file, _, names = test.partition(" ")
    path = ROOT / (file if file.startswith("tests/") else file + ".c")
    if not path.exists():
        return f"there is no {path.relative_to(ROOT)}"
    titles = re.findall(r'^@test "(.*)" \{$', path.read_text(), re.MULTILINE)
    if names and not any(re.search(names, title) for title in titles):
        return f"no test of {file} matches '{names}'"
    return None


def mutant_mistakes(mutant):
    unknown = mutant.keys() - {"file", "what", "old", "new", "tests", "equivalent"}
    missing = {"file", "what", "old", "new", "tests"} - mutant.keys()
    if unknown or missing:
        return [f"unknown {sorted(unknown)}, missing {sorted(missing)}"]
    found = [mistake for test in mutant["tests"] if (mistake := test_mistake(test))]
    path = ROOT / mutant["file"]
    count = path.read_text().count(mutant["old"]) if path.exists() else 0
    if count != 1:
        found.append(f"its text is {count} times in {mutant['file']}, not once")
    if mutant["old"] == mutant["new"]:
        found.append("changes nothing")
    return found


def read_tables(paths):
    mutants, mistakes = [], []
    for path in paths:
        for number, mutant in enumerate(tomllib.loads(path.read_text())["mutant"], 1):
            where = f"{path.name}, mutant {number}, {mutant.get('what')}"
            mistakes += [f"{where}: {mistake}" for mistake in mutant_mistakes(mutant)]
            mutants.append(mutant)
    if mistakes:
        raise Mistake("\n  ".join(["the tables do not fit:", *mistakes]))
    return mutants


def copy_tree(number):
    """A tree of its own for each worker; what an earlier run built there is used again."""
    tree = WORK / f"tree{number}"
    (tree / "build").mkdir(parents=True, exist_ok=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    for name in listed.decode().split("\0")[:-1]:
        source, copy = ROOT / name, tree / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            copy.unlink(missing_ok=True)
            copy.symlink_to(source.readlink())
        # What did not change keeps its time, so it is not built again.
        elif source.exists() and not (copy.exists() and copy.read_bytes() == source.read_bytes()):
            copy.write_bytes(source.read_bytes())
            copy.chmod(source.stat().st_mode)
    for shared in ("deps", "jobs-venv"):
        if (ROOT / "build" / shared).exists() and not (tree / "build" / shared).exists():
            (tree / "build" / shared).symlink_to(ROOT / "build" / shared)
    return tree


def program_of(file):
    return file.split("/")[0]


def targets(mutant):
    """What make builds for its tests."""
    programs = ["aggregator", "fake_gen", "gvisor_probe", "gvisor_installer", "job_service"]
    wanted = [f"build/release/{test}" for test in mutant["tests"] if not test.startswith("tests/")]
    if len(wanted) < len(mutant["tests"]):
        own = program_of(mutant["file"])
        wanted += [f"build/{program}" for program in ([own] if own in programs else programs)]
        if own == "gvisor_installer":
            wanted.append("build/release/bin/gvisor_installer_steps")
        if own == "aggregator":
            wanted.append("build/fake_gen")
    return wanted


def runs(tree, command, env=None, limit=1800):
    """True: it succeeded. In a group of its own, which ends with it."""
    process = subprocess.Popen(command, cwd=tree, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=limit)
        (tree / "build/mutation.log").write_bytes(output)
        return process.returncode == 0
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        return False


def first_failure(tree, mutant, usual):
    """The first of its tests that fails; None: all pass. usual: seconds that each takes, or to be noted."""
    if not runs(tree, ["make", "-j2", *targets(mutant)], limit=600):
        return "the build"
    for test in mutant["tests"]:
        file, _, names = test.partition(" ")
        env = os.environ | {"BUILD": str(tree / "build"), "JOBS": "1", "FILTER": names}
        bats = ["tests/run_bats.sh", "build/mutation-results", file]
        began = time.monotonic()
        limit = {"limit": PATIENCE * usual[test] + 60} if test in usual else {}
        if not runs(tree, bats if test.startswith("tests/") else [f"build/release/{test}"], env, **limit):
            return test
        usual.setdefault(test, time.monotonic() - began)
    return None


def try_mutant(tree, mutant, usual):
    path = tree / mutant["file"]
    text = path.read_text()
    path.write_text(text.replace(mutant["old"], mutant["new"]))
    try:
        return first_failure(tree, mutant, usual)
    finally:
        path.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", help="mutants whose file or description match this")
    parser.add_argument("--check", action="store_true", help="only whether the tables fit the code")
    parser.add_argument("--jobs", type=int, default=1, help="trees at work side by side")
    parser.add_argument("tables", nargs="*", type=pathlib.Path)
    given = parser.parse_args()
    tables = given.tables or sorted(pathlib.Path(__file__).parent.glob("*.toml"))
    mutants = read_tables(tables)
    if given.check:
        return 0
    mutants = [m for m in mutants if re.search(given.only, m["file"] + ": " + m["what"])]
    if not mutants:
        raise Mistake("no mutant matches")

    WORK.mkdir(parents=True, exist_ok=True)
    lock = open(WORK / "lock", "w", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Mistake(f"another run is at work in {WORK}") from None
    trees = queue.SimpleQueue()
    for number in range(given.jobs):
        trees.put(copy_tree(number))
    tree = trees.get()
    usual = {}
    for program, tests in sorted({(program_of(m["file"]), tuple(m["tests"])) for m in mutants}):
        failed = first_failure(tree, {"file": program + "/", "tests": [t for t in tests if t not in usual]}, usual)
        if failed:
            sys.stderr.buffer.write((tree / "build/mutation.log").read_bytes())
            raise Mistake(f"{failed} fails without any change")
    trees.put(tree)

    def one(mutant):
        tree = trees.get()
        began = time.monotonic()
        try:
            return mutant, try_mutant(tree, mutant, usual), time.monotonic() - began
        finally:
            trees.put(tree)

    survived, unbuilt, equivalent = [], [], 0
    with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        for mutant, caught, seconds in pool.map(one, mutants):
            name = f"{mutant['file']}: {mutant['what']}"
            if caught == "the build":
                unbuilt.append(name)
                print(f"NO BUILD  {name}", flush=True)
            elif caught:
                print(f"caught    {name}  ({caught}, {seconds:.0f} s)", flush=True)
            elif "equivalent" in mutant:
                equivalent += 1
                print(f"the same  {name}  ({mutant['equivalent']})", flush=True)
            else:
                survived.append(name)
                print(f"SURVIVED  {name}  ({seconds:.0f} s)", flush=True)
    caught = len(mutants) - len(survived) - len(unbuilt) - equivalent
    print(f"{caught} caught, {len(survived)} survived, {equivalent} equivalent, of {len(mutants)}")
    for name in survived:
        print(f"  {name}")
    if unbuilt:
        raise Mistake(f"{len(unbuilt)} do not build: {', '.join(unbuilt)}")
    return 1 if survived else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Mistake as mistake:
        print(f"mutants: {mistake}", file=sys.stderr)
        sys.exit(2)
