package openai_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

// sequence is a stream of tool calls as a server sends it.
type sequence struct {
	name   string
	source string   // the server, or a public report; any: a variant of the others
	events []string // the members of each delta
	want   string   // the calls, or the words of a BadAnswer
}

// tc is a delta of fragments.
func tc(fragments ...string) string { return `"tool_calls":[` + strings.Join(fragments, ",") + `]` }

// fr is a fragment; index and id are left out where they are "-".
func fr(index, id, name, args string) string {
	var b strings.Builder
	b.WriteString(`{"type":"function"`)
	if index != "-" {
		b.WriteString(`,"index":` + index)
	}
	if id != "-" {
		b.WriteString(`,"id":` + quote(id))
	}
	b.WriteString(`,"function":{`)
	if name != "-" {
		b.WriteString(`"name":` + quote(name) + ",")
	}
	b.WriteString(`"arguments":` + quote(args) + "}}")
	return b.String()
}

func quote(s string) string {
	if s == "null" {
		return s
	}
	return fmt.Sprintf("%q", s)
}

// all is one event for each of the fragments.
func all(fragments ...string) (events []string) {
	for _, f := range fragments {
		events = append(events, tc(f))
	}
	return events
}

// The tools of the requests: weather(city), time(city), now(), get(city),
// get_weather(city).
func requestTools() (tools []provider.Tool) {
	for _, name := range []string{"weather", "time", "now", "get", "get_weather"} {
		tools = append(tools, provider.Tool{Name: name, Parameters: []byte(`{"type":"object"}`)})
	}
	return tools
}

const (
	oslo = `{"city":"Oslo"}`
	rome = `{"city":"Rome"}`
)

func sequences() []sequence {
	return append(append(append(indexes(), ids()...), names()...), argumentForms()...)
}

