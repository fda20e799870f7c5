package testengine

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// OwnOllama starts a second server of Ollama's binary, with the same models, that no other test uses: its models are loaded and unloaded,
// and its processes killed, by this test alone. It is stopped when the test ends. cmd is the running server.
func OwnOllama(t testing.TB) (e OllamaEngine, cmd *exec.Cmd) {
	t.Helper()
	e = Ollama(t)
	e.NeedBin(t)
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := l.Addr().String()
	l.Close()
	cmd = exec.Command(e.Bin, "serve") //nolint:gosec // the binary under test
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OLLAMA_") }),
		"OLLAMA_HOST="+host, "OLLAMA_MODELS="+e.ModelsDir, "OLLAMA_NOPRUNE=1", "OLLAMA_NOHISTORY=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.Process.Signal(os.Interrupt) != nil { // on which it stops what runs its models
			_ = cmd.Process.Kill()
		}
		_ = cmd.Wait()
	})
	e.URL = "http://" + host
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL+"/api/version", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		resp, err := client.Do(req)
		if err == nil {
			resp.Body.Close()
			return e, cmd
		}
		if time.Now().After(deadline) {
			t.Fatalf("the Ollama of this test does not come up: %v", err)
		}
	}
}
