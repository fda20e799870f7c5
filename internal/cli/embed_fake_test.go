package cli_test

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"
)

// embed answers /api/embed and /v1/embeddings with vectors that count words, so
// that texts are near which share some.
func (f *fake) embed(w http.ResponseWriter, r *http.Request, manner string, body []byte) {
	f.hits.Add(1)
	f.mu.Lock()
	f.body = string(body)
	f.mu.Unlock()
	var req struct{ Input []string }
	if err := json.Unmarshal(body, &req); err != nil {
		fail(w, 400, `{"error":"it is not JSON"}`)
		return
	}
	if manner == "stall" && f.turn.Add(1) > 1 { // one answer, and no more
		f.said.Add(1)
		<-r.Context().Done()
		return
	}
	size := 64
	if manner == "wide" {
		size = 65
	}
	vectors := [][]float32{}
	for _, text := range req.Input {
		if manner == "narrow" && len(text) > 40 {
			fail(w, 400, `{"error":"the input length exceeds the context length"}`)
			return
		}
		vectors = append(vectors, counts(text, size))
	}
	if strings.HasSuffix(r.URL.Path, "/api/embed") {
		_ = json.NewEncoder(w).Encode(map[string]any{"model": "small", "embeddings": vectors, "prompt_eval_count": 3})
		return
	}
	data := []map[string]any{}
	for i, v := range vectors {
		data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": v})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"object": "list", "model": "big", "data": data, "usage": map[string]int{"prompt_tokens": 3, "total_tokens": 3}})
}

func counts(text string, size int) []float32 {
	v := make([]float32, size)
	v[0] = 0.1 // no text is like nothing
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		h := fnv.New32a()
		_, _ = h.Write([]byte(word))
		v[1+h.Sum32()%63]++
	}
	return v
}

// killed COMMAND… runs the command and kills it, as nothing can be caught, once
// the fake lets it wait.
func killed(ts *testscript.TestScript, _ bool, args []string) {
	f := ts.Value(fakeKey{}).(*fake)
	f.said.Store(0)
	f.turn.Store(0)
	f.hits.Store(0)
	cmd := exec.Command(filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], args[0]), args[1:]...)
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "OLLAMA_HOST", "TANDEM_CONFIG", "PATH"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	cmd.Dir = ts.MkAbs(".")
	ts.Check(cmd.Start())
	for f.said.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	ts.Check(cmd.Process.Kill())
	_ = cmd.Wait()
}

// numbered FILE N writes a file of N lines, "line 1" to "line N".
func numbered(ts *testscript.TestScript, _ bool, args []string) {
	var n int
	_, err := fmt.Sscan(args[1], &n)
	ts.Check(err)
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "line %d\n", i+1)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o600))
}
