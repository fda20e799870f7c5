package chain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

func mustNew(t testing.TB, steps ...Step) *Chain {
	t.Helper()
	c, err := New(steps...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRunStreamsEveryStep(t *testing.T) {
	c := mustNew(t, president()...)
	f := answers(map[string]string{
		"Tell me the president of France":                                     "Emmanuel {Macron} of France",
		"Give me the list of changes made by the Emmanuel {Macron} of France": "1. pensions",
	})
	var got []string
	for e, err := range c.Run(t.Context(), f, map[string]any{"country": "France"}) {
		if err != nil {
			t.Fatal(err)
		}
		switch e.Type {
		case StepStart:
			got = append(got, fmt.Sprintf("%d %s start %s", e.Index, e.Step, e.Messages[0].Text))
		case StepChunk:
			got = append(got, fmt.Sprintf("%d %s chunk %q", e.Index, e.Step, e.Chunk.Text))
		case StepEnd:
			r := e.Result
			got = append(got, fmt.Sprintf("%d %s end %q %s %d %s %t", e.Index, r.Name, r.Text, r.Finish, r.Usage.OutputTokens, r.Route.Model, r.Took > 0))
		}
	}
	want := []string{
		`0 president start Tell me the president of France`,
		`0 president chunk "Emmanuel "`, `0 president chunk "{Macron} "`, `0 president chunk "of "`, `0 president chunk "France"`, `0 president chunk ""`,
		`0 president end "Emmanuel {Macron} of France" stop 4 tiny true`,
		`1 changes start Give me the list of changes made by the Emmanuel {Macron} of France`,
		`1 changes chunk "1. "`, `1 changes chunk "pensions"`, `1 changes chunk ""`,
		`1 changes end "1. pensions" stop 2 tiny true`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if f.requests[0].NoStream {
		t.Error("a streamed run asked for whole answers")
	}
}

func TestRunAsksAnewEachTime(t *testing.T) {
	f := answers(map[string]string{"x": "y"})
	run := mustNew(t, Step{Prompt: "x"}).Run(t.Context(), f, nil)
	if len(f.requests) != 0 {
		t.Error("a call was made before the run was ranged over")
	}
	for range 2 {
		for _, err := range run {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(f.requests) != 2 {
		t.Errorf("%d calls, want 2", len(f.requests))
	}
}

func TestOutput(t *testing.T) {
	c := mustNew(t, president()...)
	f := answers(map[string]string{
		"Tell me the president of France":                "Macron",
		"Give me the list of changes made by the Macron": "1. pensions",
	})
	result, err := c.Output(t.Context(), f, map[string]any{"country": "France"})
	if err != nil || result.Text != "1. pensions" || result.Finish != provider.FinishStop || len(result.Steps) != 2 || result.Steps[0].Text != "Macron" {
		t.Errorf("%+v, %v", result, err)
	}
	if !f.requests[0].NoStream {
		t.Error("Output asked for a stream")
	}
}

func TestInputs(t *testing.T) {
	c := mustNew(t, president()...)
	two := mustNew(t, Step{Name: "president", Prompt: "{country} {year}"}, Step{Name: "b", Prompt: "{presidnt} {president}"})
	none := mustNew(t, Step{Prompt: "x"})
	for _, tt := range []struct {
		name  string
		chain *Chain
		vars  map[string]any
		want  []string
	}{
		{"missing", c, nil, []string{`missing input "country" (used at step "president", prompt, line 1, column 26)`}},
		{"misspelt", c, map[string]any{"contry": "India"}, []string{
			`missing input "country" (used at step "president", prompt, line 1, column 26)`,
			`no step uses the input "contry"; did you mean "country"?`,
		}},
		{"left over", c, map[string]any{"country": "India", "zzz": "", "population": "many"}, []string{
			`no step uses the input "population"; the inputs are country`,
			`no step uses the input "zzz"; the inputs are country`,
		}},
		{"a step's name", c, map[string]any{"country": "India", "president": "me"}, []string{
			`no step uses the input "president"; remove it: it is a step's name, and its value is that step's answer`,
		}},
		{"a step's name misspelt in a template", two, map[string]any{"country": "x", "year": "y"}, []string{
			`missing input "presidnt" (used at step "b", prompt, line 1, column 1); did you mean {president}, the answer of that step?`,
		}},
		{"none", none, map[string]any{"a": "b"}, []string{`no step uses the input "a"; the chain takes no inputs`}},
		{"not UTF-8", c, map[string]any{"country": "\xff"}, []string{`input "country" is not UTF-8; convert it first`}},
	} {
		f := answers(nil)
		_, err := tt.chain.Output(t.Context(), f, tt.vars)
		if err == nil || err.Error() != strings.Join(tt.want, "\n") {
			t.Errorf("%s:\n got %v\nwant %s", tt.name, err, strings.Join(tt.want, "\n     "))
		}
		if !errors.Is(err, provider.Invalid) || provider.KindOf(err) != provider.Invalid {
			t.Errorf("%s: %v is not Invalid", tt.name, err)
		}
		if input := new(InputError); !errors.As(err, &input) || input.Name == "" {
			t.Errorf("%s: %v is no InputError", tt.name, err)
		}
		if len(f.requests) > 0 {
			t.Errorf("%s: a call was made", tt.name)
		}
	}
}

func TestPromptThatBecomesEmpty(t *testing.T) {
	f := answers(nil)
	_, err := mustNew(t, Step{Name: "a", Prompt: "{x}"}).Output(t.Context(), f, map[string]any{"x": " "})
	if err == nil || !errors.Is(err, provider.Invalid) || len(f.requests) > 0 || !strings.Contains(err.Error(), "the user message is empty with the values given") {
		t.Errorf("%v after %d calls", err, len(f.requests))
	}
}

func TestStepThatFails(t *testing.T) {
	down := &provider.Error{Kind: provider.RateLimited, Provider: "fake", Status: 429, RetryAfter: time.Second}
	f := &fake{answer: func(req provider.Request) (string, provider.Finish, error) {
		if strings.HasPrefix(req.Messages[0].Text, "Give") {
			return "half an answer", "", down
		}
		return "Macron", provider.FinishStop, nil
	}}
	result, err := mustNew(t, president()...).Output(t.Context(), f, map[string]any{"country": "France"})
	var pe *provider.Error
	if !errors.As(err, &pe) || pe != down || !errors.Is(err, provider.RateLimited) {
		t.Errorf("the provider's error is lost: %v", err)
	}
	var se *StepError
	if !errors.As(err, &se) || se.Step != "changes" || se.Index != 1 || !strings.HasPrefix(err.Error(), "step changes: fake: rate limited (429)") {
		t.Errorf("the step is not named: %v", err)
	}
	if result.Text != "" || len(result.Steps) != 2 || result.Steps[0].Text != "Macron" || result.Steps[1].Text != "half an answer" || result.Steps[1].Finish != "" {
		t.Errorf("what came before the error is %+v", result)
	}
}

func TestCutAnswer(t *testing.T) {
	cutAt := func(step string) *fake {
		return &fake{answer: func(req provider.Request) (string, provider.Finish, error) {
			if strings.HasPrefix(req.Messages[0].Text, step) {
				return "The president of", provider.FinishLength, nil
			}
			return "Macron", provider.FinishStop, nil
		}}
	}
	c := mustNew(t, president()...)
	first := cutAt("Tell")
	result, err := c.Output(t.Context(), first, map[string]any{"country": "France"})
	want := `step president: fake (tiny): truncated: the answer was cut at 3 tokens, and the next step would continue with an incomplete text; raise max_tokens or the model's context length, or ask for a shorter answer`
	if err == nil || err.Error() != want || !errors.Is(err, provider.Truncated) {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if len(first.requests) != 1 || result.Steps[0].Text != "The president of" || result.Steps[0].Finish != provider.FinishLength {
		t.Errorf("%d calls, %+v", len(first.requests), result)
	}
	result, err = c.Output(t.Context(), cutAt("Give"), map[string]any{"country": "France"})
	if err != nil || result.Finish != provider.FinishLength || result.Text != "The president of" {
		t.Errorf("the last answer was cut: %+v, %v", result, err)
	}
}

func TestEmptyAnswer(t *testing.T) {
	f := answers(map[string]string{"Tell me the president of France": " \n"})
	_, err := mustNew(t, president()...).Output(t.Context(), f, map[string]any{"country": "France"})
	if !errors.Is(err, provider.Truncated) || !strings.Contains(err.Error(), "step president: fake (tiny): truncated: the model ended without writing anything") {
		t.Errorf("got %v", err)
	}
	if result, err := mustNew(t, Step{Prompt: "Tell me the president of France"}).Output(t.Context(), f, nil); err != nil || result.Text != " \n" {
		t.Errorf("an empty last answer is the reader's to judge: %+v, %v", result, err)
	}
}

func TestDefaults(t *testing.T) {
	steps := []Step{
		{Name: "plain", Prompt: "p"},
		{Name: "own", Prompt: "o", Model: "m2", Temperature: provider.Ptr(0.0), Seed: provider.Ptr[int64](0), Stop: []string{}, Think: provider.ThinkOff},
		{Name: "elsewhere", Prompt: "e", Use: []string{"openai"}, Privacy: provider.PrivacyLocal},
	}
	f := answers(map[string]string{"p": "1", "o": "2", "e": "3"})
	d := provider.Request{
		Model: "m1", Use: []string{"local"}, Temperature: provider.Ptr(0.7), TopP: provider.Ptr(0.5), Seed: provider.Ptr[int64](7),
		MaxTokens: provider.Ptr(9), Stop: []string{"."}, Think: provider.ThinkHigh, Options: map[string]any{"top_k": 1},
	}
	if _, err := mustNew(t, steps...).Output(t.Context(), f, nil, Defaults(d)); err != nil {
		t.Fatal(err)
	}
	plain, own, elsewhere := f.requests[0], f.requests[1], f.requests[2]
	if plain.Model != "m1" || plain.Use[0] != "local" || *plain.Temperature != 0.7 || *plain.TopP != 0.5 || *plain.Seed != 7 || *plain.MaxTokens != 9 || plain.Stop[0] != "." || plain.Think != provider.ThinkHigh || plain.Options["top_k"] != 1 || plain.Privacy != provider.PrivacyAny {
		t.Errorf("a step of no settings: %+v", plain)
	}
	if own.Model != "m2" || own.Use[0] != "local" || *own.Temperature != 0 || *own.Seed != 0 || len(own.Stop) != 0 || own.Think != provider.ThinkOff || *own.MaxTokens != 9 {
		t.Errorf("a step of its own settings: %+v", own)
	}
	if elsewhere.Use[0] != "openai" || elsewhere.Model != "" || elsewhere.Privacy != provider.PrivacyLocal {
		t.Errorf("a step with its own provider: %+v", elsewhere)
	}
	f = answers(map[string]string{"p": "1", "o": "2", "e": "3"})
	local := Defaults(provider.Request{Privacy: provider.PrivacyLocal})
	if _, err := mustNew(t, steps...).Output(t.Context(), f, nil, local, Defaults(d)); err != nil {
		t.Fatal(err)
	}
	for _, r := range f.requests {
		if r.Privacy != provider.PrivacyLocal {
			t.Errorf("privacy was loosened for %q", r.Messages[0].Text)
		}
	}
	d.Messages = []provider.Message{provider.User("x")}
	if _, err := mustNew(t, steps...).Output(t.Context(), f, nil, Defaults(d)); !errors.Is(err, provider.Invalid) {
		t.Errorf("defaults with messages: %v", err)
	}
}

func TestLeavingTheLoopCancels(t *testing.T) {
	for _, at := range []EventType{StepStart, StepChunk, StepEnd} {
		f := answers(map[string]string{"Tell me the president of France": "Emmanuel Macron of France"})
		for e, err := range mustNew(t, president()...).Run(t.Context(), f, map[string]any{"country": "France"}) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Type == at {
				break
			}
		}
		calls, canceled := len(f.requests), f.canceled
		if want := map[EventType][2]int{StepStart: {0, 0}, StepChunk: {1, 1}, StepEnd: {1, 0}}[at]; calls != want[0] || canceled != want[1] {
			t.Errorf("left at event %d: %d calls, %d of them cancelled; want %v", at, calls, canceled, want)
		}
	}
}

func TestContextErrorGoesBackUnchanged(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &fake{answer: func(provider.Request) (string, provider.Finish, error) {
		cancel()
		return "Macron", provider.FinishStop, nil
	}}
	_, err := mustNew(t, president()...).Output(ctx, f, map[string]any{"country": "France"})
	if err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

func TestPredict(t *testing.T) {
	f := &fake{answer: func(req provider.Request) (string, provider.Finish, error) {
		if *req.Temperature != 0.5 {
			return "", "", errors.New("the option did not arrive")
		}
		if req.Messages[0].Text == "long" {
			return "so long", provider.FinishLength, nil
		}
		return "Modi", provider.FinishStop, nil
	}}
	warm := Defaults(provider.Request{Temperature: provider.Ptr(0.5)})
	if got, err := Predict(t.Context(), f, "Who is the Prime Minister of {India}?", warm); err != nil || got != "Modi" || f.requests[0].Messages[0].Text != "Who is the Prime Minister of {India}?" {
		t.Errorf("%q, %v, asked %+v", got, err, f.requests)
	}
	if got, err := Predict(t.Context(), f, "long", warm); !errors.Is(err, provider.Truncated) || got != "so long" {
		t.Errorf("a cut answer: %q, %v", got, err)
	}
}

func TestConcurrentRuns(t *testing.T) {
	c := mustNew(t, president()...)
	f := &fake{answer: func(req provider.Request) (string, provider.Finish, error) {
		words := strings.Fields(req.Messages[0].Text)
		return words[len(words)-1], provider.FinishStop, nil
	}}
	vars := map[string]any{"country": "shared"}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			own := vars
			if i%2 == 0 {
				own = map[string]any{"country": fmt.Sprintf("c%d", i)}
			}
			if result, err := c.Output(t.Context(), f, own); err != nil || result.Text != own["country"] {
				t.Errorf("run %d: %+v, %v", i, result, err)
			}
		})
	}
	wg.Wait()
	if len(vars) != 1 {
		t.Errorf("the caller's map was changed: %v", vars)
	}
}

func BenchmarkOutput(b *testing.B) {
	c := mustNew(b, president()...)
	f := &silent{}
	vars := map[string]any{"country": "France"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Output(b.Context(), f, vars); err != nil {
			b.Fatal(err)
		}
	}
}

func TestEmptyUseIsUnset(t *testing.T) {
	f := answers(map[string]string{"x": "y"})
	c := mustNew(t, Step{Prompt: "x", Use: []string{}})
	if _, err := c.Output(t.Context(), f, nil, Defaults(provider.Request{Use: []string{"local"}, Model: "m"})); err != nil {
		t.Fatal(err)
	}
	if r := f.requests[0]; r.Model != "m" || len(r.Use) != 1 {
		t.Errorf("a step that names nobody was asked of %q, model %q", r.Use, r.Model)
	}
}

func TestProviders(t *testing.T) {
	c := mustNew(t, Step{Name: "a", Prompt: "x", Use: []string{"openai", "local"}}, Step{Name: "b", Prompt: "y"}, Step{Name: "c", Prompt: "z", Use: []string{"local", "vllm"}})
	if got, want := c.Providers(), []string{"openai", "local", "vllm"}; !slices.Equal(got, want) {
		t.Errorf("Providers() = %q, want %q", got, want)
	}
}
