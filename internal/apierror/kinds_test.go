package apierror_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/tandem-llm/tandem/internal/apierror"
	"github.com/tandem-llm/tandem/provider"
)

// said is an error as a server sends it: who, with what status and body.
type said struct {
	by     string // the server and, where one is known, a public report of it
	status int
	body   string
}

// openAI is OpenAI's shape of an error.
func openAI(message, typ, code string) string {
	return fmt.Sprintf(`{"error":{"message":%s,"type":%s,"param":null,"code":%s}}`, strconv.Quote(message), strconv.Quote(typ), strconv.Quote(code))
}

// oldVLLM is that of vLLM to 0.9, FastChat and SGLang.
func oldVLLM(message string, code int) string {
	return fmt.Sprintf(`{"object":"error","message":%s,"type":"BadRequestError","param":null,"code":%d}`, strconv.Quote(message), code)
}

// google is Gemini's, which comes in a list.
func google(code int, message, status, details string) string {
	return fmt.Sprintf(`[{"error":{"code":%d,"message":%s,"status":%q,"details":[%s]}}]`, code, strconv.Quote(message), status, details)
}

// plainText is an error of one text.
func plainText(text string) string { return fmt.Sprintf(`{"error":%s}`, strconv.Quote(text)) }

// servers is what servers say, by what it means.
var servers = map[provider.Kind][]said{
	provider.ContextOverflow: {
		{"OpenAI", 400, openAI("This model's maximum context length is 8192 tokens. However, your messages resulted in 8545 tokens. Please reduce the length of the messages.", "invalid_request_error", "context_length_exceeded")},
		{"OpenAI, newer models", 400, openAI("Your input exceeds the context window of this model. Please adjust your input and try again.", "invalid_request_error", "")},
		{"OpenAI, one message", 400, `{"error":{"message":"Invalid 'messages[0].content': string too long. Expected a string with maximum length 10485760, but got a string with length 11000000 instead.","type":"invalid_request_error","param":"messages[0].content","code":"string_above_max_length"}}`},
		{"OpenAI, a prompt over the minute's tokens", 429, openAI("Request too large for gpt-4o in organization org-1 on tokens per min (TPM): Limit 30000, Requested 52000. The input or output tokens must be reduced in order to run successfully.", "tokens", "rate_limit_exceeded")},
		{"Azure (BerriAI/litellm#15968)", 400, openAI("Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 509178 tokens. Please reduce the length of the messages.", "invalid_request_error", "")},
		{"Gemini", 400, google(400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", "INVALID_ARGUMENT", "")},
		{"Gemini, newer", 400, google(400, "The input token count exceeds the maximum number of tokens allowed 1048576.", "INVALID_ARGUMENT", "")},
		{"Vertex", 400, google(400, "Unable to submit request because the input token count is 40000 but model only supports up to 32768. Reduce the input token count and try again.", "INVALID_ARGUMENT", "")},
		{"Mistral (BerriAI/litellm#17751)", 400, `{"object":"error","message":"Prompt contains 65673 tokens, too large for model with 32768 maximum context length","type":"invalid_request_error","param":null,"code":"3051"}`},
		{"Mistral, with drafts", 400, `{"object":"error","message":"Prompt contains 65673 tokens and 0 draft tokens, too large for model with 32768 maximum context length","type":"invalid_request_prompt","param":null,"code":"3051","raw_status_code":400}`},
		{"Anthropic", 400, openAI("prompt is too long: 209303 tokens > 200000 maximum", "invalid_request_error", "")},
		{"Anthropic, with max_tokens", 400, openAI("input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens` and try again", "invalid_request_error", "")},
		{"Anthropic, 413", 413, `{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}`},
		{"vLLM to 0.7", 400, oldVLLM("This model's maximum context length is 4096 tokens. However, you requested 6010 tokens (5910 in the messages, 100 in the completion). Please reduce the length of the messages or completion.", 400)},
		{"vLLM 0.8", 400, openAI("The decoder prompt (length 5000) is longer than the maximum model length of 4096. Make sure that `max_model_len` is no smaller than the number of text tokens.", "BadRequestError", "400")},
		{"vLLM, total length", 400, openAI("The prompt (total length 5000) is too long to fit into the model (context length 4096). Make sure that `max_model_len` is no smaller than the number of text tokens plus multimodal tokens.", "BadRequestError", "400")},
		{"vLLM 0.12", 400, openAI("You passed 5001 input tokens and requested 0 output tokens. However, the model's context length is only 4096 tokens, resulting in a maximum input length of 4096 tokens. Please reduce the length of the input prompt.", "BadRequestError", "400")},
		{"vLLM, max_tokens beside a long prompt", 400, openAI("'max_tokens' or 'max_completion_tokens' is too large: 4000. This model's maximum context length is 4096 tokens and your request has 300 input tokens (4000 > 4096 - 300).", "BadRequestError", "400")},
		{"SGLang", 400, oldVLLM("The input (6010 tokens) is longer than the model's context length (4096 tokens).", 400)},
		{"SGLang, with max_tokens", 400, oldVLLM("Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of 6110 tokens: 6010 tokens from the input messages and 100 tokens for the completion.", 400)},
		{"SGLang, allowed length", 400, oldVLLM("Input length (6010 tokens) exceeds the maximum allowed length (4090 tokens). Use a shorter input or enable --allow-auto-truncate.", 400)},
		{"LM Studio 0.3", 400, plainText("Trying to keep the first 6010 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough. Try to load the model with a larger context length, or provide a shorter input")},
		{"LM Studio, newer", 400, plainText("The number of tokens to keep from the initial prompt is greater than the context length. Try to load the model with a larger context length, or provide a shorter input")},
		{"LM Studio, newest", 400, plainText("The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 6010>= n_ctx: 4096). Try to load the model with a larger context length, or provide a shorter input")},
		{"llama.cpp", 400, `{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":6010,"n_ctx":4096}}`},
		{"llama.cpp, with numbers", 400, `{"error":{"code":400,"message":"request (6010 tokens) exceeds the available context size (512 tokens), try increasing it","type":"invalid_request_error"}}`},
		{"llama.cpp, as it answers", 500, `{"error":{"code":500,"message":"Context size has been exceeded.","type":"server_error"}}`},
		{"llama.cpp, of a text to embed", 500, `{"error":{"code":500,"message":"input (6001 tokens) is too large to process. increase the physical batch size (current batch size: 512)","type":"server_error"}}`},
		{"llama.cpp, of a text to embed, older", 500, `{"error":{"code":500,"message":"input is too large to process. increase the physical batch size","type":"server_error"}}`},
		{"llama-cpp-python", 400, `{"error":{"message":"Requested tokens (6010) exceed context window of 4096","type":"invalid_request_error","param":"messages","code":null}}`},
		{"llama-cpp-python, older", 400, openAI("This model's maximum context length is 2048 tokens, however you requested 3000 tokens (2900 in your prompt; 100 for the completion). Please reduce your prompt; or completion length.", "invalid_request_error", "context_length_exceeded")},
		{"xAI", 400, `{"code":"Client specified an invalid argument","error":"This model's maximum prompt length is 131072 but the request contains 537812 tokens."}`},
		{"TGI", 422, `{"error":"Input validation error: ` + "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 6000 `inputs` tokens and 100 `max_new_tokens`" + `","error_type":"validation"}`},
		{"TGI, input alone", 422, `{"error":"Input validation error: ` + "`inputs` must have less than 1024 tokens. Given: 1500" + `","error_type":"validation"}`},
		{"TEI", 413, `{"error":"Input validation error: ` + "`inputs` must have less than 512 tokens. Given: 600" + `","error_type":"Validation"}`},
		{"Groq", 400, openAI("Please reduce the length of the messages or completion.", "invalid_request_error", "context_length_exceeded")},
		{"Groq, over the minute's tokens", 413, openAI("Request too large for model `llama-3.1-8b-instant` in organization `org_1` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested 8028, please reduce your message size and try again.", "tokens", "rate_limit_exceeded")},
		{"Cerebras", 400, `{"message":"Please reduce the length of the messages or completion. Current length is 8500 while limit is 8192","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}`},
		{"DeepSeek", 400, openAI("This model's maximum context length is 65536 tokens. However, you requested 70000 tokens (66000 in the messages, 4000 in the completion). Please reduce the length of the messages or completion.", "invalid_request_error", "invalid_request_error")},
		{"Together", 422, openAI("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens and 512 `max_new_tokens`", "invalid_request_error", "")},
		{"Hugging Face, without ticks", 422, plainText("Input validation error: inputs tokens + max_new_tokens must be <= 8192. Given: 9000 inputs tokens and 20 max_new_tokens")},
		{"Fireworks", 400, openAI("The prompt is too long: 32769, model maximum context length: 32768", "invalid_request_error", "")},
		{"Cohere", 400, `{"id":"1","message":"too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000. Try using a shorter prompt."}`},
		{"Cohere, v2", 400, `{"message":"too many tokens: size limit exceeded by 11326 tokens. Try using shorter or fewer inputs. The limit for this model is 128000 tokens."}`},
		{"Bedrock", 400, `{"message":"Input is too long for requested model."}`},
		{"Bedrock, Titan", 400, `{"__type":"ValidationException","message":"Malformed input request: expected maxLength: 50000, actual: 52611, please reformat your input and try again."}`},
		{"Bedrock, Mistral", 400, `{"Message":"Too many input tokens. Max input tokens: 8192, request input token count: 9279 "}`},
		{"OpenRouter", 400, `{"error":{"message":"This endpoint's maximum context length is 131072 tokens. However, you requested about 200000 tokens (199000 of text input, 1000 in the output). Please reduce the length of either one, or use the \"middle-out\" transform to compress your prompt automatically.","code":400,"metadata":{"provider_name":null}}}`},
		{"OpenRouter, a provider's", 400, `{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"error\":{\"message\":\"prompt is too long: 209303 tokens > 200000 maximum\",\"type\":\"invalid_request_error\"}}","provider_name":"Anthropic"}}}`},
		{"Moonshot", 400, openAI("Invalid request: Your request exceeded model token limit: 8192", "invalid_request_error", "")},
		{"DashScope", 400, openAI("<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]", "invalid_request_error", "invalid_parameter_error")},
		{"MiniMax", 400, openAI("invalid params, context window exceeds limit (2013)", "bad_request_error", "")},
		{"Zhipu", 400, `{"error":{"code":"1261","message":"Prompt exceeds max length"}}`},
		{"Cloudflare", 413, `{"errors":[{"message":"AiError: The estimated number of input and maximum output tokens (9000) exceeded this model context window limit (8192).","code":5021}],"success":false,"result":{},"messages":[]}`},
		{"GitHub Models", 413, `{"error":{"code":"tokens_limit_reached","message":"Request body too large for gpt-4o model. Max size: 8000 tokens.","details":"Request body too large for gpt-4o model. Max size: 8000 tokens."}}`},
		{"GitHub Copilot", 400, openAI("prompt token count of 150000 exceeds the limit of 128000", "", "model_max_prompt_tokens_exceeded")},
		{"TabbyAPI", 400, `{"detail":"Prompt length 9000 is greater than max_seq_len 8192"}`},
		{"Ollama, /api and /v1", 400, openAI("the input length exceeds the context length", "invalid_request_error", "")},
		{"Ollama 0.33, llama.cpp's own words inside", 400, plainText(`{"error":{"code":400,"message":"request (6010 tokens) exceeds the available context size (512 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":6010,"n_ctx":512}}`)},
		{"Ollama's cloud", 400, plainText("prompt too long; exceeded max context length by 1213 tokens")},
		{"LiteLLM (BerriAI/litellm#10793)", 400, openAI(`litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: OpenAIException - {"error":{"message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","code":400}}`, "", "400")},
		{"any, 413 without a word", 413, ``},
		{"nginx, 413", 413, `<html><head><title>413 Request Entity Too Large</title></head></html>`},
	},
	provider.ModelNotFound: {
		{"OpenAI", 404, openAI("The model `gpt-9` does not exist or you do not have access to it.", "invalid_request_error", "model_not_found")},
		{"OpenAI, 400", 400, openAI("invalid model ID", "invalid_request_error", "")},
		{"OpenAI, retired", 404, openAI("The model `text-davinci-003` has been deprecated, learn more here: https://platform.openai.com/docs/deprecations", "invalid_request_error", "model_not_found")},
		{"Azure", 404, `{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again."}}`},
		{"GitHub Models", 400, `{"error":{"code":"unknown_model","message":"Unknown model: gpt-9","details":"Unknown model: gpt-9"}}`},
		{"Gemini", 404, google(404, "models/gemini-9 is not found for API version v1main, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods.", "NOT_FOUND", "")},
		{"Mistral", 400, `{"object":"error","message":"Invalid model: mistral-9","type":"invalid_model","param":null,"code":"1500"}`},
		{"Anthropic", 404, `{"type":"error","error":{"type":"not_found_error","message":"model: claude-9"}}`},
		{"vLLM, old", 404, `{"object":"error","message":"The model ` + "`x`" + ` does not exist.","type":"NotFoundError","param":null,"code":404}`},
		{"vLLM, new", 404, `{"error":{"message":"The model ` + "`x`" + ` does not exist.","type":"NotFoundError","param":"model","code":404}}`},
		{"DeepSeek", 400, openAI("Model Not Exist", "invalid_request_error", "invalid_request_error")},
		{"Groq", 404, openAI("The model `x` does not exist or you do not have access to it.", "invalid_request_error", "model_not_found")},
		{"Groq, retired", 400, openAI("The model `mixtral-8x7b-32768` has been decommissioned and is no longer supported. Please refer to https://console.groq.com/docs/deprecations", "invalid_request_error", "model_decommissioned")},
		{"xAI", 404, `{"code":"Some requested entity was not found","error":"The model grok-9 does not exist or your team t does not have access to it."}`},
		{"xAI, 400", 400, `{"code":"Client specified an invalid argument","error":"Model not found: grok-9"}`},
		{"Together", 404, openAI("Unable to access model meta/x. Please visit https://api.together.ai/models to view the list of supported models.", "invalid_request_error", "model_not_available")},
		{"Fireworks", 404, openAI("Model not found, inaccessible, and/or not deployed", "NOT_FOUND", "NOT_FOUND")},
		{"OpenRouter", 400, `{"error":{"message":"gpt-9 is not a valid model ID","code":400}}`},
		{"OpenRouter, no provider", 404, `{"error":{"message":"No endpoints found for acme/x.","code":404}}`},
		{"LM Studio", 404, openAI("No models loaded. Please load a model in the developer page or use the `lms load` command.", "invalid_request_error", "model_not_found")},
		{"LM Studio, by name", 400, plainText(`Model "x" not found. Please specify a valid model.`)},
		{"LiteLLM, seen on a proxy", 400, `{"error":{"message":"/chat/completions: Invalid model name passed in model=x. Call ` + "`/v1/models`" + ` to view available models for your key.","type":"invalid_request_error","param":"model","code":"400"}}`},
		{"LiteLLM, in Python's words (BerriAI/litellm#3142)", 400, openAI(`400: {'error': 'Invalid model name passed in model=x'}`, "None", "400")},
		{"LiteLLM, as detail", 400, `{"detail":{"error":"/chat/completions: Invalid model name passed in model=x"}}`},
		{"Cohere", 404, `{"message":"model 'x' not found, make sure the correct model ID was used and that you have access to the model."}`},
		{"Bedrock", 400, `{"message":"The provided model identifier is invalid."}`},
		{"Cloudflare", 404, `{"errors":[{"message":"No such model @cf/x or task","code":5007}],"success":false}`},
		{"Hugging Face", 400, openAI("The requested model 'x' does not exist", "invalid_request_error", "model_not_found")},
		{"Hugging Face, no provider", 400, openAI("The requested model 'x' is not supported by any provider you have enabled.", "invalid_request_error", "model_not_supported")},
		{"Perplexity", 400, openAI("Invalid model 'x'. Permitted models can be found in the documentation at https://docs.perplexity.ai.", "invalid_model", "400")},
		{"Cerebras", 404, `{"message":"Model x does not exist or you do not have access to it.","type":"not_found_error","param":"model","code":"model_not_found"}`},
		{"Moonshot", 404, openAI("Not found the model x or Permission denied", "resource_not_found_error", "")},
		{"Zhipu", 400, `{"error":{"code":"1211","message":"模型不存在，请检查模型代码。"}}`},
		{"new-api", 503, openAI("当前分组 default 下模型 x 无可用渠道", "new_api_error", "model_not_found")},
		{"Ollama, /v1", 404, openAI("model 'x' not found", "not_found_error", "")},
		{"Ollama, older", 404, openAI(`model "x" not found, try pulling it first`, "api_error", "")},
		{"GitHub Copilot", 400, openAI("The requested model is not supported.", "invalid_request_error", "model_not_supported")},
		{"FastAPI", 404, `{"detail":"Model x not found"}`},
	},
	provider.Denied: {
		{"Gemini (FuzzAnything/PromptFuzz#42)", 400, google(400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT", `{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}`)},
		{"Gemini, in words only", 400, google(400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT", "")},
		{"Gemini, expired", 400, google(400, "API key expired. Please renew the API key.", "INVALID_ARGUMENT", "")},
		{"Gemini, leaked", 403, google(403, "Your API key was reported as leaked. Please use another API key.", "PERMISSION_DENIED", "")},
		{"Gemini, a country", 400, google(400, "User location is not supported for the API use.", "FAILED_PRECONDITION", "")},
		{"LiteLLM, seen on a proxy (BerriAI/litellm#12273)", 400, openAI("No connected db.", "no_db_connection", "400")},
		{"LiteLLM (BerriAI/litellm#4880)", 401, openAI("Authentication Error, No connected db.", "auth_error", "401")},
		{"xAI", 400, `{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***. You can obtain an API key from https://console.x.ai."}`},
		{"Hugging Face", 400, plainText("Authorization header is correct, but the token seems invalid")},
		{"OpenAI", 401, openAI("Incorrect API key provided: sk-***.", "invalid_request_error", "invalid_api_key")},
		{"OpenAI, a country", 403, openAI("Country, region, or territory not supported", "request_forbidden", "unsupported_country_region_territory")},
		{"Mistral", 401, `{"detail":"Unauthorized"}`},
		{"Mistral, 400", 400, `{"message":"Unauthorized","request_id":"1"}`},
		{"Anthropic", 401, `{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}`},
		{"DeepSeek", 401, openAI("Authentication Fails (no such user)", "authentication_error", "invalid_request_error")},
		{"Azure", 401, `{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}}`},
		{"Bedrock", 400, `{"message":"You don't have access to the model with the specified model ID."}`},
		{"MiniMax, 200", 0, `{"base_resp":{"status_code":1004,"status_msg":"login fail: Please carry the API secret key in the 'Authorization' field of the request header"}}`},
		{"any, 403 without a word", 403, ``},
		{"Cloudflare", 400, `{"success":false,"errors":[{"code":6003,"message":"Invalid authorization header"}]}`},
	},
	provider.QuotaExhausted: {
		{"OpenAI", 429, openAI("You exceeded your current quota, please check your plan and billing details.", "insufficient_quota", "insufficient_quota")},
		{"OpenAI, in words only", 429, openAI("You exceeded your current quota, please check your plan and billing details.", "", "")},
		{"OpenAI, unpaid", 429, openAI("Your account is not active, please check your billing details on our website.", "billing_not_active", "billing_not_active")},
		{"DeepSeek", 402, openAI("Insufficient Balance", "unknown_error", "invalid_request_error")},
		{"OpenRouter", 402, `{"error":{"message":"This request requires more credits, or fewer max_tokens. You requested up to 8192 tokens, but can only afford 100.","code":402}}`},
		{"OpenRouter, a key's limit", 403, `{"error":{"message":"Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys","code":403}}`},
		{"Anthropic", 400, openAI("Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.", "invalid_request_error", "")},
		{"Anthropic, a limit of one's own", 400, openAI("You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.", "invalid_request_error", "")},
		{"xAI", 403, `{"code":"The caller does not have permission to execute the specified operation","error":"Your newly created team doesn't have any credits yet. You can purchase credits on https://console.x.ai."}`},
		{"xAI, used", 429, `{"code":"Some resource has been exhausted","error":"Your team t has either used all available credits or reached its monthly spending limit."}`},
		{"Gemini, of a day", 429, google(429, "You exceeded your current quota, please check your plan and billing details.", "RESOURCE_EXHAUSTED", `{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}`)},
		{"Hugging Face", 402, plainText("You have exceeded your monthly included credits for Inference Providers. Subscribe to PRO to get 20x more monthly included credits.")},
		{"Fireworks", 412, openAI("Account x is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices.", "invalid_request_error", "")},
		{"Moonshot", 429, openAI("Your account is suspended, please check your plan and billing details", "exceeded_current_quota_error", "")},
		{"DashScope", 400, openAI("Access denied, please make sure your account is in good standing.", "Arrearage", "Arrearage")},
		{"LiteLLM", 400, openAI("Budget has been exceeded! Current cost: 1.2, Max budget: 1.0", "budget_exceeded", "400")},
		{"SiliconFlow", 403, `{"code":30001,"message":"Sorry, your account balance is insufficient","data":null}`},
		{"Zhipu", 429, `{"error":{"code":"1113","message":"您的账户余额不足，请充值"}}`},
		{"Cloudflare", 429, `{"errors":[{"code":4006,"message":"you have used up your daily free allocation of 10,000 neurons, please upgrade to Cloudflare's Workers Paid plan if you would like to continue usage."}],"success":false}`},
		{"Azure", 403, `{"statusCode":403,"message":"Out of call volume quota. Quota will be replenished in 9.12:02:26."}`},
		{"new-api", 403, openAI("用户额度不足", "new_api_error", "insufficient_user_quota")},
	},
	provider.RateLimited: {
		{"OpenAI", 429, openAI("Rate limit reached for gpt-4o on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s.", "requests", "rate_limit_exceeded")},
		{"Gemini, of a minute", 429, google(429, "You exceeded your current quota, please check your plan and billing details.", "RESOURCE_EXHAUSTED", `{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}`)},
		{"Gemini, in a stream (comet-ml/opik#1138)", 0, `{"code":429,"message":"The resource has been exhausted","details":"RESOURCE_EXHAUSTED"}`},
		{"Mistral", 429, `{"object":"error","message":"Requests rate limit exceeded","type":"rate_limited","param":null,"code":"1300"}`},
		{"Anthropic, in a stream", 0, `{"type":"error","error":{"type":"rate_limit_error","message":"Number of request tokens has exceeded your per-minute rate limit"}}`},
		{"Bedrock, 400", 400, `{"__type":"ThrottlingException","message":"Too many requests, please wait before trying again."}`},
		{"Azure", 429, `{"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-02-01 have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 5 seconds."}}`},
		{"TGI", 429, `{"error":"Model is overloaded","error_type":"overloaded"}`},
		{"OpenRouter, a provider's", 429, `{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"x is temporarily rate-limited upstream. Please retry shortly.","provider_name":"Acme"}}}`},
		{"any, without a word", 429, ``},
		{"DashScope", 429, openAI("You exceeded your current requests list.", "limit_requests", "Throttling.RateQuota")},
	},
	provider.Unavailable: {
		{"OpenAI", 503, openAI("The engine is currently overloaded, please try again later", "server_error", "")},
		{"OpenAI, 500", 500, openAI("The model produced invalid content. Consider modifying your prompt if you are seeing this error persistently.", "model_error", "")},
		{"Gemini", 503, google(503, "The model is overloaded. Please try again later.", "UNAVAILABLE", "")},
		{"Gemini, in a stream", 0, `{"error":{"message":"The model is overloaded","code":503}}`},
		{"Anthropic, 529", 529, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`},
		{"Anthropic, in a stream", 0, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`},
		{"Together", 503, openAI("The server is overloaded or not ready yet.", "server_error", "")},
		{"Groq, flex", 498, openAI("Flex tier capacity exceeded", "", "capacity_exceeded")},
		{"llama.cpp, loading", 503, `{"error":{"message":"Loading model","type":"unavailable_error","code":503}}`},
		{"Hugging Face, loading", 503, `{"error":"Model x is currently loading","estimated_time":20.0}`},
		{"a gateway, maintenance", 400, openAI("The service is under maintenance. Please try again later.", "", "")},
		{"a gateway, maintenance page", 503, `<html><title>Scheduled Maintenance</title></html>`},
		{"Cloudflare, 522", 522, `<html><title>example.org | 522: Connection timed out</title></html>`},
		{"nginx, 502", 502, `<html><head><title>502 Bad Gateway</title></head></html>`},
		{"OpenRouter, a provider's", 502, `{"error":{"message":"Provider returned error","code":502,"metadata":{"raw":"upstream connect error","provider_name":"Acme"}}}`},
		{"FastAPI, no such path", 404, `{"detail":"Not Found"}`},
		{"Go, no such path", 404, `404 page not found`},
		{"Express, no such path", 404, `<html><title>Error</title><pre>Cannot POST /chat/completions</pre></html>`},
		{"FastAPI, another method", 405, `{"detail":"Method Not Allowed"}`},
		{"a word in a failure's text", 500, openAI("oops 429 context_length_exceeded", "", "")},
		{"vLLM", 500, oldVLLM("Internal server error", 500)},
		{"Cerebras", 503, `{"message":"We're experiencing high traffic right now! Please try again soon.","type":"too_many_requests_error","param":"queue","code":"queue_exceeded"}`},
	},
	provider.Unsupported: {
		{"OpenRouter, tools", 404, `{"error":{"message":"No endpoints found that support tool use. To learn more about provider routing, visit the docs","code":404}}`},
		{"OpenRouter, images", 404, `{"error":{"message":"No endpoints found that support image input","code":404}}`},
		{"OpenRouter, parameters", 404, `{"error":{"message":"No endpoints found that can handle the requested parameters.","code":404}}`},
		{"vLLM, tools", 400, oldVLLM(`"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set`, 400)},
		{"Ollama, tools (ollama/ollama#6027)", 400, openAI("registry.ollama.ai/library/smollm2:135m does not support tools", "api_error", "")},
		{"Ollama, thinking", 400, openAI(`"smollm2:135m" does not support thinking`, "invalid_request_error", "")},
		{"Ollama, embeddings", 501, openAI("this model does not support embeddings", "api_error", "")},
		{"Ollama's cloud, images (ollama/ollama#17301)", 400, plainText("this model does not support image input (ref: 1)")},
		{"llama.cpp, tools", 500, `{"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}}`},
		{"llama.cpp, images", 500, `{"error":{"code":500,"message":"image input is not supported - hint: if this is unexpected, you may need to provide the mmproj","type":"server_error"}}`},
		{"llama.cpp, images, with the prompt in the error (ggml-org/llama.cpp#12947)", 500, `{"error":{"code":500,"message":"Failed to parse messages: Unsupported content part type: \"image_url\"; messages = [{\"role\":\"user\",\"content\":\"prompt is too long: 9 tokens > 3 maximum\"}]","type":"server_error"}}`},
		{"llama.cpp, a schema", 400, `{"error":{"code":400,"message":"JSON schema conversion failed:\nUnrecognized schema: {}","type":"invalid_request_error"}}`},
		{"OpenAI, tools (BoltAI/BoltAI#145)", 400, openAI("tools is not supported in this model. For a list of supported models, refer to https://platform.openai.com/docs/guides/function-calling", "invalid_request_error", "")},
		{"OpenAI, images", 400, openAI("Invalid content type. image_url is only supported by certain models.", "invalid_request_error", "")},
		{"OpenAI, a value", 400, openAI("Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.", "invalid_request_error", "unsupported_value")},
		{"OpenAI, a schema", 400, openAI("Invalid schema for response_format 'answer': In context=(), 'additionalProperties' is required to be supplied and to be false.", "invalid_request_error", "")},
		{"OpenAI, no chat", 404, openAI("This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean to use v1/completions?", "invalid_request_error", "")},
		{"Groq, tools", 400, openAI("`tool calling` is not supported with this model", "invalid_request_error", "")},
		{"Groq, json_schema", 400, openAI("This model does not support response format `json_schema`. See supported models at https://console.groq.com/docs/structured-outputs", "invalid_request_error", "")},
		{"Groq, images", 400, openAI("messages[0].content must be a string", "invalid_request_error", "")},
		{"DeepInfra, tools (truefoundry/models#944)", 405, `{"status":"failure","message":"deepinfra error: Tool calling is not supported for model: x","error":{"message":"deepinfra error: Tool calling is not supported for model: x","type":"APIError","code":"405"}}`},
		{"Hugging Face, tool_choice (huggingface/agents-course#614)", 400, `{"code":"400","error_type":"INVALID_TOOL_CHOICE","message":"Supported tool_choice values are \"auto\" and \"none\" currently.","param":"tool_choice"}`},
		{"DeepSeek, json_schema (UKGovernmentBEIS/inspect_ai#4916)", 400, openAI("This response_format type is unavailable now", "invalid_request_error", "invalid_request_error")},
		{"DeepSeek, json_schema, newer (BerriAI/litellm#7580)", 422, plainText("Failed to deserialize the JSON body into the target type: response_format: response_format.type `json_schema` is unavailable now at line 1 column 1193")},
		{"DeepSeek, images", 400, openAI("Failed to deserialize the JSON body into the target type: messages[0]: unknown variant `image_url`, expected `text` at line 1 column 200", "invalid_request_error", "")},
		{"LM Studio, json_object (HKUDS/DeepTutor#344)", 400, plainText("'response_format.type' must be 'json_schema' or 'text'")},
		{"LM Studio, images", 400, plainText("Model does not support images. Please use a model that does.")},
		{"vLLM, images (studio-dots-ai/dots.ocr#61)", 400, oldVLLM("facebook/opt-125m is not a multimodal model None", 400)},
		{"vLLM, no image", 400, openAI("At most 0 image(s) may be provided in one prompt.", "BadRequestError", "400")},
		{"vLLM, a system message", 400, openAI("System role not supported", "BadRequestError", "400")},
		{"vLLM, roles", 400, openAI("Conversation roles must alternate user/assistant/user/assistant/...", "BadRequestError", "400")},
		{"Gemini, tools", 400, google(400, "Function calling is not enabled for models/gemma-3-27b-it", "INVALID_ARGUMENT", "")},
		{"Gemini, a system message", 400, google(400, "Developer instruction is not enabled for models/gemma-3-27b-it", "INVALID_ARGUMENT", "")},
		{"Gemini, images", 400, google(400, "Image input modality is not enabled for models/x", "INVALID_ARGUMENT", "")},
		{"any, 501", 501, ``},
	},
	provider.Filtered: {
		{"Azure", 400, `{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"jailbreak":{"filtered":true,"detected":true}}}}}`},
		{"Azure, the inner code alone", 400, `{"error":{"message":"Bad request","code":"400","innererror":{"code":"ResponsibleAIPolicyViolation"}}}`},
		{"OpenAI", 400, openAI("Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again with a different prompt.", "invalid_request_error", "invalid_prompt")},
		{"OpenAI, images", 400, openAI("Your request was rejected as a result of our safety system.", "user_error", "moderation_blocked")},
		{"OpenRouter", 403, `{"error":{"message":"Your chosen model requires moderation and your input was flagged","code":403,"metadata":{"reasons":["violence"],"flagged_input":"how do I…","provider_name":"OpenAI"}}}`},
		{"DeepSeek", 400, openAI("Content Exists Risk", "invalid_request_error", "invalid_request_error")},
		{"DashScope", 400, openAI("Input data may contain inappropriate content.", "data_inspection_failed", "data_inspection_failed")},
		{"Moonshot", 400, openAI("The request was rejected because it was considered high risk", "content_filter", "")},
		{"xAI", 403, `{"code":"The caller does not have permission to execute the specified operation","error":"Content violates usage guidelines. Team: t, API key ID: k, Model: m, Failed check: SAFETY_CHECK_TYPE_BIO"}`},
		{"Anthropic", 400, openAI("Output blocked by content filtering policy", "invalid_request_error", "")},
		{"new-api", 400, openAI("sensitive words detected", "new_api_error", "sensitive_words_detected")},
	},
	provider.OutOfMemory: {
		{"Ollama", 500, openAI("model requires more system memory (9.1 GiB) than is available (3.2 GiB)", "api_error", "")},
		{"Ollama, killed", 500, openAI("llama runner process has terminated: signal: killed", "api_error", "")},
		{"vLLM", 500, oldVLLM("CUDA out of memory. Tried to allocate 2.00 GiB", 500)},
		{"TGI", 424, `{"error":"Request failed during generation: Server error: CUDA out of memory.","error_type":"generation"}`},
		{"LM Studio", 400, plainText("Failed to load model. Error: Model loading was stopped due to insufficient system resources.")},
	},
	provider.BadAnswer: {
		{"Groq, a call", 400, `{"error":{"message":"Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details.","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"<function=x>"}}`},
		{"Groq, JSON", 400, `{"error":{"message":"Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for more details.","type":"invalid_request_error","code":"json_validate_failed","failed_generation":""}}`},
	},
	provider.Timeout: {
		{"any, 408", 408, ``},
		{"any, 504", 504, `<html><title>504 Gateway Time-out</title></html>`},
		{"Gemini, in a stream", 0, google(504, "Deadline expired before operation could complete.", "DEADLINE_EXCEEDED", "")},
	},
	// What nothing is known of, and what only looks like one of the others.
	provider.Invalid: {
		{"an unknown 400", 400, openAI("temperature too high", "invalid_request_error", "")},
		{"a word alone", 400, openAI("The sky is not supported.", "", "")},
		{"a prompt in quotes", 400, openAI("Invalid value: 'prompt is too long: 5 tokens > 3 maximum'. Supported values are: 'low' and 'high'.", "invalid_request_error", "invalid_value")},
		{"a prompt in backquotes", 400, openAI("Cannot parse `API key not valid, the model does not exist` as a number", "invalid_request_error", "")},
		{"a prompt in JSON", 400, openAI(`Could not read the messages: [{"role":"user","content":"insufficient balance"}]`, "invalid_request_error", "")},
		{"a prompt in an error of pydantic's", 400, `{"detail":[{"type":"string_type","loc":["body","messages",0,"content"],"msg":"Input should be a valid string","input":"maximum context length is 5, and the model x does not exist"}]}`},
		{"a prompt in an error of pydantic's, as vLLM prints it", 400, oldVLLM(`[{'type': 'string_type', 'loc': ('body', 'messages', 0, 'content'), 'msg': 'Input should be a valid string', 'input': 'the model x does not exist'}]`, 400)},
		{"max_tokens alone", 400, openAI("max_tokens is too large: 100000. This model supports at most 4096 completion tokens, whereas you provided 100000.", "invalid_request_error", "invalid_value")},
		{"a text of another member", 400, `{"error":{"message":"Invalid 'user': string too long. Expected a string with maximum length 64.","type":"invalid_request_error","param":"user","code":"string_above_max_length"}}`},
		{"tool messages", 400, openAI("An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: call_1", "invalid_request_error", "")},
		{"a file", 400, openAI("The file file-1 does not exist.", "invalid_request_error", "")},
		{"too many tools", 400, openAI("Invalid 'tools': array too long. Expected an array with maximum length 128, but got an array with length 200 instead.", "invalid_request_error", "array_above_max_length")},
		{"an image's form", 400, openAI("You uploaded an unsupported image. Please make sure your image is valid.", "invalid_request_error", "invalid_image_format")},
		{"a missing member", 422, `{"detail":[{"type":"missing","loc":["body","messages"],"msg":"Field required","input":{}}]}`},
		{"Gemini, a bad argument", 400, google(400, "Request contains an invalid argument.", "INVALID_ARGUMENT", "")},
		{"JSON that cannot be read", 400, openAI("We could not parse the JSON body of your request.", "invalid_request_error", "")},
		{"no words", 400, ``},
		{"no sentence", 400, `{"a":1}`},
	},
}

func TestServersErrorsHaveTheirKind(t *testing.T) {
	for kind, list := range servers {
		for _, s := range list {
			t.Run(string(kind)+"/"+s.by, func(t *testing.T) {
				e := apierror.Parse([]byte(s.body))
				if got := e.Kind(s.status); got != kind {
					t.Errorf("%d %s is %s, want %s", s.status, e.Sentence(s.status), got, kind)
				}
			})
		}
	}
}
