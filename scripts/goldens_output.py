#!/usr/bin/env python3
"""Writes chain/output/testdata/langchain.json: what LangChain's output parsers make of many answers, for chain/output to make the same.

    python3 -m venv VENV && VENV/bin/pip install langchain-core==1.8.4 langchain-classic==1.0.8 defusedxml==0.7.1 && VENV/bin/python scripts/goldens_output.py
"""

import enum
import importlib.metadata
import json
import pathlib

from langchain_classic.output_parsers.boolean import BooleanOutputParser
from langchain_classic.output_parsers.datetime import DatetimeOutputParser
from langchain_classic.output_parsers.enum import EnumOutputParser
from langchain_classic.output_parsers.regex import RegexParser
from langchain_core.output_parsers import (
    CommaSeparatedListOutputParser,
    JsonOutputParser,
    MarkdownListOutputParser,
    NumberedListOutputParser,
    StrOutputParser,
    XMLOutputParser,
)

ANSWERS = [
    "", " ", "\n", "foo", "foo, bar, baz", "foo,bar,baz", " foo , bar ", "foo\nbar", "foo,\nbar", "a,,b", ",", "a,", ",a",
    '"a, b", c', '"a ""b"" c", d', 'a "b" c, d', '"a" b, c', '"open, to the end', '"two\nlines", x', "a\r\nb", "a\rb,c", "x\ty",
    "naïve, été, 日本", "a; b; c", "'a, b', c", "a, b\n\nc, d", "  ", "1, 2, 3", "foo,  bar,\tbaz", "a\u00a0,b",
    "1. foo\n2. bar", "1. foo\n\n2. bar\n\n3. baz", "1) foo\n2) bar", "1.foo", "1.  foo", "10. ten\n11. eleven", "Here:\n1. a\n2. b\nDone.",
    "  1. indented", "1.\nfoo", "Version 2. 0 is out", "1. a 2. b", "٣. three", "1. \n2. b", "1.\tfoo", "a1. b", "1. foo\r\n2. bar",
    "- foo\n- bar", "* foo\n* bar", "- foo\n* bar\ntext\n- baz", "  - nested\n    - more", "-foo", "- ", "-  two", "+ plus", "text - foo",
    "- a - b", "\n\n- foo", "-\nfoo", "- foo\r\n- bar", "— dash", "- **bold**: x", "1. x\n- y", "* \n* b", "-\tfoo",
]

JSONS = [
    "{}", "[]", "null", "true", "false", "0", "-1.5", "1e3", '"text"', '{"a": 1}', ' {"a":1} ', '{"a": {"b": [1, 2, {"c": null}]}}', "[1, 2, 3]",
    '```json\n{"a": 1}\n```', '```\n{"a": 1}\n```', 'Sure!\n```json\n{"a": 1}\n```', '```json\n{"a": 1}\n```\nThat is all.', '```json {"a": 1} ```',
    'Here:\n```json\n[1, 2]\n```\nand\n```json\n[3]\n```', '`{"a": 1}`', '```json\n{"a": "```"}\n```', "```js\n{}\n```", '```json\n{"a": 1}',
    '{"a": "line\nbreak"}', '{"a": "tab\there"}', '{"a": "q\\"q"}', '{"a": "back\\\\slash"}', '{"a": "\\u00e9\\n"}', '{"a": "é日本😀"}', '{"a": "b\r\nc"}',
    '{"a": 1', '{"a": [1, 2', '{"a": "b', '{"a": "b\\', "[1, 2,", '{"a": 1,', '{"a":', '{"a', "{", "[", '{"a": tru', '[{"a": 1}, {"b"',
    '{"a": 1,}', "[1, 2,]", '{"a": 1}}', "[1]]", '{"a": 1]', '{"a": 1} and more', '[1, 2] is the list', '{"a":1}{"b":2}', "1. Paris", '"a" or "b"', "true or false",
    "hello", "The answer is 42", 'Answer: {"a": 1}', "{'a': 1}", "{a: 1}", '{"a": NaN}', '{"a": Infinity}', '{"a": 01}', '{"a": .5}', '{"a": 1.}', '{"a": +1}',
    '{"a": 1, "a": 2}', '{"": 1}', '{"a": 12345678901234567890}', '{"a": 1.0}', '{"a": 1E400}', "// note\n{}", '{"a": 1 /* x */}', '{"a" 1}', '{"a": "x" "b"}',
    '\ufeff{"a": 1}', "```json\n```", "```", '{"action": "x", "action_input": "a\nb"}', "[[[[[[]]]]]]", '{"a":[]}', '{"a": "\\ud83d\\ude00"}', "-", '""', "nul",
]

BOOLS = [
    "YES", "NO", "yes", "no", "Yes.", "No, never", "yes and no", "YES NO", "The answer is yes", "nope", "yesterday", "Know", "", "y", "true", "YES\nYES",
    "no no no", "YES!", "(no)", "not", "yes_no", "NO/YES", "ye s", "yes,", "It's a no-go", "«yes»", "yés", "noé", "1 yes 2", "yes1",
]

