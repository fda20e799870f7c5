#!/usr/bin/env python3
"""Writes chain/prompt/testdata/langchain.json: prompt files, and what LangChain makes of them, for chain/prompt to make the same.

    python3 -m venv VENV && VENV/bin/pip install langchain-core==1.8.4 PyYAML==6.0.4 numpy==2.4.6 && VENV/bin/python scripts/goldens_prompts.py
"""

import json
import os
import pathlib
import random
import sys
import tempfile
import warnings
from importlib.metadata import version

import yaml

from langchain_core.embeddings import Embeddings  # noqa: E402
from langchain_core.example_selectors import (  # noqa: E402
    LengthBasedExampleSelector,
    MaxMarginalRelevanceExampleSelector,
    SemanticSimilarityExampleSelector,
)
from langchain_core.load import dumpd, load  # noqa: E402
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage  # noqa: E402
from langchain_core.prompts import (  # noqa: E402
    ChatMessagePromptTemplate,
    ChatPromptTemplate,
    FewShotChatMessagePromptTemplate,
    FewShotPromptTemplate,
    HumanMessagePromptTemplate,
    MessagesPlaceholder,
    PromptTemplate,
    load_prompt,
)
from langchain_core.vectorstores import InMemoryVectorStore  # noqa: E402

warnings.simplefilter("ignore")
OUT = pathlib.Path(__file__).parent.parent / "chain/prompt/testdata/langchain.json"
rng = random.Random(20261125)

WORDS = ["president", "of", "the", "country", "größe", "名前", "🌍", "a", "list", "changes", "it's", "\"quoted\"", "tab\there", "<b>&", "100%", "x:y", "#1", "- item", "line\nbreak", "{{literal}}", "yes"]
NAMES = ["country", "subject", "n", "question", "größe"]
VALUES = ["India", "", "two\nlines", "{braces}", "<i>&amp;</i>", "名", 3, 2.5, 1.0, True, None, ["a", "b"], -7, "it's"]


def words(low=1, high=6):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(low, high)))


def fstring(names):
    parts = [words()]
    for n in names:
        parts.append("{" + n + "}")
        parts.append(words(0, 3))
    return " ".join(parts)


def mustache(names):
    parts = [words().replace("{{literal}}", "literal")]
    for n in names:
        parts.append(rng.choice(["{{%s}}", "{{{%s}}}", "{{#%s}}set{{/%s}}", "{{^%s}}unset{{/%s}}"]).replace("%s", n))
    return " ".join(parts)


def pick(low=0, high=3):
    return rng.sample(NAMES, rng.randint(low, high))


def values(names):
    return {n: rng.choice(VALUES) for n in names}


def text_of(config, ext):
    if ext == ".json":
        return json.dumps(config, indent=rng.choice([None, 2, 4]))
    return yaml.safe_dump(config, allow_unicode=rng.random() < 0.5)


cases = []


def messages_of(value):
    roles = {"human": "user", "ai": "assistant"}
    out = []
    for m in value.to_messages():
        one = {"role": roles.get(m.type, getattr(m, "role", None) if m.type == "chat" else m.type), "content": m.content}
        if getattr(m, "tool_calls", None):
            one["tool_calls"] = [{"id": c["id"], "name": c["name"], "args": c["args"]} for c in m.tool_calls]
        if getattr(m, "tool_call_id", None):
            one["tool_call_id"] = m.tool_call_id
        out.append(one)
    return out


