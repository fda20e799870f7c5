#!/usr/bin/env python3
"""Writes chain/template/testdata/langchain.json.gz: what LangChain makes of templates, for chain/template to make the same.

    python3 -m venv VENV && VENV/bin/pip install langchain-core==1.8.4 jinja2==3.1.6 && VENV/bin/python scripts/goldens_templates.py

The templates come from a seed, so that the same versions write the same file.
Each case has the format f, the template t, the values v, for mustache perhaps
partials p, LangChain's input variables vars, and either the text out, or the
class of the exception err and the stage at which it came: load or call.
"""

import gzip
import itertools
import json
import pathlib
import platform
import random
import sys
import warnings
from importlib.metadata import version

warnings.filterwarnings("ignore")
from langchain_core.prompts import PromptTemplate  # noqa: E402
from langchain_core.prompts.string import mustache_template_vars  # noqa: E402
from langchain_core.utils import mustache  # noqa: E402

OUT = pathlib.Path(__file__).parent.parent / "chain/template/testdata/langchain.json.gz"
R = random.Random(5)

TEXTS = ["", "a", "India", "two words", "größe", "名前", "🌍", "it's", '"quoted"', "both ' and \"", "<b>&amp;</b>", "back\\slash",
         "tab\there", "line\nbreak", "cr\r\nlf", "{a}", "{{a}}", "{% if %}", "nul\x00", "\u200b", "\u00ad", "\x7f\x85", "é", "ﬁ", " sp ", "0", "True"]
NUMBERS = [0, 1, -1, 7, 42, -300, 1234, 1234567, 10**15, 10**20, 255, 65, True, False, 0.0, -0.0, 1.0, -1.5, 0.1, 1 / 3, 3.14159, 2.5, 1e16,
           1e15, 123456789.123, 1.5e-7, 0.0001, 0.00001, 1e100, -2e-300, 5e-324, 99.995, 0.5, 1e22]
LISTS = [[], ["a", "b"], [1, 2, 3], ["it's", None, True, 1.5], [[1], ["x", []]], [{"name": "A", "n": 1}, {"name": "B", "n": 0}], [0, "", None, False, "x"]]
DICTS = [{}, {"a": 1}, {"b": {"c": "deep", "d": [1, "two"]}, "name": "N<>"}, {"k'": 'v"', "n": None}]
VALUES = TEXTS + NUMBERS + LISTS + DICTS + [None]

cases = []
seen = set()


def add(f, t, v, p=None):
    v = json.loads(json.dumps(v, sort_keys=True))  # Go's maps have no order
    key = json.dumps([f, t, v, p])
    if key in seen:
        return
    seen.add(key)
    c = {"f": f, "t": t, "v": v}
    try:
        if p is None:
            prompt = PromptTemplate.from_template(t, template_format=f)
            c["vars"] = sorted(prompt.input_variables)
        else:
            c["p"] = p
            c["vars"] = sorted(mustache_template_vars(t))
    except Exception as e:  # noqa: BLE001
        cases.append(c | {"err": type(e).__name__, "stage": "load"})
        return
    try:
        c["out"] = prompt.invoke(v).to_string() if p is None else mustache.render(t, v, p)
        c["out"].encode()
        if len(c["out"]) > 50_000 or " object at 0x" in c["out"] or "<" in c["out"] and ("bound method" in c["out"] or "built-in" in c["out"]):
            return
    except Exception as e:  # noqa: BLE001
        c.pop("out", None)
        c |= {"err": type(e).__name__, "stage": "call"}
    cases.append(c)


# --- f-strings ---