func indexes() []sequence {
	both := "weather" + oslo + " time" + rome
	return []sequence{
		{"as documented", "OpenAI", all(fr("0", "a", "weather", ""), fr("0", "-", "-", `{"city":`), fr("0", "-", "-", `"Oslo"}`), fr("1", "b", "time", ""), fr("1", "-", "-", rome)), both},
		{"two in one event", "Groq", []string{tc(fr("0", "a", "weather", oslo), fr("1", "b", "time", rome))}, both},
		{"interleaved", "QwenLM/Qwen-Agent#943", all(fr("0", "a", "weather", ""), fr("1", "b", "time", ""), fr("0", "-", "-", `{"city":`), fr("1", "-", "-", `{"city":"Ro`), fr("0", "-", "-", `"Oslo"}`), fr("1", "-", "-", `me"}`)), both},
		{"two fragments of one call in an event", "vLLM, several tokens an event", []string{tc(fr("0", "a", "weather", ""), fr("0", "-", "-", `{"city":`), fr("0", "-", "-", `"Oslo"}`))}, "weather" + oslo},
		{"a call's end and the next one's beginning in one event", "vLLM, several tokens an event", []string{tc(fr("0", "a", "weather", `{"city":`)), tc(fr("0", "-", "-", `"Oslo"}`), fr("1", "b", "time", "")), tc(fr("1", "-", "-", rome))}, both},
		{"index 0 for all, other ids", "BerriAI/litellm#33678", all(fr("0", "a", "weather", oslo), fr("0", "b", "time", rome)), both},
		{"index 0 for all, in one event", "ollama/ollama#15457", []string{tc(fr("0", "a", "weather", oslo), fr("0", "b", "time", rome))}, both},
		{"index 0 for all, the same tool", "mcowger/plexus#691", all(fr("0", "a", "weather", oslo), fr("0", "b", "weather", rome)), "weather" + oslo + " weather" + rome},
		{"index 0 for all, the same call twice", "vercel/ai#14277", all(fr("0", "a", "now", "{}"), fr("0", "b", "now", "{}")), "now{} now{}"},
		{"index 0 for all, in fragments", "langchain-ai/langchain#34807", all(fr("0", "a", "weather", ""), fr("0", "-", "-", oslo), fr("0", "b", "time", ""), fr("0", "-", "-", `{"city":`), fr("0", "-", "-", `"Rome"}`)), both},
		{"index 0 for all, ids in each fragment", "InternLM/lmdeploy#3412: SGLang", all(fr("0", "a", "weather", ""), fr("0", "a", "-", oslo), fr("0", "b", "time", ""), fr("0", "b", "-", rome)), both},
		{"index 0 for all, ids come back", "sgl-project/sglang#38198", all(fr("0", "a", "weather", ""), fr("0", "b", "time", ""), fr("0", "a", "-", oslo), fr("0", "b", "-", rome)), both},
		{"no index, whole calls", "Ollama /v1 before 0.4.7", all(fr("-", "a", "weather", oslo), fr("-", "b", "time", rome)), both},
		{"no index, whole calls in one event", "ollama/ollama#7881", []string{tc(fr("-", "a", "weather", oslo), fr("-", "b", "time", rome))}, both},
		{"no index, fragments follow", "oracle/langchain-oracle#253", all(fr("-", "a", "weather", ""), fr("-", "-", "-", `{"city":"O`), fr("-", "-", "-", `slo"}`), fr("-", "b", "time", ""), fr("-", "-", "-", rome)), both},
		{"no index, ids in each fragment, interleaved", "any", all(fr("-", "a", "weather", ""), fr("-", "b", "time", ""), fr("-", "a", "-", oslo), fr("-", "b", "-", rome)), both},
		{"no index, by place in the event", "oracle/langchain-oracle#254", []string{tc(fr("-", "a", "weather", ""), fr("-", "b", "time", "")), tc(fr("-", "-", "-", `{"city":"Os`), fr("-", "-", "-", `{"city":`)), tc(fr("-", "-", "-", `lo"}`), fr("-", "-", "-", `"Rome"}`))}, both},
		{"no index, no ids, by place", "oracle/langchain-oracle#254", []string{tc(fr("-", "-", "weather", ""), fr("-", "-", "time", "")), tc(fr("-", "-", "-", oslo), fr("-", "-", "-", rome))}, both},
		{"index null", "Blaizzy/mlx-vlm#818", all(fr("null", "a", "weather", oslo), fr("null", "b", "time", rome)), both},
		{"from 1", "vercel/ai#18333: a gateway to Anthropic", all(fr("1", "a", "weather", ""), fr("1", "-", "-", oslo), fr("2", "b", "time", rome)), both},
		{"from -1", "vLLM, whose parsers count from -1", all(fr("-1", "a", "weather", ""), fr("-1", "-", "-", oslo)), "weather" + oslo},
		{"-1, then 0", "vLLM, whose parsers count from -1", all(fr("-1", "a", "weather", ""), fr("0", "-", "-", `{"city":`), fr("0", "-", "-", `"Oslo"}`)), "weather" + oslo},
		{"gaps", "binaricat/Netcatty#3434", all(fr("3", "a", "weather", ""), fr("3", "-", "-", oslo), fr("7", "b", "time", rome)), both},
		{"an index beyond any number of calls", "fuzzed", all(fr("1000000000", "a", "weather", oslo)), "weather" + oslo},
		{"the index counts fragments", "any", all(fr("0", "a", "weather", `{"city":`), fr("1", "a", "weather", `"Oslo"}`)), "weather" + oslo},
		{"the index counts fragments, no more names", "any", all(fr("0", "a", "weather", ""), fr("1", "-", "-", `{"city":`), fr("2", "-", "-", `"Oslo"}`)), "weather" + oslo},
		{"the index comes late", "SamSaffron/term-llm#314", all(fr("-", "a", "weather", ""), fr("0", "-", "-", oslo)), "weather" + oslo},
		{"arguments of nobody", "fuzzed", all(fr("0", "a", "weather", ""), fr("1", "b", "time", ""), fr("2", "-", "-", oslo)), "without the name of a tool"},
		{"arguments before any call", "fuzzed", all(fr("0", "-", "-", oslo)), "without the name of a tool"},
		{"an empty fragment at the end", "any", all(fr("0", "a", "weather", oslo), fr("0", "", "", "")), "weather" + oslo},
		{"an empty fragment of another index at the end", "any", all(fr("0", "a", "weather", oslo), fr("1", "", "", "")), "weather" + oslo},
		{"function null", "any", []string{tc(fr("0", "a", "weather", oslo)), tc(`{"index":0,"function":null}`)}, "weather" + oslo},
	}
}

