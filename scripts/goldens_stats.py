#!/usr/bin/env python3
"""Writes internal/stats/testdata/goldens.json: what scipy and statsmodels say of the same numbers, for internal/stats to say the same.

    python3 -m venv VENV && VENV/bin/pip install scipy==1.17.1 statsmodels==0.15.0 numpy==2.4.6 && VENV/bin/python scripts/goldens_stats.py

What neither has is computed here from its definition, by another way than Go's: Tango's interval by maximizing the likelihood
numerically, the degrees of freedom of clusters with whole matrices.
"""
import importlib.metadata
import json
import math
import pathlib
import random

import numpy as np
import statsmodels.api as sm
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

rng = random.Random(7)
out = {"made_with": ", ".join(f"{p} {importlib.metadata.version(p)}" for p in ("scipy", "statsmodels", "numpy"))}

LEVELS = (0.8, 0.9, 0.95, 0.975, 0.99, 0.999)
out["quantiles"] = [{"level": level, "df": df, "want": float(stats.t.isf((1 - level) / 2, df) if df else stats.norm.isf((1 - level) / 2))}
                    for level in LEVELS for df in (0, 1, 1.7, 2, 5, 9.25, 19, 49.5, 299, 1000, 49999, 1e6)]
out["tails"] = [{"x": x, "df": df, "want": float(2 * (stats.t.sf(x, df) if df else stats.norm.sf(x)))}
                for x in (0, 0.01, 0.5, 1, 1.96, 2.5, 4, 8, 30) for df in (0, 1, 1.7, 5, 19, 299, 49999)]
