#!/usr/bin/env python3
"""Measures what an Ollama gains when rows that share the beginning of their prompt run one after another.

    scripts/prefix_gain.py [URL [MODEL [ROWS_AT_A_TIME [ROUNDS]]]]     http://127.0.0.1:11434 smollm2:135m 1 3

Six texts of 250 words, five questions on each. In each round the same questions are asked in a random order and text by text, of texts that
the engine has not read before.
"""
import concurrent.futures
import json
import random
import statistics
import sys
import time
import urllib.request

url, model, at_once, rounds = (sys.argv[1:] + ["http://127.0.0.1:11434", "smollm2:135m", "1", "3"][len(sys.argv) - 1:])[:4]
WORDS = "river stone market letter winter garden engine paper silver window captain harbour bridge forest music doctor".split()
QUESTIONS = ["How many nouns are in it?", "Name a place.", "Name a thing.", "Is it about winter?", "Give a title."]
texts = [" ".join(random.Random(i).choices(WORDS, k=250)) for i in range(6)]
rows = [(text, question) for text in texts for question in QUESTIONS]


def ask(row, mark):
    prompt = f"Text {mark}: {row[0]}\nQuestion: {row[1]}"
    body = {"model": model, "stream": False, "messages": [{"role": "user", "content": prompt}],
            "options": {"num_predict": 8, "temperature": 0, "num_ctx": 2048, "num_thread": 1}}
    request = urllib.request.Request(url + "/api/chat", json.dumps(body).encode())
    with urllib.request.urlopen(request) as answer:
        json.load(answer)


def seconds(order, mark):
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(int(at_once)) as pool:
        list(pool.map(lambda row: ask(row, mark), order))
    return time.monotonic() - began


ask(rows[0], "warm")
gains = []
for i in range(int(rounds)):
    mixed = seconds(random.Random(i).sample(rows, len(rows)), f"a{i}")
    together = seconds(rows, f"b{i}")
    gains.append(mixed / together)
    print(f"mixed {mixed:.1f} s, together {together:.1f} s: {gains[-1]:.2f} times as fast", flush=True)
print(f"median {statistics.median(gains):.2f}")