func ids() []sequence {
	both := "weather" + oslo + " time" + rome
	return []sequence{
		{"in each fragment", "spring-projects/spring-ai#5974: vLLM", all(fr("0", "a", "weather", ""), fr("0", "a", "-", `{"city":`), fr("0", "a", "-", `"Oslo"}`)), "weather" + oslo},
		{"empty after the first fragment", "lofcz/LLMTornado#59: Qwen", all(fr("0", "a", "weather", ""), fr("0", "", "-", `{"city":`), fr("0", "", "-", `"Oslo"}`)), "weather" + oslo},
		{"null after the first fragment", "InternLM/lmdeploy#3412: vLLM", all(fr("0", "a", "weather", ""), fr("0", "null", "null", oslo)), "weather" + oslo},
		{"none at all", "vllm-project/vllm#18412", all(fr("0", "-", "weather", ""), fr("0", "-", "-", oslo), fr("1", "-", "time", rome)), both},
		{"empty, index 0 for all", "LibreChat-AI/agents#260", all(fr("0", "", "weather", oslo), fr("0", "", "time", rome)), both},
		{"none, no index", "ollama/ollama#7881", all(fr("-", "-", "weather", oslo), fr("-", "-", "time", rome)), both},
		{"none, no index, in one event", "SamSaffron/term-llm#314", []string{tc(fr("-", "-", "weather", oslo), fr("-", "-", "time", rome))}, both},
		{"empty, no index, without arguments", "LibreChat-AI/agents#260", all(fr("-", "", "now", "{}"), fr("-", "", "weather", oslo)), "now{} weather" + oslo},
		{"none, no index, the first without arguments", "LibreChat-AI/agents#260", all(fr("-", "", "now", ""), fr("-", "", "weather", oslo)), "now{} weather" + oslo},
		{"none, no index, in fragments", "ollama/ollama#7881", all(fr("-", "-", "weather", ""), fr("-", "-", "-", `{"city":`), fr("-", "-", "-", `"Oslo"}`), fr("-", "-", "time", ""), fr("-", "-", "-", rome)), both},
		{"another in each fragment", "BerriAI/litellm#28223: OCI", all(fr("0", "a", "weather", ""), fr("0", "b", "-", `{"city":`), fr("0", "c", "-", `"Oslo"}`)), "weather" + oslo},
		{"another in each fragment, with the name", "BerriAI/litellm#28223: OCI", all(fr("0", "a", "weather", `{"city":`), fr("0", "b", "weather", `"Oslo"}`)), "weather" + oslo},
		{"another in an empty last fragment", "BerriAI/litellm#28223: OCI", all(fr("0", "a", "weather", oslo), fr("0", "b", "-", "")), "weather" + oslo},
		{"late", "any", all(fr("0", "-", "weather", ""), fr("0", "a", "-", oslo)), "weather" + oslo},
		{"before the name", "any", all(fr("0", "a", "-", ""), fr("0", "-", "weather", ""), fr("0", "-", "-", oslo), fr("1", "b", "-", ""), fr("1", "b", "time", rome)), both},
		{"the same for all, other indexes", "ggml-org/llama.cpp#27966", all(fr("0", "call_0", "weather", oslo), fr("1", "call_0", "time", rome)), both},
		{"the same for all, the same tool", "ggml-org/llama.cpp#27966", all(fr("0", "weather", "weather", oslo), fr("1", "weather", "weather", rome)), "weather" + oslo + " weather" + rome},
		{"the same for all, in each fragment, interleaved", "ggml-org/llama.cpp#27966", all(fr("0", "x", "weather", ""), fr("1", "x", "time", ""), fr("0", "x", "-", oslo), fr("1", "x", "-", rome)), both},
		{"other after the first fragment", "poolsideai/pool#9", all(fr("0", "a", "weather", ""), fr("0", "b", "-", `{"city":`), fr("0", "b", "-", `"Oslo"}`), fr("1", "c", "time", ""), fr("1", "d", "-", rome)), both},
		{"none from the second call on", "sgl-project/sglang#7048", all(fr("0", "a", "weather", ""), fr("0", "a", "-", oslo), fr("1", "null", "time", ""), fr("1", "null", "-", rome)), both},
		{"the same for all, no index", "ggml-org/llama.cpp#27966", all(fr("-", "call", "weather", oslo), fr("-", "call", "time", rome)), both},
		{"again at another index", "oracle/langchain-oracle#254", all(fr("0", "a", "weather", ""), fr("1", "b", "time", ""), fr("0", "b", "time", rome), fr("0", "a", "-", oslo)), both},
		{"the same, and other arguments", "fuzzed", all(fr("0", "a", "weather", oslo), fr("0", "a", "weather", rome)), "two different sets of arguments"},
		{"a new id with arguments and no name", "fuzzed", all(fr("0", "a", "weather", oslo), fr("0", "b", "-", rome)), "without the name of a tool"},
		{"the same call twice, and nothing to tell them apart", "fuzzed", all(fr("0", "-", "weather", oslo), fr("0", "-", "weather", oslo)), "ambiguous"},
		{"the same call without arguments twice", "fuzzed", all(fr("-", "-", "now", ""), fr("-", "-", "now", "")), "ambiguous"},
		{"no ids, unknown tools", "fuzzed", all(fr("-", "-", "foo", ""), fr("-", "-", "bar", "")), "ambiguous"},
	}
}

