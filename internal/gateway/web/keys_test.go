package web_test

import (
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/guard"
)

// keys are two callers.
type keys struct{}

func (keys) Entries() ([]guard.Entry, error) {
	return []guard.Entry{
		{Hash: sha256.Sum256([]byte("key-a")), Caller: guard.Caller{Name: "a"}},
		{Hash: sha256.Sum256([]byte("key-b")), Caller: guard.Caller{Name: "b"}},
	}, nil
}

const (
	keyA = "Authorization: Bearer key-a"
	keyB = "Authorization: Bearer key-b"
)

// The pages need no key, what they show does; and a key sees and cancels its own calls.
func TestKeys(t *testing.T) {
	url, e := serve(t, keys{})
	for path, status := range map[string]int{
		"/ui/": 200, "/ui/dashboard": 200, "/ui/assets/style.css": 200,
		"/ui/api/state": 401, "/ui/api/models": 401, "/ui/other": 401, "/": 401,
	} {
		if r := gatewaytest.Do(t, http.MethodGet, url+path, ""); r.Status != status {
			t.Errorf("%s: %d", path, r.Status)
		}
	}
	hang(t, url, keyA)
	id := flying(t, url, keyA)
	if r := gatewaytest.Do(t, http.MethodGet, url+"/ui/api/state", "", keyB); !strings.Contains(r.Body, `"live":[]`) {
		t.Errorf("b sees a's call: %s", r.Body)
	}
	cancel := url + "/ui/api/calls/" + id + "/cancel"
	if r := gatewaytest.Post(t, cancel, `{}`, keyB); r.Status != http.StatusNotFound {
		t.Errorf("b cancels a's call: %d", r.Status)
	}
	if r := gatewaytest.Post(t, cancel, `{}`, keyA); r.Status != http.StatusOK {
		t.Errorf("a: %d %s", r.Status, r.Body)
	}
	e.Left(t)
}
