#!/usr/bin/env python3
"""Writes provider/ledger/prices.go from LiteLLM's model price list, which its Python package carries.

    pip download --no-deps -d FOLDER litellm==1.110.2
    scripts/prices.py FOLDER/litellm-1.110.2-*.whl 2026-11-28     # the day on which you fetched it

It takes OpenAI's own chat models whose price depends on nothing but the tokens that the server reports: standard processing, text,
with a dearer price for long prompts where there is one. Where writing the prompt to a cache has a price of its own, that is the price
of the prompt, and the entry is marked as an upper bound. Left out are models with audio, a fee for each search, and fine-tuned ones. No figure is made up here: what the list does not say, Tandem does not know.
"""
import json, pathlib, re, sys, zipfile

wheel, date = sys.argv[1], sys.argv[2]
version = pathlib.Path(wheel).name.split("-")[1]
with zipfile.ZipFile(wheel) as z:
    models = json.loads(z.read("litellm/model_prices_and_context_window_backup.json"))

# What may stand in an entry besides the three prices: other ways of processing, which have to be asked for, and tools that the server runs.
ASKED_FOR = re.compile(r"_(priority|flex|batches|ultrafast|decisions)$|_above_12hr|^search_context_cost_per_query$|^code_interpreter_cost_per_session$")
LONG = re.compile(r"^(input_cost_per_token|output_cost_per_token|cache_read_input_token_cost|cache_creation_input_token_cost)_above_(\d+)k_tokens$")
WRITE = "cache_creation_input_token_cost"
PLAIN = {"input_cost_per_token", "output_cost_per_token", "cache_read_input_token_cost", WRITE}
ALWAYS_SEARCHES = re.compile(r"search|deep-research|audio|computer-use|^ft:")


def dollars(per_token):
    """US dollars a million tokens, without the rounding of a binary fraction."""
    return f"{round(per_token * 1e6, 6):g}"


rows = []
for name, m in sorted(models.items()):
    if m.get("litellm_provider") != "openai" or m.get("mode") not in ("chat", "responses") or ALWAYS_SEARCHES.search(name):
        continue
    costs = {k: v for k, v in m.items() if "cost" in k and v is not None and not ASKED_FOR.search(k)}
    if not costs.get("input_cost_per_token") or not costs.get("output_cost_per_token"):
        continue
    long = {LONG.match(k)[1]: v for k, v in costs.items() if LONG.match(k)}
    over = {int(LONG.match(k)[2]) * 1000 for k in costs if LONG.match(k)}
    if any(k not in PLAIN and not LONG.match(k) for k in costs) or len(over) > 1:
        continue  # the price depends on something else
    def three(c):
        plain = c["input_cost_per_token"]
        return ", ".join(dollars(x) for x in (max(plain, c.get(WRITE, 0)), c.get("cache_read_input_token_cost", plain), c["output_cost_per_token"]))

    rows.append(f'\t{{"{name}", Price{{{three(costs)}}}, {over.pop() if over else 0}, Price{{{three(long) if long else ""}}}, {"true" if WRITE in costs else "false"}}},')

out = pathlib.Path(__file__).resolve().parent.parent / "provider/ledger/prices.go"
out.write_text(f"""package ledger

// Written by scripts/prices.py from LiteLLM {version}'s model price list. Do not edit.

// ListDate is when the prices of the built-in list were looked up.
const ListDate = "{date}"

// listSource is where they were looked up.
const listSource = "LiteLLM {version}"

// prices are OpenAI's, by the model's name: standard processing, text.
var prices = [...]listed{{
""" + "\n".join(rows) + "\n}\n")
print(f"{len(rows)} models written to {out}")
