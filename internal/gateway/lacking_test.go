package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// What the model cannot do is refused with the name that the dialect's request has for it,
// whether its engine tells before (show) or refuses the call.
func TestTheParameterThatAModelLacks(t *testing.T) {
	const tool = `[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]`
	for _, c := range []struct{ path, body, param, lacks string }{
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"a"}],"tools":` + tool + `}`, "tools", "tools"},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"a"}],"reasoning_effort":"high"}`, "reasoning_effort", "thinking"},
		{"/v1/completions", `{"model":"m","prompt":"a","suffix":"b"}`, "suffix", "insert"},
		{"/v1/responses", `{"model":"m","input":"a","reasoning":{"effort":"high"}}`, "reasoning.effort", "thinking"},
		{"/v1/responses", `{"model":"m","input":"a","tools":[{"type":"function","name":"f"}]}`, "tools", "tools"},
		{"/v1/messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a"}],"tools":[{"name":"f","input_schema":{"type":"object"}}]}`, "tools", "tools"},
		{"/v1/messages", `{"model":"m","max_tokens":2000,"messages":[{"role":"user","content":"a"}],"thinking":{"type":"enabled","budget_tokens":1024}}`, "thinking", "thinking"},
	} {
		for _, tells := range []bool{true, false} {
			engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				switch {
				case r.URL.Path == "/api/version":
					fmt.Fprint(w, `{"version":"0.33.3"}`)
				case r.URL.Path == "/api/show" && tells:
					fmt.Fprint(w, `{"capabilities":["completion"]}`)
				case r.URL.Path == "/api/show":
					fmt.Fprint(w, `{}`)
				case r.URL.Path == "/api/chat" || r.URL.Path == "/api/generate":
					w.WriteHeader(http.StatusBadRequest)
					fmt.Fprintf(w, `{"error":"registry.ollama.ai/library/m:latest does not support %s"}`, c.lacks)
				default:
					fmt.Fprint(w, `{"models":[{"name":"m:latest"}]}`)
				}
			}))
			s := gatewaytest.Open(t, fmt.Sprintf("use: [gpu]\nretries: 0\nproviders:\n- {name: gpu, kind: ollama, managed: false, host: '%s', model: m}\n", strings.TrimPrefix(engine.URL, "http://")))
			g := gateway.New(gateway.Config{Stack: s})
			srv := httptest.NewServer(g.Handler())
			r := gatewaytest.Post(t, srv.URL+c.path, c.body)
			if r.Status != http.StatusBadRequest || !strings.Contains(r.Body, `"unsupported_parameter"`) || !strings.Contains(r.Body, `"param":"`+c.param+`"`) || !strings.Contains(r.Body, c.lacks) {
				t.Errorf("%s, told before: %v: %d %s; want param %s", c.path, tells, r.Status, r.Body, c.param)
			}
			srv.Close()
			_ = g.Close()
			engine.Close()
		}
	}
}