ENUMS = ["red", " red ", "red\n", "Red", "RED", "green", "light blue", "blue", "red.", '"red"', "", "red green", "\u00a0red", "re d", "\x1cred"]

TIMES = {
    "": ["2023-07-04T14:30:00.000000Z", " 2023-07-04T14:30:00.000000Z\n", "2023-07-04T14:30:00.5Z", "2023-07-04T14:30:00Z", "2023-07-04", "", "2024-02-29T00:00:00.0Z",
         "2023-02-29T00:00:00.0Z", "2023-13-01T00:00:00.0Z", "2023-07-04T24:00:00.0Z", "2023-07-04T23:60:00.0Z", "2023-07-04T23:59:60.0Z", "2023-7-4T1:2:3.4Z",
         "2023-07-04t14:30:00.000000z", "2023-07-04T14:30:00.1234567Z", "2023-07-04T14:30:00.000000Z.", "It is 2023-07-04T14:30:00.000000Z", "0000-01-01T00:00:00.0Z", "9999-12-31T23:59:59.999999Z"],
    "%Y-%m-%d": ["2023-07-04", "2023-7-4", "23-07-04", "2023-07-32", "2023-04-31", "2023/07/04", "2023-07-04 ", "2023-07-04T00:00", "20230704", "1900-02-29", "2000-02-29"],
    "%d.%m.%Y %H:%M": ["04.07.2023 14:30", "4.7.2023 4:05", "04.07.2023  14:30", "04.07.2023\t14:30", "04.07.2023 14:30:00", "31.06.2023 00:00", "04.07.202314:30"],
    "%B %d, %Y": ["July 4, 2023", "july 04, 2023", "JULY 4, 2023", "Jul 4, 2023", "May 31, 1999", "Juli 4, 2023", "February 30, 2024"],
    "%d %b %y": ["4 Jul 23", "04 jul 68", "04 Jul 69", "4 July 23", "4 Jul 2023"],
    "%I:%M %p": ["02:30 PM", "2:30 pm", "12:00 AM", "12:00 PM", "13:00 PM", "2:30", "00:30 AM"],
    "%A, %d %B %Y": ["Tuesday, 4 July 2023", "Monday, 4 July 2023", "tuesday, 04 july 2023", "Tue, 4 July 2023"],
    "%Y-%m-%dT%H:%M:%S%z": ["2023-07-04T14:30:00+02:00", "2023-07-04T14:30:00-0530", "2023-07-04T14:30:00Z", "2023-07-04T14:30:00z", "2023-07-04T14:30:00", "2023-07-04T14:30:00+02:00:30", "2023-07-04T14:30:00+2500"],
    "%Y %j": ["2023 185", "2024 366", "2023 366", "2023 1", "2023 000"],
    "%H:%M": ["14:30", "4:5", "24:00", "1430"],
    "100%% on %x": ["100% on 07/04/23", "100% on 7/4/23", "100 on 07/04/23"],
}

REGEXES = [
    (r"Answer: (.*)", ["answer"], None, ["Answer: 42", "The Answer: yes\nand more", "answer: 42", "", "Answer: ", "x"]),
    (r"(\d+)-(\d+)", ["from", "to"], None, ["10-20", "from 1-2 to 3-4", "10 - 20", "-1-2"]),
    (r"Score: (\d+)\s+Why: (.+)", ["score", "why"], "why", ["Score: 5 Why: good", "Score: 5\nWhy: good", "bad", "Score: x Why: y", ""]),
    (r"(a)(b)", ["first"], None, ["ab", "a"]),
    (r"(?i)name=(\w+)", ["name"], "name", ["NAME=Ada", "none", "name="]),
    (r"(?s)<out>(.*)</out>", ["out"], None, ["<out>a\nb</out>", "<out></out>", "<out>a", "x<out>1</out>y<out>2</out>"]),
]

