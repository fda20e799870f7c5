#!/usr/bin/env python3
"""Measures how long `tandem ask` and a `tandem run` of four steps take beside a running `tandem batch`, with and without the rule that
interactive calls go first.

    scripts/interactive_latency.py TANDEM [SLOTS [SECONDS_A_CALL [QUESTIONS [ROUNDS]]]]     TANDEM 2 0.5 5 3

The engine is a fake with OpenAI's API: so many calls at a time, each of so many seconds, others wait first come first served. Without the rule
means that the batch has another state directory, so that the two do not see each other.
"""
import http.server
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

tandem, slots, seconds, questions, rounds = (sys.argv[1:] + ["2", "0.5", "5", "3"][len(sys.argv) - 2:])[:5]
places = threading.Semaphore(int(slots))


class Engine(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        with places:
            time.sleep(float(seconds))
        choice = {"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}
        body = json.dumps({"model": "m", "choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Engine)
threading.Thread(target=server.serve_forever, daemon=True).start()
home = pathlib.Path(tempfile.mkdtemp())
config = home / ".config/tandem/config.yaml"
config.parent.mkdir(parents=True)
config.write_text(f'use: s\nproviders:\n  - {{name: s, kind: openai, base_url: "http://127.0.0.1:{server.server_port}/v1", model: m, local: true}}\n')
(home / "c.yaml").write_text("prompt: '{what}'\n")
(home / "four.yaml").write_text("steps:\n" + "".join(f"  - {{name: s{i}, prompt: hello}}\n" for i in range(4)))
COMMANDS = {"ask": [tandem, "ask", "-q", "hello"], "run of four steps": [tandem, "run", "-q", "four.yaml"]}
(home / "rows.csv").write_text("what\n" + "".join(f"row {i}\n" for i in range(100_000)))
both = {"PATH": os.environ["PATH"], "HOME": str(home)}


def asked(batch):
    """How long each command takes beside a batch, which has that environment; it prints what that got done meanwhile."""
    run = None
    if batch:
        out = tempfile.mktemp(suffix=".jsonl", dir=home)
        run = subprocess.Popen([tandem, "batch", "c.yaml", "--in", "rows.csv", "--out", out, "-j", str(2 * int(slots))], cwd=home, env=batch, stderr=subprocess.PIPE)
        time.sleep(4 + 2 * float(seconds))
    took = []
    for _ in range(int(questions)):
        for name, command in COMMANDS.items():
            time.sleep(2)
            began = time.monotonic()
            subprocess.run(command, cwd=home, env=both, check=True, capture_output=True)
            took.append((name, time.monotonic() - began))
    if run:
        run.terminate()
        run.communicate()
        status = json.loads(subprocess.run([tandem, "batch", "status", "--json"], cwd=home, env=batch, check=True, capture_output=True).stdout)
        print(f"    {status['done']} rows in {status['ran_ns'] / 1e9:.1f} s, waited {status['interactive_waits']} times, {status['interactive_wait_ns'] / 1e9:.1f} s")
    return took


alone, first, beside = [], [], []
for i in range(int(rounds)):
    alone += asked(None)
    first += asked(both)
    beside += asked(both | {"XDG_STATE_HOME": str(home / f"other{i}")})
for how, took in ("no batch", alone), ("with the rule", first), ("without the rule", beside):
    for name in COMMANDS:
        times = [t for n, t in took if n == name]
        print(f"{name}, {how}: median {statistics.median(times):.2f} s ({min(times):.2f}-{max(times):.2f}), {len(times)} times")
