package normalize

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
)

// row is one way in which a server writes an answer. want is what the decoder
// gets, as far as it reads it; a want that begins with ! is in the error.
type row struct{ what, source, in, want string }

func check(t *testing.T, bring func(buf, data []byte) ([]byte, error), rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.what, func(t *testing.T) {
			out, err := bring(nil, []byte(r.in))
			if r.want[0] == '!' {
				var e *Error
				if !errors.As(err, &e) || e.Error() != r.want[1:] {
					t.Fatalf("%s, %v; want the error %q", out, err, r.want[1:])
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got, want any
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%s: %v", out, err)
			}
			if err := json.Unmarshal([]byte(r.want), &want); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s\n got %s\nwant %s", r.source, out, r.want)
			}
			again, err := bring(nil, out)
			if err != nil || string(again) != string(out) {
				t.Errorf("what is in form is changed again: %s, %v", again, err)
			}
		})
	}
}

// delta wraps a delta into an event.
func delta(d string) string { return `{"choices":[{"index":0,"delta":` + d + `}]}` }

func TestChatEvents(t *testing.T) {
	check(t, OpenAIChat.Event, []row{
		{"created with a fraction", "SambaNova; siyuan 14787", `{"created":1716313435.779,"choices":[]}`, `{"created":null,"choices":[]}`},
		{"created with a fraction of nothing", "SambaNova", `{"created":1716313435.0,"choices":[]}`, `{"created":1716313435,"choices":[]}`},
		{"created as text", "new-api 1131", `{"created":"1716313435","choices":[]}`, `{"created":1716313435,"choices":[]}`},
		{"created as a date", "one-hub 206", `{"created":"2024-05-21T17:37:15Z","choices":[]}`, `{"created":null,"choices":[]}`},
		{"created as a list", "made up", `{"created":[1],"choices":[]}`, `{"created":null,"choices":[]}`},
		{"id as number", "one-api", `{"id":7,"choices":[]}`, `{"id":"7","choices":[]}`},
		{"model null, id null", "vLLM behind gateways", `{"id":null,"model":null,"choices":[]}`, `{"id":null,"model":null,"choices":[]}`},
		{"model as an object", "made up", `{"model":{"name":"m"},"choices":[]}`, `{"model":null,"choices":[]}`},
		{"choices null beside usage", "new-api", `{"choices":null,"usage":{"prompt_tokens":5}}`, `{"choices":null,"usage":{"prompt_tokens":5}}`},
		{"choices as one object", "made up", `{"choices":{"index":0,"delta":{"content":"a"}}}`, delta(`{"content":"a"}`)},
		{"choices as an empty object", "PHP gateways", `{"choices":{}}`, `{"choices":[]}`},
		{"index as text", "one-api", `{"choices":[{"index":"0","delta":{}}]}`, delta(`{}`)},
		{"index missing", "Gemini", `{"choices":[{"delta":{"content":"a"}}]}`, `{"choices":[{"delta":{"content":"a"}}]}`},
		{"logprobs as a list", "llama-cpp-python", `{"choices":[{"index":0,"delta":{},"logprobs":[0.5]}]}`, `{"choices":[{"index":0,"delta":{},"logprobs":null}]}`},
		{"logprobs as a number", "made up", `{"choices":[{"index":0,"delta":{},"logprobs":-0.5}]}`, `{"choices":[{"index":0,"delta":{},"logprobs":null}]}`},
		{"logprobs of the older API", "TGI", `{"choices":[{"index":0,"delta":{},"logprobs":{"tokens":["a"],"content":"x"}}]}`, `{"choices":[{"index":0,"delta":{},"logprobs":null}]}`},
		{"filters of Azure", "Azure", `{"choices":[],"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":"safe"}}]}`, `{"choices":[],"prompt_filter_results":null}`},
		{"content null", "OpenAI", delta(`{"content":null}`), delta(`{"content":null}`)},
		{"content a number", "made up", delta(`{"content":42}`), delta(`{"content":"42"}`)},
		{"content in parts", "Mistral; llm-mistral 39", delta(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"An "},{"type":"text","text":"easy one."}]},{"type":"text","text":"Par"},{"type":"text","text":"is."},{"type":"reference","reference_ids":[1]}]}`), delta(`{"content":"Paris.","reasoning_content":"An easy one."}`)},
		{"content of one thinking part", "Mistral; ai 17779", delta(`{"role":"assistant","content":[{"type":"thinking","thinking":"Hm."}]}`), delta(`{"role":"assistant","content":"","reasoning_content":"Hm."}`)},
		{"thinking in both", "LiteLLM over Mistral", delta(`{"reasoning_content":"A","content":[{"type":"thinking","thinking":"B"}]}`), delta(`{"content":"","reasoning_content":"AB"}`)},
		{"content of texts", "made up", delta(`{"content":["Par","is."]}`), delta(`{"content":"Paris."}`)},
		{"content as one part", "LM Studio", delta(`{"content":{"type":"text","text":"Paris."}}`), delta(`{"content":"Paris."}`)},
		{"content as in Assistants", "OpenAI Assistants", delta(`{"content":[{"index":0,"type":"text","text":{"value":"Paris.","annotations":[]}}]}`), delta(`{"content":"Paris."}`)},
		{"output_text", "OpenAI Responses", delta(`{"content":[{"type":"output_text","text":"Paris.","annotations":[]}]}`), delta(`{"content":"Paris."}`)},
		{"refusal part", "OpenAI", delta(`{"content":[{"type":"refusal","refusal":"No."}]}`), delta(`{"content":"","refusal":"No."}`)},
		{"content of no parts", "Mistral", delta(`{"content":[]}`), delta(`{"content":""}`)},
		{"half a letter in parts", "made up", delta(`{"content":[{"type":"text","text":"\ud83d"},{"type":"text","text":"\ude00"}]}`), delta(`{"content":"😀"}`)},
		{"an unknown part", "made up", delta(`{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:"}}]}`), `!choices[0].delta.content[1] in the answer is a part of type "image_url", which is not text`},
		{"an object as content", "made up", delta(`{"content":{"capital":"Paris"}}`), `!choices[0].delta.content in the answer is an object instead of a string`},
		{"reasoning", "OpenRouter, vLLM", delta(`{"reasoning":"Hm."}`), delta(`{"reasoning_content":"Hm."}`)},
		{"reasoning by both names", "LiteLLM", delta(`{"reasoning":"Hm.","reasoning_content":"Hm."}`), delta(`{"reasoning_content":"Hm."}`)},
		{"reasoning by both names, one empty", "vLLM", delta(`{"reasoning":"Hm.","reasoning_content":""}`), delta(`{"reasoning_content":"Hm."}`)},
		{"reasoning, the other null", "vLLM", delta(`{"reasoning":"Hm.","content":null}`), delta(`{"reasoning_content":"Hm.","content":null}`)},
		{"reasoning that is no text", "OpenRouter", delta(`{"reasoning":{"effort":"low"}}`), delta(`{"reasoning":{"effort":"low"}}`)},
		{"arguments as an object", "litellm 37792; llama.cpp 20198", delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":{"city":"Oslo \"x\""}}}]}`), delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"city\":\"Oslo \\\"x\\\"\"}"}}]}`)},
		{"arguments as an empty list", "PHP gateways", delta(`{"tool_calls":[{"function":{"name":"f","arguments":[]}}]}`), delta(`{"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}`)},
		{"arguments null", "adk-go 1254", delta(`{"tool_calls":[{"function":{"name":"f","arguments":null}}]}`), delta(`{"tool_calls":[{"function":{"name":"f","arguments":null}}]}`)},
		{"one call that is not in a list", "made up", delta(`{"tool_calls":{"id":7,"index":"1","type":null,"function":{"name":"f","arguments":"{}"}}}`), delta(`{"tool_calls":[{"id":"7","index":1,"type":null,"function":{"name":"f","arguments":"{}"}}]}`)},
		{"a call without a function around it", "made up", delta(`{"tool_calls":[{"id":"a","name":"f","arguments":{"a":1}}]}`), delta(`{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"a\":1}"}}]}`)},
		{"a call as functions had it", "ERNIE", delta(`{"function_call":{"name":"f","arguments":{}}}`), delta(`{"function_call":{"name":"f","arguments":"{}"}}`)},
		{"no calls, as false or an empty text", "gateways", delta(`{"content":"a","tool_calls":"","function_call":false,"refusal":false}`), delta(`{"content":"a","tool_calls":null,"function_call":null,"refusal":null}`)},
		{"arguments by another name", "Llama", delta(`{"tool_calls":[{"function":{"name":"f","parameters":{"a":1}}}]}`), delta(`{"tool_calls":[{"function":{"arguments":"{\"a\":1}","name":"f"}}]}`)},
		{"no calls", "vLLM", delta(`{"content":"a","tool_calls":null,"function_call":null}`), delta(`{"content":"a","tool_calls":null,"function_call":null}`)},
		{"finish_reason as a number", "made up", `{"choices":[{"delta":{},"finish_reason":2}]}`, `{"choices":[{"delta":{},"finish_reason":"2"}]}`},
		{"finish_reason false", "made up", `{"choices":[{"delta":{},"finish_reason":false}]}`, `{"choices":[{"delta":{},"finish_reason":null}]}`},
		{"finish_reason as an object", "SGLang's native API", `{"choices":[{"delta":{},"finish_reason":{"type":"stop","matched":2}}]}`, `{"choices":[{"delta":{},"finish_reason":"stop"}]}`},
		{"a whole message in a stream", "one-api", `{"choices":[{"index":0,"message":{"content":"a"}}]}`, delta(`{"content":"a"}`)},
		{"the whole message beside the last piece", "new-api", `{"choices":[{"index":0,"delta":{},"message":{"content":"all of it"}}]}`, delta(`{}`)},
		{"counts with fractions", "siyuan 14787", `{"choices":[],"usage":{"prompt_tokens":5.0,"completion_tokens":3.0,"total_tokens":8.0}}`, `{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}}`},
		{"counts as texts", "made up", `{"choices":[],"usage":{"prompt_tokens":"5","completion_tokens":" 3 ","total_tokens":"8.0"}}`, `{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}}`},
		{"counts that are none", "made up", `{"choices":[],"usage":{"prompt_tokens":5.5,"completion_tokens":"many","total_tokens":1e99}}`, `{"choices":[],"usage":{"prompt_tokens":null,"completion_tokens":null,"total_tokens":null}}`},
		{"usage as a list", "PHP gateways", `{"choices":[],"usage":[]}`, `{"choices":[],"usage":{}}`},
		{"usage as a text", "made up", `{"choices":[],"usage":"n/a"}`, `{"choices":[],"usage":null}`},
		{"details null, or of other types", "Perplexity", `{"choices":[],"usage":{"prompt_tokens":5,"prompt_tokens_details":null,"completion_tokens_details":[{"reasoning_tokens":1}]}}`, `{"choices":[],"usage":{"prompt_tokens":5,"prompt_tokens_details":null,"completion_tokens_details":null}}`},
		{"details with fractions", "made up", `{"choices":[],"usage":{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":2.0,"audio_tokens":"x"}}}`, `{"choices":[],"usage":{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":2,"audio_tokens":null}}}`},
		{"counts by Anthropic's names", "gateways over Anthropic", `{"choices":[],"usage":{"input_tokens":5,"output_tokens":3}}`, `{"choices":[],"usage":{"input_tokens":5,"output_tokens":3,"prompt_tokens":5,"completion_tokens":3}}`},
		{"what came from a cache, by Anthropic's name", "gateways over Anthropic", `{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3,"cache_read_input_tokens":4}}`, `{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}}}`},
		{"usage within the choice", "Moonshot", `{"choices":[{"index":0,"delta":{},"usage":{"prompt_tokens":5}}]}`, `{"choices":[{"index":0,"delta":{}}],"usage":{"prompt_tokens":5}}`},
		{"within data", "gateways", `{"code":0,"data":{"choices":[{"index":0,"delta":{"content":"a"}}]}}`, `{"code":0,"choices":[{"index":0,"delta":{"content":"a"}}]}`},
		{"within a list of one", "Gemini", `[{"choices":[]}]`, `{"choices":[]}`},
		{"the text of /completions", "KoboldCpp", `{"choices":[{"index":0,"text":"a"}]}`, `{"choices":[{"index":0,"text":"a","delta":{"content":"a"}}]}`},
		{"names in another case", "the decoder's rule", `{"Choices":[{"Delta":{"CONTENT":7}}]}`, `{"Choices":[{"Delta":{"CONTENT":"7"}}]}`},
		{"names with escapes", "the decoder's rule", `{"choi\u0063es":[{"delta":{"content":7}}]}`, `{"choices":[{"delta":{"content":"7"}}]}`},
		{"two events at once", "made up", `[{"choices":[]},{"choices":[]}]`, `!the answer is a list instead of an object`},
		{"a text", "made up", `"hello"`, `!the answer is a string instead of an object`},
		{"a choice that is a text", "made up", `{"choices":["hello"]}`, `!choices[0] in the answer is a string instead of an object`},
		{"a name that is an object", "made up", delta(`{"tool_calls":[{"function":{"name":{}}}]}`), `!choices[0].delta.tool_calls[0].function.name in the answer is an object instead of a string`},
	})
}

