package gateway_test

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// twoHouses is the configuration of here, which is this machine, and away, which is not,
// with the models that they are asked for.
func twoHouses(use string, here, away *gatewaytest.Engine, hereModel, awayModel string) string {
	return fmt.Sprintf("use: [%s]\nretries: 0\nproviders:\n- {name: here, kind: openai, base_url: '%s/v1', model: %s, local: true}\n- {name: away, kind: openai, base_url: '%s/v1', model: %s, price: {input: 1, output: 1}}\n",
		use, here.URL, hereModel, away.URL, awayModel)
}

// chainsOf is a folder of chains, by their names.
func chainsOf(t *testing.T, chains map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range chains {
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte("name: "+name+"\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func question(model string) string {
	return `{"model":"` + model + `","messages":[{"role":"user","content":"canary"}]}`
}

// Neither a key nor a header has anybody asked who is not in use, changes the order of who
// is, or has one asked twice: of a chat, of a chain's steps, and on every path.
func TestAKeyAndAHeaderOnlyForbid(t *testing.T) {
	for _, c := range []struct {
		name       string
		use        string
		key        []string // nil: as configured
		header     []string
		hereModel  string
		step       string // of the chain
		here, away int    // how often they are asked
		stepOnly   bool   // the chain names who is asked
	}{
		{"the key may use more than is in use", "here", []string{"here", "away"}, nil, "down", "", 1, 0, false},
		{"and in another order", "here", []string{"away", "here"}, nil, "ok", "", 1, 0, false},
		{"the key has another order", "here, away", []string{"away", "here"}, nil, "ok", "", 1, 0, false},
		{"and the fallback is asked", "here, away", []string{"away", "here"}, nil, "down", "", 1, 1, false},
		{"the key has nobody in use", "here", []string{"away"}, nil, "ok", "", 0, 0, false},
		{"the header has another order", "here, away", nil, []string{"X-Tandem-Use: away, here"}, "ok", "", 1, 0, false},
		{"the header names one twice", "here, away", nil, []string{"X-Tandem-Use: here,here"}, "down", "", 1, 0, false},
		{"the header names one who is not in use", "here", nil, []string{"X-Tandem-Use: here, away"}, "down", "", 1, 0, false},
		{"the header comes twice", "here, away", nil, []string{"X-Tandem-Use: away,here", "X-Tandem-Use: here"}, "down", "", 1, 0, false},
		{"the header is wider than the key", "here, away", []string{"here"}, []string{"X-Tandem-Use: away, here"}, "down", "", 1, 0, false},
		{"the step asks another", "here", []string{"away", "here"}, nil, "ok", "use: [away]\n", 0, 1, true},
		{"which the key may not", "here, away", []string{"here"}, nil, "ok", "use: [away]\n", 0, 0, true},
		{"the step has its own order", "here, away", []string{"here", "away"}, nil, "ok", "use: [away, here]\n", 0, 1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			here, away, folder := gatewaytest.NewEngine(t), gatewaytest.NewEngine(t), chainsOf(t, map[string]string{"c": "prompt: hi\n" + c.step})
			asks := []struct{ path, body string }{
				{"/v1/chat/completions", question("chain:c")},
				{"/v1/messages", strings.Replace(question("chain:c"), "{", `{"max_tokens":9,`, 1)},
				{"/api/chat", question("chain:c")},
				{"/chains/c/invoke", `{"input":{}}`},
				{"/v1/chat/completions", question("tandem")},
				{"/v1/responses", `{"model":"tandem","input":"canary"}`},
			}
			if c.stepOnly {
				asks = asks[:4]
			}
			for _, a := range asks {
				s := gatewaytest.Open(t, twoHouses(c.use, here, away, c.hereModel, "ok")) // with no circuit breaker open
				url, _ := guarded(t, s, keys{"sk-a": {Name: "a", Use: c.key}}, io.Discard, folder)
				hereBefore, awayBefore := len(here.Requests("/v1/chat/completions")), len(away.Requests("/v1/chat/completions"))
				r := gatewaytest.Post(t, url+a.path, a.body, append([]string{"Authorization: Bearer sk-a", "X-Tandem-Vars: {}"}, c.header...)...)
				nHere, nAway := len(here.Requests("/v1/chat/completions"))-hereBefore, len(away.Requests("/v1/chat/completions"))-awayBefore
				if nHere != c.here || nAway != c.away {
					t.Errorf("%s %s: here was asked %d times, away %d times, want %d and %d: %d %s", a.path, a.body, nHere, nAway, c.here, c.away, r.Status, r.Body)
				}
				if c.here+c.away == 0 && r.Status != 403 {
					t.Errorf("%s %s: %d %s", a.path, a.body, r.Status, r.Body)
				}
			}
		})
	}
}

// A reply says that the prompt stayed only where nobody elsewhere may have got it, whoever
// answered, and what it cost only where nothing else may be charged.
func TestAReplySaysWhereThePromptWent(t *testing.T) {
	for _, c := range []struct {
		away  string // what becomes of the one that is asked first
		local string
		cost  string
	}{
		{"down", "false", "0"},           // 503
		{"busy", "false", "0"},           // 429
		{"denied", "false", "0"},         // 401
		{"cutearly", "false", "unknown"}, // the connection breaks
		{"empty", "false", "unknown"},    // an answer without a text
		{"closed", "true", "0"},          // nothing listens
	} {
		here, away := gatewaytest.NewEngine(t), gatewaytest.NewEngine(t)
		if c.away == "closed" {
			away.Close()
		}
		folder := chainsOf(t, map[string]string{
			"own":   "prompt: hi\n",
			"back":  "steps:\n- {name: a, prompt: hi, use: [away], fallback: {prompt: ho, use: [here]}}\n",
			"two":   "steps:\n- {name: a, prompt: hi, use: [away], fallback: {prompt: ho, use: [here]}}\n- {name: b, prompt: '{a}', use: [here]}\n",
			"after": "steps:\n- {name: a, prompt: hi, use: [here]}\n- {name: b, prompt: '{a}', use: [away], fallback: {text: none}}\n",
		})
		for _, model := range []string{"tandem", "chain:own", "chain:back", "chain:two", "chain:after"} {
			for _, body := range []string{question(model), strings.Replace(question(model), "{", `{"stream":true,`, 1)} {
				url, _ := guarded(t, gatewaytest.Open(t, twoHouses("away, here", here, away, "ok", c.away)), nil, io.Discard, folder)
				r := gatewaytest.Post(t, url+"/v1/chat/completions", body, "X-Tandem-Vars: {}")
				stream := strings.Contains(body, "stream")
				local, cost := r.Header.Get("X-Tandem-Local"), r.Header.Get("X-Tandem-Cost")
				if stream && local == "" { // the reply began before its end
					continue
				}
				if r.Status != 200 || local != c.local || cost != c.cost {
					t.Errorf("%s of %s: %d, local %s, cost %s, want %s and %s: %s", model, c.away, r.Status, local, cost, c.local, c.cost, r.Body)
				}
			}
		}
	}
}

// What a chain cost is counted for each of its calls, and under the model that made it: in
// the sums, and on the page for Prometheus. A row of a batch is counted under the model that
// answered last.
func TestTheCostOfAChainIsThatOfAllItsCalls(t *testing.T) {
	const each = 17e-6 // of a call: 12 tokens in, 5 out
	here, away := gatewaytest.NewEngine(t), gatewaytest.NewEngine(t)
	folder := chainsOf(t, map[string]string{
		"good": "steps:\n- {name: a, prompt: 'hi {x}', use: [away]}\n- {name: b, prompt: '{a}', use: [away]}\n- {name: c, prompt: '{b}', use: [here]}\n",
		"bad":  "steps:\n- {name: a, prompt: 'hi {x}', use: [away]}\n- {name: b, prompt: '{a}', use: [away], model: invalid}\n",
	})
	for _, c := range []struct {
		chain string
		calls float64
	}{{"good", 2}, {"bad", 1}} {
		t.Run(c.chain, func(t *testing.T) {
			s := gatewaytest.Open(t, twoHouses("here, away", here, away, "ok", "ok"))
			url, g := guarded(t, s, nil, io.Discard, folder)
			gatewaytest.Post(t, url+"/v1/chat/completions", question("chain:"+c.chain))
			near := func(what string, got float64) {
				if math.Abs(got-c.calls*each) > 1e-9 {
					t.Errorf("%s: %s dollars, want %s", what, strconv.FormatFloat(got, 'g', -1, 64), strconv.FormatFloat(c.calls*each, 'g', -1, 64))
				}
			}
			near("the sums", g.Exchange().Counts().CostUSD)
			near("the page", scrape(t, url)["tandem_cost_usd_total|provider=away|model=ok"])
			if own := scrape(t, url)["tandem_cost_usd_total|provider=here|model=ok"]; own != 0 {
				t.Errorf("here cost %v", own)
			}
		})
		t.Run(c.chain+" in a batch", func(t *testing.T) {
			b := batchingAt(t, gatewaytest.Open(t, twoHouses("here, away", here, away, "ok", "ok")), keys{"sk-a": {Name: "a", Operator: true}}, folder)
			made := b.create(requestLine("one", "chain:"+c.chain, "canary"), "")
			b.until(made.ID, "completed")
			if got := b.Exchange().Counts().CostUSD; math.Abs(got-c.calls*each) > 1e-9 {
				t.Errorf("the sums: %v dollars, want %v", got, c.calls*each)
			}
			page := scrape(t, b.url, "Authorization: Bearer sk-a")
			if got := page["tandem_cost_usd_total|provider=away|model=ok"] + page["tandem_cost_usd_total|provider=here|model=ok"]; math.Abs(got-c.calls*each) > 1e-9 {
				t.Errorf("the page: %v dollars, want %v", got, c.calls*each)
			}
		})
	}
}
