package preload_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
)

// Where the user's own Ollama stops while a process uses it, that process does not start
// another in its place: it may have other models, and would hold the port.
func TestTheUsersOwnServerIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	started := filepath.Join(dir, "started")
	binary := filepath.Join(dir, "ollama")
	if err := os.WriteFile(binary, []byte("#!/bin/sh\n: > "+started+"\n"), 0o700); err != nil { //nolint:gosec // it has to be run
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	addr, stop := serveOllama(t, "127.0.0.1:0")
	s := open(t, stacktest.Load(t, `
use: local
retries: 1
providers:
  - {name: local, host: "`+addr+`", binary: "`+binary+`", model: small}
`, nil, nil), stack.Options{Supervisor: []string{self, asSupervisor}})
	ask := func() error { _, err := stacktest.Ask(s, provider.Request{}); return err }
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	stop()
	err = ask()
	if !errors.Is(err, provider.Unavailable) || !strings.Contains(fmt.Sprint(err), "Tandem did not start it; start it again") {
		t.Errorf("%v", err)
	}
	if _, err := s.Models(context.Background()); !errors.Is(err, provider.Unavailable) {
		t.Errorf("the list of models: %v", err)
	}
	if _, err := os.Stat(started); err == nil {
		t.Error("another Ollama was started in its place")
	}
	_, stop = serveOllama(t, addr)
	defer stop()
	if err := ask(); err != nil {
		t.Errorf("it is there again: %v", err)
	}
}

// serveOllama is the least of an Ollama that has answered: somebody else's.
func serveOllama(t *testing.T, at string) (addr string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	say := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, text) }
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/version", say(`{"version":"0.33.3"}`))
	mux.HandleFunc("/api/tags", say(`{"models":[{"name":"small:latest","model":"small:latest","size":1,"digest":"aa"}]}`))
	mux.HandleFunc("/api/ps", say(`{"models":[{"name":"small:latest","model":"small:latest","size":1,"size_vram":1,"context_length":4096}]}`))
	mux.HandleFunc("/api/show", say(`{"details":{"family":"llama"},"model_info":{},"capabilities":["completion"]}`))
	mux.HandleFunc("/api/generate", say(`{"model":"small","done":true,"done_reason":"load"}`))
	mux.HandleFunc("/api/chat", say(`{"model":"small","message":{"role":"assistant","content":"Hello"},"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":1}`))
	srv := &http.Server{Handler: mux}
	go func() { _ = srv.Serve(l) }()
	return l.Addr().String(), func() { _ = srv.Close() }
}
