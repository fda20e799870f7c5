#!/usr/bin/env python3
"""llama.cpp's server, the hosted side of the tests: an OpenAI-compatible API that refuses a wrong key.

It comes from the Python package xllamacpp, which must be on PYTHONPATH. The key is read from the environment, never from argv,
where every user of the machine could read it.
"""

import argparse
import os
import signal
import sys
import threading

import xllamacpp

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--model", required=True, help="the weights, a GGUF file")
parser.add_argument("--alias", required=True, help="the model's id in /v1/models")
parser.add_argument("--port", type=int, required=True)
args = parser.parse_args()
key = os.environ.pop("TANDEM_HOSTED_KEY", "")
if not key:
    sys.exit("hosted.py: TANDEM_HOSTED_KEY is not set: it is the key that clients have to send")

params = xllamacpp.CommonParams()
params.model.path = args.model
params.model_alias = {args.alias}
params.hostnames = ["127.0.0.1"]
params.port = args.port
params.api_keys = [key]
params.n_ctx = 8192  # shared by the slots: 2048 tokens each
params.n_parallel = 4
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1  # see fill_store in engines.sh
params.embedding = True
params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
params.ui = False

stop = threading.Event()
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: stop.set())
server = xllamacpp.Server(params)
while not stop.wait(60):
    pass
os._exit(0)  # the server's own threads do not end by themselves
