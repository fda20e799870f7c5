package openai_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// What servers tell in their lists is taken; what they do not tell is not made up.
func TestWhatListsTellOfModels(t *testing.T) {
	for server, c := range map[string]struct {
		entry   string
		can     string
		context int
	}{
		"OpenAI":                   {`{"id":"m","object":"model","created":1,"owned_by":"openai"}`, "", 0},
		"vLLM":                     {`{"id":"m","max_model_len":32768,"root":"m","parent":null,"permission":[]}`, "", 32768},
		"Groq":                     {`{"id":"m","active":true,"context_window":131072,"public_apps":null}`, "", 131072},
		"Mistral":                  {`{"id":"m","capabilities":{"completion_chat":true,"completion_fim":true,"function_calling":true,"fine_tuning":false,"vision":false},"max_context_length":32000}`, "completion tools insert", 32000},
		"Mistral's embedder":       {`{"id":"m","capabilities":{"completion_chat":false,"completion_fim":false}}`, "", 0},
		"OpenRouter":               {`{"id":"m","context_length":8192,"architecture":{"input_modalities":["text","image"],"output_modalities":["text"]},"supported_parameters":["tools","reasoning"]}`, "completion tools vision thinking", 8192},
		"OpenRouter's embedder":    {`{"id":"m","architecture":{"input_modalities":["text"],"output_modalities":["embeddings"]}}`, "embedding", 0},
		"Together":                 {`{"id":"m","type":"chat","context_length":4096}`, "", 4096},
		"Together's embedder":      {`{"id":"m","type":"embedding","context_length":512}`, "embedding", 512},
		"Tandem":                   {`{"id":"m","capabilities":["completion","tools"],"context_length":4096}`, "completion tools", 4096},
		"LM Studio":                {`{"id":"m","type":"llm","capabilities":["tool_use"],"max_context_length":4096}`, "", 4096},
		"members of another type":  {`{"id":"m","type":7,"capabilities":"all","architecture":[],"context_length":"4096","max_model_len":512}`, "", 512},
		"a window that is none":    {`{"id":"m","context_length":-1}`, "", 0},
		"capabilities of numbers":  {`{"id":"m","capabilities":[1,2]}`, "", 0},
		"flags that are no flags":  {`{"id":"m","capabilities":{"completion_chat":"yes"}}`, "", 0},
		"capabilities of another":  {`{"id":"m","capabilities":{"batch":{"supported":true}}}`, "", 0},
		"llama.cpp, with its meta": {`{"id":"m","object":"model","meta":{"n_ctx_train":8192,"n_params":1}}`, "", 0},
	} {
		models, err := newProvider(t, serve(t, `{"object":"list","data":[`+c.entry+`]}`)).Models(t.Context())
		if err != nil || len(models) != 1 || models[0].Name != "m" || models[0].Context != c.context {
			t.Errorf("%s: %+v, %v", server, models, err)
			continue
		}
		var want []provider.Capability
		for name := range strings.FieldsSeq(c.can) {
			want = append(want, provider.Capability(name))
		}
		if !slices.Equal(models[0].Capabilities, want) {
			t.Errorf("%s can %q, want %q", server, models[0].Capabilities, want)
		}
	}
}