func TestChatDocuments(t *testing.T) {
	check(t, OpenAIChat.Document, []row{
		{"a message", "OpenAI", `{"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]}`, `{"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]}`},
		{"a delta", "gateways", `{"choices":[{"index":0,"delta":{"content":"a"}}]}`, `{"choices":[{"index":0,"message":{"content":"a"}}]}`},
		{"an empty delta beside it", "made up", `{"choices":[{"index":0,"delta":{},"message":{"content":"a"}}]}`, `{"choices":[{"index":0,"message":{"content":"a"}}]}`},
		{"in parts", "Mistral", `{"choices":[{"index":0,"message":{"content":[{"type":"thinking","thinking":"Hm."},{"type":"text","text":"a"}]}}]}`, `{"choices":[{"index":0,"message":{"content":"a","reasoning_content":"Hm."}}]}`},
		{"the text of /completions", "KoboldCpp", `{"choices":[{"index":0,"text":"a"}]}`, `{"choices":[{"index":0,"text":"a","message":{"content":"a"}}]}`},
		{"names and tiers", "made up", `{"service_tier":{},"choices":[{"index":0,"message":{"name":7,"tool_call_id":[],"MultiContent":7}}]}`, `{"service_tier":null,"choices":[{"index":0,"message":{"name":null,"tool_call_id":null,"MultiContent":null}}]}`},
	})
	check(t, OpenAIChat.DocumentInEvent, []row{
		{"a message", "OpenAI", `{"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}`, `{"choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}`},
		{"an empty delta beside it", "made up", `{"choices":[{"index":0,"delta":{},"message":{"content":"a"}}]}`, delta(`{"content":"a"}`)},
		{"in parts", "Mistral", `{"choices":[{"index":0,"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]},{"type":"text","text":"a"}]}}]}`, delta(`{"content":"a","reasoning_content":"Hm."}`)},
		{"within output", "DashScope", `{"output":{"choices":[{"index":0,"message":{"content":"a"}}]},"usage":{"input_tokens":3,"output_tokens":1}}`, `{"choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"input_tokens":3,"output_tokens":1,"prompt_tokens":3,"completion_tokens":1}}`},
	})
}

