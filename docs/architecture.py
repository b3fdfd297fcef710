#!/usr/bin/env python3
"""Draws docs/architecture.svg from the include graph: architecture.py [--check]

A room is a folder with C sources; its text is that of README's map. An arrow goes from a room to
one that it includes; what another path of arrows already says is left out. Fails where folders
include each other in a circle, or where a folder is missing from the map. --check also fails where
the picture is not what would be drawn.
"""
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from xml.sax.saxutils import escape

TOP = Path(__file__).resolve().parent.parent
PICTURE = TOP / "docs/architecture.svg"
SHARED, DATABASE = "common", "common/postgres"  # below all programs, and below some of them
ROOM, GAP, LANE, MARGIN, LINE = 250, 28, 52, 16, 16
INK, FAINT, PAPER, WALL = "#1f2933", "#52606d", "#ffffff", "#9aa5b1"


def sources():
    names = subprocess.run(["git", "ls-files", "*.c", "*.h", "*.cpp"], cwd=TOP, check=True,
                           capture_output=True, text=True).stdout.split()
    return [name for name in names if "tests" not in Path(name).parts and not name.startswith("local/")]


def include_graph():
    """Room -> rooms that its sources include."""
    graph = {}
    for name in sources():
        room = str(Path(name).parent)
        includes = re.findall(r'^#include "([^"]+)/[^"/]+"', (TOP / name).read_text(), re.MULTILINE)
        graph.setdefault(room, set()).update(set(includes) - {room})
    return graph


def in_order(graph):
    """Rooms, each before those that it includes. Raises ValueError with a circle of them."""
    order, state = [], {}

    def visit(room, path):
        if state.get(room) == "open":
            raise ValueError(" -> ".join(path[path.index(room):] + [room]))
        if room in state:
            return
        state[room] = "open"
        for other in sorted(graph[room], reverse=True):
            visit(other, path + [room])
        state[room] = "done"
        order.append(room)

    for room in sorted(graph, reverse=True):
        visit(room, [])
    return order[::-1]


def direct(graph):
    """The graph without arrows that a path of others makes needless."""
    def reach(room, seen):
        for other in graph[room] - seen:
            seen.add(other)
            reach(other, seen)
        return seen

    return {room: {other for other in others
                   if not any(other in reach(third, set()) for third in others - {other})}
            for room, others in graph.items()}


def texts():
    """Folder -> its text in README's map."""
    house = (TOP / "README.md").read_text().split("## The house", 1)[1].split("```")[1]
    found, above = {}, ""
    for indent, name, text in re.findall(r"^( *)(\S+)/ +(.*)$", house, re.MULTILINE):
        if not indent:
            above = name
        found[name if not indent else f"{above}/{name}"] = text
    return found


def draw(graph, order, text):
    drawn = direct(graph)
    wrapped = {room: textwrap.wrap(text[room], 38 if room != SHARED else 160) for room in order}
    height = {room: 30 + LINE * len(wrapped[room]) for room in order}
    columns = {}
    for room in order:
        if room not in (SHARED, DATABASE):
            columns.setdefault(room.split("/")[0], []).append(room)
    loaders = {name for name, rooms in columns.items() if any(DATABASE in graph[room] for room in rooms)}
    programs = sorted(columns, key=lambda name: (name not in loaders, -len(columns[name]), name))
    place, lines, bottom = {}, [], 0
    for column, program in enumerate(programs):
        x, y = MARGIN + column * (ROOM + LANE), MARGIN
        for room in columns[program]:
            place[room] = (x, y)
            y += height[room] + GAP
        bottom = max(bottom, y)
    width = 2 * MARGIN + len(programs) * (ROOM + LANE) - LANE + 30
    place[DATABASE] = (MARGIN, bottom)
    place[SHARED] = (MARGIN, bottom + height[DATABASE] + GAP)

    def box(room, room_width):
        x, y = place[room]
        lines.append(f'<rect x="{x}" y="{y}" width="{room_width}" height="{height[room]}" rx="5"'
                     f' fill="{PAPER}" stroke="{WALL}"/>')
        lines.append(f'<text x="{x + 10}" y="{y + 20}" font-weight="bold">{escape(room)}/</text>')
        for row, words in enumerate(wrapped[room]):
            lines.append(f'<text x="{x + 10}" y="{y + 38 + LINE * row}" font-size="12"'
                         f' fill="{FAINT}">{escape(words)}</text>')

    def arrow(path):
        lines.append(f'<path d="{path}" fill="none" stroke="{INK}" marker-end="url(#head)"/>')

    for room in order:
        box(room, width - 2 * MARGIN if room == SHARED
            else len(loaders) * (ROOM + LANE) - LANE if room == DATABASE else ROOM)
    arrow(f"M{MARGIN + ROOM / 2} {bottom + height[DATABASE]} V{place[SHARED][1] - 2}")
    for program in programs:
        column = columns[program]
        shared = DATABASE if program in loaders else SHARED
        lowest = [room for room in column if shared in drawn[room]][-1:]  # one arrow says it
        floor = place[shared][1]
        for above, room in enumerate(column):
            x, y = place[room]
            for other in sorted(drawn[room], key=order.index):
                foot = y + height[room]
                if other in (SHARED, DATABASE):
                    if other != shared or [room] != lowest:
                        continue
                    if room == column[-1]:
                        arrow(f"M{x + ROOM / 2} {foot} V{floor - 2}")
                    else:
                        out = x + ROOM + 20 if x + ROOM + 20 < MARGIN + len(loaders) * (ROOM + LANE) - LANE \
                            or shared == SHARED else x + ROOM - 20
                        arrow(f"M{x + ROOM} {foot - 10} C{x + ROOM + 30} {foot} {x + ROOM + 30} {floor - 60}"
                              f" {out} {floor - 2}")
                elif column[above + 1] == other:
                    arrow(f"M{x + ROOM / 2} {foot} V{place[other][1] - 2}")
                else:  # past the rooms between, on the right
                    skipped = column.index(other) - above
                    start, end = foot - 10, place[other][1] + 8 + 6 * (skipped % 3)
                    out = x + ROOM + 8 + 9 * min(skipped, 4)
                    arrow(f"M{x + ROOM} {start} C{out + 12} {start + 8} {out + 12} {end - 8}"
                          f" {x + ROOM + 2} {end}")
    tall = place[SHARED][1] + height[SHARED] + MARGIN
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {tall}" width="{width}"'
            f' height="{tall}" role="img" aria-label="Folders, and which of them include which"'
            ' font-family="system-ui, sans-serif" font-size="14">\n'
            f'<rect width="100%" height="100%" fill="{PAPER}"/>\n'
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
            f' markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="{INK}"/></marker></defs>\n'
            f'<g fill="{INK}">\n')
    return head + "\n".join(lines) + "\n</g>\n</svg>\n"


def main():
    graph, text = include_graph(), texts()
    missing = sorted(set(graph) - set(text))
    if missing:
        sys.exit(f"README's map lacks {', '.join(missing)}")
    try:
        picture = draw(graph, in_order(graph), text)
    except ValueError as circle:
        sys.exit(f"folders include each other in a circle: {circle}")
    if sys.argv[1:] == ["--check"]:
        if not PICTURE.exists() or PICTURE.read_text() != picture:
            sys.exit("docs/architecture.svg is not what the sources say: run docs/architecture.py")
    else:
        PICTURE.write_text(picture)


if __name__ == "__main__":
    main()
