#!/usr/bin/env python3
"""Writes internal/vec/testdata/mmr.json: what LangChain's maximal_marginal_relevance chooses, for internal/vec to choose the same.

    python3 -m venv VENV && VENV/bin/pip install langchain-core==1.8.4 numpy==2.4.6 && VENV/bin/python scripts/goldens_mmr.py
"""
import importlib.metadata
import json
import pathlib
import random

import numpy as np
from langchain_core.vectorstores.utils import maximal_marginal_relevance

rng = random.Random(5)


def real(n):  # what a float32 holds exactly, so that both sides count with the same numbers
    return [float(np.float32(rng.gauss(0, 1))) for _ in range(n)]


def whole(n):  # few different directions: ties, duplicates and now and then a vector of zeros
    return [float(rng.randint(-1, 1)) for _ in range(n)]


def near(v):
    return [float(np.float32(x + rng.gauss(0, 0.05))) for x in v]


cases = []


def add(query, vectors, k, lam):
    chosen = maximal_marginal_relevance(np.array(query), vectors, lambda_mult=lam, k=k)
    cases.append({"query": query, "vectors": vectors, "k": k, "lambda": lam, "want": [int(i) for i in chosen]})


for lam in (0.0, 0.25, 0.5, 0.7, 1.0):
    for dim in (2, 3, 8):
        for n, k in ((1, 4), (5, 3), (9, 9), (12, 4)):
            add(real(dim), [real(dim) for _ in range(n)], k, lam)
    for _ in range(6):
        # Clusters, which is what MMR is for.
        centres = [real(5) for _ in range(3)]
        add(near(centres[0]), [near(centres[i % 3]) for i in range(12)], 5, lam)
for lam in (0.0, 0.5, 1.0):
    for _ in range(8):
        add([1.0, 1.0, 0.0, 0.0], [v for v in (whole(4) for _ in range(10))], 6, lam)
add([1.0, 0.0], [], 3, 0.5)
add([1.0, 0.0], [[1.0, 0.0], [0.0, 1.0]], 0, 0.5)
add([1.0, 0.0], [[1.0, 0.0], [0.0, 1.0]], -1, 0.5)
add([1.0, 0.0], [[-1.0, 0.0], [-2.0, 0.0], [-1.0, 1.0]], 3, 0.5)

out = pathlib.Path(__file__).parent.parent / "internal/vec/testdata/mmr.json"
out.parent.mkdir(parents=True, exist_ok=True)
by = f"langchain-core {importlib.metadata.version('langchain-core')}, numpy {np.__version__}"
rows = ",\n".join(json.dumps(c) for c in cases)
out.write_text(f'{{"made_with": {json.dumps(by)}, "cases": [\n{rows}\n]}}\n')
print(f"{len(cases)} cases, {by}: {out}")
