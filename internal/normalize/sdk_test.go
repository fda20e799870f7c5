package normalize_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ollama/ollama/api"
	goopenai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/internal/normalize"
)

// decoders are what the SDKs make of each form.
var decoders = []struct {
	name   string
	bring  func(buf, data []byte) ([]byte, error)
	decode func(data []byte) error
}{
	{"a chat's event", normalize.OpenAIChat.Event, into[goopenai.ChatCompletionStreamResponse]},
	{"a chat's document", normalize.OpenAIChat.Document, into[goopenai.ChatCompletionResponse]},
	{"a chat's document in an event", normalize.OpenAIChat.DocumentInEvent, into[goopenai.ChatCompletionStreamResponse]},
	{"embeddings", normalize.OpenAIEmbeddings.Document, into[goopenai.EmbeddingResponse]},
	{"models", normalize.OpenAIModels.Document, into[goopenai.ModelsList]},
	{"Ollama's chat", normalize.OllamaChat.Event, into[api.ChatResponse]},
	{"Ollama's generate", normalize.OllamaGenerate.Event, into[api.GenerateResponse]},
	{"Ollama's progress", normalize.OllamaProgress.Event, into[api.ProgressResponse]},
	{"Ollama's embeddings", normalize.OllamaEmbeddings.Document, into[api.EmbedResponse]},
	{"Ollama's models", normalize.OllamaTags.Document, into[api.ListResponse]},
	{"Ollama's running models", normalize.OllamaRunning.Document, into[api.ProcessResponse]},
	{"Ollama's model", normalize.OllamaShow.Document, into[api.ShowResponse]},
	{"Ollama's error", normalize.OllamaChat.Event, into[struct {
		Error     string `json:"error"`
		SigninURL string `json:"signin_url"`
	}]},
}

func into[T any](data []byte) error {
	var v T
	return json.Unmarshal(data, &v)
}

// checkDecoded: what is in form is decoded, and what is not is an error in plain
// words. Neither changes the document.
func checkDecoded(t *testing.T, data []byte) {
	t.Helper()
	for _, d := range decoders {
		before := string(data)
		out, err := d.bring(nil, data)
		if string(data) != before {
			t.Fatalf("%s: %s was changed to %s", d.name, before, data)
		}
		if err != nil {
			for _, word := range []string{"Go ", "unmarshal", "struct", "json:", "anew"} {
				if strings.Contains(err.Error(), word) && !strings.Contains(before, word) {
					t.Errorf("%s: %s\nthe error speaks of its maker: %v", d.name, before, err)
				}
			}
			continue
		}
		if err := d.decode(out); err != nil {
			t.Errorf("%s: %s\nbecame %s\nwhich the SDK cannot decode: %v", d.name, before, out, err)
		}
		if again, err := d.bring(nil, out); err != nil || d.decode(again) != nil {
			t.Errorf("%s: %s\nis not in form: %s, %v", d.name, out, again, err)
		}
	}
}

// names are the members that the SDKs' types have.
var names = strings.Fields(`choices delta message content role tool_calls function name arguments id index type refusal reasoning_content reasoning
	function_call finish_reason logprobs content_filter_results usage prompt_tokens completion_tokens total_tokens prompt_tokens_details cached_tokens
	audio_tokens completion_tokens_details reasoning_tokens accepted_prediction_tokens input_tokens cache_read_input_tokens model created object
	system_fingerprint prompt_annotations prompt_filter_results data embedding embeddings owned_by permission root parent text thinking value
	remote_model remote_host created_at done done_reason _debug_info error signin_url prompt_eval_count eval_count load_duration total_duration
	images tool_name tool_call_id name MultiContent service_tier status digest total completed models size size_vram modified_at expires_at context_length details family families
	parameter_size parent_model capabilities license template system parameters model_info tensors shape modelfile messages projector_info requires
	response context values result output Choices DELTA "cho\u0069ces`)

// anything writes a random document of those members.
func anything(r *rand.Rand, depth int) string {
	switch n := r.IntN(20); {
	case n < 8 && depth < 7:
		var b strings.Builder
		b.WriteByte('{')
		for i := range r.IntN(6) {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + strings.TrimPrefix(names[r.IntN(len(names))], `"`) + `" : ` + anything(r, depth+1))
		}
		return b.String() + "}"
	case n < 11 && depth < 7:
		var list []string
		for range r.IntN(4) {
			list = append(list, anything(r, depth+1))
		}
		return "[" + strings.Join(list, ", ") + "]"
	}
	scalars := []string{
		"null", "true", "false", "0", "1", "-1", "5.0", "5.5", "1e3", "1e999", "-1e-999", "123456789012345678901234567890", "9223372036854775808", "-0", "0.1e40",
		`""`, `"a"`, `"5"`, `"5.5"`, `"nan"`, `"true"`, `"stop"`, `"2026-01-01T00:00:00Z"`, `"2026-01-01"`, `"1767225600"`, `"\ud83d"`, `"\"\\\u0000\n"`, `"{\"a\":1}"`, `"{\"a\":1e999}"`,
		`"AAAAPwAAgL8="`, `"AADAfw=="`, "1767225600", "1767225600000", `"text"`, `"thinking"`, "\"\xff\"", `"inf"`, `"0x10"`,
	}
	return scalars[r.IntN(len(scalars))]
}

func TestWhatIsInFormIsDecoded(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	for range 5_000 {
		checkDecoded(t, []byte(anything(r, 0)))
		if t.Failed() {
			return
		}
	}
}

func FuzzWhatIsInFormIsDecoded(f *testing.F) {
	for _, s := range []string{
		`{"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"a"}],"tool_calls":[{"function":{"arguments":{"a":1}}}]}}],"usage":{"prompt_tokens":5.0}}`,
		`{"message":{"content":"a","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]},"done":true}`, `{"data":[{"embedding":"AAAAPw=="}]}`, `[{"id":"m"}]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if json.Valid(data) {
			checkDecoded(t, data)
		}
	})
}
