package chains_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/chains"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/openai"
	"github.com/tandem-llm/tandem/internal/gateway/queue"
)

// counted is a queue that counts how many calls it has let through at a time.
type counted struct {
	exchange.Queue
	mu        sync.Mutex
	now, most int
	entered   int
}

func (c *counted) Enter(ctx context.Context, t exchange.Ticket) (func(), error) {
	release, err := c.Queue.Enter(ctx, t)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now++
	c.entered++
	c.most = max(c.most, c.now)
	return func() {
		c.mu.Lock()
		c.now--
		c.mu.Unlock()
		release()
	}, nil
}

// setup is a gateway with one slot for each of two providers, house and hosted, which are
// one engine.
type setup struct {
	url, dir string
	engine   *gatewaytest.Engine
	queue    *counted
	x        *exchange.Exchange
}

func start(t *testing.T, files map[string]string, more string, heartbeat time.Duration) setup {
	t.Helper()
	s := setup{dir: t.TempDir(), engine: gatewaytest.NewEngine(t)}
	for name, text := range files {
		write(t, filepath.Join(s.dir, name), text)
	}
	if more == "" {
		more = "retries: 0\n"
	}
	lane := func(_, model string) (queue.Lane, string, bool) { return queue.Lane{Slots: 1}, model, true }
	s.queue = &counted{Queue: queue.New(queue.Config{Lane: lane, Limit: 8})}
	st := gatewaytest.Open(t, fmt.Sprintf("use: [house, hosted]\n%sproviders:\n- {name: house, kind: openai, base_url: '%s/v1', model: ok, local: true}\n- {name: hosted, kind: openai, base_url: '%[2]s/v1', model: ok, price: {input: 1, output: 1}}\n", more, s.engine.URL))
	own := chains.New(chains.NewFolder(s.dir, nil))
	s.x = gatewaytest.Exchange(st, exchange.Config{Chains: own, Queue: s.queue, Heartbeat: heartbeat})
	mux := http.NewServeMux()
	openai.New(s.x, nil).Register(mux)
	chains.NewLangServe(own, s.x).Register(mux)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// chat asks a model or a chain by OpenAI's API.
func (s setup) chat(t *testing.T, model, text string, header ...string) gatewaytest.Reply {
	t.Helper()
	return gatewaytest.Post(t, s.url+"/v1/chat/completions", ask(model, text), header...)
}

// live is the call in flight for a model, once it is as it is wanted.
func (s setup) live(t *testing.T, model string, wanted func(exchange.Call) bool) exchange.Call {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		for _, c := range s.x.Live() {
			if c.Asked == model && wanted(c) {
				return c
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no call for %s is as it should be: %+v", model, s.x.Live())
		}
	}
}

func queued(c exchange.Call) bool { return c.State == exchange.Queued }

// Each step waits for its turn, shows that it does, and leaves its place to others before
// the next.
func TestStepsWaitTheirTurn(t *testing.T) {
	s := start(t, map[string]string{"c.yaml": "name: c\nsteps:\n- {name: first, prompt: a, model: hold}\n- {name: second, prompt: '{first}', model: echo}\n"}, "", 0)
	replies := make(chan gatewaytest.Reply, 2)
	go func() { replies <- s.chat(t, "chain:c", "x") }()
	s.live(t, "chain:c", func(c exchange.Call) bool {
		return c.State == exchange.Asking && len(c.Steps) == 1 && c.Steps[0].Provider == "house"
	})
	go func() { replies <- s.chat(t, "ok", "between") }()
	s.live(t, "ok", queued)
	close(s.engine.Release)
	for range 2 {
		if r := <-replies; r.Status != 200 || !strings.Contains(r.Body, "Hello there.") {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	}
	var asked []string
	for _, r := range s.engine.Requests("/v1/chat/completions") {
		asked = append(asked, fmt.Sprint(r.Body["model"]))
	}
	if want := []string{"hold", "ok", "echo"}; !slices.Equal(asked, want) {
		t.Errorf("asked %v, not %v", asked, want)
	}
}

// A chain whose step waits is queued, and its reply says where.
func TestAChainIsQueued(t *testing.T) {
	s := start(t, map[string]string{"c.yaml": president}, "", 10*time.Millisecond)
	held := make(chan gatewaytest.Reply, 3)
	go func() { held <- s.chat(t, "hold", "x") }()
	s.live(t, "hold", func(c exchange.Call) bool { return s.engine.Chats("hold") == 1 })
	opened := make(chan struct{})
	go func() { held <- streamed(t, s.url+"/chains/c/stream", `{"input":"India"}`, opened) }()
	c := s.live(t, "chain:c", func(c exchange.Call) bool { return queued(c) && c.Position == 1 })
	if len(c.Steps) != 1 || c.Steps[0].Step != "president" || c.Steps[0].Position != 1 || c.Steps[0].State != exchange.Queued {
		t.Errorf("steps %+v", c.Steps)
	}
	<-opened // by a heartbeat
	close(s.engine.Release)
	for range 2 {
		r := <-held
		if strings.Contains(r.Body, "event: end") && r.Header.Get("X-Tandem-Position") != "1" {
			t.Errorf("position %q", r.Header.Get("X-Tandem-Position"))
		}
		if r.Status != 200 {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	}
	done := s.x.Recent(1)[0]
	if len(done.Steps) != 2 || done.Steps[1].State != exchange.Answered || done.Steps[1].Model != "echo" || done.State != exchange.Answered || done.Position != 0 {
		t.Errorf("call %+v", done)
	}
}

// streamed asks, and is the whole reply; opened is closed when its header has come.
func streamed(t *testing.T, url, body string, opened chan<- struct{}) gatewaytest.Reply {
	t.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(body)) //nolint:noctx // it ends with the server
	close(opened)
	if err != nil {
		t.Error(err)
		return gatewaytest.Reply{}
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return gatewaytest.Reply{Status: res.StatusCode, Header: res.Header, Body: string(data)}
}

// Steps that run beside each other need no more slots than there are.
func TestParallelSteps(t *testing.T) {
	s := start(t, map[string]string{"c.yaml": `name: c
inputs: {list: {type: list}}
steps:
- name: all
  parallel:
    a: {prompt: a, model: echo}
    b: {prompt: b, model: echo}
    c: {parallel: {d: {prompt: d, model: echo}, e: {prompt: e, model: echo}}}
- {name: more, each: list, as: one, prompt: '{one}', model: echo, concurrency: 4}
- {name: last, prompt: '{a}{b}{c} {more}', model: echo}
`}, "", 0)
	for range 2 {
		r := gatewaytest.Post(t, s.url+"/chains/c/invoke", `{"input":{"list":["1","2","3"]}}`)
		if r.Status != 200 || !strings.Contains(r.Body, `"output":"ab{`) {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	}
	if s.queue.most != 1 || s.queue.now != 0 || s.queue.entered != 16 {
		t.Errorf("at most %d at a time, %d now, %d in all", s.queue.most, s.queue.now, s.queue.entered)
	}
}

// A full queue refuses a step, and the client is told when to ask again.
func TestAFullQueueRefusesASteps(t *testing.T) {
	s := start(t, map[string]string{"c.yaml": president}, "", 0)
	var wg sync.WaitGroup
	for i := range 9 {
		wg.Go(func() { s.chat(t, "hold", fmt.Sprint(i)) })
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		n := 0
		for _, c := range s.x.Live() {
			if queued(c) {
				n++
			}
		}
		if n == 8 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the queue does not fill")
		}
	}
	r := s.chat(t, "chain:c", "India")
	if r.Status != 429 || r.Header.Get("Retry-After") == "" || !strings.Contains(r.Body, "house is busy") {
		t.Errorf("%d %v %s", r.Status, r.Header, r.Body)
	}
	close(s.engine.Release)
	wg.Wait()
}

// What a chain cost is the sum of its steps' calls, and one of them that left this machine
// is one too many to say that all stayed.
func TestAChainTellsOfAllItsCalls(t *testing.T) {
	s := start(t, map[string]string{"c.yaml": "name: c\nsteps:\n- {name: a, prompt: a, use: [hosted]}\n- {name: b, prompt: '{a}', use: [hosted]}\n- {name: c, prompt: '{b}', use: [house]}\n"}, "", 0)
	r := s.chat(t, "chain:c", "x")
	if r.Header.Get("X-Tandem-Local") != "false" || r.Header.Get("X-Tandem-Cost") != "0.000034" {
		t.Errorf("local %s, cost %s", r.Header.Get("X-Tandem-Local"), r.Header.Get("X-Tandem-Cost"))
	}
	if n := s.x.Counts(); n.CostUSD < 0.00003 || n.CostUSD > 0.00004 {
		t.Errorf("counts %+v", n)
	}
}

// An answer that began again is never taken for a whole one: what a client has got of the
// first stays what it is.
func TestAStepThatIsAskedAgain(t *testing.T) {
	files := map[string]string{
		"back.yaml":  "name: back\nsteps:\n- {name: a, prompt: x, model: cut, fallback: {prompt: y, model: ok}}\n",
		"retry.yaml": "name: retry\nsteps:\n- {name: a, prompt: x, model: cutonce, retries: 1}\n",
		"again.yaml": "name: again\nprompt: x\nmodel: cutonce\n",
		"mid.yaml":   "name: mid\nsteps:\n- {name: a, prompt: x, model: cutonce}\n- {name: b, prompt: '{a}', model: echo}\n",
	}
	for _, name := range []string{"back", "retry", "again", "mid"} {
		for path, body := range map[string]string{
			"/v1/chat/completions":               ask("chain:"+name, "x"),
			"/v1/chat/completions#stream":        strings.Replace(ask("chain:"+name, "x"), "{", `{"stream":true,`, 1),
			"/chains/" + name + "/invoke":        `{"input":{}}`,
			"/chains/" + name + "/stream":        `{"input":{}}`,
			"/chains/" + name + "/stream_events": `{"input":{}}`,
			"/chains/" + name + "/stream_log":    `{"input":{}}`,
		} {
			s := start(t, files, "retries: 1\non_cut: restart\n", 0) // one that was asked before counts what failed
			r := gatewaytest.Post(t, s.url+path, body)
			text := strings.NewReplacer("Hello ", "", "there.", "").Replace(answerOf(path, r.Body))
			if text != "" || !strings.Contains(r.Body, "there.") && !strings.Contains(r.Body, "began again") {
				t.Errorf("%s %s: %q of %s", name, path, answerOf(path, r.Body), r.Body)
			}
		}
	}
}

// answerOf is the answer that a client has in the end; empty if it has an error.
func answerOf(path, body string) string {
	if strings.Contains(body, "event: error") || strings.Contains(body, `"error":`) {
		return ""
	}
	pattern := `"content":"([^"]*)"`
	switch {
	case strings.HasSuffix(path, "/stream"):
		pattern = `(?m)^data: "([^"]*)"`
	case strings.HasSuffix(path, "/stream_events"):
		pattern = `"on_chain_stream".*"chunk":"([^"]*)"`
	case strings.HasSuffix(path, "/stream_log"):
		pattern = `"path":"/streamed_output/-","value":"([^"]*)"`
	case strings.HasSuffix(path, "/invoke"):
		pattern = `"output":"([^"]*)"`
	}
	var all string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(body, -1) {
		all += m[1]
	}
	return all
}

// A request's limits hold for the vectors of a chain's prompts, too.
func TestVectorsAreTightened(t *testing.T) {
	s := start(t, map[string]string{"c.yaml": `name: c
use: [hosted]
prompt: '{q}'
examples: {items: [{i: happy, o: sad}, {i: tall, o: short}], text: '{i} -> {o}', select: {by: similar, k: 1}}
`}, "", 0)
	for _, h := range []string{"X-Tandem-Use: hosted"} {
		if r := s.chat(t, "chain:c", "x", h); r.Status != 403 || !strings.Contains(r.Body, "only hosted may answer") {
			t.Errorf("%s: %d %s", h, r.Status, r.Body)
		}
		if n := len(s.engine.Requests("/v1/embeddings")); n != 0 {
			t.Errorf("%s: %d texts were embedded", h, n)
		}
	}
	if r := s.chat(t, "chain:c", "x"); r.Status != 200 || len(s.engine.Requests("/v1/embeddings")) == 0 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if s.queue.now != 0 || s.queue.entered < 2 {
		t.Errorf("%d calls took their turn, %d still do", s.queue.entered, s.queue.now)
	}
}

// A chain's question that failed twice is refused, and one with other variables is not.
// The router asks once more itself where an answer that is not streamed breaks off.
func TestStormOfAChain(t *testing.T) {
	s := start(t, map[string]string{"c.yaml": "name: c\nprompt: '{x}'\nmodel: cut\n"}, "", 0)
	vars := `X-Tandem-Vars: {"x":"1"}`
	for i, want := range []string{"502", "400", "400"} {
		r := s.chat(t, "chain:c", "y", vars)
		if got := fmt.Sprint(r.Status); got != want {
			t.Errorf("call %d: %s %s", i+1, got, r.Body)
		}
	}
	if r := s.chat(t, "chain:c", "y", `X-Tandem-Vars: {"x":"2"}`); r.Status != 502 {
		t.Errorf("with other variables: %d %s", r.Status, r.Body)
	}
	for _, path := range []string{"stream_events", "stream_log", "stream", "invoke"} {
		body := `{"input":"` + path + `"}`
		for range 2 {
			gatewaytest.Post(t, s.url+"/chains/c/"+path, body)
		}
		if r := gatewaytest.Post(t, s.url+"/chains/c/"+path, body); !strings.Contains(r.Body, "failed 2 times") {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
}

// A stream of events says that it is alive while there is nothing to tell, and every
// failure ends it as LangServe's clients expect.
func TestEventsAreAlive(t *testing.T) {
	for _, path := range []string{"stream_events", "stream_log", "stream"} {
		s := start(t, map[string]string{"c.yaml": "name: c\nprompt: x\nmodel: hold\n"}, "", 2*time.Millisecond)
		r := gatewaytest.Held(t, s.engine, s.url+"/chains/c/"+path, `{"input":{}}`)
		if !strings.Contains(r.Body, ": alive") && !strings.Contains(r.Body, "event: metadata\ndata: {\"run_id\":") || !strings.HasSuffix(r.Body, "event: end\n\n") {
			t.Errorf("%s: %s", path, r.Body)
		}
	}
	for model, status := range map[string]int{"busy": 429, "down": 503, "cutearly": 503, "cut": 502, "length": 502, "denied": 403, "empty": 502} {
		for _, path := range []string{"stream_events", "stream_log", "stream"} {
			s := start(t, map[string]string{"c.yaml": "name: c\nprompt: x\nmodel: " + model + "\n"}, "", 0)
			r := gatewaytest.Post(t, s.url+"/chains/c/"+path, `{"input":{}}`)
			want := fmt.Sprintf(`"status_code":%d}`, status)
			if r.Status != 200 || !strings.Contains(r.Body, "event: error\n") || !strings.Contains(r.Body, want) || strings.Contains(r.Body, "event: end") {
				t.Errorf("%s of %s: %d %s", path, model, r.Status, r.Body)
			}
		}
	}
}
