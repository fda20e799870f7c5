package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// Live says what stands behind a provider that [TestLive] checks: a real
// engine, or whatever wraps one. The fields below New, Model and Endpoint say
// what it can do; what is left out is not checked.
type Live struct {
	// New returns the provider. Each check asks for one.
	New func(t *testing.T) provider.Provider
	// Model is a chat model that it has. A small one will do: no check judges
	// what it says.
	Model string
	// Endpoint is what a Route says, scheme://host[:port]; Remote, that it
	// is not this machine.
	Endpoint string
	Remote   bool
	// Answers is the Name of the provider in a Route; empty: the provider's
	// own. A router's answers come from another.
	Answers string
	// Secret must appear in no error.
	Secret string

	Seed   bool // the same seed and temperature 0 give the same answer
	Schema bool // a JSON Schema constrains the answer
	// Window is the most tokens that the model's context holds: a longer
	// prompt is ContextOverflow.
	Window int
	// Lists: Models lists Model, and any other model is ModelNotFound unless
	// OneModel says that the server gives its one model for every name.
	Lists, OneModel bool
	// EmbedModel makes vectors.
	EmbedModel string
	// Can is what Models or Inspect tell of Model.
	Can []provider.Capability
	// Lacks is what Model cannot do, of tools, vision and thinking: asked for
	// it, the provider is to say Unsupported.
	Lacks []provider.Capability
}

// TestLive checks what a provider must do that is well and whose server is. It
// needs the package's goroutines to be checked by goleak in TestMain.
func TestLive(t *testing.T, l Live) {
	for _, c := range []struct {
		name  string
		check func(*testing.T, Live)
		on    bool
	}{
		{"streamed and whole", liveAnswers, true},
		{"cut at max tokens", liveLength, true},
		{"stop", liveStop, l.Seed},
		{"seed", liveSeed, l.Seed},
		{"conversation", liveConversation, true},
		{"schema", liveSchema, l.Schema},
		{"break", liveBreak, true},
		{"the caller's own errors", liveContext, true},
		{"many at once", liveMany, true},
		{"unknown model", liveUnknown, l.Lists && !l.OneModel},
		{"overflow", liveOverflow, l.Window > 0},
		{"models", liveModels, l.Lists},
		{"embeddings", liveEmbed, l.EmbedModel != ""},
		{"capabilities", liveCapabilities, len(l.Can) > 0},
		{"what the model lacks", liveLacks, len(l.Lacks) > 0},
	} {
		if c.on {
			t.Run(c.name, func(t *testing.T) { c.check(t, l) })
		}
	}
}

// request is a short chat, the same each time.
func (l Live) request(maxTokens int) provider.Request {
	return provider.Request{
		Model: l.Model, MaxTokens: &maxTokens, Temperature: provider.Ptr(0.0), Seed: provider.Ptr(int64(7)),
		Messages: []provider.Message{provider.User("Tell me the colours of the rainbow, one after the other.")},
	}
}

// answer collects a good answer and checks its Route and Usage.
func (l Live) answer(t *testing.T, p provider.Provider, req provider.Request) provider.Response {
	t.Helper()
	r := collect(t, p, req)
	name := l.Answers
	if name == "" {
		name = p.Name()
	}
	rt := r.Route
	if rt.Provider != name || rt.Model == "" || rt.Endpoint != l.Endpoint || rt.Local == l.Remote || rt.Reason == "" ||
		rt.FirstToken <= 0 || rt.Total < rt.FirstToken {
		t.Errorf("the route does not say that %s at %s answered: %+v", name, l.Endpoint, rt)
	}
	if u := r.Usage; u == nil || u.InputTokens < 1 || u.OutputTokens < 1 || u.CachedTokens > u.InputTokens {
		t.Errorf("the usage is %+v", u)
	}
	return r
}

// refused checks that an error is of one of those Kinds and tells no secret.
func (l Live) refused(t *testing.T, err error, kinds ...provider.Kind) {
	t.Helper()
	var e *provider.Error
	if !errors.As(err, &e) || e.Provider == "" || e.Err == nil {
		t.Fatalf("got %v (%T), want an error of %q that says to whom it happened", err, err, kinds)
	}
	if !slices.Contains(kinds, e.Kind) {
		t.Errorf("got %v, of Kind %q; want %q", err, e.Kind, kinds)
	}
	if said := fmt.Sprintf("%v %+v", err, *e); l.Secret != "" && strings.Contains(said, l.Secret) {
		t.Errorf("the error tells a secret: %v", err)
	}
}