func names() []sequence {
	return []sequence{
		{"in each fragment", "NousResearch/hermes-agent#8259: NVIDIA NIM", all(fr("0", "a", "weather", ""), fr("0", "a", "weather", `{"city":`), fr("0", "a", "weather", `"Oslo"}`)), "weather" + oslo},
		{"in each fragment, ids once", "continuedev/continue#5849", all(fr("0", "a", "weather", ""), fr("0", "-", "weather", `{"city":`), fr("0", "-", "weather", `"Oslo"}`)), "weather" + oslo},
		{"in each fragment, no ids", "workbuddy2api#82", all(fr("0", "-", "weather", `{"city":`), fr("0", "-", "weather", `"Oslo"}`)), "weather" + oslo},
		{"in each fragment, no ids, no index", "mcowger/plexus#719", all(fr("-", "-", "weather", ""), fr("-", "-", "weather", `{"city":`), fr("-", "-", "weather", `"Oslo"}`)), "weather" + oslo},
		{"in each fragment, the last one empty", "SillyTavern/SillyTavern#5948: Fireworks", all(fr("0", "a", "weather", ""), fr("0", "a", "weather", oslo), fr("0", "a", "weather", "")), "weather" + oslo},
		{"in each fragment, of two calls", "SillyTavern/SillyTavern#5948: Fireworks", all(fr("0", "a", "weather", `{"city":`), fr("0", "a", "weather", `"Oslo"}`), fr("1", "b", "weather", `{"city":`), fr("1", "b", "weather", `"Rome"}`)), "weather" + oslo + " weather" + rome},
		{"in each fragment, without arguments", "NousResearch/hermes-agent#8259: NVIDIA NIM", all(fr("0", "a", "now", ""), fr("0", "a", "now", "")), "now{}"},
		{"in two pieces", "openclaw/openclaw#130532: Mistral", all(fr("0", "a", "weat", ""), fr("0", "-", "her", oslo)), "weather" + oslo},
		{"in two pieces, ids twice", "openclaw/openclaw#130532: Mistral", all(fr("0", "a", "weat", ""), fr("0", "a", "her", oslo)), "weather" + oslo},
		{"in pieces of a letter", "any", all(fr("0", "a", "t", ""), fr("0", "-", "i", ""), fr("0", "-", "m", ""), fr("0", "-", "e", ""), fr("0", "-", "-", rome)), "time" + rome},
		{"in pieces, no ids, no index", "any", all(fr("-", "-", "weat", ""), fr("-", "-", "h", ""), fr("-", "-", "er", oslo)), "weather" + oslo},
		{"in pieces, the first of which is a tool", "any", all(fr("0", "a", "get", ""), fr("0", "-", "_weather", oslo)), "get_weather" + oslo},
		{"more of it each time", "any", all(fr("0", "a", "we", ""), fr("0", "a", "weath", ""), fr("0", "a", "weather", oslo)), "weather" + oslo},
		{"more of it each time, the first of which is a tool", "any", all(fr("0", "a", "get", ""), fr("0", "a", "get_weather", oslo)), "get_weather" + oslo},
		{"in two pieces after the arguments", "fuzzed", all(fr("0", "a", "weat", oslo), fr("0", "a", "her", "")), "weather" + oslo},
		{"empty after the first fragment", "NousResearch/hermes-agent#8259", all(fr("0", "a", "weather", ""), fr("0", "a", "", `{"city":`), fr("0", "a", "", `"Oslo"}`)), "weather" + oslo},
		{"of a tool that there is not, in pieces", "any", all(fr("0", "a", "no_", ""), fr("0", "-", "such", oslo)), "no_such" + oslo},
		{"of a tool that there is not, in each fragment", "any", all(fr("0", "a", "nosuch", ""), fr("0", "a", "nosuch", oslo)), "nosuch" + oslo},
		{"another tool's, no ids, index 0", "LibreChat-AI/agents#260", all(fr("0", "-", "now", ""), fr("0", "-", "weather", oslo)), "now{} weather" + oslo},
		{"another tool's within the arguments", "fuzzed", all(fr("0", "-", "weather", `{"city":`), fr("0", "-", "time", rome)), "not a JSON object"},
	}
}

