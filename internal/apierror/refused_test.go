package apierror_test

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/apierror"
)

func TestRefusalsOfAMember(t *testing.T) {
	pydantic := `{"detail":[{"type":"extra_forbidden","loc":["body","stream_options","include_usage"],"msg":"Extra inputs are not permitted","input":true}]}`
	for by, tc := range map[string]struct {
		status  int
		body    string
		member  string
		refused bool
	}{
		"Mistral (openai/openai-agents-python#442)": {422, `{"object":"error","message":` + pydantic + `,"type":"invalid_request_error","param":null,"code":null}`, "stream_options", true},
		"FastAPI":                                      {422, pydantic, "stream_options", true},
		"pydantic 1":                                   {422, `{"detail":[{"loc":["body","stream_options"],"msg":"extra fields not permitted","type":"value_error.extra"}]}`, "stream_options", true},
		"vLLM (modelscope/ms-agent#489)":               {400, oldVLLM(`[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'Extra inputs are not permitted', 'input': {}}]`, 400), "stream_options", true},
		"vLLM (1Panel-dev/MaxKB#2912)":                 {400, oldVLLM(`[{'type': 'extra_forbidden', 'loc': ('body', 'max_completion_tokens'), 'msg': 'Extra inputs are not permitted', 'input': 800}]`, 400), "max_completion_tokens", true},
		"Fireworks (FlowiseAI/Flowise#2866)":           {400, plainText("Extra inputs are not permitted, field: 'stream_options'"), "stream_options", true},
		"Databricks (microsoft/semantic-kernel#10510)": {400, openAI("Validation error at #/stream_options: Extra inputs are not permitted", "", ""), "stream_options", true},
		"NVIDIA (NVIDIA/garak#748)":                    {422, `{"type":"urn:inference-service:problem-details:unprocessable-entity","title":"Unprocessable Entity","status":422,"detail":"body -> stream_options\n  Extra inputs are not permitted (type=extra_forbidden)"}`, "stream_options", true},
		"Copilot (anomalyco/opencode#23193)":           {400, openAI("tools.0.custom.eager_input_streaming: Extra inputs are not permitted", "", ""), "eager_input_streaming", true},
		"Azure AI (CherryHQ/cherry-studio#9214)":       {400, `{"detail":"Extra parameters ['stream_options'] are not allowed when extra-parameters is not set or set to be 'error'."}`, "stream_options", true},
		"Azure (pydantic/pydantic-ai#169)":             {400, openAI("Unrecognized request argument supplied: stream_options", "invalid_request_error", ""), "stream_options", true},
		"Azure, 404 (MicrosoftDocs/azure-docs#118069)": {404, openAI("Unrecognized request argument supplied: stream_options", "invalid_request_error", ""), "stream_options", true},
		"OpenAI, two":                                  {400, openAI("Unrecognized request arguments supplied: stream_options, store", "invalid_request_error", ""), "stream_options", true},
		"OpenAI":                                       {400, `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}`, "max_tokens", true},
		"OpenAI, unknown":                              {400, `{"error":{"message":"Unknown parameter: 'stream_options'.","type":"invalid_request_error","param":"stream_options","code":"unknown_parameter"}}`, "stream_options", true},
		"OpenAI, a param alone":                        {400, `{"error":{"message":"No.","param":"stream_options","code":"unsupported_parameter"}}`, "stream_options", true},
		"Gemini":                                       {400, google(400, `Invalid JSON payload received. Unknown name "stream_options": Cannot find field.`, "INVALID_ARGUMENT", ""), "stream_options", true},
		"Groq":                                         {400, openAI("property 'stream_options' is unsupported, did you mean 'stream'?", "invalid_request_error", ""), "stream_options", true},
		"Groq, in a message (janhq/jan#8136)":          {400, openAI("'messages.1' : for 'role:assistant' the following must be satisfied[('messages.1' : property 'reasoning_content' is unsupported)]", "invalid_request_error", ""), "reasoning_content", true},
		"Go":                                           {400, plainText(`json: unknown field "stream_options"`), "stream_options", true},
		"Rust":                                         {422, "Failed to deserialize the JSON body into the target type: unknown field `stream_options`, expected one of `model`, `messages`, `stream` at line 1 column 80", "stream_options", true},
		"Python":                                       {500, `{"detail":"create() got an unexpected keyword argument 'stream_options'"}`, "stream_options", true},
		"Java":                                         {400, `{"message":"Unrecognized field \"stream_options\" (class X), not marked as ignorable"}`, "stream_options", true},
		"a JSON Schema validator":                      {400, `{"message":"Additional properties are not allowed ('stream_options' was unexpected)"}`, "stream_options", true},
		"LiteLLM":                                      {400, openAI("litellm.UnsupportedParamsError: acme does not support parameters: ['stream_options'], for model=m. To drop these, set litellm.drop_params=True", "None", "400"), "stream_options", true},
		"a gateway":                                    {400, openAI("stream_options is not supported by this model", "", ""), "stream_options", true},
		"a gateway, invalid":                           {400, plainText("Invalid parameter: 'stream_options'"), "stream_options", true},
		"a gateway, by 501":                            {501, plainText("The parameter stream_options is not implemented and not supported."), "stream_options", true},
		"OpenRouter, a provider's":                     {400, `{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"detail\":[{\"type\":\"extra_forbidden\",\"loc\":[\"body\",\"stream_options\"],\"msg\":\"Extra inputs are not permitted\"}]}"}}}`, "stream_options", true},
		"DeepSeek":                                     {400, openAI("This response_format type is unavailable now", "invalid_request_error", ""), "response_format", true},
		"DeepSeek, newer":                              {422, plainText("Failed to deserialize the JSON body into the target type: response_format: response_format.type `json_schema` is unavailable now at line 1 column 1193"), "response_format", true},
		"Groq, json_schema":                            {400, openAI("This model does not support response format `json_schema`.", "invalid_request_error", ""), "json_schema", true},
		"LM Studio":                                    {400, plainText("'response_format.type' must be 'json_schema' or 'text'"), "response_format", true},
		"a proxy, twice wrapped (CommandCodeAI/command-code#685)": {400, `{"error":{"message":"{\"error\":{\"message\":\"Invalid input: not supported\",\"type\":\"invalid_request_error\",\"param\":\"response_format\",\"code\":\"invalid_request_error\"}}","type":"invalid_request_error"}}`, "response_format", true},
		"OpenAI, a schema": {400, openAI("Invalid schema for response_format 'answer': In context=(), 'required' is required.", "invalid_request_error", ""), "response_format", true},

		"another member":             {422, pydantic, "seed", false},
		"a member that begins alike": {400, plainText("Unknown parameter: 'stream_options_v2'"), "stream_options", false},
		"the longer of two names":    {400, plainText("Unsupported parameter: 'max_completion_tokens'"), "max_tokens", false},
		"what is taken instead":      {400, plainText("Unknown parameter: 'top_k'. Supported parameters: model, messages, stream_options"), "stream_options", false},
		"what is meant":              {400, plainText("property 'stream_opts' is unsupported, did you mean 'stream_options'?"), "stream_options", false},
		"the other name":             {400, plainText("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."), "max_completion_tokens", false},
		"a value":                    {400, openAI("max_tokens is too large: 100000. This model supports at most 4096 completion tokens.", "invalid_request_error", "invalid_value"), "max_tokens", false},
		"an invalid value":           {400, plainText("Invalid parameter: max_tokens must be at most 4096"), "max_tokens", false},
		"a type":                     {422, `{"detail":[{"type":"int_type","loc":["body","max_tokens"],"msg":"Input should be a valid integer"}]}`, "max_tokens", false},
		"a member that is wanted":    {400, openAI("The `reasoning_content` in the thinking mode must be passed back to the API.", "invalid_request_error", ""), "reasoning_content", false},
		"a missing member":           {422, `{"detail":[{"type":"missing","loc":["body","messages"],"msg":"Field required"}]}`, "messages", false},
		"a refused key":              {401, openAI("stream_options is not supported", "", ""), "stream_options", false},
		"an overload":                {503, openAI("stream_options is not supported", "", ""), "stream_options", false},
		"a rate limit":               {429, openAI("stream_options is not supported", "", ""), "stream_options", false},
		"nothing":                    {400, ``, "stream_options", false},
		"a page":                     {400, "<html><title>x</title>stream_options is not supported</html>", "stream_options", false},
	} {
		t.Run(by, func(t *testing.T) {
			e := apierror.Parse([]byte(tc.body))
			if got := e.Refuses(tc.status, tc.member); got != tc.refused {
				t.Errorf("%d %s refuses %s: %v", tc.status, strings.TrimSpace(e.Sentence(tc.status)), tc.member, got)
			}
		})
	}
}
