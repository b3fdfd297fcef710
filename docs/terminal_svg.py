#!/usr/bin/env python3
"""Draws what a program writes to a terminal as SVG: COMMAND --color always | terminal_svg.py TITLE

Bold and the foreground colours 31 to 36 are drawn, other escapes are dropped.
"""
import re
import sys
from xml.sax.saxutils import escape, quoteattr

COLUMN, LINE, MARGIN = 8.4, 18, 16
INK, PAPER = "#d6deeb", "#10161f"
COLOURS = {31: "#ff7b72", 32: "#7ee787", 33: "#f2cc60", 34: "#79c0ff", 35: "#d2a8ff", 36: "#76e3ea"}


def runs(line):
    """Yields column, text, colour and weight of each run of one style."""
    column, colour, bold = 0, INK, False
    for piece in re.split(r"(\x1b\[[0-9;]*[A-Za-z])", line):
        if not piece.startswith("\x1b"):
            if piece.strip():
                yield column, piece, colour, bold
            column += len(piece)
        elif piece.endswith("m"):
            for code in [int(code or 0) for code in piece[2:-1].split(";")]:
                if code == 0:
                    colour, bold = INK, False
                elif code == 1:
                    bold = True
                else:
                    colour = COLOURS.get(code, colour)


def main():
    lines = sys.stdin.read().rstrip("\n").split("\n")
    plain = [re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line) for line in lines]
    width = 2 * MARGIN + COLUMN * max(map(len, plain))
    height = 2 * MARGIN + LINE * len(lines)
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}"'
          f' width="{width:.0f}" height="{height}" role="img"'
          f" aria-label={quoteattr(sys.argv[1] if len(sys.argv) > 1 else plain[0])}>")
    print(f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>')
    print('<g font-family="ui-monospace, Menlo, Consolas, \'DejaVu Sans Mono\', monospace"'
          ' font-size="14" xml:space="preserve">')
    for row, line in enumerate(lines):
        y = MARGIN + LINE * (row + 0.75)
        for column, text, colour, bold in runs(line):
            # The length is given, so that columns stay columns in any font.
            print(f'<text x="{MARGIN + COLUMN * column:.1f}" y="{y:.1f}" fill="{colour}"'
                  f' textLength="{COLUMN * len(text):.1f}"'
                  f'{" font-weight=" + chr(34) + "bold" + chr(34) if bold else ""}>'
                  f"{escape(text)}</text>")
    print("</g>\n</svg>")


if __name__ == "__main__":
    main()
