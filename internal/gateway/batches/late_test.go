package batches

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// An engine that hangs does not keep a batch from ending, and what was answered is kept.
func TestAnEngineThatHangs(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	stack := gatewaytest.Stack(t, e, "ok")
	s := New(Config{Exchange: gatewaytest.Exchange(stack, exchange.Config{}), Dir: stack.StateDir()})
	s.grace = 50 * time.Millisecond
	mux := http.NewServeMux()
	s.Register(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop(t.Context())() })
	ask := func(method, path, body, kind string, out any) {
		t.Helper()
		r := gatewaytest.Do(t, method, server.URL+path, body, "Content-Type: "+kind)
		if err := json.Unmarshal([]byte(r.Body), out); err != nil {
			t.Fatalf("%s: %v: %s", path, err, r.Body)
		}
	}
	line := func(id, model string) string {
		return fmt.Sprintf(`{"custom_id":%q,"method":"POST","url":"/v1/chat/completions","body":{"model":%q,"messages":[{"role":"user","content":"%[1]s"}]}}`, id, model) + "\n"
	}
	form := "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n" +
		line("a", "ok") + line("hung", "silent") + "\r\n--b--\r\n"
	var f file
	ask("POST", "/v1/files", form, "multipart/form-data; boundary=b", &f)
	var b object
	ask("POST", "/v1/batches", `{"input_file_id":"`+f.ID+`","endpoint":"/v1/chat/completions","completion_window":"24h"}`, "application/json", &b)
	for b.Counts.Completed == 0 || e.Chats("silent") == 0 {
		ask("GET", "/v1/batches/"+b.ID, "", "", &b)
	}
	ask("POST", "/v1/batches/"+b.ID+"/cancel", "", "", &b)
	for b.Status != "cancelled" {
		ask("GET", "/v1/batches/"+b.ID, "", "", &b)
	}
	if b.Counts != (counts{Total: 2, Completed: 1, Failed: 1}) {
		t.Errorf("%+v", b.Counts)
	}
	res, err := http.Get(server.URL + "/v1/files/" + *b.ErrorFile + "/content") //nolint:noctx // it is a test's own server
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(text), `"code":"batch_cancelled"`) || !strings.Contains(string(text), `"custom_id":"hung"`) {
		t.Errorf("%v %s", err, text)
	}
}
