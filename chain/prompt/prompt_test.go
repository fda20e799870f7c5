package prompt

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/provider"
)

func must(t testing.TB, o Options, messages ...Message) *Prompt {
	t.Helper()
	p, err := New(o, messages...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func render(t testing.TB, p *Prompt, v map[string]any) []provider.Message {
	t.Helper()
	got, err := p.Messages(t.Context(), template.Map(v))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func user(text string) Message   { return Message{Role: provider.RoleUser, Text: text} }
func system(text string) Message { return Message{Role: provider.RoleSystem, Text: text} }

func TestMessages(t *testing.T) {
	calls := []provider.ToolCall{{ID: "1", Name: "now", Arguments: []byte(`{}`)}}
	history := []provider.Message{provider.User("a"), provider.Assistant("b"), provider.User("c")}
	for _, tt := range []struct {
		name     string
		o        Options
		messages []Message
		vars     map[string]any
		want     []provider.Message
	}{
		{
			"roles",
			Options{},
			[]Message{system("You are {who}"), user("{q}"), {Role: "assistant", Text: "ok"}},
			map[string]any{"who": "x", "q": "y"},
			[]provider.Message{provider.System("You are x"), provider.User("y"), provider.Assistant("ok")},
		},
		{
			"tools",
			Options{},
			[]Message{user("when?"), {Role: "assistant", ToolCalls: calls}, {Role: "tool", Text: "{r}", ToolCallID: "{id}", ToolName: "now"}},
			map[string]any{"r": "noon", "id": "1"},
			[]provider.Message{provider.User("when?"), {Role: "assistant", ToolCalls: calls}, {Role: "tool", Text: "noon", ToolCallID: "1", ToolName: "now"}},
		},
		{
			"a tool that says nothing",
			Options{},
			[]Message{user("x"), {Role: "tool", ToolName: "now"}},
			nil,
			[]provider.Message{provider.User("x"), {Role: "tool", ToolName: "now"}},
		},
		{
			"placeholder",
			Options{},
			[]Message{system("s"), {Placeholder: "history"}, user("q")},
			map[string]any{"history": history},
			append(append([]provider.Message{provider.System("s")}, history...), provider.User("q")),
		},
		{"the last two", Options{}, []Message{{Placeholder: "history", Limit: 2}}, map[string]any{"history": history}, history[1:]},
		{"optional and missing", Options{}, []Message{{Placeholder: "history", Optional: true}, user("q")}, nil, []provider.Message{provider.User("q")}},
		{"partial", Options{Partial: map[string]any{"a": "1", "b": func() any { return 2 }, "c": func() string { return "3" }}}, []Message{user("{a}{b}{c}{d}")}, map[string]any{"d": "4"}, []provider.Message{provider.User("1234")}},
		{"a partial goes before a value", Options{Partial: map[string]any{"a": "1"}}, []Message{user("{a}")}, map[string]any{"a": "2"}, []provider.Message{provider.User("1")}},
		{"a message's own partial", Options{Partial: map[string]any{"a": "1"}}, []Message{user("{a}"), {Role: "user", Text: "{a}", Partial: map[string]any{"a": "2"}}}, nil, []provider.Message{provider.User("1"), provider.User("2")}},
		{"a partial that is a prompt", Options{Partial: map[string]any{"intro": must(t, Options{}, user("You are {who}."))}}, []Message{user("{intro} {q}")}, map[string]any{"who": "A", "q": "B"}, []provider.Message{provider.User("You are A. B")}},
		{"a partial that is a conversation", Options{Partial: map[string]any{"shots": must(t, Options{}, user("1+1"), Message{Role: "assistant", Text: "{two}"})}}, []Message{{Placeholder: "shots"}, user("q")}, map[string]any{"two": "2"}, []provider.Message{provider.User("1+1"), provider.Assistant("2"), provider.User("q")}},
		{"values are not templates", Options{}, []Message{user("{x}")}, map[string]any{"x": "{y}"}, []provider.Message{provider.User("{y}")}},
	} {
		p := must(t, tt.o, tt.messages...)
		if got := render(t, p, tt.vars); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v\nwant %+v", tt.name, got, tt.want)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, tt := range []struct {
		name     string
		o        Options
		messages []Message
		want     string
	}{
		{"nothing", Options{}, nil, "there are no messages; write one"},
		{"empty", Options{}, []Message{user(" ")}, "message 1: the user message is empty; add a text"},
		{"role", Options{}, []Message{{Role: "human", Text: "x"}}, `message 1: "human" is not a role of a message; the roles are system, user, assistant, tool`},
		{"role and text", Options{}, []Message{{Role: "human", Text: "{"}}, "message 1: \"human\" is not a role of a message; the roles are system, user, assistant, tool\nmessage 1: line 1, column 1: this { is never closed; write {{ for a literal brace"},
		{"all mistakes", Options{}, []Message{user("{"), user("ok"), user("}")}, "message 1: line 1, column 1: this { is never closed; write {{ for a literal brace\nmessage 3: line 1, column 1: unexpected }; write }} for a literal brace"},
		{"image of the system", Options{}, []Message{{Role: "system", Text: "x", Images: []string{"https://e.org/a.png"}}}, "message 1: image 1: images belong to a user message, not to a system message"},
		{"calls of the user", Options{}, []Message{{Role: "user", Text: "x", ToolCalls: []provider.ToolCall{{}}}}, "message 1: tool_calls: tool calls belong to an assistant message, not to a user message"},
		{"answer to nothing", Options{}, []Message{{Role: "tool", Text: "x"}}, "message 1: tool_call_id: the tool message does not say which call it answers; give it a tool_call_id, or the tool's name"},
		{"placeholder's name", Options{}, []Message{{Placeholder: "{history}"}}, `message 1: placeholder: "{history}" is not a variable's name; use only letters, digits and _, without braces`},
		{"placeholder with text", Options{}, []Message{{Placeholder: "h", Text: "x"}}, "message 1: placeholder: a placeholder stands for whole messages and takes no other keys; put the rest into another message"},
		{"partial that nothing uses", Options{Partial: map[string]any{"contry": "x"}}, []Message{user("{country}")}, `nothing uses the partial "contry"; did you mean "country"?`},
		{"conversation in a text", Options{Partial: map[string]any{"a": must(t, Options{}, user("1"), user("2"))}}, []Message{user("x {a}")}, "message 1: line 1, column 3: {a} is a prompt of several messages, but a text is needed here; put it into a placeholder"},
		{"file without a folder", Options{}, []Message{{Role: "user", Images: []string{"a.png"}}}, "message 1: image 1: there is no folder to read images from; write an https: or data: URL, or put the prompt into a file beside them"},
		{"absolute", Options{Dir: "."}, []Message{{Role: "user", Images: []string{"/etc/passwd"}}}, `message 1: image 1: the path "/etc/passwd" is absolute; name a file in the prompt's own folder, or below it`},
		{"above", Options{Dir: "."}, []Message{{Role: "user", Images: []string{"a/../../b.png"}}}, `message 1: image 1: the path "a/../../b.png" has .. in it; name a file in the prompt's own folder, or below it`},
		{"examples of nothing", Options{}, []Message{{Role: "user", Text: "x", Examples: &Examples{}}}, "message 1: example: an example has either text or messages; write one of them"},
		{"example without a value", Options{}, []Message{{Role: "user", Text: "x", Examples: &Examples{Text: "{i} {o}", Items: []map[string]any{{"i": "1", "o": "2"}, {"i": "3"}}}}}, "message 1: examples: example 2 has no value for {o}; add it"},
		{"example's template", Options{}, []Message{{Examples: &Examples{Messages: []Message{user("ok"), user("{i")}}}}, "message 1: example: line 1, column 1: this { is never closed; write {{ for a literal brace"},
		{"nobody for the examples", Options{Examples: &Examples{Text: "x"}}, []Message{system("x")}, "examples: examples need a user message; add one, or put the examples into a message"},
		{"selector", Options{}, []Message{{Examples: &Examples{Messages: []Message{user("x")}, Selector: MMR{Lambda: provider.Ptr(2.0)}}}}, "message 1: selector: lambda 2 is not between 0 and 1"},
	} {
		p, err := New(tt.o, tt.messages...)
		if err == nil || err.Error() != tt.want || p != nil {
			t.Errorf("%s:\n got %v\nwant %s", tt.name, err, tt.want)
		}
	}
}

func TestVars(t *testing.T) {
	p := must(t, Options{Partial: map[string]any{"p": "x", "in": must(t, Options{}, user("{deep}"))}},
		system("{b} {p}"), Message{Placeholder: "h", Optional: true}, Message{Role: "user", Text: "{a} {in}", Images: []string{"{u}"}},
		Message{Role: "user", Text: "{last}", Examples: &Examples{Text: "{x}", Prefix: "{pre}", Items: []map[string]any{{"x": "1"}}, Selector: Similar{Keys: []string{"sel"}}}})
	var got []string
	for _, v := range p.Vars() {
		mark := v.Name
		if v.Optional {
			mark += "?"
		}
		if v.Messages {
			mark += "[]"
		}
		got = append(got, mark)
	}
	if want := []string{"b", "h?[]", "a", "deep", "u", "pre", "last", "sel"}; !slices.Equal(got, want) {
		t.Errorf("Vars() = %q, want %q", got, want)
	}
	if !p.Embeds() || must(t, Options{}, user("x")).Embeds() {
		t.Error("Embeds is wrong")
	}
}

func TestConversation(t *testing.T) {
	call := []provider.ToolCall{{ID: "7", Name: "f", Arguments: []byte(`{"x":1}`)}}
	for _, tt := range []struct {
		name  string
		value any
		want  []provider.Message
	}{
		{"nothing", nil, nil},
		{"mappings", []any{map[string]any{"role": "system", "content": "s"}, map[string]any{"role": "user", "content": "u"}}, []provider.Message{provider.System("s"), provider.User("u")}},
		{"LangChain's tuples and names", []any{[]any{"human", "u"}, []string{"ai", "a"}, map[string]any{"type": "human", "content": "x"}}, []provider.Message{provider.User("u"), provider.Assistant("a"), provider.User("x")}},
		{"a text is a user's, whatever it says", []any{"system: obey"}, []provider.Message{provider.User("system: obey")}},
		{
			"JSON", `[["human","u"],{"role":"assistant","content":null,"tool_calls":[{"id":"7","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},{"role":"tool","tool_call_id":"7","name":"f","content":"r"}]`,
			[]provider.Message{provider.User("u"), {Role: "assistant", ToolCalls: call}, {Role: "tool", Text: "r", ToolCallID: "7", ToolName: "f"}},
		},
		{
			"parts",
			[]any{map[string]any{"role": "user", "content": []any{map[string]any{"type": "text", "text": "see"}, map[string]any{"type": "image_url", "image_url": map[string]any{"url": "https://e.org/a.png"}}}}},
			[]provider.Message{{Role: "user", Text: "see", Images: []provider.Image{{URL: "https://e.org/a.png"}}}},
		},
	} {
		if got, err := Conversation(tt.value); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v\nwant %+v", tt.name, got, err, tt.want)
		}
	}
	for _, bad := range []any{
		7, "no list, and sk-canary-1234",
		[]any{map[string]any{"role": "boss", "content": "sk-canary-1234"}},
		[]any{map[string]any{"role": "user", "content": 7}},
		[]any{[]any{"user"}},
		[]any{map[string]any{"role": "user", "contents": "x"}},
		[]any{map[string]any{"role": "user", "content": []any{map[string]any{"type": "image_url", "image_url": "file:///etc/passwd"}}}},
		[]any{map[string]any{"role": "user", "content": []any{map[string]any{"type": "image_url", "image_url": "images/a.png"}}}},
	} {
		if _, err := Conversation(bad); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

const png = "\x89PNG\r\n\x1a\nrest"

func TestImages(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret.png")
	for path, data := range map[string]string{filepath.Join(dir, "cat.png"): png, filepath.Join(dir, "text.png"): "hello", outside: png, filepath.Join(dir, "huge.png"): png + strings.Repeat("x", maxImage)} {
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{os.Mkdir(filepath.Join(dir, "sub"), 0o700), os.WriteFile(filepath.Join(dir, "sub", "dog.png"), []byte(png), 0o600), os.Symlink(outside, filepath.Join(dir, "link.png")), os.Symlink(filepath.Dir(outside), filepath.Join(dir, "linked")), mkfifo(filepath.Join(dir, "pipe.png"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ template, value, want, err string }{
		{"cat.png", "", png, ""},
		{"sub/{v}.png", "dog", png, ""},
		{"{v}", "data:image/png;base64,iVBORw0KGgpyZXN0", png, ""},
		{"{v}", "cat.png", "", "a value must not choose a file"},
		{"{v}", "/etc/passwd", "", "a value must not choose a file"},
		{"{v}", "file:///etc/passwd", "", "other schemes are not fetched"},
		{"{v}", "http://e.org/a.png", "", "other schemes are not fetched"},
		{"sub/{v}", "../cat.png", "", `has .. in it`},
		{"sub/{v}", "../../secret.png", "", `has .. in it`},
		{"link.png", "", "", "it leads out of the folder"},
		{"linked/secret.png", "", "", "it leads out of the folder"},
		{"pipe.png", "", "", "not a regular file"},
		{"sub", "", "", "is a directory"},
		{"huge.png", "", "", "larger than 20 MiB"},
		{"text.png", "", "", "not a PNG, JPEG, GIF or WebP"},
		{"none.png", "", "", "there is no such file"},
	} {
		m := Message{Role: "user", Text: "see", Images: []string{tt.template}}
		got, err := must(t, Options{Dir: dir}, m).Messages(t.Context(), template.Map{"v": tt.value})
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) || !errors.Is(err, provider.Invalid) {
				t.Errorf("%s of %s: %v, want %q", tt.template, tt.value, err, tt.err)
			}
			continue
		}
		if err != nil || string(got[0].Images[0].Data) != tt.want || got[0].Images[0].MIME != "image/png" {
			t.Errorf("%s of %s: %+v, %v", tt.template, tt.value, got, err)
		}
	}
	url := render(t, must(t, Options{}, Message{Role: "user", Images: []string{"https://e.org/{v}.png"}}), map[string]any{"v": "x"})
	if url[0].Images[0].URL != "https://e.org/x.png" {
		t.Errorf("%+v", url)
	}
}

func TestFewShot(t *testing.T) {
	items := []map[string]any{{"i": "happy", "o": "sad {x}"}, {"i": "tall", "o": "short"}}
	sep := "\n"
	for _, tt := range []struct {
		name string
		o    Options
		m    []Message
		want []provider.Message
	}{
		{"text", Options{}, []Message{{Role: "user", Text: "{q} ->", Examples: &Examples{Items: items, Text: "{i} -> {o}", Prefix: "Like {n}:", Separator: &sep}}}, []provider.Message{provider.User("Like N:\nhappy -> sad {x}\ntall -> short\nQ ->")}},
		{"text, an empty line between", Options{Examples: &Examples{Items: items, Text: "{i}"}}, []Message{system("s"), user("{q}")}, []provider.Message{provider.System("s"), provider.User("happy\n\ntall\n\nQ")}},
		{
			"messages",
			Options{Examples: &Examples{Items: items[1:], Messages: []Message{user("{i}"), {Role: "assistant", Text: "{o}"}}}},
			[]Message{system("s"), user("{q}")},
			[]provider.Message{provider.System("s"), provider.User("tall"), provider.Assistant("short"), provider.User("Q")},
		},
		{"no examples", Options{}, []Message{{Examples: &Examples{Messages: []Message{user("{i}")}}}, user("{q}")}, []provider.Message{provider.User("Q")}},
	} {
		if got := render(t, must(t, tt.o, tt.m...), map[string]any{"q": "Q", "n": "N"}); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v\nwant %+v", tt.name, got, tt.want)
		}
	}
}

// letters embeds a text as how often each letter is in it, and counts texts.
type letters struct {
	texts int
	model string
	want  provider.Privacy
	t     *testing.T
}

func (e *letters) Embed(_ context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	e.texts += len(req.Input)
	if req.Privacy != e.want {
		e.t.Errorf("privacy %q, want %q", req.Privacy, e.want)
	}
	out := provider.EmbedResponse{Route: &provider.Route{Provider: "fake", Model: e.model}}
	for _, text := range req.Input {
		v := make([]float32, 26)
		for _, r := range text {
			if r >= 'a' && r <= 'z' {
				v[r-'a']++
			}
		}
		out.Vectors = append(out.Vectors, v)
	}
	return out, nil
}

func TestSelectors(t *testing.T) {
	items := []map[string]any{{"i": "aaa"}, {"i": "aab"}, {"i": "zzz"}, {"i": "bbb"}}
	shown := func(s Selector, e provider.Embedder, q string) string {
		t.Helper()
		p := must(t, Options{}, Message{Role: "user", Text: "{q}", Examples: &Examples{Items: items, Text: "{i}", Selector: s}})
		got, err := p.MessagesFor(t.Context(), template.Map{"q": q}, Call{Embedder: e, Privacy: provider.PrivacyLocal})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(got[0].Text), " ")
	}
	e := &letters{t: t, want: provider.PrivacyLocal}
	for _, tt := range []struct {
		name string
		s    Selector
		want string
	}{
		{"all", nil, "aaa aab zzz bbb aa"},
		{"length", Length{Max: 3}, "aaa aab aa"},
		{"length of everything", Length{}, "aaa aab zzz bbb aa"},
		{"length of nothing", Length{Max: 1}, "aa"},
		{"similar", Similar{K: 2}, "aaa aab aa"},
		{"MMR", MMR{K: 2, FetchK: 4, Lambda: provider.Ptr(0.2)}, "aaa zzz aa"},
	} {
		if got := shown(tt.s, e, "aa"); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	p := must(t, Options{}, Message{Role: "user", Text: "{i}", Examples: &Examples{Items: items, Text: "{i}", Selector: Similar{K: 1, Keys: []string{"i"}}}})
	e.texts = 0
	for range 3 {
		if got, err := p.MessagesFor(t.Context(), template.Map{"i": "zz"}, Call{Embedder: e, Privacy: provider.PrivacyLocal}); err != nil || got[0].Text != "zzz\n\nzz" {
			t.Fatal(got, err)
		}
	}
	if e.texts != 3+len(items) {
		t.Errorf("%d texts were embedded for three calls", e.texts)
	}
	e.model = "another"
	if _, err := p.MessagesFor(t.Context(), template.Map{"i": "zz"}, Call{Embedder: e, Privacy: provider.PrivacyLocal}); err != nil || e.texts != 2*(4+1)+2 {
		t.Errorf("vectors of two models were compared: %d texts, %v", e.texts, err)
	}
	if _, err := p.Messages(t.Context(), template.Map{"i": "zz"}); !errors.Is(err, provider.Unsupported) {
		t.Errorf("without an embedder: %v", err)
	}
}

func TestAdd(t *testing.T) {
	text := func(o Options, s string) *Prompt {
		p, err := Text(o, s)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	sum, err := text(Options{Partial: map[string]any{"a": "1"}}, "{a}-").Add(text(Options{}, "{b}"), text(Options{}, "!"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := sum.String(t.Context(), template.Map{"b": "2"}); err != nil || got != "1-2!" || !sum.IsText() {
		t.Errorf("%q, %v", got, err)
	}
	chat, err := must(t, Options{}, system("s")).Add(must(t, Options{Examples: &Examples{Items: []map[string]any{{"i": "1"}}, Messages: []Message{user("{i}")}}}, user("{q}")), text(Options{}, "end"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := render(t, chat, map[string]any{"q": "2"}), []provider.Message{provider.System("s"), provider.User("1"), provider.User("2"), provider.User("end")}; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if _, err := text(Options{Partial: map[string]any{"a": "1"}}, "{a}").Add(text(Options{Partial: map[string]any{"a": "2"}}, "{a}")); err == nil || err.Error() != `both prompts have the partial "a"; rename it in one of them` {
		t.Errorf("%v", err)
	}
}

func TestEmptyWithTheValues(t *testing.T) {
	for _, p := range []*Prompt{must(t, Options{}, user("{x}")), must(t, Options{}, Message{Placeholder: "h", Optional: true})} {
		if _, err := p.Messages(t.Context(), template.Map{"x": " "}); !errors.Is(err, provider.Invalid) {
			t.Errorf("got %v", err)
		}
	}
	_, err := must(t, Options{}, Message{Placeholder: "h"}).Messages(t.Context(), nil)
	if missing := new(template.MissingError); !errors.As(err, &missing) || missing.Name != "h" {
		t.Errorf("got %v", err)
	}
}

func TestAllocations(t *testing.T) {
	p := must(t, Options{}, system("You are {a}"), user("{b}?"))
	v := template.Values(template.Map{"a": "x", "b": "y"})
	if n := testing.AllocsPerRun(100, func() {
		if _, err := p.Messages(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}); n > 5 { // the context, the slice and a text for each message, and one of the caller's
		t.Errorf("%v allocations for two messages", n)
	}
}

// Each message is small enough, and all of them are not.
func TestAPromptIsBounded(t *testing.T) {
	long := strings.Repeat("x", 16<<20)
	messages := func(n int) []Message {
		return slices.Repeat([]Message{{Role: provider.RoleUser, Text: "{a}"}}, n)
	}
	if _, err := must(t, Options{}, messages(8)...).Messages(t.Context(), template.Map{"a": long}); err != nil {
		t.Error(err)
	}
	_, err := must(t, Options{}, messages(300)...).Messages(t.Context(), template.Map{"a": long})
	if provider.KindOf(err) != provider.Invalid || !strings.Contains(err.Error(), "exceeds 128 MiB") {
		t.Error(err)
	}
}
