//go:build browser && unix

package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/natsqueue"
)

// gpu is an Ollama (0.33.3) with a model in memory; out of order it answers no chat.
func gpu(t *testing.T, outOfOrder bool) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/api/version":
			fmt.Fprint(w, `{"version":"0.33.3"}`)
		case r.URL.Path == "/api/show":
			fmt.Fprint(w, `{"capabilities":["completion"]}`)
		case r.URL.Path != "/api/chat":
			fmt.Fprint(w, `{"models":[{"name":"qwen3:8b","model":"qwen3:8b","digest":"aaaa","size":6000000000,"size_vram":6000000000}]}`)
		case outOfOrder:
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, `{"error":"<b>llama</b> runner process has terminated: signal: killed"}`)
		default:
			fmt.Fprint(w, `{"model":"qwen3:8b","message":{"role":"assistant","content":"hello"},"done":true,"done_reason":"stop","eval_count":200,"prompt_eval_count":10}`+"\n")
		}
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

// A person sees how each host of a provider fares, and each node of the cluster.
func TestBrowserHostsAndNodes(t *testing.T) {
	n, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	go n.Start()
	if !n.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	t.Cleanup(n.Shutdown)
	join := func(ctx context.Context) (*natsqueue.Cluster, error) {
		return natsqueue.Open(ctx, natsqueue.Config{URL: "nats://in-process", Options: []nats.Option{nats.InProcessServer(n)}})
	}
	c, err := join(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	for _, node := range []natsqueue.Node{
		{ID: "1", Name: "workstation", Slots: 8, Running: 5, Rate: 3.4, Tokens: 412, Loaded: []string{"house/qwen3:8b", "house/nomic-embed-text"}, Total: natsqueue.LeaseCounts{Held: 16, Done: 12345, Failed: 3, Duplicate: 1}, Batches: map[string]natsqueue.LeaseCounts{"b": {}}},
		{ID: "2", Name: "<b>laptop</b>", Slots: 4, Declined: map[string]string{"b": "this node has no provider \"house\""}},
	} {
		if err := c.Beat(t.Context(), &node); err != nil {
			t.Fatal(err)
		}
	}
	good, bad := gpu(t, false), gpu(t, true)
	st := gatewaytest.Open(t, fmt.Sprintf("use: [house]\nretries: 0\nproviders:\n- {name: house, kind: ollama, model: 'qwen3:8b', hosts: [{host: '%s', weight: 100}, '%s', '127.0.0.1:1']}\n", bad, good))
	s := gateway.New(gateway.Config{Stack: st, Version: "1.2.3", Cluster: natsqueue.NewObserver(join)})
	t.Cleanup(func() { _ = s.Close() })
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	for range 3 {
		if r := gatewaytest.Post(t, srv.URL+"/v1/chat/completions", `{"messages":[{"role":"user","content":"hi"}]}`); r.Status != http.StatusOK {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
	}
	b := open(t, srv.URL+"/ui/dashboard")
	b.until("document.querySelectorAll('#hosts tr').length === 3 && document.querySelectorAll('#nodes tr').length === 2")
	b.until("document.querySelector('#hosts').textContent.includes('<b>llama</b> runner process')")
	b.until("document.querySelector('#targets').textContent.includes('2 of 3 hosts can answer')")
	b.until("document.querySelector('#nodes').textContent.includes('5 of 8') && document.querySelector('#nodes').textContent.includes('declines 1 batch')")
	b.until("document.querySelector('#link').textContent.includes('answers')")
	if b.eval("document.querySelectorAll('#hosts b, #nodes b').length") != "0" {
		t.Error("a name or an error is markup")
	}
	if b.eval("document.documentElement.scrollWidth <= document.documentElement.clientWidth") != "true" {
		t.Error("the page is wider than the window")
	}
	shoot(b, "machines")
	b.accessible()
	n.Shutdown()
	b.until("document.querySelector('#link').textContent.includes('does not answer since')")
	b.accessible()
	b.clean()
}
