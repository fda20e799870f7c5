package gateway_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway/anthropic"
	"github.com/tandem-llm/tandem/internal/gateway/batches"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/ollama"
	"github.com/tandem-llm/tandem/internal/gateway/openai"
)

var update = flag.Bool("update", false, "write docs/gateway-parameters.md anew")

const parametersPage = "../../docs/gateway-parameters.md"

const parametersBegin = `# Parameters of the gateway

What [` + "`tandem serve`" + `](serve.md) does with each parameter of a request. This page is printed from the
tables that it works by.

- **honoured**: it does what the API says. Where only some engines can, a provider that cannot is
  passed over. If none can, the request gets 400 ` + "`unsupported_parameter`" + `, which names the parameter.
- **ignored**: it cannot change the answer. It is taken, and named in ` + "`X-Tandem-Ignored`" + `.
- **refused**: it would change the answer, and nobody here can honour it: 400
  ` + "`unsupported_parameter`" + `. A value that asks for nothing is taken.

Any other parameter is ignored and named. With ` + "`X-Tandem-Strict: 1`" + ` it is refused.
`

// path is one that takes parameters.
type path struct {
	path   string
	params exchange.Params
}

// The page says what becomes of every parameter.
func TestParametersPage(t *testing.T) {
	var b strings.Builder
	b.WriteString(parametersBegin)
	for _, d := range []struct {
		dialect string
		paths   []path
	}{
		{"OpenAI", []path{
			{"/v1/chat/completions", openai.ChatParams},
			{"/v1/responses", openai.ResponseParams},
			{"/v1/completions", openai.CompletionParams},
			{"/v1/embeddings", openai.EmbeddingParams},
			{"/v1/batches", batches.Params},
		}},
		{"Anthropic", []path{{"/v1/messages", anthropic.MessageParams}}},
		{"Ollama", []path{
			{"/api/chat", ollama.ChatParams},
			{"/api/generate", ollama.GenerateParams},
			{"options", ollama.OptionParams},
			{"/api/embed", ollama.EmbedParams},
			{"/api/embeddings", ollama.EmbeddingsParams},
			{"/api/show", ollama.ShowParams},
			{"/api/pull", ollama.PullParams},
		}},
	} {
		fmt.Fprintf(&b, "\n## %s\n", d.dialect)
		for _, p := range d.paths {
			fmt.Fprintf(&b, "\n### `%s`\n\n| parameter | is | |\n|---|---|---|\n", p.path)
			for _, param := range p.params {
				fmt.Fprintf(&b, "| `%s` | %s | %s |\n", param.Name, classOf(param), strings.ReplaceAll(param.Note, "|", `\|`))
			}
		}
	}
	if *update {
		if err := os.WriteFile(parametersPage, []byte(b.String()), 0o644); err != nil { //nolint:gosec // a page for all
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(parametersPage)
	if err != nil || string(have) != b.String() {
		t.Errorf("%v: docs/gateway-parameters.md is not what the tables say; write it with: go test ./internal/gateway -run TestParametersPage -update", err)
	}
}

var classes = map[exchange.Class]string{exchange.Honoured: "honoured", exchange.Harmless: "ignored", exchange.Refused: "refused"}

// classOf is what becomes of a parameter, in words.
func classOf(p exchange.Param) string {
	if p.Class == exchange.Refused && len(p.Unless) > 0 {
		return "refused, except `" + strings.Join(p.Unless, "`, `") + "`"
	}
	return classes[p.Class]
}
