package attack

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// rowServer answers each prompt with itself, and counts how often it was asked what. A
// judge's prompt passes.
type rowServer struct {
	*httptest.Server
	mu     sync.Mutex
	asked  map[string]int
	calls  int
	judged int
	// called, if not nil, is told the number of each call, judges' ones included,
	// before that one is answered.
	called func(r *http.Request, calls, judged int)
}

func newRowServer(t *testing.T) *rowServer {
	t.Helper()
	s := &rowServer{asked: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Messages []struct{ Content string } }
		if json.NewDecoder(r.Body).Decode(&asked) != nil || len(asked.Messages) == 0 {
			_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"m"}]}`)
			return
		}
		prompt := asked.Messages[len(asked.Messages)-1].Content
		text, _ := json.Marshal("re " + prompt)
		judge := strings.HasPrefix(prompt, "Rubric:")
		s.mu.Lock()
		if judge {
			text, _ = json.Marshal(`{"reason":"so it is","verdict":"pass"}`)
			s.judged++
		} else {
			s.asked[prompt]++
			s.calls++
		}
		n, judged, called := s.calls, s.judged, s.called
		s.mu.Unlock()
		if called != nil {
			called(r, n, judged)
		}
		select {
		case <-time.After(time.Duration(1+n%7) * time.Millisecond):
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}}`, text)
	}))
	t.Cleanup(s.Close)
	return s
}

// after is closed when the server has been called n times from now on. It is to be
// asked for before anything calls.
func (s *rowServer) after(n int) <-chan struct{} {
	reached := make(chan struct{})
	var once sync.Once
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.calls
	s.called = func(_ *http.Request, calls, _ int) {
		if calls >= first+n {
			once.Do(func() { close(reached) })
		}
	}
	return reached
}

func (s *rowServer) total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// config is a user's configuration for s. Without the log a call is quicker, so that
// more of the moments are the batch's own.
func (s *rowServer) config() string {
	return fmt.Sprintf("use: s\nretries: 0\nlog: off\nproviders:\n  - {name: s, kind: openai, base_url: \"%s/v1\", model: m, api_key: env:TANDEM_ATTACK_KEY, price: {input: 1, output: 2}}\n", s.URL)
}

// rowFile writes a table of n rows, whose prompts no other table has.
func rowFile(t *testing.T, h *home, name string, n int) {
	t.Helper()
	var b strings.Builder
	b.WriteString("what\n")
	for i := range n {
		fmt.Fprintf(&b, "%s %d\n", name, i+1)
	}
	h.write(t, "project/"+name+".csv", b.String())
	h.write(t, "project/c.yaml", "prompt: '{what}'\n")
}

// answersOf checks that a batch's output has each row once, in order, with its own
// answer.
func answersOf(h *home, name string, n int) error {
	f, err := os.Open(filepath.Join(h.project, name+".jsonl"))
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	row := 0
	for ; lines.Scan(); row++ {
		var got struct {
			Row    int
			Answer string
			OK     bool
		}
		want := fmt.Sprintf("re %s %d", name, row+1)
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil || got.Row != row+1 || !got.OK || got.Answer != want {
			return fmt.Errorf("line %d is %s, want %q; %v", row+1, lines.Text(), want, err)
		}
	}
	if row != n {
		return fmt.Errorf("%d lines of %d rows", row, n)
	}
	return lines.Err()
}

// batchState is the state of the newest batch, and how many of its rows have ended;
// "": there is none.
func batchState(t *testing.T, h *home) (state string, done int) {
	t.Helper()
	o := h.run(t, "batch", "list", "--json")
	var all []struct {
		State string
		Done  int
	}
	if err := json.Unmarshal([]byte(o.stdout), &all); err != nil || o.code != 0 {
		t.Fatalf("`tandem batch list`: exit code %d, %v, %s", o.code, err, o.stderr)
	}
	if len(all) == 0 {
		return "", 0
	}
	return all[0].State, all[0].Done
}

// next is the command that goes on with a batch after its process was killed.
func next(t *testing.T, h *home, name string) []string {
	t.Helper()
	start := []string{"batch", "c.yaml", "--in", name + ".csv", "--out", name + ".jsonl", "-j", "4"}
	switch state, _ := batchState(t, h); state {
	case "reading": // no call was made
		return append(start, "--overwrite")
	case "waiting":
		return []string{"batch", "resume"}
	}
	if _, err := os.Stat(filepath.Join(h.project, name+".jsonl")); err == nil {
		return nil
	}
	if o := h.run(t, "batch", "list", "--json"); strings.Contains(o.stdout, name+".jsonl") {
		return append(start, "--resume") // all rows have ended, and the output was not written
	}
	return start
}
