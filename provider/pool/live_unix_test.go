//go:build unix

package pool_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/testengine"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/pool"
)

// process is an Ollama with all that it has started, which signals reach together.
type process struct {
	host string
	cmd  *exec.Cmd
}

func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, s) }

// startOllama starts a server of the test's own.
func startOllama(t *testing.T, e testengine.OllamaEngine) *process {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &process{host: l.Addr().String(), cmd: exec.Command(e.Bin, "serve")}
	l.Close()
	p.cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OLLAMA_") }),
		"OLLAMA_HOST="+p.host, "OLLAMA_MODELS="+e.ModelsDir, "OLLAMA_NOPRUNE=1", "OLLAMA_NUM_PARALLEL=1")
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		_ = p.cmd.Wait()
	})
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.host+"/api/version", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := client.Do(req); err == nil {
			resp.Body.Close()
			return p
		}
	}
	t.Fatal("Ollama does not come up")
	return nil
}

// Three real Ollamas, of which one is killed and one is stopped while they answer: no call
// is lost, none is answered twice, and no answer is another one than a server alone gives.
func TestLivePool(t *testing.T) {
	e := testengine.Ollama(t)
	e.NeedBin(t)
	var all []*process
	var hosts []pool.Host
	for range 3 {
		p := startOllama(t, e)
		one, err := ollama.New(ollama.Config{Name: "house", Host: p.host, Model: e.Model, NumCtx: 512, Options: map[string]any{"num_thread": 1}})
		if err != nil {
			t.Fatal(err)
		}
		if err := one.Load(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
		hosts = append(hosts, pool.Host{Name: p.host, Provider: one, Slots: func() int { return 1 }})
	}
	house, err := pool.New(pool.Config{Name: "house", Model: e.Model, Hosts: hosts, Whole: func(context.Context) bool { return true }})
	if err != nil {
		t.Fatal(err)
	}
	question := func(i int) provider.Request {
		return provider.Request{
			Messages:    []provider.Message{provider.User(fmt.Sprintf("Write the number %d and the two after it.", i))},
			Temperature: provider.Ptr(0.0), Seed: provider.Ptr(int64(7)), MaxTokens: provider.Ptr(16),
		}
	}
	const calls = 18
	answers := make([]provider.Response, calls)
	var wg sync.WaitGroup
	turn := make(chan struct{}, 4)
	for i := range calls {
		turn <- struct{}{}
		switch i {
		case 7:
			all[0].signal(syscall.SIGKILL)
		case 11:
			all[1].signal(syscall.SIGSTOP)
		}
		wg.Go(func() {
			defer func() { <-turn }()
			var err error
			if answers[i], err = provider.Collect(house.Chat(t.Context(), question(i))); err != nil {
				t.Errorf("call %d is lost: %v", i, err)
			}
		})
	}
	wg.Wait()
	by := map[string]int{}
	for i, a := range answers {
		if a.Route == nil {
			continue
		}
		by[a.Route.Host]++
		for _, at := range a.Route.Attempts {
			t.Logf("call %d: %s %s after %s: %s", i, at.Host, at.Outcome, at.Took.Round(time.Millisecond), at.Reason)
		}
		alone, err := provider.Collect(hosts[2].Provider.Chat(t.Context(), question(i)))
		if err != nil || alone.Text != a.Text {
			t.Errorf("call %d: %q, but a server alone says %q, %v", i, a.Text, alone.Text, err)
		}
	}
	t.Logf("answered by %v", by)
}
