package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/record"
)

// counting is a server that counts who connects to it.
func counting(t *testing.T) (addr string, dials *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dials = &atomic.Int32{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			dials.Add(1)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String(), dials
}

const twoProviders = `
use: [local, hosted]
providers:
  - {name: local, kind: ollama, host: "%[1]s", model: small, num_ctx: 2048}
  - {name: hosted, kind: openai, base_url: "http://%[1]s/v1", model: big, api_key: "keyring:hosted"}
`

func openWith(t *testing.T, cfg *config.Loaded, a Answers) *Stack {
	t.Helper()
	s, err := Open(cfg, Options{StateDir: t.TempDir(), Answers: a, Warn: func(msg string) { t.Error(msg) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// A replay dials nobody, starts nothing, looks up no key and writes nothing,
// whether it has an answer or not; and a refusal is replayed with its attempts.
func TestAReplayTouchesNothing(t *testing.T) {
	dir := t.TempDir()
	dead := fmt.Sprintf(twoProviders, "127.0.0.1:1")
	dead = strings.Replace(dead, "num_ctx: 2048", "num_ctx: 2048, managed: false", 1)
	recording := openWith(t, stacktest.Load(t, dead, nil, nil), Answers{Record: dir})
	_, was := provider.Collect(recording.Chat(context.Background(), stacktest.Question("hi")))
	if was == nil {
		t.Fatal("a dead port answered")
	}

	addr, dials := counting(t)
	cfg := stacktest.Load(t, fmt.Sprintf(twoProviders, addr), nil, nil)
	state := t.TempDir()
	s, err := Open(cfg, Options{StateDir: state, Answers: Answers{Replay: dir}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, got := provider.Collect(s.Chat(context.Background(), stacktest.Question("hi")))
	if provider.KindOf(got) != provider.KindOf(was) || len(attempts(got)) != 2 || fmt.Sprint(attempts(got)) != fmt.Sprint(attempts(was)) {
		t.Errorf("%v (%+v) is replayed as %v (%+v)", was, attempts(was), got, attempts(got))
	}
	if _, err := provider.Collect(s.Chat(context.Background(), stacktest.Question("ho"))); provider.KindOf(err) != provider.Unavailable {
		t.Errorf("a miss: %v", err)
	}
	if n := dials.Load(); n != 0 || len(s.adapters) != 0 {
		t.Errorf("%d dials, %d transports", n, len(s.adapters))
	}
	if left, _ := filepath.Glob(filepath.Join(state, "*")); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	if !s.Has("hosted") || s.Targets[0].Provider != nil || s.Targets[0].Engine != nil {
		t.Errorf("targets %+v", s.Targets)
	}
}

// What the configuration says of the providers is a part of the question, but
// where they are only to the cache.
func TestCandidates(t *testing.T) {
	s := openWith(t, stacktest.Load(t, fmt.Sprintf(twoProviders, "127.0.0.1:1"), nil, nil), Answers{})
	req := stacktest.Question("hi")
	here := s.candidates(true)(&req)
	if len(here) != 2 || here[0].Name != "local" || here[0].Model != "small" || here[0].NumCtx != 2048 || here[0].Endpoint != "http://127.0.0.1:1" ||
		here[1].Name != "hosted" || here[1].Model != "big" || here[1].NumCtx != 0 {
		t.Errorf("%+v", here)
	}
	if there := s.candidates(false)(&req); there[0].Endpoint != "" || there[1].Endpoint != "" {
		t.Errorf("%+v", there)
	}
	req.Use, req.Model = []string{"hosted"}, "other"
	if one := s.candidates(true)(&req); len(one) != 1 || one[0].Model != "other" {
		t.Errorf("%+v", one)
	}
	req.Use = []string{"nobody"}
	if none := s.candidates(true)(&req); none != nil {
		t.Errorf("%+v", none)
	}
}

// A key that the server says back is in no recording, wherever it lay.
func TestAKeyInUseIsNotRecorded(t *testing.T) {
	dir := t.TempDir()
	const plain = "plain-as-a-word"
	s := openWith(t, stacktest.Load(t, "use: hosted\nproviders:\n  - {name: hosted, kind: openai, base_url: \"http://127.0.0.1:1/v1\", model: big, api_key: \"env:PLAIN\"}\n",
		nil, map[string]string{"PLAIN": plain}), Answers{Record: dir})
	_, _ = provider.Collect(s.Chat(context.Background(), stacktest.Question("my key is "+plain))) // nobody answers
	all, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	if len(all) != 1 {
		t.Fatalf("recordings: %q", all)
	}
	data, err := os.ReadFile(all[0])
	if err != nil || strings.Contains(string(data), plain) || !strings.Contains(string(data), "my key is [redacted]") {
		t.Errorf("%s, %v", data, err)
	}
}

func TestReplayWantsItsRecordings(t *testing.T) {
	cfg := stacktest.Load(t, fmt.Sprintf(twoProviders, "127.0.0.1:1"), nil, nil)
	_, err := Open(cfg, Options{Answers: Answers{Replay: filepath.Join(t.TempDir(), "none")}})
	if provider.KindOf(err) != provider.Invalid || !errors.As(err, new(*record.NoRecordings)) {
		t.Errorf("%v", err)
	}
}