def fstrings():
    for t in ["", "plain", "{a}", "{{a}}", "{{{a}}}", "{{{{a}}}}", "{a}{b}", "{a} {a}", "{", "}", "{a", "a}", "{a}}", "{{a}", "{}", "{ }", "{0}", "{1a}",
              "{a.b}", "{a[0]}", "{a[b]}", "{a.__class__}", "{a!r}", "{a!s}", "{a!a}", "{a!z}", "{a!}", "{a!r", "{a!rr}", "{a!r:>10}", "{a!r:}", "{a:}",
              "{a:{b}}", "{a:{b}.{c}}", "{a:>{b}}", "{a:}}", "{a:{{}}}", '{"a": 1}', '{{"a": {b}}}', "{a b}", "{ a}", "{a }", "{größe}", "{名}", "{_x}", "{a-b}",
              "{a:>8", "{:>8}", "{!r}", "{0:>8}", "{a}\r\n{b}\n", "{a\n}", "{missing}", "{a}{missing}{other}", "🌍{a}🌍", "{a:🌍^9}", "{a:é>5}", "{a:=>9}", "{a:<<9}",
              "{a:>>9}", "{a:^^9}", "{a:z}", "{a:+}", "{a:,}", "{a:_}", "{a:#}", "{a:%}", "{a:c}", "{a:n}", "{a:b}", "{a:s}", "{a:d}", "{a:zz}", "{a:.}", "{a:.f}",
              "{a:5.}", "{a:1.2.3}", "{a:,_}", "{a:_,}", "{a:,,}", "{a:,s}", "{a:,b}", "{a:_b}", "{a:_x}", "{a:08}", "{a:<08}", "{a:008}", "{a:+08.3f}", "{a:- d}",
              "{a:08.3f}", "{a:+d}", "{a:e}", "{a:*^10}", "{a!r:>10}", "{a!s:.2}", "{a!r:d}", "{a:%Y-%m}", "{{}}", "{{ {a} }}", "}}{{", "{{}}}}", "{a}{{b}}{c}"]:
        for _ in range(3):
            add("f-string", t, {k: R.choice(VALUES) for k in ["a", "b", "c", "größe", "名", "_x"]})
        add("f-string", t, {"a": "x", "b": "y", "c": "z", "größe": "g", "名": "n", "_x": "u"})
    for t, v in [("{first name}", {"first name": "x"}), ("{ a }", {" a ": "x"}), ("{a-b}", {"a-b": 1}), ("{1a}", {"1a": 1}), ('{"a": 1}', {'"a"': 5}), ('{"a": 1}', {'"a"': "x"}),
                 ("{a!z}", {"a": 1}), ("{a:>20000}", {"a": 1}), ("{a:.20000f}", {"a": 1})]:
        add("f-string", t, v)
    for v in VALUES:
        for how in ["", "!r", "!s", "!a", "!r:>12", "!s:^9.3"]:
            add("f-string", "[{x%s}]" % how, {"x": v})
    fills, aligns, signs = ["", "*", "0", "é"], ["", "<", ">", "^", "="], ["", "+", "-", " "]
    kinds = ["", "b", "c", "d", "e", "E", "f", "F", "g", "G", "n", "o", "s", "x", "X", "%"]
    specs = list(itertools.product(fills, aligns, signs, ["", "", "", "z"], ["", "", "#"], ["", "0"], ["", "3", "10", "15"], ["", "", ",", "_"], ["", "", ".0", ".1", ".3", ".10"], kinds))
    for s in R.sample(specs, 1500):
        if s[0] and not s[1]:
            s = ("",) + s[1:]
        spec = "".join(s)
        number = R.random() < 0.85
        add("f-string", "<{x:%s}>" % spec, {"x": R.choice(NUMBERS if number else TEXTS + [None, [1]])})


# --- mustache ---

NAMES = ["a", "b", "list", "people", "user", "flag", "zero", "none", "empty", "html"]


def mvalues(everything=False):
    more = {"name": R.choice(TEXTS), "tags": R.choice(LISTS)} if everything or R.random() < 0.8 else {}
    return more | {
        "a": R.choice(VALUES), "b": R.choice(VALUES), "list": R.choice(LISTS), "people": [{"name": "A", "tags": ["x", "y"], "flag": False}, {"name": "B<", "tags": []}, {}],
        "user": {"name": R.choice(TEXTS), "address": {"city": "Rom", "zip": 0}, "tags": R.choice(LISTS), "flag": R.choice([True, False, 0, 1, ""])},
        "flag": R.choice([True, False, 1, 0, "yes", ""]), "zero": R.choice([0, 0.0, False]), "none": None, "empty": R.choice([[], {}, ""]), "html": R.choice(['<a href="x">&</a>', "&lt;", "'"]),
    }


def mkey():
    return R.choice(NAMES + ["name", "tags", "name", "user.name", "user.address.city", "user.address.zip", "user.tags", "user.missing", "user.flag", "list.0", "list.-1", "list.9",
                             "people.0.name", "people.1.tags", "a.b", "zero.x", "b.name", "flag.x", "none.x"])


def mtag(key):
    s = R.choice(["", " ", "  "])
    return R.choice(["{{%s}}", "{{%s}}", "{{{%s}}}", "{{&%s}}"]) % (s + key + s)


def mbody(depth, inner=False, partials=()):
    out = ""
    for _ in range(R.randint(1, 4)):
        k = R.random()
        if k < 0.3:
            out += R.choice(["text ", "\n", "  ", "\r\n", "x\n  ", "<b>", "{", "}", "} }", "ü", "\t", "\n\n", "'"])
        elif k < 0.6:
            out += mtag("." if inner and R.random() < 0.3 else mkey())
        elif k < 0.66:
            out += R.choice(["{{! comment }}", "\n  {{! comment }}\n", "{{!\n}}\n", "  {{!x}}  \n"])
        elif k < 0.70 and not inner:
            out += R.choice(["{{=<% %>=}}<% a %><%={{ }}=%>", "\n{{=| |=}}\n|a|{{b}}|={{ }}=|\n", "{{= [ ] =}}[#flag]x[/flag][={{ }}=]"])
        elif k < 0.76 and partials:
            out += R.choice(["{{>%s}}", "\n  {{> %s }}\n", "\t{{>%s}}\n", "x {{>%s}} y", "\n    {{>%s}}"]) % R.choice(partials)
        elif depth < 3:
            key = mkey()
            kind = R.choice("##^")
            wrap = R.choice(["%s%s%s", "%s\n%s%s\n", "\n  %s\n%s  %s\n", "%s\n%s\n%s"])
            out += wrap % ("{{%s%s}}" % (kind, key), mbody(depth + 1, kind == "#", partials), "{{/%s}}" % key)
    return out