XMLS = [
    "<a></a>", "<a/>", "<a>text</a>", "<a> </a>", "<a><b>1</b><c>2</c></a>", "<a>\n  <b>1</b>\n  <c/>\n</a>", "<a><b><c>deep</c></b></a>", "<a><b>1</b><b>2</b></a>",
    "<a>mixed<b>x</b></a>", "<a><b>x</b>tail</a>", "<a x='1'>t</a>", "<a><b x='1'/></a>", "```xml\n<a>1</a>\n```", "```\n<a>1</a>\n```", "Here:\n```xml\n<a><b>1</b></a>\n```\nDone.",
    '<?xml version="1.0" encoding="UTF-8"?>\n<a><b>1</b></a>', '<?xml version="1.0"?><a>1</a>', '<?xml version="1.0" encoding="UTF-8"?><a>1</a>', "<a>1", "<a><b>1</a>", "<a>1</b>", "a", "", " ",
    "text <a>1</a>", "<a>1</a> text", "<a/><b/>", "<a>&lt;&amp;&gt;&quot;&apos;</a>", "<a>&#65;&#x42;</a>", "<a>&nbsp;</a>", "<a>&foo;</a>", "<a><![CDATA[<b>&]]></a>", "<a><!-- note -->t</a>", "<a>t<!-- note -->u</a>",
    "<a><!-- note --></a>", "<a>é日本😀</a>", "<A>1</A>", "<a>1</A>", "<a-b.c>1</a-b.c>", "<1a>x</1a>", "<a b=c>1</a>", '<a x="1" x="2">1</a>', '<a xmlns="urn:x"><b>1</b></a>', '<p:a xmlns:p="urn:x"><p:b>1</p:b></p:a>', "<p:a>1</p:a>",
    "<a>\r\n</a>", "<a>x\r\ny</a>", "<a>a < b</a>", "<a>a & b</a>", "<a>]]></a>", "<foo>\n   <bar>\n      <baz></baz>\n   </bar>\n</foo>", "<a><b> 1 </b></a>", "<a><b></b><c>  </c></a>", "<a><b><c/></b><d>1</d></a>",
    '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a>1</a>', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "<?pi x?><a>1</a>", "<a><?pi x?>t</a>", "<a\n>1</a\n>", "< a>1</a>",
]


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"
    LIGHT_BLUE = "light blue"


def main():
    cases = []

    def play(name, parser, answers, options=None, shape=lambda v: v):
        for text in answers:
            case = {"parser": name, "options": options or {}, "text": text}
            try:
                got = shape(parser.parse(text))
                json.dumps(got, allow_nan=False)
                case["want"] = got
            except ValueError as e:
                if "Out of range float" in str(e):
                    case["want"] = repr(parser.parse(text))
                else:
                    case["error"] = True
            except Exception:  # OutputParserException, ParseError and what defusedxml raises
                case["error"] = True
            cases.append(case)

    play("text", StrOutputParser(), ANSWERS[:5])
    play("list", CommaSeparatedListOutputParser(), ANSWERS)
    play("numbered", NumberedListOutputParser(), ANSWERS)
    play("markdown", MarkdownListOutputParser(), ANSWERS)
    play("json", JsonOutputParser(), JSONS)
    play("bool", BooleanOutputParser(), BOOLS)
    play("bool", BooleanOutputParser(true_val="ja", false_val="gar nicht"), ["ja", "Gar nicht!", "nicht", "ja, gar nicht"], {"true": "ja", "false": "gar nicht"})
    play("enum", EnumOutputParser(enum=Colour), ENUMS, {"values": [c.value for c in Colour]}, lambda v: v.value)
    for layout, answers in TIMES.items():
        parser = DatetimeOutputParser(format=layout) if layout else DatetimeOutputParser()
        play("datetime", parser, answers, {"layout": layout} if layout else {}, lambda v: v.isoformat())
    for pattern, keys, default, answers in REGEXES:
        options = {"pattern": pattern, "keys": keys}
        if default:
            options["default"] = default
        play("regex", RegexParser(regex=pattern, output_keys=keys, default_output_key=default), answers, options)
    play("xml", XMLOutputParser(), XMLS)

    instructions = [
        {"parser": "list", "options": {}, "text": CommaSeparatedListOutputParser().get_format_instructions()},
        {"parser": "numbered", "options": {}, "text": NumberedListOutputParser().get_format_instructions()},
        {"parser": "markdown", "options": {}, "text": MarkdownListOutputParser().get_format_instructions()},
        {"parser": "json", "options": {}, "text": JsonOutputParser().get_format_instructions()},
        {"parser": "enum", "options": {"values": [c.value for c in Colour]}, "text": EnumOutputParser(enum=Colour).get_format_instructions()},
        {"parser": "datetime", "options": {}, "text": DatetimeOutputParser().get_format_instructions()},
        {"parser": "xml", "options": {}, "text": XMLOutputParser().get_format_instructions()},
        {"parser": "xml", "options": {"tags": ["foo", "bar"]}, "text": XMLOutputParser(tags=["foo", "bar"]).get_format_instructions()},
    ]
    from langchain_core.output_parsers.format_instructions import JSON_FORMAT_INSTRUCTIONS

    schema = '{"properties":{"a":{"type":"string"}}}'
    instructions.append({"parser": "schema", "options": {"schema": json.loads(schema)}, "text": JSON_FORMAT_INSTRUCTIONS.format(schema=schema)})
    versions = {p: importlib.metadata.version(p) for p in ("langchain-core", "langchain-classic", "defusedxml")}
    out = pathlib.Path(__file__).parent.parent / "chain/output/testdata/langchain.json"
    out.write_text(json.dumps({"versions": versions, "cases": cases, "instructions": instructions}, indent=1, ensure_ascii=True, sort_keys=True) + "\n")


main()