func TestEmbeddings(t *testing.T) {
	one := `{"data":[{"embedding":[0.5,-1]}]}`
	check(t, OpenAIEmbeddings.Document, []row{
		{"as text in base64", "OpenAI", `{"data":[{"embedding":"AAAAPwAAgL8="}]}`, one},
		{"within a list", "llama.cpp", `{"data":[{"embedding":[[0.5,-1]]}]}`, one},
		{"within an object", "Gemini", `{"data":[{"embedding":{"values":[0.5,-1]}}]}`, one},
		{"a list of objects", "llama.cpp's /embeddings", `[{"embedding":[[0.5,-1]]}]`, one},
		{"a list of vectors", "TEI's /embed", `[[0.5,-1]]`, one},
		{"embeddings", "Cohere, Ollama", `{"embeddings":[[0.5,-1]]}`, one},
		{"one embedding", "Ollama's /api/embeddings", `{"embedding":[0.5,-1]}`, one},
		{"numbers as texts", "made up", `{"data":[{"embedding":["0.5","-1"]}]}`, one},
		{"index as text, usage with fractions", "made up", `{"data":[{"index":"0","embedding":[1]}],"usage":{"prompt_tokens":1.0}}`, `{"data":[{"index":0,"embedding":[1]}],"usage":{"prompt_tokens":1}}`},
		{"a vector for each token", "llama.cpp, pooling none", `{"data":[{"embedding":[[1],[2]]}]}`, `!data[0].embedding in the answer is 2 vectors instead of one`},
		{"null for a number", "NaN of other languages", `{"data":[{"embedding":[1,null]}]}`, `!data[0].embedding[1] in the answer is null`},
		{"a number that no vector holds", "made up", `{"data":[{"embedding":[1,1e300]}]}`, `!data[0].embedding[1] in the answer is the number 1e300 instead of a number within range`},
		{"a text that is no base64", "made up", `{"data":[{"embedding":"hello"}]}`, `!data[0].embedding in the answer is a string that is not a base64 vector`},
	})
}

