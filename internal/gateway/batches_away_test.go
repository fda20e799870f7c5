package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// front stands before an engine, and is away when a test says so.
type front struct {
	t      *testing.T
	engine *gatewaytest.Engine
	proxy  *httputil.ReverseProxy
	url    string
	mu     sync.Mutex
	server *httptest.Server
	status int           // of all answers; 0: the engine's
	list   chan struct{} // no models are listed before it is closed
	listed chan struct{} // closed when they are asked for
}

func newFront(t *testing.T) *front {
	e := gatewaytest.NewEngine(t)
	to, err := url.Parse(e.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{t: t, engine: e, proxy: httputil.NewSingleHostReverseProxy(to)}
	f.listen("127.0.0.1:0")
	t.Cleanup(func() { f.server.Close() })
	return f
}

func (f *front) listen(at string) {
	l, err := net.Listen("tcp", at)
	if err != nil {
		f.t.Fatal(err)
	}
	f.server = httptest.NewUnstartedServer(http.HandlerFunc(f.serve))
	_ = f.server.Listener.Close()
	f.server.Listener = l
	f.server.Start()
	f.url = f.server.URL
}

func (f *front) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	status, list, listed := f.status, f.list, f.listed
	f.mu.Unlock()
	switch {
	case status != 0:
		w.WriteHeader(status)
		return
	case r.URL.Path == "/v1/models" && list != nil:
		select {
		case listed <- struct{}{}:
		default:
		}
		<-list
	}
	f.proxy.ServeHTTP(w, r)
}

// away has it go away, or come back.
func (f *front) away(how string, is bool) {
	switch {
	case how == "refused" && is:
		f.server.CloseClientConnections()
		f.server.Close()
	case how == "refused":
		f.listen(strings.TrimPrefix(f.url, "http://"))
	default:
		f.mu.Lock()
		defer f.mu.Unlock()
		f.status = 0
		if is {
			f.status = http.StatusServiceUnavailable
		}
	}
}

func (f *front) gateway() *batching {
	return batchingAt(f.t, gatewaytest.Open(f.t, fmt.Sprintf("use: [house]\nretries: 0\nproviders:\n- {name: house, kind: openai, base_url: '%s/v1', model: ok, local: true}\n", f.url)), nil)
}

