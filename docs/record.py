#!/usr/bin/env python3
"""Records a command in a terminal as docs/president.svg: each piece of its output appears when it really came.

    docs/record.py docs/president.svg bin/tandem run examples/president.yaml -p country="United States of America"

The SVG needs no script: without animations it shows the end. It plays once.
"""

import codecs
import os
import pty
import re
import shlex
import struct
import sys
import time
from fcntl import ioctl
from html import escape
from termios import TIOCSWINSZ
from unicodedata import combining

COLUMNS, CHAR, LINE, PAD, TOP = 92, 8.43, 20, 18, 44
STATUS = re.compile(r"\r(?:[^\r\n\x1b]|\x1b\[[0-9;]*m)*\x1b\[K")  # a line that is erased again: what is waited for
CLASSES = {"1": "b", "2": "d", "31": "r", "32": "g", "33": "y"}


def record(command):
    """Returns the command's output as (seconds, text) pieces, and its exit status."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color")
        os.environ.pop("NO_COLOR", None)
        os.execvp(command[0], command)
    ioctl(fd, TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    decoder, start, pieces = codecs.getincrementaldecoder("utf-8")(), time.monotonic(), []
    while True:
        try:
            data = os.read(fd, 4096)
        except OSError:
            data = b""
        if not data:
            return pieces, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        pieces.append((time.monotonic() - start, STATUS.sub("", decoder.decode(data))))


def layout(pieces):
    """Places the pieces: (row, column, seconds, class, text), wrapped as the terminal does, but between words."""
    row, column, style, spans = 0, 0, "", []
    for at, text in pieces:
        for part in re.split(r"(\x1b\[[0-9;]*m|\r?\n|[^\S\n]+)", text):
            if part.startswith("\x1b["):
                style = CLASSES.get(part[2:-1], "")
            elif part.endswith("\n"):
                row, column = row + 1, 0
            elif part:
                width = sum(not combining(c) for c in part)
                if column + width > COLUMNS:
                    row, column = row + 1, 0
                    part = part.lstrip()
                    width = len(part)
                if spans and part and spans[-1][:1] == (row,) and spans[-1][2:4] == (at, style):
                    spans[-1] = (*spans[-1][:4], spans[-1][4] + part)
                elif part:
                    spans.append((row, column, at, style, part))
                column += width
    return spans, max(span[0] for span in spans if span[4].strip()) + 1


def svg(command, pieces):
    typed = "$ " + " ".join(shlex.quote(a) for a in ["tandem", *command[1:]]).replace("'country=United States of America'", 'country="United States of America"')
    spans, rows = layout([(0, "\x1b[1m" + typed + "\x1b[0m\n"), *((at + 1, text) for at, text in pieces)])
    width, height = COLUMNS * CHAR + 2 * PAD, rows * LINE + TOP + PAD
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}" role="img" aria-label="{escape(typed[2:])}">',
        "<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#d8dee9;white-space:pre}"
        ".b{font-weight:700;fill:#fff}.d{fill:#8b98ad}.r{fill:#f7768e}.g{fill:#9ece6a}.y{fill:#e0af68}"
        "@media (prefers-reduced-motion:no-preference){tspan{animation:s .01s both}}@keyframes s{from{opacity:0;fill-opacity:0}}</style>",
        '<rect width="100%" height="100%" rx="8" fill="#1a1f2b"/>',
        *(f'<circle cx="{PAD + 5 + 18 * i}" cy="20" r="5.5" fill="{c}"/>' for i, c in enumerate(("#f7768e", "#e0af68", "#9ece6a"))),
    ]
    for row in range(rows):
        line = [s for s in spans if s[0] == row]
        if line:
            parts = (f'<tspan x="{PAD + c * CHAR:.1f}" textLength="{len(t) * CHAR:.1f}"' + (f' class="{k}"' if k else "")
                     + (f' style="animation-delay:{at:.2f}s"' if at else "") + f">{escape(t)}</tspan>" for _, c, at, k, t in line if t.strip())
            out.append(f'<text y="{TOP + row * LINE + 14}">' + "".join(parts) + "</text>")
    return "\n".join([*out, "</svg>", ""])


def main():
    path, *command = sys.argv[1:]
    pieces, status = record(command)
    if status != 0:
        sys.exit(f"the command ended with {status}: {''.join(text for _, text in pieces)}")
    with open(path, "w", encoding="utf-8") as f:
        f.write(svg(command, pieces))


main()