out["wilson"] = [{"passes": p, "n": n, "level": level, "want": [float(v) for v in proportion_confint(p, n, 1 - level, method="wilson")]}
                 for n in (1, 2, 10, 37, 200, 5000) for p in sorted({0, 1, n // 3, n // 2, n - 1, n}) for level in (0.9, 0.95, 0.99)]


def tango(b, c, n, level):
    """The score interval, with the nuisance parameter found by a general optimizer."""
    z = stats.norm.isf((1 - level) / 2)

    def score(d):
        lowest, highest = max(0.0, -d), (1 - d) / 2

        def fall(q):  # derivative of the log likelihood in q: p12 = q+d, p21 = q, the rest 1-2q-d; it falls in q
            return (b / (q + d) if b else 0.0) + (c / q if c else 0.0) - (2 * (n - b - c) / (1 - 2 * q - d) if n - b - c else 0.0)

        eps = 1e-15
        lo, hi = lowest + eps, highest - eps
        if not b and not c or fall(lo) <= 0:
            q = lowest
        elif b + c == n or fall(hi) >= 0:
            q = highest
        else:
            q = optimize.brentq(fall, lo, hi, xtol=1e-17, rtol=1e-15, maxiter=500)
        variance = n * (2 * q + d * (1 - d))
        return (b - c - n * d) / math.sqrt(variance) if variance > 0 else 0.0

    mean = (b - c) / n
    tiny = 1e-12
    high = 1.0 if b == n else optimize.brentq(lambda d: score(d) + z, mean, 1 - tiny, xtol=1e-15, rtol=1e-14)
    low = -1.0 if c == n else optimize.brentq(lambda d: score(d) - z, -1 + tiny, mean, xtol=1e-15, rtol=1e-14)
    return [low, high]


out["tango"] = []
for b, c, n in ((0, 0, 10), (0, 0, 100), (1, 0, 30), (0, 1, 30), (5, 0, 30), (9, 9, 20), (12, 2, 50), (2, 12, 50), (14, 1, 44), (30, 12, 200), (41, 38, 1000), (7, 3, 10), (250, 250, 500), (500, 120, 5000)):
    for level in (0.9, 0.95, 0.99):
        p = 1.0 if b == c else float(mcnemar([[1, b], [c, 1]], exact=False, correction=False).pvalue)
        out["tango"].append({"better": b, "worse": c, "n": n, "level": level, "want": tango(b, c, n, level), "p": p})


def grade():
    return round(min(1, max(0, rng.gauss(0.6, 0.2))), 3)


out["paired_t"] = []
for n in (10, 30, 61, 400):
    for shift in (0, 0.03, -0.1):
        a = [grade() for _ in range(n)]
        b = [round(min(1, max(0, x + shift + rng.gauss(0, 0.1))), 3) for x in a]
        result = stats.ttest_rel(b, a)
        bounds = result.confidence_interval(0.95)
        out["paired_t"].append({"a": a, "b": b, "level": 0.95, "mean": float(np.mean(np.subtract(b, a))), "se": float(stats.sem(np.subtract(b, a))),
                                "p": float(result.pvalue), "want": [float(bounds.low), float(bounds.high)]})


def degrees(d, clusters):
    """Bell and McCaffrey's degrees of freedom with the covariance that Imbens and Kolesár estimate, as matrices."""
    names = sorted(set(clusters))
    n = len(d)
    e = np.array(d) - np.mean(d)
    member = np.array([[1.0 if c == name else 0.0 for c in clusters] for name in names])
    same = member.T @ member - np.eye(n)
    icc = float(np.clip((e @ same @ e) / (np.sum(e**2) / (n - 1) * same.sum()), 0, 1))
    g = (np.eye(n) - np.ones((n, n)) / n) @ member.T
    values = np.linalg.eigvalsh(g.T @ (np.eye(n) + icc * same) @ g)
    return float(values.sum() ** 2 / (values**2).sum())


out["clusters"] = []
for count, size, graded in ((12, 3, True), (20, 5, True), (30, 0, True), (50, 0, True), (40, 4, True), (25, 0, True), (200, 0, True), (60, 0, False), (80, 3, False)):
    sizes = [size or min(25, 1 + int(rng.expovariate(0.3))) for _ in range(count)]
    a, b, clusters = [], [], []
    for g, m in enumerate(sizes):
        effect = rng.gauss(0, 0.1)
        for _ in range(m):
            x = grade() if graded else float(rng.random() < 0.7)
            a.append(x)
            if graded:
                b.append(round(min(1, max(0, x + 0.02 + effect + rng.gauss(0, 0.1))), 3))
            else:
                b.append(x if rng.random() < 0.6 + effect else float(rng.random() < 0.7))
            clusters.append(f"doc{g}")
    order = list(range(len(a)))
    rng.shuffle(order)
    a, b, clusters = ([x[i] for i in order] for x in (a, b, clusters))
    d = np.subtract(b, a)
    fit = sm.OLS(d, np.ones(len(d))).fit(cov_type="cluster", cov_kwds={"groups": np.unique(clusters, return_inverse=True)[1]}, use_t=True)
    df = degrees(d, clusters)
    half = float(stats.t.isf(0.025, df)) * float(fit.bse[0])
    entry = {"a": a, "b": b, "clusters": clusters, "level": 0.95, "mean": float(fit.params[0]), "se": float(fit.bse[0]), "df": df}
    if graded:
        entry["want"] = [entry["mean"] - half, entry["mean"] + half]
        entry["p"] = float(2 * stats.t.sf(abs(entry["mean"]) / entry["se"], df))
        if size:  # then the degrees of freedom are statsmodels' own, and so is its interval
            entry["want"] = [float(v) for v in fit.conf_int(0.05)[0]]
            entry["p"] = float(fit.pvalues[0])
    out["clusters"].append(entry)

out["holm"] = []
for n in (1, 2, 3, 7, 20):
    for scale in (0.01, 0.1, 1):
        p = [rng.random() * scale for _ in range(n)]
        if n == 7:
            p[3] = p[5]
        out["holm"].append({"p": p, "want": [float(v) for v in multipletests(p, method="holm")[1]]})

out["kappa"] = []
for n, labels, agree in ((12, 2, 0.5), (40, 2, 0.8), (40, 3, 0.6), (200, 2, 0.1), (200, 5, 0.7), (1000, 2, 0.9)):
    judge, person = [], []
    for _ in range(n):
        x = min(labels - 1, int(rng.expovariate(1)))
        judge.append(str(x))
        person.append(str(x if rng.random() < agree else rng.randrange(labels)))
    names = sorted(set(judge) | set(person))
    table = np.zeros((len(names), len(names)))
    for x, y in zip(judge, person):
        table[names.index(x), names.index(y)] += 1
    k = cohens_kappa(table)
    z = stats.norm.isf(0.025)
    out["kappa"].append({"judge": judge, "person": person, "level": 0.95, "kappa": float(k.kappa),
                         "want": [float(k.kappa - z * k.std_kappa), float(k.kappa + z * k.std_kappa)]})

out["plan"] = []
for level in (0.95, 0.99):
    for power in (0.8, 0.9):
        zl, zp = stats.norm.isf((1 - level) / 2), stats.norm.ppf(power)
        for rows in (30, 100, 500, 10000):
            for psi in (0.05, 0.2, 0.5):
                share = lambda d: max(psi, d)
                need = lambda d: (zl * math.sqrt(share(d)) + zp * math.sqrt(max(0, share(d) - d * d))) ** 2 - rows * d * d
                out["plan"].append({"rows": rows, "discordance": psi, "sd": 0, "level": level, "power": power, "want": optimize.brentq(need, 1e-9, 1, xtol=1e-15)})
            out["plan"].append({"rows": rows, "discordance": 0, "sd": 0.15, "level": level, "power": power, "want": float((zl + zp) * 0.15 / math.sqrt(rows))})

path = pathlib.Path(__file__).parent.parent / "internal/stats/testdata/goldens.json"
path.parent.mkdir(exist_ok=True)
lines = [f'"made_with": {json.dumps(out.pop("made_with"))}']
lines += [f'"{name}": [\n' + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]" for name, cases in out.items()]
path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
