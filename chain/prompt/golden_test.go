package prompt

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/provider"
)

// goldens are what scripts/goldens_prompts.py wrote.
type goldens struct {
	Versions   map[string]string
	Cases      []golden
	Selections []selection
	Sums       []sum
}

type sum struct {
	Parts []struct {
		Kind     string
		Text     string
		Messages [][2]string
		Partial  map[string]any
	}
	Vars map[string]any
	Want struct {
		Text     *string
		Messages []any
		Error    string
	}
}

type golden struct {
	Kind  string
	Main  string
	Files map[string]string
	Vars  map[string]any
	Want  struct {
		Text     *string
		Messages []any
		Error    string
	}
}

type selection struct {
	Selector struct {
		Kind   string
		Max    int
		K      int
		FetchK int `json:"fetch_k"`
		Keys   []string
	}
	Items    []map[string]any
	Example  string
	Value    string
	Text     string
	Messages []any
}

func readGoldens(t *testing.T) goldens {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "langchain.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g goldens
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	if err := d.Decode(&g); err != nil {
		t.Fatal(err)
	}
	if g.Versions["langchain-core"] != "1.8.4" {
		t.Fatalf("the goldens are of %v", g.Versions)
	}
	return g
}

func TestAsLangChain(t *testing.T) {
	g := readGoldens(t)
	for i, c := range g.Cases {
		got, err := loadGolden(t, c)
		if e := new(diag.Error); err != nil && errors.As(err, &e) && e.Line == 0 {
			t.Errorf("case %d: the error has no place: %v", i, err)
		}
		want := any(c.Want.Messages)
		if c.Want.Text != nil {
			want = *c.Want.Text
		}
		if c.Want.Error != "" && err != nil || c.Want.Error == "" && err == nil && reflect.DeepEqual(got, want) {
			continue
		}
		t.Errorf("case %d, %s: %s\nvalues %v\n got %v, %v\nwant %v %s", i, c.Kind, c.Files, c.Vars, got, err, want, c.Want.Error)
	}
	if len(g.Cases) < 250 || len(g.Selections) < 40 {
		t.Errorf("there are %d files and %d selections", len(g.Cases), len(g.Selections))
	}
}

func loadGolden(t *testing.T, c golden) (any, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range c.Files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Load(filepath.Join(dir, c.Main), Options{})
	if err != nil {
		return nil, err
	}
	messages, err := p.Messages(t.Context(), template.Map(c.Vars))
	if err != nil {
		return nil, err
	}
	if p.IsText() {
		return messages[0].Text, nil
	}
	return plainMessages(t, messages), nil
}

// plainMessages writes messages as the goldens have them.
func plainMessages(t *testing.T, messages []provider.Message) []any {
	t.Helper()
	var out []any
	for _, m := range messages {
		one := map[string]any{"role": string(m.Role), "content": m.Text}
		if len(m.Images) > 0 {
			parts := []any{}
			if m.Text != "" {
				parts = append(parts, map[string]any{"type": "text", "text": m.Text})
			}
			for _, im := range m.Images {
				parts = append(parts, map[string]any{"type": "image_url", "image_url": map[string]any{"url": im.URL}})
			}
			one["content"] = parts
		}
		for _, c := range m.ToolCalls {
			d := json.NewDecoder(strings.NewReader(string(c.Arguments)))
			d.UseNumber()
			var args any
			if err := d.Decode(&args); err != nil {
				t.Fatal(err)
			}
			one["tool_calls"] = []any{map[string]any{"id": c.ID, "name": c.Name, "args": args}}
		}
		if m.ToolCallID != "" {
			one["tool_call_id"] = m.ToolCallID
		}
		out = append(out, one)
	}
	return out
}

func TestSelectionsAsLangChain(t *testing.T) {
	for i, s := range readGoldens(t).Selections {
		var selector Selector
		switch s.Selector.Kind {
		case "length":
			selector = Length{Max: s.Selector.Max}
		case "similar":
			selector = Similar{K: s.Selector.K, Keys: s.Selector.Keys}
		case "mmr":
			selector = MMR{K: s.Selector.K, FetchK: s.Selector.FetchK, Keys: s.Selector.Keys}
		}
		vars := template.Map{"i": s.Value}
		call := Call{Embedder: &letters{t: t}}
		text := must(t, Options{}, Message{Role: provider.RoleUser, Text: "{i} ->", Examples: &Examples{Items: s.Items, Text: s.Example, Prefix: "Like this:", Selector: selector}})
		got, err := text.MessagesFor(t.Context(), vars, call)
		if err != nil || got[0].Text != s.Text {
			t.Errorf("selection %d, %+v of %v by %+v:\n got %+v, %v\nwant %+v", i, s.Selector, s.Items, s.Value, got, err, s.Text)
		}
		if s.Messages == nil {
			continue
		}
		chat := must(t, Options{}, system("s"), Message{Examples: &Examples{Items: s.Items, Messages: []Message{user("{i}"), {Role: provider.RoleAssistant, Text: "{o}"}}, Selector: selector}}, user("{i}"))
		if got, err := chat.MessagesFor(t.Context(), vars, call); err != nil || !reflect.DeepEqual(plainMessages(t, got), s.Messages) {
			t.Errorf("selection %d as messages: got %+v, %v\nwant %+v", i, got, err, s.Messages)
		}
	}
}

func TestSumsAsLangChain(t *testing.T) {
	sums := readGoldens(t).Sums
	if len(sums) < 30 {
		t.Errorf("there are %d sums", len(sums))
	}
	for i, s := range sums {
		var all []*Prompt
		for _, part := range s.Parts {
			o := Options{Partial: part.Partial}
			p, err := Text(o, part.Text)
			if part.Kind == "chat" {
				var messages []Message
				for _, m := range part.Messages {
					messages = append(messages, Message{Role: provider.Role(m[0]), Text: m[1]})
				}
				p, err = New(o, messages...)
			}
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, p)
		}
		total, err := all[0].Add(all[1:]...)
		if s.Want.Error != "" || err != nil {
			if s.Want.Error == "" && len(overridden(s)) == 0 || err == nil {
				t.Errorf("sum %d: %v, want %s", i, err, s.Want.Error)
			}
			continue
		}
		got, err := total.Messages(t.Context(), template.Map(s.Vars))
		if err != nil {
			t.Errorf("sum %d %+v: %v", i, s.Parts, err)
			continue
		}
		if s.Want.Text != nil {
			if !total.IsText() || got[0].Text != *s.Want.Text {
				t.Errorf("sum %d %+v: got %+v\nwant %q", i, s.Parts, got, *s.Want.Text)
			}
		} else if !reflect.DeepEqual(plainMessages(t, got), s.Want.Messages) {
			t.Errorf("sum %d %+v: got %+v\nwant %+v", i, s.Parts, got, s.Want.Messages)
		}
	}
}

// overridden are the partial values that two conversations give. LangChain takes
// the last one's, and of two texts neither; here it is an error in both.
func overridden(s sum) []string {
	seen, twice := map[string]bool{}, []string{}
	for _, part := range s.Parts {
		for name := range part.Partial {
			if seen[name] {
				twice = append(twice, name)
			}
			seen[name] = true
		}
	}
	return twice
}