func argumentForms() []sequence {
	return []sequence{
		{"an empty object first", "openai/openai-agents-js#712: Bedrock", all(fr("0", "a", "weather", "{}"), fr("0", "-", "-", `{"city":`), fr("0", "-", "-", `"Oslo"}`)), "weather" + oslo},
		{"an empty object first, the name twice", "openai/openai-agents-js#712: Bedrock", all(fr("0", "a", "weather", "{}"), fr("0", "a", "weather", oslo)), "weather" + oslo},
		{"null first", "any", all(fr("0", "a", "weather", "null"), fr("0", "-", "-", oslo)), "weather" + oslo},
		{"the word null first", "any", []string{tc(`{"index":0,"id":"a","type":"function","function":{"name":"weather","arguments":"null"}}`), tc(fr("0", "-", "-", oslo))}, "weather" + oslo},
		{"an empty text first", "any", all(fr("0", "a", "weather", `""`), fr("0", "-", "-", oslo)), "weather" + oslo},
		{"the word null alone", "any", []string{tc(`{"index":0,"id":"a","function":{"name":"now","arguments":"null"}}`)}, "now{}"},
		{"none", "any", all(fr("0", "a", "now", "")), "now{}"},
		{"white space", "any", all(fr("0", "a", "now", " "), fr("0", "-", "-", "\n")), "now{}"},
		{"whole once more at the end", "lidge-jun/opencodex#361", all(fr("0", "a", "weather", ""), fr("0", "-", "-", `{"city":`), fr("0", "-", "-", `"Oslo"}`), fr("0", "-", "-", oslo)), "weather" + oslo},
		{"whole once more, in the same event", "lidge-jun/opencodex#361", []string{tc(fr("0", "a", "weather", oslo), fr("0", "-", "-", oslo))}, "weather" + oslo},
		{"whole twice, in other white space", "NousResearch/hermes-agent#35592: Qianfan", all(fr("0", "a", "weather", oslo), fr("0", "a", "weather", `{"city": "Oslo"}`)), "weather" + oslo},
		{"all in fragments twice", "any", all(fr("0", "a", "weather", `{"city":`), fr("0", "a", "-", `"Oslo"}`), fr("0", "a", "-", `{"city":`), fr("0", "a", "-", `"Oslo"}`)), "weather" + oslo},
		{"whole at the end, where the fragments are not", "langchain-ai/langgraphjs#2697", all(fr("0", "a", "weather", `{"ci`), fr("0", "-", "-", `ty":`), fr("0", "-", "-", oslo)), "weather" + oslo},
		{"more of them each time", "NousResearch/hermes-agent#35592: Qianfan", all(fr("0", "a", "weather", `{"ci`), fr("0", "a", "weather", `{"city":"Os`), fr("0", "a", "weather", oslo)), "weather" + oslo},
		{"whole in each fragment", "NousResearch/hermes-agent#35592: Qianfan", all(fr("0", "a", "weather", oslo), fr("0", "a", "weather", oslo), fr("0", "a", "weather", oslo)), "weather" + oslo},
		{"more of them each time, and the end twice", "NousResearch/hermes-agent#35592: Qianfan", all(fr("0", "a", "weather", `{"city":`), fr("0", "a", "", oslo), fr("0", "a", "", oslo)), "weather" + oslo},
		{"an object within that looks like the whole", "any", all(fr("0", "a", "weather", `{"city":`), fr("0", "-", "-", `{"city":"Oslo"}`), fr("0", "-", "-", `}`)), `weather{"city":{"city":"Oslo"}}`},
		{"a letter each", "llama.cpp", all(append([]string{fr("0", "a", "weather", "")}, letters(oslo)...)...), "weather" + oslo},
		{"as a text", "vllm-project/vllm#54964", all(fr("0", "a", "weather", `"{\"city\":`), fr("0", "-", "-", `\"Oslo\"}"`)), "weather" + oslo},
		{"brackets and quotes within", "any", all(fr("0", "a", "weather", `{"city":"}{`), fr("0", "-", "-", `\"][\\"}`)), `weather{"city":"}{\"][\\"}`},
		{"an empty object last", "fuzzed", all(fr("0", "a", "weather", oslo), fr("0", "-", "-", "{}")), "weather" + oslo},
		{"by other names", "fuzzed", []string{`"tool_calls":[{"index":0,"id":"a","function":{"name":"weather","parameters":` + oslo + `}},{"index":1,"id":"b","name":"weather","input":` + rome + `},{"index":2,"id":"c","function":{"name":"weather","args":` + oslo + `}}]`}, "weather" + oslo + " weather" + rome + " weather" + oslo},
		{"a new id with each fragment, the first empty", "fuzzed", all(fr("0", "a", "weather", ""), fr("0", "b", "weather", `{"city":`), fr("0", "c", "weather", `"Oslo"}`)), "ambiguous"},
		{"two objects in one text", "fuzzed", all(fr("0", "a", "weather", oslo+rome)), "two different sets of arguments"},
		{"a second object without a name", "fuzzed", all(fr("0", "a", "weather", oslo), fr("0", "-", "-", rome)), "two different sets of arguments"},
		{"a list", "fuzzed", all(fr("0", "a", "weather", `["Oslo"]`)), "not a JSON object"},
		{"cut", "any", all(fr("0", "a", "weather", `{"city":"O`)), "not a JSON object"},
		{"too many ends", "fuzzed", all(fr("0", "a", "weather", oslo+"}")), "not a JSON object"},
		{"type null", "any", []string{tc(`{"index":0,"id":"a","type":null,"function":{"name":"weather","arguments":` + quote(oslo) + `}}`)}, "weather" + oslo},
		{"no type", "lidge-jun/opencodex#361", []string{tc(`{"index":0,"id":"a","function":{"name":"weather","arguments":` + quote(oslo) + `}}`)}, "weather" + oslo},
		{"function_call", "OpenAI in 2023", []string{`"function_call":{"name":"weather","arguments":""}`, `"function_call":{"arguments":"{\"city\":"}`, `"function_call":{"arguments":"\"Oslo\"}"}`}, "weather" + oslo},
		{"function_call at once", "OpenAI in 2023", []string{`"function_call":{"name":"weather","arguments":` + quote(oslo) + `}`}, "weather" + oslo},
		{"function_call beside tool_calls", "abetlen/llama-cpp-python", []string{`"function_call":{"name":"weather","arguments":` + quote(oslo) + `},` + tc(fr("0", "a", "weather", oslo))}, "weather" + oslo},
		{"function_call null", "vLLM", []string{`"function_call":null,` + tc(fr("0", "a", "weather", oslo))}, "weather" + oslo},
		{"an empty function_call", "any", []string{`"function_call":{},` + tc(fr("0", "a", "weather", oslo))}, "weather" + oslo},
		{"function_call of another tool beside tool_calls", "fuzzed", []string{`"function_call":{"name":"time","arguments":"{}"},` + tc(fr("0", "a", "weather", oslo))}, "differ"},
	}
}

