#!/usr/bin/env python3
"""Writes chain/testdata/langchain.json: LangChain's legacy chain files, what they ask a model that repeats the question in brackets, and their output.

    python3 -m venv VENV && VENV/bin/pip install langchain-core==1.8.4 langchain-classic==1.0.8 && VENV/bin/python scripts/goldens_chains.py

load_chain reads llm_chain only; LangChain has no reader for the sequential chains, so that their files are their classes' fields here.
"""
import copy
import json
import os
import pathlib
import random
import tempfile
import warnings
from importlib.metadata import version

import yaml
from langchain_classic.chains import SequentialChain, SimpleSequentialChain, loading
from langchain_core.language_models import LLM

warnings.simplefilter("ignore")
OUT = pathlib.Path(__file__).parent.parent / "chain/testdata/langchain.json"
rng = random.Random(20261125)
asked = []


class Repeater(LLM):
    @property
    def _llm_type(self):
        return "repeater"

    def _call(self, prompt, stop=None, run_manager=None, **kwargs):
        asked.append(prompt)
        return "[" + prompt + "]"


loading.load_llm_from_config = lambda config, **kwargs: Repeater()
loading.load_llm = lambda path, **kwargs: Repeater()


def build(config):
    config = copy.deepcopy(config)
    if config["_type"] == "llm_chain":
        return loading.load_chain_from_config(config)
    kind = {"sequential_chain": SequentialChain, "simple_sequential_chain": SimpleSequentialChain}[config.pop("_type")]
    config["chains"] = [build(read(c) if isinstance(c, str) else c) for c in config["chains"]]
    return kind(**config)


def read(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f) if path.endswith(".json") else yaml.safe_load(f)


LLM_CONFIG = {"_type": "openai", "model_name": "gpt-3.5-turbo-instruct", "temperature": 0.5, "max_tokens": 64, "top_p": 1, "n": 1, "best_of": 1, "frequency_penalty": 0, "request_timeout": None}


def llm_chain(names, output=None, kind="prompt"):
    text = "about " + " and ".join("{%s}" % n for n in names) + rng.choice(["", "?", " {{x}}"])
    prompt = {"_type": "prompt", "input_variables": names, "template": text}
    if kind == "few_shot":
        prompt = {"_type": "few_shot", "input_variables": names, "suffix": text, "examples": [{"i": "1", "o": "2"}], "example_prompt": {"_type": "prompt", "input_variables": ["i", "o"], "template": "{i} -> {o}"}}
    c = {"_type": "llm_chain", "llm": LLM_CONFIG, "prompt": prompt, "memory": None, "verbose": False}
    if output:
        c["output_key"] = output
    return c


cases = []


def case(config, variables, files=None, ext=None):
    ext = ext or rng.choice([".json", ".yaml"])
    main = "c" + ext
    files = {main: json.dumps(config, indent=2) if ext == ".json" else yaml.safe_dump(config), **(files or {})}
    asked.clear()
    with tempfile.TemporaryDirectory() as d:
        for name, text in files.items():
            with open(os.path.join(d, name), "w", encoding="utf-8") as f:
                f.write(text)
        here = os.getcwd()
        os.chdir(d)
        try:
            chain = build(read(main))
            given = variables if config["_type"] != "simple_sequential_chain" else {chain.input_key: next(iter(variables.values()))}
            out = chain.invoke(given, return_only_outputs=True)
            want = {"asked": list(asked), "outputs": out}
        except Exception as e:  # noqa: BLE001
            want = {"error": type(e).__name__}
        finally:
            os.chdir(here)
    cases.append({"main": main, "files": files, "vars": variables, "want": want})


for i in range(16):
    names = rng.sample(["a", "b", "c"], rng.randint(1, 3))
    c = llm_chain(names, rng.choice([None, "y"]), rng.choice(["prompt", "few_shot"]))
    files = {}
    if i % 4 == 1:
        files["p.json"] = json.dumps(c.pop("prompt"))
        c["prompt_path"] = "p.json"
    if i % 4 == 2:
        files["llm.yaml"] = yaml.safe_dump(c.pop("llm"))
        c["llm_path"] = "llm.yaml"
    case(c, {n: n.upper() for n in names}, files)

for i in range(16):
    n = rng.randint(1, 4)
    chains = [llm_chain([rng.choice("xyz")], rng.choice([None, None, "out", "o%d" % j])) for j in range(n)]
    c = {"_type": "simple_sequential_chain", "chains": chains}
    first = chains[0]["prompt"]["input_variables"][0]
    files = {}
    if i % 4 == 1:
        files["one.json"] = json.dumps(chains[0])
        c["chains"] = ["one.json"] + chains[1:]
    if i % 4 == 2:
        c["input_key"] = first
    if i % 4 == 3:
        c["chains"] = [{"_type": "simple_sequential_chain", "chains": chains}, llm_chain(["q"])]
    case(c, {first: "X"}, files)
case({"_type": "simple_sequential_chain", "chains": [llm_chain(["a", "b"])]}, {"a": "1", "b": "2"})

for i in range(20):
    known, chains = ["a", "b"], []
    for j in range(rng.randint(1, 4)):
        take = rng.sample(known, rng.randint(1, min(2, len(known))))
        chains.append(llm_chain(take, "s%d" % j))
        known.append("s%d" % j)
    c = {"_type": "sequential_chain", "chains": chains, "input_variables": ["a", "b"]}
    if i % 4 == 1:
        c["output_variables"] = [known[-1]]
    if i % 4 == 2:
        inner = {"_type": "sequential_chain", "chains": [llm_chain([known[-1]], "i1"), llm_chain(["i1"], "i2")], "input_variables": [known[-1]], "output_variables": ["i2"]}
        c["chains"] = chains + [inner, llm_chain(["i2"], "end")]
    if i % 4 == 3:
        c["return_all"] = True
    case(c, {"a": "A", "b": "B"})

for c in [
    {"_type": "sequential_chain", "input_variables": ["a"], "chains": [llm_chain(["zz"], "y")]},
    {"_type": "sequential_chain", "input_variables": ["a"], "chains": [llm_chain(["a"]), llm_chain(["a"])]},
    {"_type": "sequential_chain", "input_variables": ["a"], "chains": [llm_chain(["a"], "a")]},
    {"_type": "sequential_chain", "input_variables": ["a"], "chains": [llm_chain(["a"], "y")], "output_variables": ["zz"]},
    {"_type": "sequential_chain", "chains": [llm_chain(["a"], "y")]},
    {k: v for k, v in llm_chain(["a"]).items() if k != "prompt"},
    {**llm_chain(["a"]), "unheard_of": 1},
    {**llm_chain(["a"]), "_type": "unheard_of_chain"},
]:
    case(c, {"a": "A"})

OUT.parent.mkdir(parents=True, exist_ok=True)
with open(OUT, "w", encoding="utf-8") as f:
    f.write('{\n"versions": %s,\n"cases": [\n' % json.dumps({p: version(p) for p in ("langchain-core", "langchain-classic")}))
    f.write(",\n".join(json.dumps(c, ensure_ascii=False, sort_keys=True) for c in cases))
    f.write("\n]\n}\n")
print(len(cases), sum("error" in c["want"] for c in cases))
