package ollama_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// The model that stands for the configuration's choice is described by the one that
// answers, whatever else is in memory.
func TestTheDefaultIsTheOneThatAnswers(t *testing.T) {
	g := newGPU(t)
	g.inMemory["other:7b"] = true
	for own, loaded := range map[string]bool{"m": false, "other:7b": true} {
		s := gatewaytest.Open(t, fmt.Sprintf("use: [gpu]\nproviders:\n- {name: gpu, kind: ollama, managed: false, model: %s, host: '%s'}\n", own, strings.TrimPrefix(g.URL, "http://")))
		all := gatewaytest.Exchange(s, exchange.Config{}).Models(t.Context())
		if len(all) < 4 || all[0].ID != exchange.Default || all[0].Loaded != loaded {
			t.Errorf("%q: the first model is %+v", own, all[0])
		}
	}
}