func letters(s string) (fragments []string) {
	for i := range s {
		fragments = append(fragments, fr("0", "-", "-", s[i:i+1]))
	}
	return fragments
}

// TestToolCallSequences: no call is made up, merged or lost, and what can be read
// in two ways is an error.
func TestToolCallSequences(t *testing.T) {
	var body string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte(body))
	}))
	defer srv.Close()
	p, err := openai.New(openai.Config{BaseURL: srv.URL, Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	list := sequences()
	if len(list) < 60 {
		t.Errorf("%d sequences", len(list))
	}
	for _, s := range list {
		t.Run(s.source+": "+s.name, func(t *testing.T) {
			body = ""
			for _, e := range s.events {
				body += event(e)
			}
			body += `data: {"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}` + "\n\ndata: [DONE]\n\n"
			r, err := provider.Collect(p.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}, Tools: requestTools()}))
			if err != nil {
				if provider.KindOf(err) != provider.BadAnswer || !strings.Contains(err.Error(), s.want) {
					t.Fatalf("%v; want %s", err, s.want)
				}
				return
			}
			ids := map[string]bool{}
			got := ""
			for _, c := range r.ToolCalls {
				got += " " + c.Name + string(c.Arguments)
				if c.ID == "" || ids[c.ID] {
					t.Errorf("the id %q of %s", c.ID, c.Name)
				}
				ids[c.ID] = true
			}
			if strings.TrimSpace(got) != s.want {
				t.Errorf("got %s, want %s", got, s.want)
			}
		})
	}
}