def case(kind, files, variables):
    """The first file is the prompt."""
    main = next(iter(files))
    want = {}
    with tempfile.TemporaryDirectory() as d:
        for path, text in files.items():
            full = os.path.join(d, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8", newline="") as f:
                f.write(text)
        here = os.getcwd()
        os.chdir(d)
        try:
            config = (json.loads if main.endswith(".json") else yaml.safe_load)(files[main])
            prompt = load(config) if "lc" in config else load_prompt(main)
            got = prompt.invoke(variables)
            if isinstance(prompt, (PromptTemplate, FewShotPromptTemplate)):
                want["text"] = got.to_string()
            else:
                want["messages"] = messages_of(got)
        except Exception as e:  # noqa: BLE001
            want = {"error": type(e).__name__}
        finally:
            os.chdir(here)
    cases.append({"kind": kind, "main": main, "files": files, "vars": variables, "want": want})


def extension():
    return rng.choice([".json", ".yaml", ".yml"])


def prompts():
    for i in range(70):
        ext, names = extension(), pick()
        format_ = rng.choice(["f-string", "f-string", "mustache"])
        template = (fstring if format_ == "f-string" else mustache)(names)
        config = {"_type": "prompt", "template": template, "input_variables": names}
        if format_ != "f-string" or rng.random() < 0.3:
            config["template_format"] = format_
        variables = values(names)
        if names and rng.random() < 0.4:
            part = names[0]
            config["partial_variables"] = {part: variables.pop(part)}
            config["input_variables"] = names[1:]
        if rng.random() < 0.15 and variables:
            variables.popitem()
        if rng.random() < 0.15:
            config["input_variables"] = ["something", "else"]
        if rng.random() < 0.15:
            config["validate_template"] = True
        if rng.random() < 0.3:
            config["output_parser"] = None
        if rng.random() < 0.1:
            del config["_type"]
        files = {"p" + ext: ""}
        if rng.random() < 0.3:
            files["texts/t.txt"] = config.pop("template") + rng.choice(["", "\n", "\r\n"])
            config["template_path"] = "texts/t.txt"
        files["p" + ext] = text_of(config, ext)
        case("prompt", files, variables)


def saved():
    """What save() writes."""
    for i in range(20):
        names, ext = pick(1, 3), rng.choice([".json", ".yaml"])
        one = PromptTemplate.from_template(fstring(names))
        if i % 2:
            example = PromptTemplate.from_template("{i} -> {o}")
            one = FewShotPromptTemplate(
                examples=[{"i": words(), "o": words()} for _ in range(rng.randint(0, 3))],
                example_prompt=example, prefix=rng.choice(["", words()]), suffix=fstring(names),
                input_variables=names, example_separator=rng.choice(["\n\n", "\n", "", " | "]),
            )
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "p" + ext)
            one.save(path)
            with open(path, encoding="utf-8") as f:
                text = f.read()
        case("saved", {"p" + ext: text}, values(names))


def few_shots():
    for i in range(50):
        ext, names = extension(), pick(0, 2)
        items = [{"i": rng.choice(["happy", "tall {x}", "größe", 7, 1.5, True, words()]), "o": words()} for _ in range(rng.randint(0, 4))]
        config = {
            "_type": "few_shot", "input_variables": names, "suffix": fstring(names),
            "example_prompt": {"_type": "prompt", "input_variables": ["i", "o"], "template": rng.choice(["{i} -> {o}", "Q: {i}\nA: {o}", "{{{i}}}: {o}"])},
            "examples": items,
        }
        if rng.random() < 0.5:
            config["prefix"] = words()
        if rng.random() < 0.4:
            config["example_separator"] = rng.choice(["\n", "", "---"])
        files = {"p" + ext: ""}
        if rng.random() < 0.3:
            e = extension()
            files["examples" + e] = text_of(items, e)
            config["examples"] = "examples" + e
        if rng.random() < 0.3:
            e = extension()
            files["one" + e] = text_of(config.pop("example_prompt"), e)
            config["example_prompt_path"] = "one" + e
        for key in ("suffix", "prefix"):
            if key in config and rng.random() < 0.2:
                files[key + ".txt"] = config.pop(key)
                config[key + "_path"] = key + ".txt"
        if names and rng.random() < 0.3:
            config["partial_variables"] = {names[0]: rng.choice(VALUES)}
            config["input_variables"] = names[1:]
            names = names[1:]
        files["p" + ext] = text_of(config, ext)
        case("few_shot", files, values(names))


def chats():
    for i in range(15):
        ext, names = extension(), pick(0, 2)
        config = {"_type": "chat", "input_variables": names, "messages": [{"prompt": {"template": fstring(names)}}]}
        case("chat", {"p" + ext: text_of(config, ext)}, values(names))


def history():
    return [rng.choice([["human", words()], ["ai", words()], {"role": "user", "content": words()}, {"role": "assistant", "content": words()}, {"type": "human", "content": words()}, words(), ["system", words()]]) for _ in range(rng.randint(0, 5))]