func liveAnswers(t *testing.T, l Live) {
	p := l.New(t)
	req := l.request(8)
	streamed := l.answer(t, p, req)
	req.NoStream = true
	whole := l.answer(t, p, req)
	if streamed.Text == "" || whole.Text == "" || streamed.Finish != whole.Finish || streamed.Usage.InputTokens != whole.Usage.InputTokens {
		t.Errorf("streamed: %q, %s, %+v\nwhole: %q, %s, %+v", streamed.Text, streamed.Finish, streamed.Usage, whole.Text, whole.Finish, whole.Usage)
	}
}

func liveLength(t *testing.T, l Live) {
	for _, noStream := range []bool{false, true} {
		req := l.request(2)
		req.NoStream = noStream
		if r := l.answer(t, l.New(t), req); r.Finish != provider.FinishLength || r.Usage.OutputTokens > 3 {
			t.Errorf("after 2 tokens of many, finish is %q and usage %+v", r.Finish, r.Usage)
		}
	}
}

// liveStop takes a word of an answer as the stop of the next.
func liveStop(t *testing.T, l Live) {
	p := l.New(t)
	free := l.answer(t, p, l.request(12)).Text
	words := strings.Fields(free)
	if len(words) < 3 {
		t.Fatalf("12 tokens are only %q", free)
	}
	for _, noStream := range []bool{false, true} {
		req := l.request(12)
		req.Stop, req.NoStream = []string{words[1]}, noStream
		r := l.answer(t, p, req)
		if r.Finish != provider.FinishStop || strings.Contains(r.Text, words[1]) || len(r.Text) >= len(free) {
			t.Errorf("with the stop %q, %q became %q, finish %q", words[1], free, r.Text, r.Finish)
		}
	}
}

func liveSeed(t *testing.T, l Live) {
	p := l.New(t)
	if one, two := l.answer(t, p, l.request(8)).Text, l.answer(t, p, l.request(8)).Text; one != two {
		t.Errorf("the same seed gave %q and %q", one, two)
	}
}

func liveConversation(t *testing.T, l Live) {
	p := l.New(t)
	req := l.request(4)
	short := l.answer(t, p, req)
	req.Messages = []provider.Message{
		provider.System("You are terse."), provider.User("My name is Ada Lovelace."), provider.Assistant("Hello, Ada."), provider.User("Who am I?"),
	}
	if long := l.answer(t, p, req); long.Text == "" || l.Window > 0 && long.Usage.InputTokens <= short.Usage.InputTokens {
		t.Errorf("four messages are %+v, and one is %+v", long.Usage, short.Usage)
	}
}

func liveSchema(t *testing.T, l Live) {
	for _, noStream := range []bool{false, true} {
		req := l.request(40)
		req.NoStream = noStream
		req.Messages = []provider.Message{provider.User(`Is water wet? Answer with JSON such as {"answer":"yes"}.`)}
		req.Schema = &provider.Schema{JSON: json.RawMessage(
			`{"type":"object","properties":{"answer":{"type":"string","enum":["yes","no"]}},"required":["answer"],"additionalProperties":false}`)}
		var got struct{ Answer string }
		r := l.answer(t, l.New(t), req)
		if err := json.Unmarshal([]byte(r.Text), &got); err != nil || got.Answer != "yes" && got.Answer != "no" {
			t.Errorf("%q, finish %s, is not what the schema allows (%v)", r.Text, r.Finish, err)
		}
	}
}

// liveBreak leaves a long answer after its first chunk. The next answer must
// not wait for what the long one would have taken.
func liveBreak(t *testing.T, l Live) {
	p := l.New(t)
	const measured, long = 8, 800
	start := time.Now()
	l.answer(t, p, l.request(measured))
	wholeLong := time.Since(start) / measured * long
	for _, err := range p.Chat(context.Background(), l.request(long)) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	start = time.Now()
	l.answer(t, p, l.request(1))
	if took := time.Since(start); wholeLong > time.Second && took > wholeLong/2 { // of less, a busy machine makes more
		t.Errorf("after a break, one token took %s; the answer that was left would have taken %s", took, wholeLong)
	}
}

func liveContext(t *testing.T, l Live) {
	p := l.New(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var last error
	for _, err := range p.Chat(ctx, l.request(400)) {
		cancel()
		last = err
	}
	if last != context.Canceled {
		t.Errorf("canceled midway: got %v (%T), want context.Canceled unchanged", last, last)
	}
	ctx, cancel = context.WithDeadline(context.Background(), time.Now())
	defer cancel()
	if _, err := provider.Collect(p.Chat(ctx, l.request(400))); err != context.DeadlineExceeded {
		t.Errorf("past the deadline: got %v (%T), want context.DeadlineExceeded unchanged", err, err)
	}
	l.answer(t, p, l.request(1))
}

func liveMany(t *testing.T, l Live) {
	p := l.New(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if r, err := provider.Collect(p.Chat(context.Background(), l.request(2))); err != nil || r.Text == "" {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	wg.Wait()
}
