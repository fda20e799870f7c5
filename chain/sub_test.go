package chain

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// write makes files in a directory of their own, and returns its path.
func write(t *testing.T, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAChainAsAStep(t *testing.T) {
	dir := write(t, map[string]string{
		"main.yaml":       "steps:\n- {name: c, text: '{country}'}\n- {name: s, chain: parts/sub.yaml, with: {nation: 'upper(c)'}}\n- {name: end, prompt: 'so {s}'}\n",
		"parts/sub.yaml":  "inputs: {nation: text, year: {default: 1999, type: number}}\nsteps:\n- {name: a, prompt: 'of {nation} in {year}'}\n- {name: b, chain: deep.yaml}\n",
		"parts/deep.yaml": "prompt: 'deep {a}'\n",
	})
	c, err := Load(filepath.Join(dir, "main.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.Inputs(), " "); got != "country" {
		t.Errorf("the inputs are %s", got)
	}
	result, err := c.Output(t.Context(), loud, map[string]any{"country": "Chad"})
	if err != nil || result.Text != "SO DEEP OF CHAD IN 1999" {
		t.Errorf("%q, %v", result.Text, err)
	}
	if u := outermost(result.Steps)[1].Usage; u == nil || u.OutputTokens != 4 {
		t.Errorf("the chain's two calls used %+v", u)
	}
	_, err = c.Output(t.Context(), told(func(context.Context, provider.Request) (string, error) {
		return "", provider.Errorf(provider.Denied, "told", "m", "no")
	}), map[string]any{"country": "x"})
	if step := new(StepError); !errors.As(err, &step) || step.Step != "s.a" || step.Index != 1 {
		t.Errorf("got %v", err)
	}
}

// The last step may be a chain, whose last answer then streams as its own.
func TestAChainAsTheLastStepStreams(t *testing.T) {
	inner := mustNew(t, Step{Name: "a", Prompt: "x"}, Step{Name: "b", Prompt: "{a}"})
	c := mustNew(t, Step{Name: "s", Chain: inner})
	final := ""
	for e, err := range c.Run(t.Context(), loud, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Final {
			final += e.Chunk.Text
		}
	}
	if final != "X" {
		t.Errorf("the final chunks are %q", final)
	}
	within := mustNew(t, Step{Name: "s", Chain: inner}, Step{Name: "t", Text: "{s}"})
	for e := range within.Run(t.Context(), loud, nil) {
		if e.Final {
			t.Error("an answer is called the chain's that is not")
		}
	}
}

func TestFilesOutsideTheDirectory(t *testing.T) {
	dir := write(t, map[string]string{"secret.yaml": "prompt: x\n", "d/self.yaml": "chain: self.yaml\n", "d/one.yaml": "chain: two.yaml\n", "d/two.yaml": "chain: one.yaml\n"})
	if err := os.Symlink(filepath.Join(dir, "secret.yaml"), filepath.Join(dir, "d", "link.yaml")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, want string }{
		{"../secret.yaml", "leads out of the directory; only files in or below it can be named"},
		{filepath.Join(dir, "secret.yaml"), "leads out of the directory; only files in or below it can be named"},
		{"link.yaml", "leads out of the directory; only files in or below it can be named"},
		{"none.yaml", "there is no such file"},
		{".", "is a directory"},
	} {
		path := filepath.Join(dir, "d", "c.yaml")
		if err := os.WriteFile(path, []byte("chain: "+tt.name+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path)
		if err == nil || !strings.HasPrefix(err.Error(), path+":1:8: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	for _, name := range []string{"self.yaml", "one.yaml"} {
		if _, err := Load(filepath.Join(dir, "d", name)); err == nil || !strings.Contains(err.Error(), "a chain cannot run itself") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// yes reads yes and no.
type yes struct{}

func (yes) Parse(text string) (any, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "yes":
		return true, nil
	case "no":
		return false, nil
	}
	return nil, errors.New("expected yes or no")
}
func (yes) Instructions() string { return "Answer yes or no." }
func (yes) Type() Type           { return TypeBool }

func TestAnAnswerThatCannotBeParsedIsAskedForAgain(t *testing.T) {
	c := mustNew(t, Step{Name: "a", Prompt: "Is it? {format_instructions}", Parse: yes{}, Retries: 2}, Step{Name: "b", Transform: `a ? "good" : "bad"`})
	replies := []string{"perhaps", "", "YES"}
	var asked []provider.Request
	p := told(func(_ context.Context, req provider.Request) (string, error) {
		asked = append(asked, req)
		return replies[len(asked)-1], nil
	})
	retries := 0
	var asking, last StepResult
	for e, err := range c.Run(t.Context(), p, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == StepRetry {
			retries++
		}
		if e.Type == StepEnd {
			asking, last = last, *e.Result
		}
	}
	if asking.Usage == nil || asking.Usage.OutputTokens != 6 {
		t.Errorf("three calls used %+v", asking.Usage)
	}
	if last.Value != "good" || retries != 2 {
		t.Errorf("%+v after %d retries", last, retries)
	}
	if m := asked[0].Messages; len(m) != 1 || m[0].Text != "Is it? Answer yes or no." {
		t.Errorf("asked %+v", m)
	}
	if m := asked[1].Messages; len(m) != 3 || m[1].Text != "perhaps" || m[2].Text != "That answer could not be used: expected yes or no. Answer again, and only as asked." {
		t.Errorf("asked again %+v", m)
	}
	c = mustNew(t, Step{Name: "a", Prompt: "x", Parse: yes{}})
	_, err := c.Output(t.Context(), told(func(context.Context, provider.Request) (string, error) { return "well", nil }), nil)
	parse := new(ParseError)
	if !errors.As(err, &parse) || parse.Text != "well" || !errors.Is(err, provider.BadAnswer) || !strings.Contains(err.Error(), "step a: ") || !strings.Contains(err.Error(), "expected yes or no") {
		t.Errorf("got %v", err)
	}
}

func TestARouteThatTheModelChooses(t *testing.T) {
	c := mustNew(t, Step{Name: "r", Route: &Route{Question: "What is it about? {q}", Branches: []Step{{Name: "math", Prompt: "math {q}"}, {Name: "other", Text: "dunno"}}}})
	var schema string
	p := told(func(_ context.Context, req provider.Request) (string, error) {
		if req.Schema != nil {
			schema = string(req.Schema.JSON)
			if got := req.Messages[0].Text; got != "What is it about? 1+1\n\nAnswer with the one that fits best: math, other." {
				t.Errorf("asked %q", got)
			}
			return `{"choice": "math"}`, nil
		}
		return "2", nil
	})
	final := ""
	for e, err := range c.Run(t.Context(), p, map[string]any{"q": "1+1"}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Final {
			final += e.Chunk.Text
		}
	}
	if final != "2" || !strings.Contains(schema, `"enum":["math","other"]`) {
		t.Errorf("the final chunks are %q, the schema %s", final, schema)
	}
}

// Retries of a step with steps in it hold for those, in a chain of another file,
// too, and nothing of what may be asked again is called the chain's answer.
func TestRetriesReachInside(t *testing.T) {
	inner := mustNew(t, Step{Name: "a", Prompt: "x"})
	for _, step := range []Step{
		{Name: "g", Retries: 1, Steps: []Step{{Name: "a", Prompt: "x"}}},
		{Name: "g", Retries: 1, Parallel: []Step{{Name: "a", Prompt: "x"}}},
		{Name: "g", Retries: 1, Route: &Route{By: `"a"`, Branches: []Step{{Name: "a", Prompt: "x"}}}},
		{Name: "g", Retries: 1, Chain: inner},
	} {
		calls := 0
		p := told(func(context.Context, provider.Request) (string, error) {
			if calls++; calls == 1 {
				return " ", nil
			}
			return "y", nil
		})
		var last StepResult
		for e, err := range mustNew(t, step).Run(t.Context(), p, nil) {
			if err != nil {
				t.Fatalf("%v: %v", step.kinds(), err)
			}
			if e.Final {
				t.Errorf("%v: an answer that may be asked for again is final", step.kinds())
			}
			if e.Result != nil {
				last = *e.Result
			}
		}
		if calls != 2 || !strings.Contains(last.Text, "y") {
			t.Errorf("%v: %q after %d calls", step.kinds(), last.Text, calls)
		}
	}
	if _, err := New(Step{Text: "x", Retries: 1}); err == nil {
		t.Error("retries of a text are taken")
	}
}
