package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/guard"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
)

// paidStack has the provider paid, whose model's tokens cost $0.001 each, in a state
// directory.
func paidStack(t *testing.T, e *gatewaytest.Engine, dir, model, more string) *stack.Stack {
	t.Helper()
	s, err := stack.Open(stacktest.Load(t, fmt.Sprintf(`
use: [paid, house]
retries: 0
%s
providers:
- {name: paid, kind: openai, base_url: '%[2]s/v1', model: %[3]s, price: {input: 1000, output: 1000}}
- {name: house, kind: openai, base_url: '%[2]s/v1', model: echo, local: true}
`, more, e.URL, model), nil, nil), stack.Options{StateDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// spender is a key that may spend so much, and only at the provider that is paid.
func spender(name string, usd float64) guard.Caller {
	return guard.Caller{Name: name, Use: []string{"paid"}, BudgetUSD: provider.Ptr(usd)}
}

// asks are questions in every dialect, and how each says that a budget is spent.
var asks = []struct {
	name, path, body string
	refused          string // in the body of 402
}{
	{"chat", "/v1/chat/completions", `{"model":"ok","max_tokens":10,"messages":[{"role":"user","content":"x"}]}`, `"type":"insufficient_quota"`},
	{"chat, streamed", "/v1/chat/completions", `{"model":"ok","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"x"}]}`, `"code":"over_budget"`},
	{"response", "/v1/responses", `{"model":"ok","max_output_tokens":16,"input":"x"}`, `"type":"insufficient_quota"`},
	{"completion", "/v1/completions", `{"model":"ok","max_tokens":10,"prompt":"x"}`, `"type":"insufficient_quota"`},
	{"embeddings", "/v1/embeddings", `{"model":"ok","input":"` + strings.Repeat("x", 200) + `"}`, `"type":"insufficient_quota"`},
	{"message", "/v1/messages", `{"model":"ok","max_tokens":10,"messages":[{"role":"user","content":"x"}]}`, `"type":"billing_error"`},
	{"message, streamed", "/v1/messages", `{"model":"ok","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"x"}]}`, `"type":"billing_error"`},
	{"Ollama's chat", "/api/chat", `{"model":"ok","messages":[{"role":"user","content":"x"}],"options":{"num_predict":10}}`, `{"error":"`},
	{"Ollama's generate", "/api/generate", `{"model":"ok","prompt":"x","options":{"num_predict":10}}`, `{"error":"`},
	{"Ollama's embed", "/api/embed", `{"model":"ok","input":"` + strings.Repeat("x", 200) + `"}`, `{"error":"`},
	{"a chain", "/v1/chat/completions", `{"model":"chain:one","messages":[{"role":"user","content":"x"}]}`, `"type":"insufficient_quota"`},
	{"LangServe's invoke", "/chains/one/invoke", `{"input":{"topic":"x"}}`, `"code":"over_budget"`},
	{"LangServe's batch", "/chains/one/batch", `{"inputs":[{"topic":"x"},{"topic":"y"}]}`, `"code":"over_budget"`},
	{"a tool of MCP's", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"one","arguments":{"topic":"x"}}}`, `"isError":true`},
}

// A key spends its budget and no more, in every dialect. Then nothing reaches the
// provider, a server that starts again knows it, and another key goes on.
func TestAKeyKeepsItsBudget(t *testing.T) {
	folder := chainFolder(t)
	for _, ask := range asks {
		t.Run(ask.name, func(t *testing.T) {
			e, dir := gatewaytest.NewEngine(t), t.TempDir()
			callers := keys{"sk-a": spender("a", 0.5), "sk-b": spender("b", 0.5), "sk-rich": {Name: "rich", Use: []string{"paid"}}}
			s := paidStack(t, e, dir, "ok", "")
			url, _ := guarded(t, s, callers, io.Discard, folder)
			post := func(key string) gatewaytest.Reply {
				return gatewaytest.Post(t, url+ask.path, ask.body, "Authorization: Bearer "+key, "Accept: application/json, text/event-stream")
			}
			spent := func(r gatewaytest.Reply) bool {
				return r.Status == http.StatusPaymentRequired || ask.path == "/mcp" && strings.Contains(r.Body, ask.refused)
			}
			r := post("sk-a")
			if spent(r) || r.Status != http.StatusOK {
				t.Fatalf("the first: %d %s", r.Status, r.Body)
			}
			for n := 0; !spent(r); n++ {
				if r = post("sk-a"); n > 100 || !spent(r) && r.Status != http.StatusOK {
					t.Fatalf("after %d: %d %s", n, r.Status, r.Body)
				}
			}
			if !strings.Contains(r.Body, ask.refused) || !strings.Contains(r.Body, `the daily budget of the key`) {
				t.Errorf("refused with %s", r.Body)
			}
			if r.Header.Get("Retry-After") != "" || ask.path != "/mcp" && r.Header.Get("X-Should-Retry") != "false" {
				t.Errorf("clients ask again: %v", r.Header)
			}
			reached := len(e.Requests("/v1/chat/completions")) + len(e.Requests("/v1/embeddings"))
			if r := post("sk-b"); spent(r) {
				t.Errorf("another key is refused: %s", r.Body)
			}
			if r := post("sk-rich"); spent(r) {
				t.Errorf("a key without a budget is refused: %s", r.Body)
			}
			s.Close()
			url, _ = guarded(t, paidStack(t, e, dir, "ok", ""), callers, io.Discard, folder)
			before := len(e.Requests("/v1/chat/completions")) + len(e.Requests("/v1/embeddings"))
			if before == reached {
				t.Error("the other keys did not ask")
			}
			if r := post("sk-a"); !spent(r) {
				t.Errorf("after a restart: %d %s", r.Status, r.Body)
			}
			if after := len(e.Requests("/v1/chat/completions")) + len(e.Requests("/v1/embeddings")); after != before {
				t.Error("a refused question reached the provider")
			}
		})
	}
}

// Questions at the same time do not spend more than one after another, and what they did
// not need is given back.
func TestQuestionsAtOnceKeepABudget(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	// Each can cost $0.043, and costs $0.017.
	url, _ := guarded(t, paidStack(t, e, t.TempDir(), "hold", "log: off"), keys{"sk-a": spender("a", 0.1)}, io.Discard)
	body := `{"model":"hold","max_tokens":10,"messages":[{"role":"user","content":"x"}]}`
	const asked = 24
	statuses := make(chan int, asked)
	var wg sync.WaitGroup
	for range asked {
		wg.Go(func() {
			statuses <- gatewaytest.Post(t, url+"/v1/chat/completions", body, "Authorization: Bearer sk-a").Status
		})
	}
	refused := 0
	for refused < asked-2 {
		if status := <-statuses; status != http.StatusPaymentRequired {
			t.Fatalf("%d", status)
		}
		refused++
	}
	close(e.Release)
	wg.Wait()
	for range asked - refused {
		if status := <-statuses; status != http.StatusOK {
			t.Errorf("one that fitted: %d", status)
		}
	}
	if n := e.Chats("hold"); n != 2 {
		t.Errorf("%d questions reached the provider, and two have room in the budget", n)
	}
	if r := gatewaytest.Post(t, url+"/v1/chat/completions", body, "Authorization: Bearer sk-a"); r.Status != http.StatusOK {
		t.Errorf("what was not spent is not given back: %s", r.Body)
	}
}

// A local answer costs nothing: it comes with a spent budget, as the fallback, and
// without a price of its own.
func TestLocalAnswersCostNothing(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := guarded(t, paidStack(t, e, t.TempDir(), "ok", ""), keys{"sk-a": {Name: "a", BudgetUSD: provider.Ptr(0.0)}}, io.Discard)
	r := gatewaytest.Post(t, url+"/v1/chat/completions", `{"model":"tandem","messages":[{"role":"user","content":"hello"}]}`, "Authorization: Bearer sk-a")
	var out struct{ Model string }
	if err := json.Unmarshal([]byte(r.Body), &out); err != nil || r.Status != http.StatusOK || out.Model != "echo" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if attempts := r.Header.Get("X-Tandem-Attempts"); !strings.Contains(attempts, "paid=") || e.Chats("ok") != 0 {
		t.Errorf("%s; the paid provider was asked %d times", attempts, e.Chats("ok"))
	}
}

// A batch keeps to the budget of its key, and waits where that is spent.
func TestABatchKeepsItsKeysBudget(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	// Each request can cost $4.129, and costs $0.017: four have room.
	b := batchingAt(t, paidStack(t, e, t.TempDir(), "ok", ""), keys{"sk-a": spender("a", 4.2)})
	var lines strings.Builder
	for i := range 20 {
		lines.WriteString(requestLine(fmt.Sprint(i), "paid/ok", "x"))
	}
	const key = "Authorization: Bearer sk-a"
	made := b.create(lines.String(), "", key)
	for {
		r := b.do(http.MethodGet, "/v1/batches/"+made.ID, "", nil, key)
		if strings.Contains(r.Body, "the budget is used up") {
			break
		}
		if r.Status != http.StatusOK || strings.Contains(r.Body, `"status":"completed"`) || strings.Contains(r.Body, `"status":"failed"`) {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		time.Sleep(5 * time.Millisecond)
	}
	if n := e.Chats("ok"); n == 0 || n > 5 {
		t.Errorf("%d requests were asked", n)
	}
}