def dumped():
    for i in range(60):
        ext, names = extension(), pick(0, 3)
        variables = values(names)
        format_ = rng.choice(["f-string", "mustache"])
        make = fstring if format_ == "f-string" else mustache
        messages = [("system", make(names[:1]))]
        if rng.random() < 0.5:
            messages.append(MessagesPlaceholder("history", optional=rng.random() < 0.5, n_messages=rng.choice([None, 1, 2])))
            if rng.random() < 0.8:
                variables["history"] = history()
        if rng.random() < 0.2:
            messages += [HumanMessage(content=words()), AIMessage(content="", tool_calls=[{"id": "1", "name": "f", "args": {"x": 1}}]), ToolMessage(content=words(), tool_call_id="1")]
        if rng.random() < 0.2:
            messages.append(SystemMessage(content="{not} a {{template}}"))
        if rng.random() < 0.2:
            messages.append(ChatMessagePromptTemplate.from_template(make(names), role=rng.choice(["user", "assistant"]), template_format=format_))
        if rng.random() < 0.3:
            messages.append(("placeholder", "{agenda}"))
            if rng.random() < 0.5:
                variables["agenda"] = history()
        url = rng.choice(["https://example.org/a.png", "https://example.org/{question}.png", "{image}", None])
        if url and format_ == "f-string":
            messages.append(HumanMessagePromptTemplate.from_template([{"type": "text", "text": make(names)}, {"type": "image_url", "image_url": {"url": url}}]))
            variables["image"] = "https://example.org/b.png"
            variables["question"] = "why"
        else:
            messages.append(("human", make(names)))
        if rng.random() < 0.3:
            messages.append(("ai", "so:"))
        chat = ChatPromptTemplate.from_messages(messages, template_format=format_)
        if names and rng.random() < 0.3:
            chat = chat.partial(**{names[0]: variables.pop(names[0]) or "p"})
        case("dumped", {"p" + ext: text_of(dumpd(chat), ext)}, variables)
    for i in range(10):
        ext, names = extension(), pick(1, 3)
        one = PromptTemplate.from_template(fstring(names))
        variables = values(names)
        if i % 2:
            one = one.partial(**{names[0]: "p"})
            variables.pop(names[0])
        case("dumped", {"p" + ext: text_of(dumpd(one), ext)}, variables)


def wrong():
    """Files that LangChain refuses."""
    good = {"_type": "prompt", "template": "{x}", "input_variables": ["x"]}
    few = {"_type": "few_shot", "suffix": "{x}", "input_variables": ["x"], "examples": [{"i": "1"}], "example_prompt": {"_type": "prompt", "template": "{i}", "input_variables": ["i"]}}
    t = {"t.txt": "{x}", "sub/t.txt": "{x}", "t.md": "{x}"}
    for config in [
        {**good, "_type": "unheard_of"},
        {**good, "template_format": "jinja2"},
        {**good, "template_format": "other"},
        {**good, "template_path": "t.txt"},
        {"_type": "prompt", "template_path": "/etc/hostname"},
        {"_type": "prompt", "template_path": "../t.txt"},
        {"_type": "prompt", "template_path": "sub/../t.txt"},
        {"_type": "prompt", "template_path": "t.md"},
        {"_type": "prompt", "template_path": "none.txt"},
        {"_type": "prompt"},
        {**good, "template": "{"},
        {**good, "template": "{x.y}"},
        {**good, "template": "{0}"},
        {**good, "template": "{x} {y}", "validate_template": True},
        {**good, "output_parser": {"_type": "regex_parser", "regex": "(.*)"}},
        {**few, "examples": 7},
        {**few, "examples": "../e.json"},
        {**few, "examples": "t.txt"},
        {**few, "examples": [{"j": "1"}]},
        {**few, "example_prompt_path": "one.json"},
        {k: v for k, v in few.items() if k != "suffix"},
        {k: v for k, v in few.items() if k != "examples"},
        {k: v for k, v in few.items() if k != "example_prompt"},
        {"_type": "chat", "input_variables": [], "messages": []},
        {"_type": "chat", "input_variables": []},
        {"lc": 1, "type": "not_implemented", "id": ["langchain_core", "prompts", "few_shot", "FewShotPromptTemplate"], "repr": "FewShotPromptTemplate()"},
        {"lc": 1, "type": "constructor", "id": ["langchain", "prompts", "chat", "Unheard"], "kwargs": {}},
        {"lc": 1, "type": "constructor", "id": ["elsewhere", "PromptTemplate"], "kwargs": {"template": "{x}"}},
        {"lc": 1, "type": "secret", "id": ["OPENAI_API_KEY"]},
    ]:
        case("wrong", {"p.json": json.dumps(config), **t}, {"x": "y"})


class Letters(Embeddings):
    """A text's vector is how often each letter is in it."""

    def embed_documents(self, texts):
        return [self.embed_query(t) for t in texts]

    def embed_query(self, text):
        return [float(text.count(chr(ord("a") + i))) for i in range(26)]


selections = []


