package node_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/node"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
)

// bundle is a chain as it travels.
func bundle(t *testing.T, name, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	f, err := w.Create(name)
	if err == nil {
		_, err = f.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// host is a machine with a local provider, and one that is elsewhere.
func host(t *testing.T) *node.Host {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/models") {
			fmt.Fprint(w, `{"object":"list","data":[{"id":"m"}]}`)
			return
		}
		fmt.Fprint(w, `{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	}))
	t.Cleanup(srv.Close)
	cfg := stacktest.Load(t, fmt.Sprintf("use: near\nproviders:\n  - {name: near, kind: openai, base_url: %s/v1, model: m, local: true}\n  - {name: far, kind: openai, base_url: https://far.example.org/v1, model: big}\n", srv.URL), nil, nil)
	s, err := stack.Open(cfg, stack.Options{StateDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &node.Host{
		Stack: s, Shown: func(r runner.Result, _ error) runner.Result { return r },
		ToolOptions: func(tools []tool.Tool) tool.Options { return tool.Options{Tools: tools} },
	}
}

// A node runs a batch by its own configuration, and says why it does not.
func TestWhatANodeAccepts(t *testing.T) {
	h := host(t)
	near := []natsqueue.Provider{{Name: "near", Kind: "openai"}}
	for _, c := range []struct {
		name  string
		m     natsqueue.Manifest
		chain string
		want  string // in the error; empty: it is accepted
	}{
		{"what it has", natsqueue.Manifest{Providers: near}, "prompt: '{what}'\n", ""},
		{"and must stay local", natsqueue.Manifest{Providers: near, Local: true}, "prompt: '{what}'\n", ""},
		{"a provider that it has not", natsqueue.Manifest{Providers: []natsqueue.Provider{{Name: "other", Kind: "openai"}}}, "prompt: x\n", `this node has no provider "other"`},
		{"of another kind", natsqueue.Manifest{Providers: []natsqueue.Provider{{Name: "near", Kind: "ollama"}}}, "prompt: x\n", "is of kind openai here, and the batch wants ollama"},
		{"with another model", natsqueue.Manifest{Providers: []natsqueue.Provider{{Name: "near", Kind: "openai", Model: "m2"}}}, "prompt: x\n", "has the model m here, and the batch wants m2"},
		{"elsewhere, and must stay local", natsqueue.Manifest{Providers: []natsqueue.Provider{{Name: "far", Kind: "openai"}}, Local: true}, "prompt: x\n", `may be answered only by local providers, and "far"`},
		{"no chain", natsqueue.Manifest{Providers: near, Chain: "gone.yaml"}, "prompt: x\n", "gone.yaml"},
		{"a chain that is wrong", natsqueue.Manifest{Providers: near}, "prompt: {\n", "c.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.m.Chain == "" {
				c.m.Chain = "c.yaml"
			}
			rows, err := h.Accept(t.Context(), &c.m, bundle(t, "c.yaml", c.chain), func(string) {})
			switch {
			case c.want != "":
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v", err)
				}
				return
			case err != nil:
				t.Fatal(err)
			}
			defer rows.Close()
			r := rows.Run(t.Context(), batch.Item{Row: 1, Inputs: map[string]any{"what": "hi"}})
			if !r.Result.OK || r.Result.Answer != "hello" || r.Tally.Provider != "near" {
				t.Errorf("%+v, %v", r.Result, r.Err)
			}
		})
	}
	if _, err := h.Accept(t.Context(), &natsqueue.Manifest{Chain: "c.yaml"}, []byte("no ZIP file"), func(string) {}); err == nil || !strings.Contains(err.Error(), "its chain cannot be read") {
		t.Errorf("got %v", err)
	}
}

// A batch that must stay local does so for each request, whatever the chain says.
func TestALocalBatchAsksNobodyElse(t *testing.T) {
	h := host(t)
	m := &natsqueue.Manifest{Chain: "c.yaml", Local: true, Providers: []natsqueue.Provider{{Name: "near", Kind: "openai"}}}
	rows, err := h.Accept(t.Context(), m, bundle(t, "c.yaml", "steps:\n  - {name: a, prompt: hi, use: far}\n"), func(string) {})
	if err != nil {
		return // it is declined as a whole
	}
	defer rows.Close()
	r := rows.Run(t.Context(), batch.Item{Row: 1})
	if r.Result.OK && r.Tally.Provider == "far" || !r.Result.OK && provider.KindOf(r.Err) != provider.Private {
		t.Errorf("%+v, %v", r.Result, r.Err)
	}
}
