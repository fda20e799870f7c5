package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a server that answers with the last message, in two chunks. It fails
// where that begins with "fail", and waits for the caller's end where with "wait".
func echo(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Messages []struct{ Content string }
		}
		if json.NewDecoder(r.Body).Decode(&asked) != nil || len(asked.Messages) == 0 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		text := asked.Messages[len(asked.Messages)-1].Content
		switch {
		case strings.HasPrefix(text, "fail"):
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error": {"message": "no"}}`)
			return
		case strings.HasPrefix(text, "wait"):
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for _, part := range []string{text[:len(text)/2], text[len(text)/2:]} {
			chunk, _ := json.Marshal(part)
			fmt.Fprintf(w, "data: {\"model\": \"m\", \"choices\": [{\"delta\": {\"content\": %s}}]}\n\n", chunk)
		}
		fmt.Fprintf(w, "data: {\"model\": \"m\", \"choices\": [{\"delta\": {}, \"finish_reason\": \"stop\"}], \"usage\": {\"prompt_tokens\": %d, \"completion_tokens\": 1, \"total_tokens\": %d}}\n\ndata: [DONE]\n\n", len(text), len(text)+1)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// open assembles a stack of one provider.
func open(t *testing.T, url string) *stack.Stack {
	t.Helper()
	cfg := stacktest.Load(t, "use: echo\nproviders:\n  - {name: echo, kind: openai, base_url: '"+url+"/v1', model: m}\n", nil, nil)
	s, err := stack.Open(cfg, stack.Options{StateDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func parsed(t *testing.T, text string) *chain.Chain {
	t.Helper()
	c, err := chain.Parse("c.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const twoSteps = "steps:\n  - {name: first, prompt: '{what}'}\n  - {name: second, prompt: 'again {first}'}\n"

// Many runs at once on one stack each have their own result: those that fail and
// those whose caller leaves, too.
func TestRunsAtOnceShareAStack(t *testing.T) {
	s, c := open(t, echo(t)), parsed(t, twoSteps)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			what := fmt.Sprintf("%s %d", []string{"say", "say", "fail", "wait"}[i%4], i)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			events := 0
			result, err := runner.Run(ctx, runner.Job{Chain: c, Provider: s, Vars: map[string]any{"what": what}}, func(e chain.Event) error {
				events++
				if strings.HasPrefix(what, "wait") {
					cancel()
				}
				return nil
			})
			switch i % 4 {
			case 2:
				if err == nil || result.OK || result.Error == nil || result.Error.Kind != string(provider.KindOf(err)) || result.Ended {
					t.Errorf("%s: %+v, %v", what, result, err)
				}
			case 3:
				if !errors.Is(err, context.Canceled) || result.Error == nil || result.Error.Kind != "interrupted" {
					t.Errorf("%s: %+v, %v", what, result, err)
				}
			default:
				if err != nil || !result.OK || result.Answer != "again "+what || len(result.Steps) != 2 || result.Steps[0].Answer != what || result.Error != nil ||
					result.Usage.InputTokens != len(what)+len("again ")+len(what) || result.Route == nil || !result.Ended || events < 6 {
					t.Errorf("%s: %+v, %v", what, result, err)
				}
			}
		})
	}
	all.Wait()
}

// An answer that is not whole is of the kind truncated, whoever noticed it.
func TestTheKindOfAnIncompleteAnswer(t *testing.T) {
	for _, r := range []provider.Response{
		{Text: "a", Finish: provider.FinishLength}, {Text: "a", Finish: provider.FinishLength, Usage: &provider.Usage{OutputTokens: 7}}, {Finish: provider.FinishStop},
	} {
		if e := runner.NewError(runner.Complete(r)); e == nil || e.Kind != string(provider.Truncated) {
			t.Errorf("%+v: %+v", r, e)
		}
	}
}

// An error of the observer ends the run and comes back unchanged.
func TestTheObserverEndsARun(t *testing.T) {
	s, c := open(t, echo(t)), parsed(t, twoSteps)
	gone := errors.New("gone")
	calls := 0
	result, err := runner.Run(t.Context(), runner.Job{Chain: c, Provider: s, Vars: map[string]any{"what": "say"}}, func(e chain.Event) error {
		calls++
		return map[bool]error{true: gone}[e.Type == chain.StepChunk]
	})
	if err != gone || result.OK || result.Ended || calls != 2 {
		t.Errorf("%+v, %v after %d calls", result, err, calls)
	}
}

// An answer that its request's own limit cut is accepted, unless that is to be strict
// or nothing was written; what another limit cut is not.
func TestAnAnswerAsLongAsAllowed(t *testing.T) {
	own := &provider.Route{Provider: "a", MaxTokens: 7}
	for name, tc := range map[string]struct {
		r      provider.Response
		strict bool
		want   int // 0: an error
	}{
		"its own limit":           {provider.Response{Text: "a", Finish: provider.FinishLength, Route: own}, false, 7},
		"its own limit, strictly": {provider.Response{Text: "a", Finish: provider.FinishLength, Route: own}, true, 0},
		"nothing but white space": {provider.Response{Text: " \n", Finish: provider.FinishLength, Route: own}, false, 0},
		"another limit":           {provider.Response{Text: "a", Finish: provider.FinishLength, Route: &provider.Route{}}, false, 0},
		"no route":                {provider.Response{Text: "a", Finish: provider.FinishLength}, false, 0},
		"empty":                   {provider.Response{Finish: provider.FinishStop, Route: own}, false, 0},
	} {
		if n, err := runner.Accept(runner.Complete(tc.r), tc.strict); n != tc.want || (err == nil) != (tc.want > 0) {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
}