// TestWholeToolCalls: each call of a list is one of its own.
func TestWholeToolCalls(t *testing.T) {
	for name, c := range map[string]struct{ message, want string }{
		"two":                      {tc(fr("-", "a", "weather", oslo), fr("-", "b", "time", rome)), "a weather" + oslo + " b time" + rome},
		"without ids":              {tc(fr("-", "-", "weather", oslo), fr("-", "", "time", rome)), "call_2 weather" + oslo + " call_3 time" + rome},
		"with one id":              {tc(fr("0", "a", "weather", oslo), fr("0", "a", "weather", rome)), "a weather" + oslo + " call_2 weather" + rome},
		"the same twice":           {tc(fr("-", "-", "now", "{}"), fr("-", "-", "now", "{}")), "call_2 now{} call_3 now{}"},
		"arguments null":           {tc(`{"id":"a","function":{"name":"now","arguments":null}}`), "a now{}"},
		"arguments missing":        {tc(`{"id":"a","function":{"name":"now"}}`), "a now{}"},
		"arguments twice":          {tc(fr("-", "a", "weather", oslo+oslo)), "a weather" + oslo},
		"function_call":            {`"function_call":{"name":"weather","arguments":` + quote(oslo) + `}`, "call_2 weather" + oslo},
		"function_call and calls":  {`"function_call":{"name":"weather","arguments":` + quote(oslo) + `},` + tc(fr("-", "a", "weather", oslo)), "a weather" + oslo},
		"an id of before is taken": {tc(fr("-", "call_2", "now", "{}"), fr("-", "-", "now", "{}")), "call_2 now{} call_3 now{}"},
	} {
		r, err := answerTo(t, true, whole("tool_calls", `{"role":"assistant","content":null,`+c.message+`}`))
		got := ""
		for _, c := range r.ToolCalls {
			got += " " + c.ID + " " + c.Name + string(c.Arguments)
		}
		if err != nil || strings.TrimSpace(got) != c.want {
			t.Errorf("%s: got %s, %v; want %s", name, got, err, c.want)
		}
	}
}

// answerTo is the answer to a conversation that has had a tool call.
func answerTo(t *testing.T, noStream bool, body string) (provider.Response, error) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
	defer srv.Close()
	call := provider.ToolCall{ID: "c", Name: "now", Arguments: []byte("{}")}
	return provider.Collect(newProvider(t, srv.URL).Chat(t.Context(), provider.Request{
		Messages: []provider.Message{provider.User("hi"), {Role: provider.RoleAssistant, ToolCalls: []provider.ToolCall{call}}, provider.ToolResult(call, "noon")},
		Tools:    requestTools(), NoStream: noStream,
	}))
}
