package structured_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/openai"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/structured"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const person = `{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name","age"],"additionalProperties":false}`

func asked(schema string) provider.Request {
	return provider.Request{Messages: []provider.Message{provider.User("Who?")}, Schema: &provider.Schema{JSON: []byte(schema)}}
}

func TestAnswers(t *testing.T) {
	good := `{"name":"Ada","age":36}`
	for name, tc := range map[string]struct {
		answer         providertest.Answer
		text, thinking string
	}{
		"as asked":                {providertest.Text(`{"name":`, `"Ada","age":36}`), good, ""},
		"white space around":      {providertest.Text("\n ", good, "\n"), good, ""},
		"a code fence":            {providertest.Text("```json\n" + good + "\n```"), good, ""},
		"a fence, and words":      {providertest.Text("Sure!\n```\n" + good + "\n```\nThat is all."), good, ""},
		"thinking in the text":    {providertest.Text("<think>Ada, {surely}.</think>\n" + good), good, "Ada, {surely}."},
		"only the thinking's end": {providertest.Text("Ada it is.</think>" + good), good, "Ada it is."},
		"thinking in its field":   {providertest.Answer{Thinking: "Hm.", Text: []string{good}}, good, "Hm."},
		"whole at the limit":      {providertest.Answer{Text: []string{good}, Finish: provider.FinishLength}, good, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := &providertest.Fake{Answers: []providertest.Answer{tc.answer}}
			n := 0
			var last provider.Chunk
			for c, err := range structured.New(f, structured.Config{}).Chat(t.Context(), asked(person)) {
				if err != nil {
					t.Fatal(err)
				}
				n++
				last = c
			}
			if n != 1 || last.Text != tc.text || last.Thinking != tc.thinking || last.Finish != provider.FinishStop || last.Route == nil || last.Route.Repairs != 0 || len(f.Calls()) != 1 {
				t.Errorf("%d chunks, the last %+v, after %d calls", n, last, len(f.Calls()))
			}
		})
	}
}

func TestRepair(t *testing.T) {
	usd := func(v float64) *provider.Cost { return &provider.Cost{USD: &v, Basis: "b"} }
	f := &providertest.Fake{Answers: []providertest.Answer{
		{Text: []string{`{"name":"Ada","age":"36"}`}, Usage: &provider.Usage{InputTokens: 10, OutputTokens: 5}},
		{Text: []string{"Sorry!"}, Usage: &provider.Usage{InputTokens: 20, OutputTokens: 1}},
		{Text: []string{`{"name":"Ada","age":36}`}, Usage: &provider.Usage{InputTokens: 21, OutputTokens: 5}},
	}}
	r, err := provider.Collect(structured.New(priced{f, usd}, structured.Config{}).Chat(t.Context(), asked(person)))
	if err != nil {
		t.Fatal(err)
	}
	if r.Text != `{"name":"Ada","age":36}` || r.Route.Repairs != 2 || *r.Usage != (provider.Usage{InputTokens: 51, OutputTokens: 11}) || *r.Route.Cost.USD != 1.5 {
		t.Errorf("%+v, usage %+v, route %+v", r, r.Usage, r.Route)
	}
	calls := f.Calls()
	if len(calls) != 3 || len(calls[0].Messages) != 1 || len(calls[1].Messages) != 3 || len(calls[2].Messages) != 3 {
		t.Fatalf("the calls were %+v", calls)
	}
	if m := calls[1].Messages; m[1].Role != provider.RoleAssistant || m[1].Text != `{"name":"Ada","age":"36"}` ||
		!strings.Contains(m[2].Text, "/age: expected integer, got string") {
		t.Errorf("the repair asked %+v", m)
	}
	if calls[2].Messages[1].Text != "Sorry!" {
		t.Errorf("the second repair showed %+v", calls[2].Messages)
	}
}

// priced puts a cost into each route.
type priced struct {
	provider.Provider
	usd func(float64) *provider.Cost
}