PARTIALS = {"p": "P({{a}})", "q": "line 1\nline {{b}}\n", "r": "{{#list}}\n- {{.}}\n{{/list}}\n", "s": "  {{>q}}", "t": "{{>p}}\n{{>q}}", "empty": "", "html": "<{{html}}>{{{html}}}"}


def mustaches():
    for t in ["{{a", "{{a}", "{{}}", "{{ }}", "{{#a}}", "{{/a}}", "{{#a}}{{/b}}", "{{#a}}{{#b}}{{/a}}{{/b}}", "{{=x}}", "{{=<% %>=}}{{a}}<%a", "{{{a}}", "a {{", "{{#}}x{{/}}", "{{^a}}",
              "{{a}}}", "{ {a} }", "{{#flag}}\r\nyes\r\n{{/flag}}\r\n", "{{#list}}{{.}},{{/list}}", "{{#list}}{{#.}}{{.}}{{/.}}{{/list}}", "{{#people}}{{name}}{{#tags}}[{{.}}]{{/tags}}{{^tags}}none{{/tags}}{{/people}}",
              "{{a.__class__}}", "{{user.__class__.__name__}}", "{{#user}}{{name}} {{address.city}} {{a}}{{/user}}", "{{missing}}", "{{#missing}}x{{/missing}}", "{{^missing}}x{{/missing}}", "{{#flag}}{{nope}}{{/flag}}",
              "{{#list}}{{^list}}x{{/list}}y{{/list}}", "{{#list}}{{#list}}x{{/list}}y{{/list}}", "{{.}}", "{{#flag}}{{.}}{{/flag}}", "{{#a}}{{.}}{{/a}}", "| {{#flag}} |\n {{/flag}} |", "  {{#flag}}\n  x\n  {{/flag}}", "{{>p}}"]:
        for _ in range(4):
            add("mustache", t, mvalues())
    for v in VALUES:
        for t in ["{{a}}", "{{{a}}}", "{{#a}}yes {{.}}{{/a}}{{^a}}no{{/a}}"]:
            add("mustache", t, {"a": v})
    while sum(c["f"] == "mustache" for c in cases) < 1000:
        add("mustache", mbody(0), mvalues())
    while sum(c["f"] == "mustache" for c in cases) < 1300:
        t = mbody(0, False, list(PARTIALS))
        if "{{>" in t:
            add("mustache", t, mvalues(True), PARTIALS)


# --- jinja2 ---

