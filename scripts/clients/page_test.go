package main

import (
	"encoding/json"
	"slices"
	"testing"
)

// docs/clients.md has a row for each client and each suite, of the version that
// packages.txt says, and every row is a number.
func TestPageHasEveryClient(t *testing.T) {
	p, err := readPage("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	v, err := readVersions("..")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, c := range clients {
		row := v.label(c.label, c.of)
		rows = append(rows, row)
		for _, name := range cases {
			if cell := p.costs.cell(row, columns[name]); (cell == none) != c.skips(name) || cell == "" {
				t.Errorf("%s, %s: the page has %q", row, name, cell)
			}
		}
	}
	if have := p.costs.names(); !slices.Equal(have, rows) {
		t.Errorf("the page has the rows\n%q, want\n%q", have, rows)
	}
	rows = nil
	for _, s := range suites {
		rows = append(rows, v.label(s.label, s.of))
	}
	if have := p.suites.names(); !slices.Equal(have, rows) {
		t.Errorf("the page has the suites\n%q, want\n%q", have, rows)
	}
}

func TestDiffers(t *testing.T) {
	for _, c := range []struct {
		page, cell string
		want       bool
	}{
		{"1", "1", false},
		{"1", "2", true},
		{"2", "1", true},
		{"", "1", true},
		{none, none, false},
		{none, "1", true},
		{"1+1", "1+1", false},
		{"1+1", "1", false},
		{"1+1", "1+2", true},
		{"1", "1+1", true},
		{"2+1", "1+1", true},
		{"1+3", "1+10", true},
		{"1+10", "1+3", false},
	} {
		if have := differs(c.page, c.cell) != ""; have != c.want {
			t.Errorf("the page has %q, measured %q: differs is %v", c.page, c.cell, have)
		}
	}
}

// What the engine answers follows from what is asked.
func TestAnswer(t *testing.T) {
	const tools = `"tools":[{"function":{"name":"a","parameters":{"type":"object","properties":{"n":{"type":"integer"},"s":{"anyOf":[{"type":"string"},{"type":"null"}]}}}}},{"function":{"name":"b"}}]`
	for _, c := range []struct {
		name, in string
		want     answer
	}{
		{"a text", `{"model":"suite","messages":[{"role":"user","content":"Hi"}]}`, answer{text: said}},
		{"a stop", `{"model":"suite","stop":["forty"],"messages":[]}`, answer{text: "The answer is "}},
		{"stops", `{"model":"suite","stop":"answer","messages":[]}`, answer{text: "The "}},
		{"a tool", `{"model":"suite",` + tools + `,"messages":[{"role":"user","content":"What is a(3) of 'x'?"}]}`, answer{call: "a", arguments: `{"n":3,"s":"x"}`}},
		{"a tool by name", `{"model":"suite","tool_choice":{"function":{"name":"b"}},` + tools + `,"messages":[]}`, answer{call: "b", arguments: `{}`}},
		{"no tool", `{"model":"suite","tool_choice":"none",` + tools + `,"messages":[]}`, answer{text: said}},
		{"a result", `{"model":"suite",` + tools + `,"messages":[{"role":"user","content":"Hi"},{"role":"tool","content":"4"}]}`, answer{text: said}},
		{"a question after a result", `{"model":"suite",` + tools + `,"messages":[{"role":"tool","content":"4"},{"role":"user","content":"5"}]}`, answer{call: "a", arguments: `{"n":5,"s":"the s"}`}},
		{"a prompt alone", `{"model":"prompt",` + tools + `,"messages":[]}`, answer{text: said}},
		{"a prompt that has to", `{"model":"prompt","tool_choice":"required",` + tools + `,"messages":[]}`, answer{call: "a", arguments: `{"n":1,"s":"the s"}`}},
		{"a schema", `{"response_format":{"type":"json_schema","json_schema":{"schema":{"$ref":"#/$defs/J","$defs":{"J":{"properties":{"k":{"enum":["x","y"]},"l":{"type":"array","items":{"type":["number","null"]}}}}}}}},"messages":[{"role":"user","content":[{"type":"text","text":"7"}]}]}`, answer{text: `{"k":"x","l":[7]}`}},
		{"JSON", `{"response_format":{"type":"json_object"},"messages":[{"role":"user","content":"with 'p' and \"q\""}]}`, answer{text: `{"p":"the p","q":"the q"}`}},
	} {
		var q question
		if err := json.Unmarshal([]byte(c.in), &q); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if have := q.answer(); have != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, have, c.want)
		}
	}
}
