package gateway_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// What a chain made under privacy local, in any step, stays when a stored response goes
// on, and so does what was made while the configuration let nothing leave.
func TestStoredAnswersOfPrivateChainsStay(t *testing.T) {
	for name, c := range map[string]struct{ chain, config string }{
		"chain":         {"privacy: local\nprompt: 'say {x}'\n", ""},
		"step":          {"steps:\n- {name: a, prompt: 'say {x}', privacy: local}\n- {name: b, text: '{a}'}\n", ""},
		"configuration": {"prompt: 'say {x}'\n", "privacy: local\n"},
		"offline":       {"prompt: 'say {x}'\n", "offline: true\n"},
		"open":          {"prompt: 'say {x}'\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			here, away, dir := gatewaytest.NewEngine(t), gatewaytest.NewEngine(t), t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "c.yaml"), []byte("name: c\n"+c.chain), 0o600); err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprintf("use: [here, away]\nretries: 0\nproviders:\n- {name: here, kind: openai, base_url: '%s/v1', model: ok, local: true}\n- {name: away, kind: openai, base_url: '%s/v1', model: ok}\n", here.URL, away.URL)
			g := gateway.New(gateway.Config{Stack: gatewaytest.Open(t, c.config+text), Chains: dir})
			defer g.Close()
			srv := httptest.NewServer(g.Handler())
			defer srv.Close()
			first := gatewaytest.Post(t, srv.URL+"/v1/responses", `{"model":"chain:c","input":"canary"}`)
			id := regexp.MustCompile(`"id":"(resp_[^"]*)"`).FindStringSubmatch(first.Body)
			if first.Status != 200 || id == nil {
				t.Fatalf("%d %s", first.Status, first.Body)
			}
			g.Use(gatewaytest.Open(t, text), dir)
			r := gatewaytest.Post(t, srv.URL+"/v1/responses", `{"model":"away/ok","input":"Two","previous_response_id":"`+id[1]+`"}`)
			if sent := len(away.Requests("/v1/chat/completions")); (sent > 0) != (name == "open") || (r.Status == 200) != (name == "open") {
				t.Errorf("%d %s, sent away %d times", r.Status, r.Body, sent)
			}
		})
	}
}