JHAND = [
    "{{ a }}", "{{a}}\n", "{{a}}\n\n", "\n", "", "{{ a", "{% if a %}", "{% endif %}", "{% if %}x{% endif %}", "{{ }}", "{{ a | nofilter }}", "{{ a is notest }}", "{% frobnicate %}", "{# c #}x", "{# open",
    "{{ a.b.c }}", "{{ d['b'] }}", "{{ d.b.c }}", "{{ l[0] }} {{ l[-1] }} {{ l[99] }}", "{{ l[1:] }} {{ l[::-1] }} {{ s[1:3] }}", "{{ s[::2] }}", "{{ l[0:1] }}",
    "{% for x in l %}{{ loop.index }}/{{ loop.length }}:{{ x }}{% if not loop.last %}, {% endif %}{% else %}none{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}", "{% for x in l if x %}{{ x }}{{ loop.first }}{% endfor %}", "{% for x in [] %}x{% else %}empty{% endfor %}",
    "{% for x in l %}{% for y in l %}{{ loop.index0 }}{{ loop.depth }}{% endfor %}{{ loop.revindex }}{{ loop.revindex0 }}{% endfor %}",
    "{% for x in l %}{{ loop.cycle('odd', 'even') }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.changed(x) }} {% endfor %}",
    "  {%- if flag %} yes {%- else %} no {%- endif %}  ", "a  {{- s -}}  b", "{%- for x in l -%}\n {{ x }}\n{%- endfor -%}\n end", "{% if flag -%}\n  x\n{%- endif +%}\n y", "a {#- c -#} b", "{{+ 1 }}",
    "{% raw %}{{ not }} {% this %}{% endraw %}{{ s }}", "{%- raw -%}  x  {%- endraw -%}  y", "{% raw %}open", "{% set x = 1 %}{{ x }}", "{% set x, y = 1, 'b' %}{{ x }}{{ y }}", "{% set x %}cap {{ s }}{% endset %}[{{ x }}]", "{% set x | upper %}cap{% endset %}{{ x }}",
    "{% set x = 0 %}{% for i in l %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}", "{% set ns = namespace(n=0) %}{% for i in l %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}", "{% if flag %}{% set z = 1 %}{% endif %}{{ z }}",
    "{% if flag %}{% set z = 1 %}{% else %}{% set z = 2 %}{% endif %}{{ z }}", "{{ z }}{% set z = 1 %}", "{% set s = s ~ '!' %}{{ s }}", "{% for i in l %}{{ q }}{% endfor %}{% set q = 1 %}", "{% for s in l %}{{ s }}{% endfor %}{{ s }}",
    "{% with x = 1, y = s %}{{ x }}{{ y }}{% endwith %}{{ a }}", "{% macro m(p, q=2, *r) %}{{ p }}{% endmacro %}", "{% macro m(p, q=2) %}{{ p }}-{{ q }}{% endmacro %}{{ m(1) }}{{ m(1, q=3) }}{{ m('a', 'b') }}", "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}",
    "{% macro m(x) %}<{{ caller() }}{{ x }}>{% endmacro %}{% call m(1) %}in{{ s }}{% endcall %}", "{% macro m(x) %}{{ caller(x) }}{% endmacro %}{% call(y) m(1) %}{{ y }}{% endcall %}", "{% filter upper %}abc {{ s }}{% endfilter %}", "{% filter replace('a', 'b') | upper %}aaa{% endfilter %}", "{% macro m(n) %}{% if n > 0 %}{{ n }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(4) }}",
    "{{ 'a' if flag }}", "{{ 'a' if flag else 'b' }}", "{{ a or b or 'x' }}", "{{ a and b }}", "{{ not a }}", "{{ 1 < 2 < 3 }}", "{{ 1 in l }} {{ 'a' in s }} {{ 'a' not in d }}", "{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 100 }}",
    "{{ 7.5 // 2 }} {{ 7.5 % 2 }} {{ -7.5 % 2 }} {{ 1e3 }} {{ 1_000 }} {{ 0x1f }} {{ 0b11 }} {{ 0o17 }} {{ .5 }}", "{{ 1 / 0 }}", "{{ 1 // 0 }}", "{{ 'a' + 1 }}", "{{ 'a' ~ 1 ~ none }}", "{{ 'a' * 3 }} {{ 3 * 'a' }} {{ [1] * 2 }} {{ (1,) * 2 }}", "{{ [1, 2] + [3] }} {{ (1, 2) }} {{ (1,) }} {{ () }} {{ {} }} {{ {'x': 1, 2: [3]} }}", "{{ 1, 2 }}",
    "{{ 'it\\'s' }} {{ \"a\\nb\" }} {{ '\\u00e9\\x41\\q' }} {{ 'a' 'b' }}", "{{ true }} {{ True }} {{ none }} {{ None }} {{ false }}", "{{ '%s and %d and %05.2f and %x' | format('a', 42, 3.14159, 255) }}", "{{ '%(x)s' | format(x=1) }}", "{{ '%-5s|%5s|%+d|% d|%%' | format('a', 'b', 3, 4) }}", "{{ '%s' % s }}{{ '%s-%s' % (1, 2) }}", "{{ '%d' | format('x') }}", "{{ '%r' | format(s) }}",
    "{{ range(3) | list }}{{ range(1, 10, 3) | list }}{{ range(3, 0, -1) | list }}", "{% for i in range(3) %}{{ i }}{% endfor %}", "{{ dict(a=1, b=2) }}", "{{ dict(d, z=1) }}", "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}", "{% set j = joiner('; ') %}{{ j() }}a{{ j() }}b",
    "{{ s.__class__ }}", "{{ s._private }}", "{{ ''.__class__.__mro__ }}", "{{ d.nope }}|{{ d.nope is defined }}", "{{ d.nope.deeper }}", "{{ d.nope + 1 }}", "{{ d['nope'] | default('dflt') }}", "{{ '' | default('x', true) }}{{ none | d('y') }}{{ none | d('y', true) }}", "{{ missing }}", "{{ missing | default('x') }}", "{% if missing is defined %}x{% endif %}", "{{ s() }}", "{{ s.upper() }} {{ s.nope() }}",
    "{% include 'x' %}", "{% extends 'x' %}", "{% import 'x' as y %}", "{% from 'x' import y %}", "{% for x in l recursive %}{{ x }}{% endfor %}", "{% block b %}x{% endblock %}", "{% do l.append(1) %}", "{% break %}", "{% autoescape true %}{{ '<' }}{% endautoescape %}", "{% for x in 5 %}{% endfor %}", "{% for x, y in [1] %}{% endfor %}", "{{ 1 2 }}", "{{ a b }}", "{{ (1 }}", "{{ [1 }}", "{{ {1: 2 }}", "{{ a. }}", "{{ 'open }}", "{{ a ! b }}", "{{ ) }}", "{% set 1 = 2 %}", "{% set x %}", "{% for in l %}{% endfor %}", "{{ a is defined is none }}",
    "{{ a if }}", "{% else %}", "{% if a %}{% else %}{% else %}{% endif %}", "{% if a %}1{% elif b %}2{% elif flag %}3{% else %}4{% endif %}", "}} %} #}", "{ { a } }", "{ % x % }", "{{ '{{' }}{{ '}}' }}{{ '%}' }}", "{{ {'a': {'b': 1}} }}", "{{ {'a': {'b': 1}}['a']['b'] }}", "{{ {'a': {'b': 1}}.a.b }}", "cr\r\nlf {{ s }}\r\n", "cr\rx {{ s }}\r", "{{ 'a\r\nb' }}", "{% raw %}\r\n{% endraw %}", "ü {{ s }} 🌍",
    "{{ l | map('upper') | list }}", "{{ people | map(attribute='name') | join(', ') }}", "{{ people | map(attribute='age', default=0) | list }}", "{{ people | selectattr('age') | map(attribute='name') | list }}", "{{ people | selectattr('age', 'gt', 30) | list | length }}", "{{ people | rejectattr('age') | list }}", "{{ [1, 2, 3, 4] | select('even') | list }}{{ [1, 2, 3] | reject('odd') | list }}{{ [0, 1, ''] | select | list }}", "{{ people | groupby('city') | length }}", "{% for c, g in people | groupby('city') %}{{ c }}: {{ g | map(attribute='name') | join }};{% endfor %}", "{{ people | sort(attribute='name') | map(attribute='name') | list }}{{ people | sort(attribute='name', reverse=true) | map(attribute='name') | list }}",
    "{{ people | sum(attribute='n') }}", "{{ people | sort(attribute='city,name') | map(attribute='name') | list }}", "{{ ['b', 'A', 'c'] | sort }}{{ ['b', 'A'] | sort(case_sensitive=true) }}{{ [3, 1, 2] | sort(true) }}", "{{ ['a', 'A', 'b'] | unique | list }}{{ [1, 1.0, true, 2] | unique | list }}", "{{ [1, 2, 3] | min }}{{ ['b', 'A'] | max }}{{ [] | max }}", "{{ [3, 'a'] | sort }}", "{{ {'b': 1, 'a': 2} | dictsort }}{{ {'b': 1, 'a': 2} | dictsort(by='value') }}{{ {'b': 1, 'A': 2} | dictsort(true) }}", "{{ range(7) | batch(3) | list }}{{ range(7) | batch(3, 'x') | list }}", "{{ range(7) | slice(3) | list }}{{ range(7) | slice(3, 'x') | list }}",
    "{{ l | length }}{{ s | length }}{{ d | count }}", "{{ 42 | length }}", "{{ l | first }}{{ l | last }}{{ [] | first }}", "{{ l | join('-') }}", "{{ [1, none, 'x'] | join }}", "{{ d | items | list }}", "{{ d.keys() | list }}{{ d.values() | list }}{{ d.get('a') }}{{ d.get('zz', 5) }}", "{{ s | list }}", "{{ 'abc' | reverse }}{{ [1, 2] | reverse | list }}",
    "{{ d | tojson }}", "{{ l | tojson }}", "{{ s | tojson }}", "{{ d | tojson(indent=2) }}", "{{ {'b': [1, {'c': []}], 'a': {}} | tojson(2) }}", "{{ '<>&\\'\"é🌍' | tojson }}", "{{ 1.0 | tojson }}{{ none | tojson }}{{ true | tojson }}{{ 1e100 | tojson }}",
    "{{ 'hello world-foo (bar) [baz]' | title }}{{ 'ab1c dE' | title }}", "{{ 'hELLO wORLD' | capitalize }}", "{{ ' x ' | trim }}|{{ 'xxaxx' | trim('x') }}", "{{ 'a b  c_d é1' | wordcount }}", "{{ s | upper }}{{ s | lower }}", "{{ 'ß' | upper }}", "{{ 'a' | center(9) }}|{{ 'ab' | center(9) }}|{{ 'a' | center(4) }}|", "{{ 'a\nb\n\nc' | indent }}|{{ 'a\nb' | indent(2, true) }}|{{ 'a\n\nb' | indent(2, blank=true) }}|{{ 'a\nb' | indent('>> ') }}", "{{ 'aXbXc' | replace('X', '-') }}{{ 'aXbXc' | replace('X', '-', 1) }}", "{{ ('word ' * 20) | truncate(30) }}|{{ ('word ' * 20) | truncate(30, true) }}|{{ 'abc' * 30 | truncate(5) }}|{{ 'short' | truncate(5) }}|{{ 'foo bar baz qux' | truncate(11, false, '..', 0) }}",
    "{{ '<a href=\"x\">\\'&' | e }}{{ '<' | escape }}{{ '<' | safe }}", "{{ 'a b/c?d=é&' | urlencode }}{{ {'a b': 'c/d', 'e': 1} | urlencode }}", "{{ '42' | int }}{{ '42.9' | int }}{{ 'x' | int }}{{ 'x' | int(7) }}{{ 'ff' | int(0, 16) }}{{ 4.9 | int }}{{ none | int }}{{ true | int }}", "{{ '3.5' | float }}{{ 'x' | float }}{{ 'x' | float(1.5) }}{{ 3 | float }}", "{{ 2.5 | round }}{{ 3.14159 | round(2) }}{{ 2.1 | round(0, 'ceil') }}{{ 2.9 | round(method='floor') }}{{ 5 | round }}{{ 2.675 | round(2) }}{{ 1234 | round(-2) }}", "{{ -5 | abs }}{{ -5.5 | abs }}{{ (-5) | abs }}", "{{ 5 | string + 'x' }}", "{{ [1, 2.5, true] | sum }}{{ [[1], [2]] | sum(start=[]) }}", "{{ [1, 2, 3] | sum(start=10) }}",
    "{{ s is string }}{{ 1 is number }}{{ 1.0 is float }}{{ 1 is integer }}{{ true is integer }}{{ true is boolean }}{{ none is none }}{{ d is mapping }}{{ l is sequence }}{{ l is iterable }}{{ 5 is iterable }}", "{{ 4 is even }}{{ 3 is odd }}{{ 9 is divisibleby 3 }}{{ 9 is divisibleby(2) }}", "{{ 1 is eq 1 }}{{ 1 is ne(2) }}{{ 1 is lt 2 }}{{ 2 is ge 2 }}{{ 1 is in [1, 2] }}{{ 1 is sameas 1 }}{{ true is true }}{{ 1 is true }}", "{{ 'abc' is lower }}{{ 'ABC' is upper }}{{ 'Abc' is lower }}", "{{ s is not string }}{{ not s is string }}", "{{ 1 is odd and 2 is even or false }}", "{{ 'x' if s is string else 'y' }}",
    "{{ 'a,b,c'.split(',') }}{{ ' a  b '.split() }}{{ 'a,b,c'.split(',', 1) }}{{ 'a b c'.rsplit(' ', 1) }}{{ 'a b c'.split(none, 1) }}", "{{ 'abc'.startswith('a') }}{{ 'abc'.endswith(('x', 'c')) }}{{ 'abcabc'.find('c') }}{{ 'abcabc'.rfind('c') }}{{ 'abcabc'.count('b') }}{{ 'abc'.index('c') }}", "{{ ' a '.strip() }}|{{ 'xax'.lstrip('x') }}|{{ 'xax'.rstrip('x') }}|", "{{ ', '.join(['a', 'b']) }}", "{{ 'a-b'.replace('-', '+') }}{{ 'hello world'.title() }}{{ \"they're\".title() }}{{ 'hELLO'.capitalize() }}{{ 'aB'.swapcase() }}", "{{ '7'.zfill(3) }}{{ '-7'.zfill(4) }}{{ 'a'.ljust(3) }}|{{ 'a'.rjust(3, '*') }}|{{ 'a'.center(4, '-') }}", "{{ '12'.isdigit() }}{{ 'a1'.isalnum() }}{{ 'ab'.isalpha() }}{{ ' '.isspace() }}{{ 'AB'.isupper() }}{{ 'ab'.islower() }}{{ ''.isdigit() }}", "{{ 'a\nb'.splitlines() }}{{ 'a=b=c'.partition('=') }}{{ 'prefix-x'.removeprefix('prefix-') }}", "{{ [1, 2, 1].count(1) }}{{ [1, 2].index(2) }}", "{{ '{} {x}'.format(1, x=2) }}", "{{ d.items() | list | length }}",
    "{{ s|upper|lower|title }}", "{{ -1 ** 2 }}", "{{ 2 ** 3 ** 2 }}", "{{ 1 + 2 * 3 - 4 }}", "{{ (1 + 2) * 3 }}", "{{ 1 ~ 2 + 3 }}", "{{ 'a' ~ 'b' * 2 }}", "{{ not 1 == 2 }}", "{{ [1, [2]] == [1, [2]] }}{{ {'a': 1} == {'a': 1.0} }}{{ (1, 2) < (1, 3) }}{{ 'a' < 'b' }}", "{{ 1 < 'a' }}", "{{ 1 == '1' }}{{ 1 == 1.0 }}{{ true == 1 }}{{ none == false }}", "{{ '1' | int + 1 }}", "{{ -x }}", "{{ 3 if false }}", "{{ (3 if false) is defined }}", "{{ l.0 }}", "{{ people[0].name }}{{ people.0.name }}", "{{ d['b']['d'][1] }}", "{{ 'abc'[0] }}{{ 'abc'[-1] }}{{ 'abc'[9] }}",
    "{% if a == 'x' %}1{% endif %}\n{% if b %}\n2\n{% endif %}\n", "{% for x in l %}\n{{ x }}\n{% endfor %}\n", "{% set x = [1, 2] %}{% set y = x + [3] %}{{ x }}{{ y }}", "{% set _ = l.append(5) %}{{ l }}", "{{ lipsum(1) | length > 0 }}", "{{ [1,2,3] | random in [1,2,3] }}", "{{ 10 | filesizeformat }}", "{{ '<b>x</b>' | striptags }}", "{{ 'a b c d' | wordwrap(3) }}", "{{ 1 is foo.bar }}", "{{ l | pprint }}", "{{ ['a', '<'] | xmlattr }}", "{{ ({'a': 1}) | xmlattr }}", "{{ s | forceescape }}",
    "{{ ('<' | e) ~ '<' }}", "{{ ('<' | e) + '<' }}", "{{ ['<' | e, '<'] | join }}", "{{ 'ﬁ' | upper }}", "{{ 'ﬁn' | capitalize }}", "{{ 'ﬁn' | title }}", "{{ 'ŉ'.upper() }}", "{{ ('x' | e).upper() }}", "{{ '<' | e | upper }}", "{{ '<' | tojson ~ '<' }}",
    "{{ 'İ' | lower }}", "{{ 'ΑΣ' | lower }}", "{{ d.pop('a') }}", "{{ d.update({'x': 1}) }}{{ d }}", "{{ l.index('zz') }}", "{{ 'a'.nope }}", "{{ none.x }}", "{{ none | length }}", "{{ 5.x }}", "{{ 5 .x }}", "{{ 1.e }}", "{{ 1.5.x }}", "{{ a.1 }}", r"{{ '\\' }}", r"{{ '\N{DASH}' }}", r"{{ '\x4' }}", r"{{ '\8' }}", r"{{ '\101' }}",
    "{% for g in people | groupby('city') %}{{ g.grouper }}: {{ g.list | length }}{{ g[0] }};{% endfor %}", "{{ people | groupby('city') }}", "{{ range(3) }}", "{{ d.items() }}", "{{ d.keys() }}{{ d.values() }}", "{{ (1, [2]).nope }}",
    "{% for p in people %}{% set outer = loop %}{% for t in l %}{{ outer.index }}.{{ loop.index }} {% endfor %}{% endfor %}", "{{ '%.2f' | format(n) }}", "{% macro f(k, v='') -%}\n<{{ k }}>{{ v | e }}</{{ k }}>\n{%- endmacro %}{{ f('a', s) }}{{ f('b') }}",
    "{% set t = namespace(v=0) %}{% for p in people %}{% set t.v = t.v + p.n %}{% endfor %}Total: {{ t.v | round(1) }}", "{% call f(1) %}{% endcall %}", "{{ loop is defined }}",
    "{%- for p in people -%}\n* {{ p.name }} ({{ p.n }})\n{%- for t in l %} #{{ t }}{% endfor %}\n{% endfor -%}", "{{ people | selectattr('age', 'ge', 31) | map(attribute='name') | join(', ') }}", "{{ people | tojson }}", "{{ people | tojson(indent=4) }}", "{{ people | map(attribute='nope') | list }}",
    "{{ a|d }}", "{{ a is defined and b is defined }}", "{{ loop }}", "{{ self }}", "{{ caller }}", "{{ varargs }}", "{{ l|map('nope')|list }}", "{{ l|select('nope')|list }}", "{{ [[1, 2], [3]] | map('first') | list }}", "{{ [1, 2] | map('string') | join('+') }}", "{{ ['a'] | map('replace', 'a', 'b') | list }}", "{{ range(100001) | length }}", "{{ range(100000) | length }}", "{{ [1, 2][true] }}", "{{ 'ab'[true] }}", "{{ {1: 'x'}[1.0] }}", "{{ {1: 'x'}[true] }}", "{{ {'a': 1, 'a': 2} }}", "{{ {[1]: 2} }}",
]