func TestModels(t *testing.T) {
	one := `{"data":[{"id":"m"}]}`
	check(t, OpenAIModels.Document, []row{
		{"a list", "Together; odysseus 2202", `[{"id":"m"}]`, one},
		{"names", "made up", `["m"]`, one},
		{"models", "llama.cpp, Ollama", `{"models":[{"name":"m"}]}`, `{"data":[{"id":"m"}]}`},
		{"data of names", "helix 386", `{"data":["m"]}`, one},
		{"created as text", "one-api 128", `{"data":[{"id":"m","created":"2026-01-01T00:00:00Z","object":7}]}`, `{"data":[{"id":"m","created":1767225600,"object":null}]}`},
		{"created with a fraction", "SambaNova", `{"data":[{"id":"m","created":1767225600.5}]}`, `{"data":[{"id":"m","created":1767225600}]}`},
		{"created in milliseconds, as text", "made up", `{"data":[{"id":"m","created":"1767225600000"}]}`, `{"data":[{"id":"m","created":1767225600}]}`},
		{"created that says nothing", "made up", `{"data":[{"id":"m","created":"soon"}]}`, `{"data":[{"id":"m","created":null}]}`},
		{"permission as an object", "Fabric 1602", `{"data":[{"id":"m","permission":{"id":"p"},"root":7,"parent":[]}]}`, `{"data":[{"id":"m","permission":null,"root":null,"parent":null}]}`},
		{"id as a number", "made up", `{"data":[{"id":7}]}`, `{"data":[{"id":"7"}]}`},
		{"one model that is not in a list", "made up", `{"data":{"id":"m"}}`, one},
		{"no name", "made up", `{"data":[{"id":"m"},{}]}`, `!data[1] in the answer is a model without an id`},
		{"a number", "made up", `{"data":[7]}`, `!data[0] in the answer is the number 7 instead of an object`},
	})
}