def selectors():
    vocabulary = ["happy", "sad", "tall", "short", "energetic", "lethargic", "sunny", "gloomy", "windy", "calm", "quick", "zebra", "jazz", "vex"]
    for i in range(40):
        kind = ["length", "similar", "mmr", "none"][i % 4]
        items = [{"i": " ".join(rng.sample(vocabulary, rng.randint(1, 4))), "o": rng.choice(vocabulary)} for _ in range(rng.randint(1, 8))]
        query = " ".join(rng.sample(vocabulary, rng.randint(1, 5)))
        example = PromptTemplate.from_template(rng.choice(["{i} -> {o}", "Input: {i}\nOutput: {o}"]))
        s = {"kind": kind}
        selector = None
        if kind == "length":
            s["max"] = rng.randint(1, 40)
            selector = LengthBasedExampleSelector(examples=items, example_prompt=example, max_length=s["max"])
        elif kind == "similar":
            s["k"], s["keys"] = rng.randint(1, 5), ["i"]
            selector = SemanticSimilarityExampleSelector.from_examples(items, Letters(), InMemoryVectorStore, k=s["k"], input_keys=["i"])
        elif kind == "mmr":
            s["k"], s["fetch_k"], s["keys"] = rng.randint(1, 5), rng.randint(1, 8), ["i"]
            selector = MaxMarginalRelevanceExampleSelector.from_examples(items, Letters(), InMemoryVectorStore, k=s["k"], fetch_k=s["fetch_k"], input_keys=["i"])
        given = {"example_selector": selector} if selector else {"examples": items}
        text = FewShotPromptTemplate(example_prompt=example, prefix="Like this:", suffix="{i} ->", input_variables=["i"], **given)
        chat_example = ChatPromptTemplate.from_messages([("human", "{i}"), ("ai", "{o}")])
        chat = ChatPromptTemplate.from_messages([
            ("system", "s"),
            FewShotChatMessagePromptTemplate(example_prompt=chat_example, input_variables=["i"], **given),
            ("human", "{i}"),
        ])
        selections.append({
            "selector": s, "items": items, "example": example.template, "value": query,
            "text": text.invoke({"i": query}).to_string(),
            "messages": messages_of(chat.invoke({"i": query})) if kind != "length" else None,
        })


sums = []


def additions():
    """Prompts added with +, each a text or a list of messages, and partial values."""
    for i in range(30):
        parts, total, names = [], None, []
        kinds = ["text"] * rng.randint(2, 3) if i % 3 == 0 else ["chat"] + rng.choices(["chat", "string"], k=rng.randint(1, 2))
        for j, kind in enumerate(kinds):
            own = pick(1, 2)
            part = {"kind": kind, "partial": {}}
            if kind == "chat":
                part["messages"] = [[rng.choice(["system", "user", "assistant"]), fstring(own)] for _ in range(rng.randint(1, 2))]
                one = ChatPromptTemplate.from_messages([tuple(m) for m in part["messages"]])
            else:
                part["text"] = fstring(own)
                one = PromptTemplate.from_template(part["text"])
            if kind != "string" and rng.random() < 0.4:
                part["partial"] = {own[0]: "p%d" % (j if i % 5 else 0)}
                one = one.partial(**part["partial"])
            if kind == "string":
                one = part["text"]
            parts.append(part)
            names += own
            try:
                total = one if total is None else total + one
            except ValueError as e:
                total = e
                break
        given = {p for part in parts for p in part["partial"]}
        variables = {n: n.upper() for n in names if n not in given}
        if isinstance(total, ValueError):
            want = {"error": "ValueError"}
        elif isinstance(total, PromptTemplate):
            want = {"text": total.invoke(variables).to_string()}
        else:
            want = {"messages": messages_of(total.invoke(variables))}
        sums.append({"parts": parts, "vars": variables, "want": want})


for make in (prompts, saved, few_shots, chats, dumped, wrong, selectors, additions):
    make()
out = {
    "versions": {p: version(p) for p in ("langchain-core", "PyYAML")},
    "cases": cases,
    "selections": selections,
    "sums": sums,
}
OUT.parent.mkdir(parents=True, exist_ok=True)
with open(OUT, "w", encoding="utf-8") as f:
    f.write("{\n")
    f.write(f'"versions": {json.dumps(out["versions"])},\n')
    for key in ("cases", "selections", "sums"):
        f.write(f'"{key}": [\n')
        f.write(",\n".join(json.dumps(c, ensure_ascii=False, sort_keys=True) for c in out[key]))
        f.write("\n]" + ("\n}\n" if key == "sums" else ",\n"))
print(len(cases), "files,", len(selections), "selections,", len(sums), "sums", file=sys.stderr)