def jvalues():
    return {
        "a": R.choice(VALUES), "b": R.choice(VALUES), "s": R.choice(TEXTS), "n": R.choice(NUMBERS[:18]), "l": R.choice(LISTS), "d": R.choice(DICTS[1:3]), "flag": R.choice([True, False, 0, 1, "", "x", None]),
        "people": [{"name": "Bo", "age": 40, "city": "Rom", "n": 1}, {"name": "al", "age": 0, "city": "Oslo", "n": 2.5}, {"name": "Cy", "age": 31, "city": "Rom", "n": 3}],
    }


def jatom():
    return R.choice(["a", "b", "s", "n", "l", "d", "flag", "1", "2", "0", "-3", "2.5", "'x'", "''", "'a b'", "none", "true", "[1, 2]", "['a']", "{'k': 1}", "d.b", "d.a", "l[0]", "people[0].name", "(1, 2)"])


def jexpr(depth=0):
    k = R.random()
    if depth > 2 or k < 0.3:
        return jatom()
    if k < 0.5:
        return "%s %s %s" % (jexpr(depth + 1), R.choice(["+", "-", "*", "/", "//", "%", "~", "~", "==", "!=", "<", ">=", "and", "or", "in", "not in"]), jexpr(depth + 1))
    if k < 0.55:
        return "(%s)" % jexpr(depth + 1)
    if k < 0.6:
        return "not %s" % jexpr(depth + 1)
    if k < 0.68:
        return "%s if %s else %s" % (jexpr(depth + 1), jexpr(depth + 1), jexpr(depth + 1))
    if k < 0.9:
        return "%s | %s" % (jatom(), R.choice(["upper", "lower", "title", "trim", "length", "first", "last", "join(',')", "default('z')", "default('z', true)", "tojson", "int", "float", "string", "list", "sort", "reverse | list", "sum", "abs", "round(1)", "capitalize", "replace('a', 'b')", "unique | list", "max", "min", "e", "indent", "wordcount", "center(7)", "truncate(4, true, '.', 0)", "batch(2) | list", "map('string') | list", "select | list", "urlencode"]))
    return "%s is %s" % (jatom(), R.choice(["defined", "none", "string", "number", "mapping", "iterable", "sequence", "true", "boolean", "integer", "float", "not none", "in [1, 'x']", "eq 1", "odd"]))


