#!/usr/bin/env python3
"""Writes chain/retrieve/testdata/split.json: where LangChain's RecursiveCharacterTextSplitter cuts, for chain/retrieve to cut the same.

    python3 -m venv VENV && VENV/bin/pip install langchain-text-splitters==1.1.3 && VENV/bin/python scripts/goldens_split.py
"""
import importlib.metadata
import json
import pathlib
import random

from langchain_text_splitters import RecursiveCharacterTextSplitter

rng = random.Random(5)
WORDS = "the river keeps its name although its water is another one every day and nobody minds Größe naïve 東京 🙂 a I".split()
GAPS = [" "] * 12 + ["\n", "\n", "\n\n", "\n\n", "  ", "\t", "\r\n", "\n\n\n", " \n ", "\u00a0", "\x1c", "\u2003"]


def prose(words):
    return "".join(rng.choice(WORDS) + rng.choice(GAPS) for _ in range(words))


def soup(n):
    return "".join(rng.choice("ab \n\n \tß") for _ in range(n))


texts = [
    "",
    " ",
    "\n\n",
    "one",
    "x" * 57,
    "x" * 20 + "\n\n" + "y" * 20,
    "  leading and trailing  \n\n  space of paragraphs  \n\n",
    "\n\n\n\na\n\n\n\nb\n\n\n\n",
    "1234567890 1234567890 1234567890",
    "日本語の文章には空白がありません。" * 6,
    "# Title\n\nA paragraph of a few words.\nIts second line.\n\n- one\n- two\n- three\n\n    code := 1\n    more := 2\n",
]
texts += [prose(n) for n in (5, 20, 60, 120, 200, 200)]
texts += [soup(n) for n in (30, 80, 160, 240)]
sizes = [(1, 0), (2, 1), (5, 0), (5, 4), (10, 0), (10, 3), (10, 10), (25, 5), (60, 20), (200, 20), (1000, 100)]
cases = []
for text in texts:
    for size, overlap in sizes:
        splitter = RecursiveCharacterTextSplitter(chunk_size=size, chunk_overlap=overlap)
        cases.append({"text": text, "size": size, "overlap": overlap, "want": splitter.split_text(text)})

out = pathlib.Path(__file__).parent.parent / "chain/retrieve/testdata/split.json"
out.parent.mkdir(parents=True, exist_ok=True)
by = f"langchain-text-splitters {importlib.metadata.version('langchain-text-splitters')}"
rows = ",\n".join(json.dumps(c) for c in cases)
out.write_text(f'{{"made_with": {json.dumps(by)}, "cases": [\n{rows}\n]}}\n')
print(f"{len(cases)} cases, {by}: {out}")
