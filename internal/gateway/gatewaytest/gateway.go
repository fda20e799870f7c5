package gatewaytest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/stacktest"
)

// Stack is a stack whose provider named house is e, which counts as this machine.
func Stack(t testing.TB, e *Engine, model string) *stack.Stack {
	t.Helper()
	return Open(t, fmt.Sprintf("use: [house]\nretries: 0\nproviders:\n- {name: house, kind: openai, base_url: '%s/v1', model: %s, local: true}\n", e.URL, model))
}

// Open is a stack of that configuration.
func Open(t testing.TB, configuration string) *stack.Stack {
	t.Helper()
	s, err := stack.Open(stacktest.Load(t, configuration, nil, nil), stack.Options{StateDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Exchange is an exchange of a stack, with cfg's other fields.
func Exchange(s *stack.Stack, cfg exchange.Config) *exchange.Exchange {
	cfg.Stack = func() *stack.Stack { return s }
	return exchange.New(cfg)
}

// Reply is what came back.
type Reply struct {
	Status int
	Header http.Header
	Body   string
}

// Do sends a request, and reads all of its reply. Header holds lines such as "Name: value".
func Do(t testing.TB, method, url, body string, header ...string) Reply {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		if strings.HasPrefix(name, "X-Tandem-") { // they may come in several lines
			req.Header.Add(name, value)
		} else {
			req.Header.Set(name, value)
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Reply{res.StatusCode, res.Header, string(data)}
}

// Post sends a JSON body.
func Post(t testing.TB, url, body string, header ...string) Reply {
	t.Helper()
	return Do(t, http.MethodPost, url, body, header...)
}

// Events are the data of a stream of server-sent events, with the event's name before
// it where there is one, as "name: data".
func Events(body string) (events []string) {
	for block := range strings.SplitSeq(body, "\n\n") {
		name := ""
		for line := range strings.SplitSeq(block, "\n") {
			if v, ok := strings.CutPrefix(line, "event: "); ok {
				name = v + ": "
			}
			if v, ok := strings.CutPrefix(line, "data: "); ok {
				events = append(events, name+v)
			}
		}
	}
	return events
}

// Lines are the lines of a stream of JSON lines.
func Lines(body string) []string {
	return strings.Split(strings.TrimSpace(string(bytes.TrimSpace([]byte(body)))), "\n")
}

// Held asks the engine's model hold and lets it answer after a while, in which the
// gateway has nothing to send but that it is alive. It is the whole reply.
func Held(t testing.TB, e *Engine, url, body string, header ...string) Reply {
	t.Helper()
	done := make(chan Reply)
	go func() { done <- Post(t, url, body, header...) }()
	for e.Chats("hold") == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
	close(e.Release)
	return <-done
}

// Leaves asks a model and leaves before the answer's end. It fails unless the engine's
// client leaves, too, and the call is one that was cancelled.
func Leaves(t testing.TB, e *Engine, x *exchange.Exchange, url, model, body string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	done := make(chan struct{})
	go func() {
		defer close(done)
		if res, err := http.DefaultClient.Do(req); err == nil {
			defer res.Body.Close()
			<-ctx.Done()
		}
	}()
	for e.Chats(model) == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if got := e.Left(t); got != model {
		t.Errorf("left %s", got)
	}
	<-done
	for len(x.Live()) > 0 {
		time.Sleep(time.Millisecond)
	}
	if c := x.Recent(1)[0]; c.State != exchange.Cancelled {
		t.Errorf("the call is %s", c.State)
	}
}