func (p priced) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		for c, err := range p.Provider.Chat(ctx, req) {
			if c.Route != nil {
				c.Route.Cost = p.usd(0.5)
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

func TestFailures(t *testing.T) {
	for name, tc := range map[string]struct {
		answers  []providertest.Answer
		calls    int
		kind     provider.Kind
		attempts int
		best     string
		says     string
	}{
		"never what was asked for": {
			[]providertest.Answer{providertest.Text("No."), providertest.Text(`{"name":"Ada"}`), providertest.Text("{}")},
			3, provider.BadAnswer, 3, `{"name":"Ada"}`, `/: the property "age" is missing (the best of 3 answers)`,
		},
		"empty": {[]providertest.Answer{providertest.Text("")}, 3, provider.BadAnswer, 3, "", "it is empty"},
		"cut": {
			[]providertest.Answer{{Text: []string{`{"name":"A`}, Finish: provider.FinishLength}},
			1, provider.Truncated, 1, `{"name":"A`, "raise max_tokens",
		},
		"thought to the end": {[]providertest.Answer{{Text: []string{"<think>Well"}, Finish: provider.FinishLength}}, 1, provider.Truncated, 1, "", "raise max_tokens"},
		"the repair does not fit": {
			[]providertest.Answer{providertest.Text("No."), providertest.Fails(provider.ContextOverflow)},
			2, provider.ContextOverflow, 1, "No.", "as scripted",
		},
		"the server dies at the repair": {
			[]providertest.Answer{providertest.Text("No."), providertest.Fails(provider.Unavailable)},
			2, provider.Unavailable, 0, "", "",
		},
		"it breaks off": {[]providertest.Answer{{Text: []string{`{"na`}, Err: provider.Errorf(provider.Truncated, "", "", "broke")}}, 1, provider.Truncated, 0, "", "broke"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &providertest.Fake{Answers: tc.answers}
			r, err := provider.Collect(structured.New(f, structured.Config{}).Chat(t.Context(), asked(person)))
			var pe *provider.Error
			if !errors.As(err, &pe) || pe.Kind != tc.kind || pe.Provider != "fake" || r.Text != "" || len(f.Calls()) != tc.calls || !strings.Contains(pe.Error(), tc.says) {
				t.Fatalf("%+v, %v after %d calls", r, err, len(f.Calls()))
			}
			var e *structured.Error
			if errors.As(err, &e) != (tc.attempts > 0) {
				t.Fatalf("%#v", err)
			}
			if e != nil && (e.Attempts != tc.attempts || e.Text != tc.best || !pe.Final) {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestSchemaThatIsNone(t *testing.T) {
	f := &providertest.Fake{}
	for _, s := range []string{`[]`, `{"type":"objekt"}`, `{"$ref":"https://example.com/s.json"}`, `{"$ref":"file:///etc/passwd"}`} {
		if _, err := provider.Collect(structured.New(f, structured.Config{}).Chat(t.Context(), asked(s))); !errors.Is(err, provider.Invalid) || len(f.Calls()) != 0 {
			t.Errorf("%s: %v after %d calls", s, err, len(f.Calls()))
		}
	}
}

func TestNullsOfStrictMode(t *testing.T) {
	const schema = `{"type":"object","properties":{"b":{"type":["string","null"]},"a":{"type":"integer"},"o":{"type":"object","properties":{"x":{"type":"string"}}}},"required":["b"]}`
	req := asked(schema)
	req.Schema.Strict = true
	f := &providertest.Fake{Answers: []providertest.Answer{providertest.Text(`{"b":null,"a":null,"o":{"x":null}}`)}}
	if r, err := provider.Collect(structured.New(f, structured.Config{}).Chat(t.Context(), req)); err != nil || r.Text != `{"b":null,"o":{}}` {
		t.Errorf("%q, %v", r.Text, err)
	}
	// Where it was not asked for, null is a mistake as any other.
	if _, err := provider.Collect(structured.New(f, structured.Config{Repairs: provider.Ptr(0)}).Chat(t.Context(), asked(schema))); !errors.Is(err, provider.BadAnswer) {
		t.Error(err)
	}
}

func TestWithoutSchemaItIsNotThere(t *testing.T) {
	var f still
	p := structured.New(&f, structured.Config{})
	req := provider.Request{Messages: []provider.Message{provider.User("hi")}}
	direct := testing.AllocsPerRun(100, func() { f.Chat(t.Context(), req) })
	if n := testing.AllocsPerRun(100, func() { p.Chat(t.Context(), req) }); n > direct {
		t.Errorf("%v allocations, and without it %v", n, direct)
	}
	if structured.New(p, structured.Config{}) != p || structured.New(p, structured.Config{Repairs: provider.Ptr(5)}) != p {
		t.Error("it is wrapped twice")
	}
}

type still struct{ providertest.Fake }

func (*still) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	return nil
}

func TestTwiceIsOnce(t *testing.T) {
	f := &providertest.Fake{Answers: []providertest.Answer{providertest.Text("No."), providertest.Text(`{"name":"Ada","age":36}`)}}
	r, err := provider.Collect(structured.New(between{structured.New(f, structured.Config{})}, structured.Config{}).Chat(t.Context(), asked(person)))
	if err != nil || r.Route.Repairs != 1 || len(f.Calls()) != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

type between struct{ provider.Provider }

func TestTheCallersOwnErrors(t *testing.T) {
	f := &providertest.Fake{Answers: []providertest.Answer{providertest.Text("No."), {Text: []string{"{"}, Delay: time.Minute}}}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := provider.Collect(structured.New(f, structured.Config{}).Chat(ctx, asked(person))); err != context.DeadlineExceeded {
		t.Errorf("during a repair: %v (%T)", err, err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := provider.Collect(structured.New(f, structured.Config{}).Chat(ctx, asked(person))); err != context.Canceled {
		t.Errorf("%v (%T)", err, err)
	}
}

func TestMuchIsNotHeld(t *testing.T) {
	flood := providertest.Answer{Text: make([]string, 70)}
	for i := range flood.Text {
		flood.Text[i] = strings.Repeat("x", 1<<20)
	}
	f := &providertest.Fake{Answers: []providertest.Answer{flood}}
	if _, err := provider.Collect(structured.New(f, structured.Config{}).Chat(t.Context(), asked(person))); !errors.Is(err, provider.Truncated) || len(f.Calls()) != 1 {
		t.Error(err)
	}
}

func TestToolCallsPass(t *testing.T) {
	p := structured.New(calling{&providertest.Fake{}}, structured.Config{})
	r, err := provider.Collect(p.Chat(t.Context(), asked(person)))
	if err != nil || len(r.ToolCalls) != 1 || r.Finish != provider.FinishToolCalls {
		t.Errorf("%+v, %v", r, err)
	}
}

type calling struct{ provider.Provider }

func (calling) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		if yield(provider.Chunk{ToolCalls: []provider.ToolCall{{Name: "f", Arguments: []byte("{}")}}}, nil) {
			yield(provider.Chunk{Finish: provider.FinishToolCalls, Route: &provider.Route{Provider: "calling"}}, nil)
		}
	}
}

func TestContract(t *testing.T) {
	t.Run("ollama", func(t *testing.T) {
		providertest.Run(t, providertest.Factory{Dialect: providertest.Ollama, New: func(t *testing.T, url string) provider.Provider {
			p, err := ollama.New(ollama.Config{Host: url, Model: "m"})
			if err != nil {
				t.Fatal(err)
			}
			return structured.New(p, structured.Config{})
		}})
	})
	t.Run("openai", func(t *testing.T) {
		providertest.Run(t, providertest.Factory{Dialect: providertest.OpenAI, New: func(t *testing.T, url string) provider.Provider {
			p, err := openai.New(openai.Config{BaseURL: url + "/v1", Model: "m", Key: "k", Local: true})
			if err != nil {
				t.Fatal(err)
			}
			return structured.New(p, structured.Config{})
		}})
	})
	t.Run("fake", func(t *testing.T) {
		providertest.TestLive(t, providertest.Live{
			New: func(*testing.T) provider.Provider {
				return structured.New(&providertest.Fake{Answers: []providertest.Answer{providertest.Text("one ", "two ", "three ", "four")}}, structured.Config{})
			},
			Model: "scripted", Endpoint: "fake://fake",
		})
	})
}
