package chain_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/output"
	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
)

func streamed(t *testing.T, p provider.Provider, steps []chain.Step, opts ...chain.Option) (texts []string, err error) {
	t.Helper()
	c, err := chain.New(steps...)
	if err != nil {
		t.Fatal(err)
	}
	for text, err := range c.Stream(t.Context(), p, nil, opts...) {
		if err != nil {
			return texts, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

func TestStream(t *testing.T) {
	two := func() *providertest.Fake {
		return &providertest.Fake{Answers: []providertest.Answer{providertest.Text("not ", "this"), providertest.Text("this", " one")}}
	}
	a, b := chain.Step{Name: "a", Prompt: "a"}, chain.Step{Name: "b", Prompt: "b {a}"}
	for _, tc := range []struct {
		name  string
		steps []chain.Step
		want  []string
	}{
		{"the last step's chunks", []chain.Step{a, b}, []string{"this", " one"}},
		{"a text", []chain.Step{a, {Name: "b", Text: "<{a}>"}}, []string{"<not this>"}},
		{"one that is asked again", []chain.Step{a, {Name: "b", Prompt: "b {a}", Retries: 1}}, []string{"this one"}},
		{"one with a fallback", []chain.Step{a, {Name: "b", Prompt: "b {a}", Fallback: &chain.Step{Text: "x"}}}, []string{"this one"}},
		{"branches", []chain.Step{a, {Name: "b", Parallel: []chain.Step{{Name: "x", Prompt: "{a}"}}}}, []string{`{"x":"this one"}`}},
		{"steps in a step", []chain.Step{{Name: "all", Steps: []chain.Step{a, b}}}, []string{"this", " one"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, err := streamed(t, two(), tc.steps); err != nil || !slices.Equal(got, tc.want) {
				t.Errorf("got %q, %v, want %q", got, err, tc.want)
			}
		})
	}
}

func TestStreamErrors(t *testing.T) {
	one := []chain.Step{{Prompt: "x"}}
	cut := &providertest.Fake{Answers: []providertest.Answer{{Text: []string{"half"}, Finish: provider.FinishLength}}}
	got, err := streamed(t, cut, one)
	if step := new(chain.StepError); !slices.Equal(got, []string{"half"}) || !errors.Is(err, provider.Truncated) || !errors.As(err, &step) {
		t.Errorf("an answer that was cut: %q, %v", got, err)
	}
	broken := &providertest.Fake{Answers: []providertest.Answer{{Text: []string{"half"}, Err: provider.Errorf(provider.Unavailable, "", "", "gone")}}}
	if got, err := streamed(t, broken, one); len(got) != 1 || !errors.Is(err, provider.Unavailable) {
		t.Errorf("an answer that broke off: %q, %v", got, err)
	}
	if got, err := streamed(t, again{}, one); !slices.Equal(got, []string{"void"}) || !errors.Is(err, provider.Truncated) {
		t.Errorf("an answer that began again: %q, %v", got, err)
	}
	c, err := chain.New(one...)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(slices.Collect(func(yield func(string) bool) {
		for text := range c.Stream(t.Context(), &providertest.Fake{Answers: []providertest.Answer{providertest.Text("1", "2", "3")}}, nil) {
			if !yield(text) {
				return
			}
			break
		}
	})); n != 1 {
		t.Errorf("%d texts after a break", n)
	}
}

// again begins its answer twice.
type again struct{}

func (again) Name() string { return "again" }

func (again) Models(context.Context) ([]provider.Model, error) { return nil, nil }

func (again) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		_ = yield(provider.Chunk{Text: "void"}, nil) && yield(provider.Chunk{Text: "new", Restart: true}, nil) && yield(provider.Chunk{Finish: provider.FinishStop}, nil)
	}
}

// With tools, what a model says before a call is void, and is not streamed.
func TestStreamWithTools(t *testing.T) {
	got, err := streamed(t, &caller{}, []chain.Step{{Prompt: "x", Tools: []string{"weather"}}}, chain.WithTools(weatherTool(t)))
	if err != nil || len(got) != 1 || got[0] != "It is sunny." {
		t.Errorf("got %q, %v", got, err)
	}
}

func weatherTool(t *testing.T) tool.Options {
	t.Helper()
	weather, err := tool.Func("weather", "the weather of a city", func(context.Context, struct {
		City string `json:"city"`
	},
	) (string, error) {
		return "sunny", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tool.Options{Tools: []tool.Tool{weather}, Confirm: tool.Always}
}

func TestBranchesAreInResult(t *testing.T) {
	c, err := chain.New(
		chain.Step{Name: "both", Parallel: []chain.Step{{Name: "pro", Prompt: "pro"}, {Name: "con", Prompt: "con", Parse: output.JSON()}}},
		chain.Step{Name: "each", Text: "x", Each: "1..3"},
		chain.Step{Name: "picked", Route: &chain.Route{By: `"yes"`, Branches: []chain.Step{{Name: "yes", Text: "{both} {each}"}}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	p := &providertest.Fake{Answers: []providertest.Answer{providertest.Text("7")}}
	for range 20 {
		result, err := c.Output(t.Context(), p, nil)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range result.Steps {
			names = append(names, s.Name)
		}
		if got := strings.Join(names, " "); got != "both.pro both.con both each picked.yes picked" {
			t.Fatalf("the results are of %s", got)
		}
		if con, err := chain.DecodeStep[int](result, "both.con"); err != nil || con != 7 {
			t.Errorf("got %v, %v", con, err)
		}
		both, err := chain.DecodeStep[struct {
			Pro string `json:"pro"`
			Con int    `json:"con"`
		}](result, "both")
		if err != nil || both.Pro != "7" || both.Con != 7 {
			t.Errorf("got %+v, %v", both, err)
		}
		if _, err := chain.DecodeStep[int](result, "both.pro"); err == nil {
			t.Error("a text was decoded as a number")
		}
		if _, err := chain.DecodeStep[int](result, "both.cno"); err == nil || !strings.Contains(err.Error(), `did you mean "both.con"?`) {
			t.Errorf("a step that is not there: %v", err)
		}
	}
}

func TestPredictHonoursOrRefusesOptions(t *testing.T) {
	if got, err := chain.Predict(t.Context(), &caller{}, "How is the weather?", chain.WithTools(weatherTool(t))); err != nil || got != "It is sunny." {
		t.Errorf("WithTools: %q, %v", got, err)
	}
	s, err := chain.SchemaOf[int]()
	if err != nil {
		t.Fatal(err)
	}
	for name, opt := range map[string]chain.Option{
		"WithPassages": chain.WithPassages(func(context.Context, chain.Lookup) ([]retrieve.Passage, *provider.Route, error) { return nil, nil, nil }),
		"PassagesStay": chain.PassagesStay(func(context.Context, string) bool { return true }),
		"WithEmbedder": chain.WithEmbedder(embedder{}),
		"messages":     chain.Defaults(provider.Request{Messages: []provider.Message{provider.User("x")}}),
		"a schema":     chain.Defaults(provider.Request{Schema: s}),
	} {
		p := &providertest.Fake{}
		if _, err := chain.Predict(t.Context(), p, "x", opt); !errors.Is(err, provider.Invalid) || !strings.Contains(err.Error(), name) || len(p.Calls()) > 0 {
			t.Errorf("Predict with %s: %v", name, err)
		}
		if _, err := chain.As[int](t.Context(), p, "x", opt); !errors.Is(err, provider.Invalid) || len(p.Calls()) > 0 {
			t.Errorf("As with %s: %v", name, err)
		}
	}
}

type embedder struct{ provider.Embedder }