func TestOllama(t *testing.T) {
	check(t, OllamaChat.Event, []row{
		{"arguments as text", "openclaw 57455", `{"message":{"tool_calls":[{"function":{"name":"f","arguments":"{\"city\":\"Oslo\"}"}}]}}`, `{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"city":"Oslo"}}}]}}`},
		{"arguments quoted twice", "made up", `{"message":{"tool_calls":[{"function":{"name":"f","arguments":"\"{\\\"a\\\":1}\""}}]}}`, `{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]}}`},
		{"arguments of nothing", "made up", `{"message":{"tool_calls":[{"function":{"name":"f","arguments":""}},{"function":{"name":"f","arguments":[]}}]}}`, `{"message":{"tool_calls":[{"function":{"name":"f","arguments":{}}},{"function":{"name":"f","arguments":{}}}]}}`},
		{"arguments that are no object", "made up", `{"message":{"tool_calls":[{"function":{"name":"f","arguments":"Oslo"}}]}}`, `!message.tool_calls[0].function.arguments in the answer is a string that is not a JSON object`},
		{"arguments that are a list", "made up", `{"message":{"tool_calls":[{"function":{"name":"f","arguments":[1]}}]}}`, `!message.tool_calls[0].function.arguments in the answer is a list instead of an object`},
		{"arguments beyond all numbers", "made up", `{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"a":1e999}}}]}}`, `!message.tool_calls[0].function.arguments in the answer has a number that is out of range`},
		{"created_at without a zone", "Ollama's imitators", `{"created_at":"2026-01-01T00:00:00.5","done":false}`, `{"created_at":"2026-01-01T00:00:00.5Z","done":false}`},
		{"created_at as a number", "Ollama's imitators", `{"created_at":1767225600,"done":false}`, `{"created_at":"2026-01-01T00:00:00Z","done":false}`},
		{"created_at that says nothing", "made up", `{"created_at":{},"done":false}`, `{"created_at":null,"done":false}`},
		{"counts with fractions", "made up", `{"done":true,"prompt_eval_count":5.0,"eval_count":"3","total_duration":1.5e9,"load_duration":0.5}`, `{"done":true,"prompt_eval_count":5,"eval_count":3,"total_duration":1500000000,"load_duration":null}`},
		{"done as text", "made up", `{"done":"True"}`, `{"done":true}`},
		{"done as a number", "made up", `{"done":1}`, `!done in the answer is the number 1 instead of true or false`},
		{"logprobs", "Ollama", `{"logprobs":[{"token":7}],"_debug_info":"x","done":false}`, `{"logprobs":null,"_debug_info":null,"done":false}`},
		{"content in parts", "made up", `{"message":{"content":[{"type":"thinking","thinking":"Hm."},{"type":"text","text":"a"}]}}`, `{"message":{"content":"a","thinking":"Hm."}}`},
		{"a call id as a number", "made up", `{"message":{"content":"","images":7,"tool_calls":[{"id":7,"function":{"index":"0","name":"f","arguments":{}}}]}}`, `{"message":{"content":"","images":null,"tool_calls":[{"id":"7","function":{"index":0,"name":"f","arguments":{}}}]}}`},
	})
	check(t, OllamaEmbeddings.Document, []row{
		{"one vector", "Ollama's /api/embeddings", `{"embedding":[1,2]}`, `{"embeddings":[[1,2]]}`},
		{"count as text", "made up", `{"embeddings":[[1]],"prompt_eval_count":"5"}`, `{"embeddings":[[1]],"prompt_eval_count":5}`},
		{"null for a number", "NaN of other languages", `{"embeddings":[[null]]}`, `!embeddings[0][0] in the answer is null`},
	})
	check(t, OllamaTags.Document, []row{
		{"a list", "made up", `[{"name":"m"}]`, `{"models":[{"name":"m"}]}`},
		{"other types", "Ollama's imitators", `{"models":[{"name":"m","size":1.0,"modified_at":"yesterday","digest":7,"details":{"families":"llama","parameter_size":7,"family":null}}]}`, `{"models":[{"name":"m","size":1,"modified_at":null,"digest":"7","details":{"families":null,"parameter_size":"7","family":null}}]}`},
	})
	check(t, OllamaShow.Document, []row{
		{"other types", "Ollama's imitators", `{"license":["MIT","BSD"],"messages":"x","projector_info":[],"details":[],"model_info":null,"capabilities":"x","tensors":[{"name":"t","shape":[1.0,2]}]}`, `{"license":"MIT\nBSD","messages":null,"projector_info":null,"details":{},"model_info":null,"capabilities":null,"tensors":[{"name":"t","shape":[1,2]}]}`},
	})
}