// untilWaiting waits until a batch says what it waits for.
func (b *batching) untilWaiting(id, what string) {
	b.t.Helper()
	for {
		var got batchJSON
		b.do("GET", "/v1/batches/"+id, "", &got)
		switch {
		case got.Tandem.Waiting == what:
			return
		case got.Status != "validating" && got.Status != "in_progress":
			b.t.Fatalf("the batch does not wait: %+v; %s", got, b.log)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// A batch waits for a provider that is away, however few its requests are, and goes on by
// itself. It may be made while the provider is away.
func TestBatchWaitsForItsProvider(t *testing.T) {
	for _, how := range []string{"refused", "503"} {
		for _, model := range []string{"echo", "house/echo", "tandem"} {
			for _, before := range []bool{false, true} {
				t.Run(fmt.Sprint(how, " ", model, " before it is made ", before), func(t *testing.T) {
					t.Parallel()
					f := newFront(t)
					b := f.gateway()
					text := ""
					for i := range 3 {
						text += requestLine(fmt.Sprint("r", i), model, "x")
					}
					if !before {
						b.do("GET", "/v1/models", "", nil) // it is known who has which model
					}
					f.away(how, true)
					made := b.create(text, "")
					b.untilWaiting(made.ID, "the provider does not answer")
					f.away(how, false)
					if got := b.until(made.ID, "completed"); got.Counts.Completed != 3 || got.Counts.Failed != 0 || got.Tandem.Waiting != "" {
						t.Errorf("%+v", got)
					}
				})
			}
		}
	}
}

// A batch that waits for its provider is cancelled at once, and takes no other's place.
func TestBatchThatWaitsForItsProvider(t *testing.T) {
	f := newFront(t)
	e := gatewaytest.NewEngine(t)
	b := batchingAt(t, gatewaytest.Open(t, fmt.Sprintf("use: [gone, house]\nretries: 0\nproviders:\n- {name: gone, kind: openai, base_url: '%s/v1', model: ok, local: true}\n- {name: house, kind: openai, base_url: '%s/v1', model: echo, local: true}\n", f.url, e.URL)), nil)
	f.away("503", true)
	var waiting []batchJSON
	for range 5 {
		made := b.create(requestLine("r", "gone/think", "x"), "")
		b.untilWaiting(made.ID, "the provider does not answer")
		waiting = append(waiting, made)
	}
	other := b.create(requestLine("r", "house/echo", "x"), "")
	b.until(other.ID, "completed")
	for _, made := range waiting {
		b.do("POST", "/v1/batches/"+made.ID+"/cancel", "", nil)
		if got := b.until(made.ID, "cancelled"); got.Counts.Failed != 1 {
			t.Errorf("%+v", got)
		}
	}
}

// A batch that waits for others to end is cancelled by `tandem batch cancel`, too.
func TestBatchThatWaitsForOthersIsCancelled(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	b := batchingAt(t, gatewaytest.Stack(t, e, "ok"), nil)
	for range 4 {
		b.until(b.create(requestLine("r", "hold", "x"), "").ID, "in_progress")
	}
	made := b.create(requestLine("r", "ok", "x"), "")
	b.untilWaiting(made.ID, "other batches run")
	if err := batch.Cancel(t.Context(), b.dir, strings.TrimPrefix(made.ID, "batch_")); err != nil {
		t.Fatal(err)
	}
	b.until(made.ID, "cancelled")
	close(e.Release)
}

// The input file may be deleted while the batch is validated; one that is not there any
// more fails the batch.
func TestBatchOfADeletedFile(t *testing.T) {
	f := newFront(t)
	b := f.gateway()
	f.mu.Lock()
	f.list, f.listed = make(chan struct{}), make(chan struct{}, 1)
	f.mu.Unlock()
	made := b.create(requestLine("r", "echo", "x"), "")
	<-f.listed
	if r := b.do("DELETE", "/v1/files/"+made.Input, "", nil); r.Status != http.StatusOK {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	close(f.list)
	if got := b.until(made.ID, "completed"); got.Counts.Completed != 1 {
		t.Errorf("%+v", got)
	}
	gone := b.upload(requestLine("r", "echo", "x"))
	if err := os.Remove(b.dir + "/files/" + gone.ID + ".jsonl"); err != nil {
		t.Fatal(err)
	}
	var out batchJSON
	b.do("POST", "/v1/batches", fmt.Sprintf(`{"input_file_id":%q,"endpoint":"/v1/chat/completions","completion_window":"24h"}`, gone.ID), &out)
	if got := b.until(out.ID, "failed"); got.Mistakes == nil || !strings.Contains(got.Mistakes.Data[0].Message, "deleted before it was read") {
		t.Errorf("%+v", got)
	}
}

// A form that ends before its closing boundary is not whole.
func TestBatchFormThatIsCutOff(t *testing.T) {
	b := batchingAt(t, gatewaytest.Stack(t, gatewaytest.NewEngine(t), "ok"), nil)
	form, kind := formOf(t, "batch", "x", requestLine("a", "ok", "x"))
	for cut := 1; cut < len(form); cut++ {
		if strings.HasSuffix(form[:len(form)-cut], "--") && cut <= len("\r\n") { // what follows the closing boundary is nothing
			continue
		}
		if r := b.do("POST", "/v1/files", form[:len(form)-cut], nil, kind); r.Status != http.StatusBadRequest {
			t.Fatalf("without the last %d bytes: %d %s", cut, r.Status, r.Body)
		}
	}
	if r := b.do("POST", "/v1/files", form, nil, kind); r.Status != http.StatusOK {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// Responses are a batch's, too, and none is stored.
func TestBatchOfResponses(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	b := batchingAt(t, gatewaytest.Stack(t, e, "ok"), nil)
	line := func(id, body string) string {
		return fmt.Sprintf(`{"custom_id":%q,"method":"POST","url":"/v1/responses","body":%s}`, id, body) + "\n"
	}
	create := func(text string) batchJSON {
		var made batchJSON
		b.do("POST", "/v1/batches", fmt.Sprintf(`{"input_file_id":%q,"endpoint":"/v1/responses","completion_window":"24h"}`, b.upload(text).ID), &made)
		return made
	}
	got := b.until(create(line("text", `{"model":"echo","input":"Hi.","instructions":"Be brief."}`)+
		line("think", `{"model":"think","input":[{"role":"user","content":"x"}]}`)+
		line("length", `{"model":"length","input":"x","max_output_tokens":3}`)+
		line("tool", `{"model":"tool","input":"x","tools":[{"type":"function","name":"weather","parameters":{"type":"object"}}]}`)).ID, "completed")
	_, answers := b.lines(got.Output)
	type response struct {
		Response struct {
			Body struct {
				ID, Object, Status string
				Store              bool
				Instructions       string
				Output             []struct {
					Type, Name string
					Content    []struct{ Text string }
				}
				Tandem struct{ Provider string }
			}
		}
	}
	parsed := func(id string) (r response) {
		if err := json.Unmarshal([]byte(answers[id]), &r); err != nil {
			t.Fatalf("%s: %v: %q", id, err, answers[id])
		}
		return r
	}
	if r := parsed("text").Response.Body; r.Object != "response" || r.Status != "completed" || r.Store || r.Instructions != "Be brief." || len(r.Output) != 1 || r.Output[0].Content[0].Text != "Hi." || r.Tandem.Provider != "house" {
		t.Errorf("%+v", r)
	} else if get := b.do("GET", "/v1/responses/"+r.ID, "", nil); get.Status != http.StatusNotFound {
		t.Errorf("%d %s", get.Status, get.Body)
	}
	if r := parsed("think").Response.Body; len(r.Output) != 2 || r.Output[0].Type != "reasoning" || r.Output[1].Type != "message" {
		t.Errorf("%+v", r)
	}
	if r := parsed("length").Response.Body; r.Status != "incomplete" {
		t.Errorf("%+v", r)
	}
	if r := parsed("tool").Response.Body; len(r.Output) != 1 || r.Output[0].Type != "function_call" || r.Output[0].Name != "weather" {
		t.Errorf("%+v", r)
	}
	for body, want := range map[string]string{
		`{"model":"ok","input":"x","previous_response_id":"resp_1"}`:        "send the whole conversation as input",
		`{"model":"ok","input":[{"type":"item_reference","id":"msg_1_0"}]}`: "send the item itself",
		`{"model":"ok","input":"x","stream":true}`:                          "stream: the answer is kept whole",
		`{"model":"ok"}`: "input",
		`{"model":"ok","input":"x","background":true}`: "background",
	} {
		got := b.until(create(line("a", body)).ID, "failed")
		if got.Mistakes == nil || !strings.Contains(got.Mistakes.Data[0].Message, want) {
			t.Errorf("%s: %+v", body, got.Mistakes)
		}
	}
}

// More batches than may be open are refused, however many are made at a time.
func TestBatchesThatAreTooMany(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	b := batchingAt(t, gatewaytest.Stack(t, e, "ok"), nil)
	file := b.upload(requestLine("r", "hold", "x"))
	body := fmt.Sprintf(`{"input_file_id":%q,"endpoint":"/v1/chat/completions","completion_window":"24h"}`, file.ID)
	const most, tried = 100, 130
	var mu sync.Mutex
	statuses := map[int]int{}
	var wg sync.WaitGroup
	for range tried {
		wg.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/v1/batches", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", "application/json")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			_, _ = io.Copy(io.Discard, res.Body)
			mu.Lock()
			defer mu.Unlock()
			statuses[res.StatusCode]++
		})
	}
	wg.Wait()
	if statuses[http.StatusOK] != most || statuses[http.StatusTooManyRequests] != tried-most {
		t.Errorf("%v", statuses)
	}
	close(e.Release)
}
