#!/usr/bin/env python3
"""Writes chain/memory/testdata/trim.json: what LangChain's trim_messages keeps, for chain/memory to keep the same.

    python3 -m venv VENV && VENV/bin/pip install langchain-core==1.8.4 && VENV/bin/python scripts/goldens_memory.py

Every message counts as many tokens as its text has letters. The conversations begin with a user message, after at most one system message, and end
with one: the others chain/memory treats on purpose differently, and its own tests say how.
"""
import importlib.metadata
import json
import pathlib
import random

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage, trim_messages

rng = random.Random(5)
KINDS = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}


def text(n):
    return "".join(rng.choice("abcdefghij ") for _ in range(n - 1)) + "x"


def made(role, content, ident):
    if role == "tool":
        return ToolMessage(content, tool_call_id="call", id=ident)
    if role == "call":
        return AIMessage(content, tool_calls=[{"name": "f", "args": {}, "id": "call"}], id=ident)
    return KINDS[role](content, id=ident)


def count(messages):
    return sum(len(m.content) for m in messages)


cases = []
while len(cases) < 160:
    roles = ["system"] if rng.random() < 0.5 else []
    for _ in range(rng.randint(0, 9)):
        roles.append("user")
        shape = rng.random()
        if shape < 0.7:
            roles.append("assistant")
        elif shape < 0.85:
            roles += ["call", "tool", "assistant"]
        # else: a question that was never answered
    roles.append("user")
    said = [(role, text(rng.randint(1, 30))) for role in roles]
    messages = [made(role, content, str(i)) for i, (role, content) in enumerate(said)]
    most = rng.randint(1, count(messages) + 10)
    kept = trim_messages(messages, max_tokens=most, token_counter=count, strategy="last", include_system=True, start_on="human")
    cases.append({"messages": [list(m) for m in said], "max_tokens": most, "kept": [int(m.id) for m in kept]})

out = pathlib.Path(__file__).parent.parent / "chain/memory/testdata/trim.json"
out.parent.mkdir(parents=True, exist_ok=True)
lines = ",\n".join(json.dumps(c) for c in cases)
out.write_text('{"langchain-core": %s, "cases": [\n%s\n]}\n' % (json.dumps(importlib.metadata.version("langchain-core")), lines))