// What is in form is passed on as it is, without a copy.
func TestInFormIsNotCopied(t *testing.T) {
	for what, c := range map[string]struct {
		bring func(buf, data []byte) ([]byte, error)
		in    string
	}{
		"chat":       {OpenAIChat.Event, `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":"Par\"is","tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"logprobs":null,"finish_reason":null}],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8,"prompt_tokens_details":{"cached_tokens":0}},"x":{"y":[1,"]"]}}`},
		"whole":      {OpenAIChat.Document, `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Paris","refusal":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8},"service_tier":"default"}`},
		"ollama":     {OllamaChat.Event, `{"model":"m","created_at":"2026-01-01T00:00:00.5Z","message":{"role":"assistant","content":"Hi","tool_calls":[{"function":{"name":"f","arguments":{"a":[1,2.5]}}}]},"done":true,"done_reason":"stop","total_duration":5,"prompt_eval_count":5,"eval_count":1}`},
		"embeddings": {OpenAIEmbeddings.Document, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.0123,-1.5e-3,4]}],"model":"e","usage":{"prompt_tokens":1,"total_tokens":1}}`},
	} {
		data := []byte(c.in)
		out, err := c.bring(nil, data)
		if err != nil || &out[0] != &data[0] {
			t.Errorf("%s: %s, %v", what, out, err)
		}
		if n := testing.AllocsPerRun(10, func() { _, _ = c.bring(nil, data) }); n > 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}

func BenchmarkChatEvent(b *testing.B) {
	data := []byte(`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":" Paris"},"logprobs":null,"finish_reason":null}]}`)
	for b.Loop() {
		if _, err := OpenAIChat.Event(nil, data); err != nil {
			b.Fatal(err)
		}
	}
}
