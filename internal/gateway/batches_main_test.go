package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/guard"
	"github.com/tandem-llm/tandem/internal/stack"
)

// batching is a gateway that runs batches, behind its guard.
type batching struct {
	t   *testing.T
	url string
	dir string // the state directory
	log *said
	*gateway.Server
	close func()
}

// said is what a gateway has said.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) add(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.WriteString(text + "\n")
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// batchingAt is a gateway of a stack; folder has its chains, if there is one.
func batchingAt(t *testing.T, s *stack.Stack, callers guard.Keys, folder ...string) *batching {
	t.Helper()
	b := &batching{t: t, dir: s.StateDir(), log: &said{}}
	b.Server = gateway.New(gateway.Config{Stack: s, Keys: callers, Say: b.log.add, Warn: b.log.add, Chains: strings.Join(folder, "")})
	stands, err := guard.New(guard.Config{Keys: callers, Public: gateway.Public, Uploads: gateway.Uploads, Limits: guard.Limits{Upload: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = stands.Server(b.Handler())
	srv.Start()
	b.url = srv.URL
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.close = sync.OnceFunc(func() {
		srv.Close()
		_ = b.Server.Close()
	})
	t.Cleanup(b.close)
	return b
}

// do asks, and decodes the reply into out, if that is not nil.
func (b *batching) do(method, path, body string, out any, header ...string) gatewaytest.Reply {
	b.t.Helper()
	r := gatewaytest.Do(b.t, method, b.url+path, body, append([]string{"Authorization: Bearer sk-a"}, header...)...)
	if out != nil {
		if err := json.Unmarshal([]byte(r.Body), out); err != nil {
			b.t.Fatalf("%s %s: %v: %s", method, path, err, r.Body)
		}
	}
	return r
}

// formOf is a form with a file, and its content type.
func formOf(t *testing.T, purpose, name, text string) (string, string) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	_ = w.WriteField("purpose", purpose)
	part, err := w.CreateFormFile("file", name)
	if err == nil {
		_, err = io.WriteString(part, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.String(), "Content-Type: " + w.FormDataContentType()
}

type fileJSON struct {
	ID, Object, Filename, Purpose, Status string
	Bytes                                 int64
	CreatedAt                             int64 `json:"created_at"`
	ExpiresAt                             int64 `json:"expires_at"`
}

type batchJSON struct {
	ID, Object, Status, Endpoint string
	Input                        string  `json:"input_file_id"`
	Output                       *string `json:"output_file_id"`
	Errors                       *string `json:"error_file_id"`
	Mistakes                     *struct {
		Data []struct {
			Code    string
			Line    *int
			Message string
			Param   *string
		}
	} `json:"errors"`
	Counts    struct{ Total, Completed, Failed int } `json:"request_counts"`
	Metadata  map[string]string
	ExpiresAt int64  `json:"expires_at"`
	Completed *int64 `json:"completed_at"`
	Expired   *int64 `json:"expired_at"`
	Cancelled *int64 `json:"cancelled_at"`
	Failed    *int64 `json:"failed_at"`
	Tandem    struct {
		Answered map[string]int `json:"answered_by"`
		Waits    int            `json:"interactive_waits"`
		Waited   time.Duration  `json:"interactive_wait_ns"`
		Waiting  string
	}
}

func (b *batching) upload(text string, header ...string) fileJSON {
	b.t.Helper()
	form, kind := formOf(b.t, "batch", "requests.jsonl", text)
	var f fileJSON
	if r := b.do("POST", "/v1/files", form, &f, append([]string{kind}, header...)...); r.Status != http.StatusOK {
		b.t.Fatalf("%d %s", r.Status, r.Body)
	}
	return f
}

func (b *batching) create(text, more string, header ...string) batchJSON {
	b.t.Helper()
	var out batchJSON
	body := fmt.Sprintf(`{"input_file_id":%q,"endpoint":"/v1/chat/completions","completion_window":"24h"%s}`, b.upload(text, header...).ID, more)
	if r := b.do("POST", "/v1/batches", body, &out, header...); r.Status != http.StatusOK || out.Object != "batch" {
		b.t.Fatalf("%d %s", r.Status, r.Body)
	}
	return out
}

// until waits until a batch is in one of these states.
func (b *batching) until(id string, states ...string) batchJSON {
	b.t.Helper()
	for {
		var out batchJSON
		b.do("GET", "/v1/batches/"+id, "", &out)
		for _, s := range states {
			if out.Status == s {
				return out
			}
		}
		switch out.Status {
		case "completed", "failed", "expired", "cancelled", "":
			b.t.Fatalf("the batch is %q, not %v: %+v, %+v; %s", out.Status, states, out, out.Mistakes, b.log)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// lines are those of a file of answers, by custom_id, each once.
func (b *batching) lines(id *string) (order []string, byID map[string]string) {
	b.t.Helper()
	byID = map[string]string{}
	if id == nil {
		return nil, byID
	}
	r := b.do("GET", "/v1/files/"+*id+"/content", "", nil)
	if r.Status != http.StatusOK {
		b.t.Fatalf("%d %s", r.Status, r.Body)
	}
	for _, line := range gatewaytest.Lines(r.Body) {
		var l struct {
			ID string `json:"custom_id"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil || byID[l.ID] != "" {
			b.t.Fatalf("%v: %s comes twice: %s", err, l.ID, line)
		}
		order = append(order, l.ID)
		byID[l.ID] = line
	}
	return order, byID
}

// requestLine is a line of a file of requests.
func requestLine(id, model, prompt string) string {
	return fmt.Sprintf(`{"custom_id":%q,"method":"POST","url":"/v1/chat/completions","body":{"model":%q,"messages":[{"role":"user","content":%q}]}}`, id, model, prompt) + "\n"
}
