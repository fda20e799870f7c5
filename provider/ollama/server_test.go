package ollama_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"github.com/tandem-llm/tandem/internal/testengine"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

// ownServer is an Ollama that no other test uses, so that nobody else loads and
// unloads its model, and its runner may be killed.
func ownServer(t *testing.T) (url string, server *process.Process, model string) {
	t.Helper()
	e, cmd := testengine.OwnOllama(t)
	server, err := process.NewProcess(int32(cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return e.URL, server, e.Model
}

func shortChat(text string, tokens int) provider.Request {
	return provider.Request{Messages: []provider.Message{provider.User(text)}, MaxTokens: &tokens, Temperature: provider.Ptr(0.0)}
}

// runners are the processes that run the server's models: `ollama runner …`, or
// from version 0.30 on llama.cpp's server. At least one is expected.
func runners(t *testing.T, server *process.Process) []*process.Process {
	t.Helper()
	all, err := server.Children()
	if err != nil && !errors.Is(err, process.ErrorNoChildren) {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(p *process.Process) bool {
		line, err := p.CmdlineSlice()
		return err != nil || !slices.Contains(line, "--model") // whoever only looks at the machine's GPUs has none
	})
	if len(all) == 0 {
		t.Fatal("no process runs a model")
	}
	return all
}

func TestLiveWindowIsPinned(t *testing.T) {
	url, server, model := ownServer(t)
	const window = 1536 // nobody's default
	p := liveWith(t, url, model, window)
	ctx := context.Background()
	if running, err := p.Running(ctx); err != nil || len(running) != 0 {
		t.Fatalf("before any call: %+v, %v", running, err)
	}
	if err := p.Load(ctx, ""); err != nil {
		t.Fatal(err)
	}
	running, err := p.Running(ctx)
	if err != nil || len(running) != 1 {
		t.Fatalf("loaded: %+v, %v", running, err)
	}
	if m := running[0]; m.Name != model || m.Context != window || m.Size < 1<<20 || m.SizeVRAM > m.Size || !m.Expires.After(time.Now()) {
		t.Errorf("loaded: %+v", m)
	}
	first := runners(t, server)
	if len(first) != 1 {
		t.Fatalf("%d runners of one model", len(first))
	}
	for range 2 {
		if _, err := provider.Collect(p.Chat(ctx, shortChat("Hello.", 2))); err != nil {
			t.Fatal(err)
		}
		embedsOrSaysWhyNot(t, p)
	}
	if again := runners(t, server); len(again) != 1 || again[0].Pid != first[0].Pid {
		t.Errorf("the model was loaded again: its runner was %v and is %v", first, again)
	}
	if running, err := p.Running(ctx); err != nil || len(running) != 1 || running[0].Context != window {
		t.Errorf("after chats and embeddings: %+v, %v", running, err)
	}
	if err := p.Load(ctx, "no-such-model"); provider.KindOf(err) != provider.ModelNotFound {
		t.Errorf("Load of what is not there: %v, want ModelNotFound", err)
	}
}

// embedsOrSaysWhyNot asks a chat model for an embedding. Ollama before 0.30 makes
// one; from then on only embedding models do, and the error says so.
func embedsOrSaysWhyNot(t *testing.T, p *ollama.Provider) {
	t.Helper()
	version, err := p.Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Embed(t.Context(), provider.EmbedRequest{Input: []string{"Hello."}})
	if strings.HasPrefix(version, "0.17.") {
		if err != nil || len(r.Vectors) != 1 {
			t.Errorf("Ollama %s: %+v, %v; want a vector", version, r, err)
		}
		return
	}
	if provider.KindOf(err) != provider.Unsupported || !strings.Contains(err.Error(), "use an embedding model") {
		t.Errorf("Ollama %s: %+v, %v; want Unsupported, and what to use instead", version, r, err)
	}
}

func TestLiveRunnerKilledMidwayIsNoAnswer(t *testing.T) {
	url, server, model := ownServer(t)
	p := live(t, url, model)
	var text strings.Builder
	var failed error
	killed := false
	for c, err := range p.Chat(context.Background(), shortChat("Write a very long story about a river and a stone.", 3000)) {
		if err != nil {
			failed = err
			break
		}
		text.WriteString(c.Text)
		if c.Finish != "" {
			t.Fatalf("a false success: finish %q after %d bytes, killed %v", c.Finish, text.Len(), killed)
		}
		if !killed && text.Len() > 20 {
			killed = true
			for _, r := range runners(t, server) {
				if err := r.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if k := provider.KindOf(failed); !killed || k != provider.Truncated {
		t.Fatalf("killed %v, and then %v, of Kind %q; want Truncated", killed, failed, k)
	}
	t.Logf("after %d bytes: %v", text.Len(), failed)
	r, err := provider.Collect(p.Chat(context.Background(), shortChat("Hello.", 2)))
	if err != nil || r.Text == "" || r.Route.Load <= 0 {
		t.Errorf("the next request: %+v, %v; want an answer of a model that was loaded again", r, err)
	}
}