def jbody(depth=0):
    out = ""
    for _ in range(R.randint(1, 3)):
        k = R.random()
        o, c = R.choice([("{%", "%}"), ("{%", "%}"), ("{%-", "%}"), ("{%", "-%}"), ("{%-", "-%}")])
        if k < 0.25:
            out += R.choice(["text", " ", "\n", "  \n  ", "ü", "\r\n", "{", "}", "<&>"])
        elif k < 0.6 or depth > 2:
            out += R.choice(["{{ %s }}", "{{ %s }}", "{{- %s -}}", "{{%s}}"]) % jexpr().replace("{'", "{ '")
        elif k < 0.75:
            out += f"{o} if {jexpr(1)} {c}{jbody(depth + 1)}" + R.choice(["", f"{o} else {c}{jbody(depth + 1)}", f"{o} elif {jexpr(1)} {c}y"]) + f"{o} endif {c}"
        elif k < 0.9:
            out += f"{o} for {R.choice(['x', 'a', 'i'])} in {R.choice(['l', 'people', 'd', 's', 'range(3)', '[1, 2]', 'l | sort', 'flag'])} {c}{R.choice(['{{ x }}', '{{ loop.index }}', '{{ a }}', '{{ loop.last }},', '{{ i }}'])}{jbody(depth + 1)}{o} endfor {c}"
        else:
            out += f"{o} set {R.choice(['v', 'a', 'w'])} = {jexpr(1)} {c}{R.choice(['{{ v }}', '{{ a }}', ''])}"
    return out


def jinjas():
    for t in JHAND:
        for _ in range(2):
            add("jinja2", t, jvalues())
    for v in VALUES:
        for t in ["{{ a }}", "{{ [a] }}", "{{ a | tojson }}", "{{ a | length }}", "{% if a %}yes{% else %}no{% endif %}", "{{ a ~ '' }}", "{{ a | int }}"]:
            add("jinja2", t, {"a": v})
    while sum(c["f"] == "jinja2" for c in cases) < 1800:
        add("jinja2", jbody(), jvalues() | {"x": "X", "i": "I"} | ({"v": "V", "w": 1} if R.random() < 0.8 else {}))


def main():
    fstrings()
    mustaches()
    jinjas()
    data = {"python": platform.python_version(), "langchain-core": version("langchain-core"), "jinja2": version("jinja2"), "cases": cases}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    with open(OUT, "wb") as f, gzip.GzipFile(fileobj=f, mode="wb", compresslevel=9, mtime=0, filename="") as z:
        z.write(text)
    for f in ["f-string", "mustache", "jinja2"]:
        mine = [c for c in cases if c["f"] == f]
        print(f, len(mine), "errors:", sum("err" in c for c in mine), file=sys.stderr)


main()
