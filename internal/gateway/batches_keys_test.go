package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/guard"
)

// Only the key that made them sees files and batches, and a batch may what its key may.
func TestBatchOfAKey(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	s := gatewaytest.Open(t, fmt.Sprintf("use: [house, away]\nretries: 0\nproviders:\n- {name: house, kind: openai, base_url: '%s/v1', model: ok, local: true}\n- {name: away, kind: openai, base_url: '%[1]s/v1', model: think}\n", e.URL))
	callers := keys{"sk-a": {Name: "a"}, "sk-b": {Name: "b", Use: []string{"house"}}, "sk-c": {Name: "c", Privacy: guard.PrivacyLocal}}
	b := batchingAt(t, s, callers)
	made := b.create(requestLine("x", "away/think", "canary"), "")
	done := b.until(made.ID, "completed")
	for _, key := range []string{"sk-b", "sk-c"} {
		as := "Authorization: Bearer " + key
		for _, c := range []struct{ method, path string }{
			{"GET", "/v1/files/" + made.Input},
			{"GET", "/v1/files/" + *done.Output + "/content"},
			{"DELETE", "/v1/files/" + made.Input},
			{"GET", "/v1/batches/" + made.ID},
			{"POST", "/v1/batches/" + made.ID + "/cancel"},
			{"GET", "/v1/batches?after=" + made.ID},
			{"GET", "/v1/files?after=" + made.Input},
		} {
			if r := b.do(c.method, c.path, "", nil, as); r.Status != http.StatusNotFound {
				t.Errorf("%s: %s %s: %d %s", key, c.method, c.path, r.Status, r.Body)
			}
		}
		for _, path := range []string{"/v1/files", "/v1/batches"} {
			if r := b.do("GET", path, "", nil, as); !strings.Contains(r.Body, `"data":[]`) {
				t.Errorf("%s: %s: %s", key, path, r.Body)
			}
		}
		if r := b.do("POST", "/v1/batches", fmt.Sprintf(`{"input_file_id":%q,"endpoint":"/v1/chat/completions","completion_window":"24h"}`, made.Input), nil, as); r.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", key, r.Status, r.Body)
		}
	}
	asked := e.Chats("think")
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	// A key that may not use a provider, and one whose prompts stay.
	status := func(key, model string, header ...string) (int, string) {
		header = append([]string{"Authorization: Bearer " + key}, header...)
		made := b.create(requestLine("x", model, "canary"), "", header...)
		for {
			var got batchJSON
			if b.do("GET", "/v1/batches/"+made.ID, "", &got, header...); got.Mistakes != nil || got.Completed != nil {
				return got.Counts.Completed, got.Status
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	for _, c := range []struct {
		key, model string
		header     string
		answered   int
	}{
		{"sk-b", "away/think", "X: y", 0},
		{"sk-c", "away/think", "X: y", 0},
		{"sk-a", "away/think", "X-Tandem-Privacy: local", 0},
		{"sk-a", "away/think", "X-Tandem-Use: house", 0},
		{"sk-b", "house/ok", "X: y", 1},
		{"sk-c", "house/ok", "X: y", 1},
	} {
		if n, state := status(c.key, c.model, c.header); n != c.answered {
			t.Errorf("%+v: %d answered, %s", c, n, state)
		}
	}
	if n := e.Chats("think"); n != asked {
		t.Errorf("%d prompts left", n-asked)
	}
}

// A key that is removed while its batch runs asks nothing more.
func TestBatchOfARemovedKey(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	s := gatewaytest.Stack(t, e, "ok")
	b := batchingAt(t, s, keys{"sk-a": {Name: "a"}})
	text := ""
	for i := range 100 {
		text += requestLine(fmt.Sprint("r", i), "hold", "x")
	}
	b.create(text, "")
	for e.Chats("hold") == 0 {
		time.Sleep(time.Millisecond)
	}
	b.close() // what is asked is asked again
	asked := e.Chats("hold")
	close(e.Release)
	again := batchingAt(t, s, keys{"sk-b": {Name: "b"}})
	wait, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !strings.Contains(again.log.String(), "is completed") && wait.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	if n := e.Chats("hold"); n != asked {
		t.Errorf("%d were asked after the key was removed; %s", n-asked, again.log)
	}
}
