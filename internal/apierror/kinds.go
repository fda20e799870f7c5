package apierror

import "github.com/tandem-llm/tandem/provider"

// rule gives an error its kind by one of its words, or by its sentence.
type rule struct {
	kind  provider.Kind
	words []string // any of them
	text  string   // a regular expression on the sentence, as plain has it
	param string   // and with words only: what the param begins with
	// everywhere: the sentence counts with each status. Else it does not where the
	// status says enough: 401, 408, 429, 502 to 504.
	everywhere bool
}

// rules returns all, kind by kind, in the order in which they are tried: what was
// done wrong is more telling than that something was. Each line has who says so;
// where no address stands beside it, the server's own documentation or source has
// the words. `$name` stands for a model's name.
func rules() []rule {
	return []rule{
		// The prompt does not fit the model's window.
		{kind: provider.ContextOverflow, words: []string{
			"context_length_exceeded",              // OpenAI, Azure, Groq, Cerebras, llama-cpp-python
			"exceed_context_size_error",            // llama.cpp
			"tokens_limit_reached",                 // GitHub Models
			"model_max_prompt_tokens_exceeded",     // GitHub Copilot
			"context_window_exceeded",              // gateways
			"contextwindowexceedederror",           // LiteLLM
			"request_too_large", "prompt_too_long", // Anthropic; gateways
		}},
		{kind: provider.ContextOverflow, words: []string{"string_above_max_length"}, param: "messages"}, // OpenAI
		{kind: provider.ContextOverflow, text: `max(imum)? context (length|size|window) (is|of) (only )?\d|\bmodel['’]s context (length|window) is (only )?\d` + // OpenAI, vLLM, DeepSeek, OpenRouter, SGLang
			`|\bexceed(s|ed|ing)? ((the|this|its|your) )?(\S*model(['’]?s)? )?((maximum|max|available|configured|allowed) )*(context|token|input)[ _](window|length|size|limit)\b` + // Ollama, llama.cpp, llama-cpp-python, Anthropic, OpenAI's newer models, Moonshot, Cloudflare
			`|\b(context|token)[ _](window|size|length|limit) (exceeds|((has been|is|was) )?(exceeded|full))\b` + // MiniMax, llama.cpp
			`|(^|[:.>-] )(the |your )?(decoder |total )?(prompt|input|query|request|conversation)( text)? is too long(\b: \d| for requested model|\.|;|$|, | to )` + // Anthropic, Fireworks, Bedrock
			`|\bprompt too long\b` + // Ollama's cloud
			`|\bprompt \((total )?length \d+\) is (longer than|too long)` + // vLLM from 0.8
			`|\binput token count( \(\d+\)| is \d+)? ?(exceeds|but model only supports)` + // Gemini, Vertex
			`|\btoo large for model with \d+ maximum context` + // Mistral
			`|\binput tokens exceed the configured limit` + // Azure
			`|tokens when context the overflows|tokens to keep from the initial prompt is greater than the context length|context length of only \d+ tokens` + // LM Studio, old and new
			`|\binput (\(\d+ tokens\) )?is too large to process|\binput is larger than the max context size` + // llama.cpp, of a text to embed
			`|\bmaximum prompt length is \d` + // xAI
			`|longer than the model's context length|\binput length \(\d+ tokens\) exceeds the maximum allowed length` + // SGLang
			`|\binputs? tokens \+ max_new_tokens must be <= ?\d|\binputs? must have less than \d+ tokens` + // TGI, TEI, Together
			`|\breduce the length of the (messages|prompt|input prompt|input messages)( |\.|$)` + // Groq, Cerebras
			`|(^|[:.] )too many (input )?tokens(:|\. max input)` + // Cohere, Bedrock's Mistral
			`|\bexpected maxlength: \d+, actual: \d+|number of input tokens exceeds` + // Bedrock
			`|\brange of input length should be` + // DashScope
			`|\bprompt exceeds max length|prompt 超长` + // Zhipu
			`|\bprompt token count of \d+ exceeds the limit of \d` + // GitHub Copilot
			`|\brequest body too large for \S+ model\. max size: \d+ tokens` + // GitHub Models
			`|\bmaximum input length of \d+ tokens` + // vLLM from 0.12
			`|\bprompt length \d+ is greater than max_seq_len` + // TabbyAPI
			`|\btokens \d+ cannot exceed the total tokens limit|\bprompt has \d+ tokens, but the requested model max is \d` + // watsonx, AI21
			`|^litellm\.contextwindowexceedederror\b` + // LiteLLM
			`|\b(input|prompt|request) tokens( \(\d+\))? exceeds? (the )?(model )?(limit|maximum)\b` + // gateways
			`|\btotal tokens of image and text exceed`}, // Volcengine
		{kind: provider.ContextOverflow, everywhere: true, text: `request too large for .{1,120}tokens per min`}, // OpenAI 429, Groq 413: it never fits

		// What the server's operator or account is not paid for.
		{kind: provider.QuotaExhausted, words: []string{
			"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", // OpenAI
			"insufficient_balance", "insufficient_credits", "credit_limit_exceeded", "payment_required", // gateways
			"budget_exceeded",                // LiteLLM
			"exceeded_current_quota_error",   // Moonshot
			"arrearage",                      // DashScope
			"insufficient_user_quota",        // new-api
			quotaPerDay,                      // Gemini
			"usage_limit_exceeded",           // gateways
			"account_suspended",              // gateways
			"insufficientbalance",            // gateways
			"model_quota_exceeded_for_month", // gateways
		}},
		// Gemini's sentence is OpenAI's about a quota, but its quotas are mostly a minute's.
		{kind: provider.RateLimited, words: []string{"resource_exhausted"}},
		{kind: provider.QuotaExhausted, everywhere: true, text: `\binsufficient (account )?(balance|credits?|funds|quota)\b` + // DeepSeek, OpenRouter
			`|\b(account )?(credit )?balance is (too low|insufficient|not enough)` + // Anthropic, SiliconFlow
			`|\brequires more credits\b|\bkey limit exceeded\b` + // OpenRouter
			`|\b(used all|out of|run out of|no|no more|no remaining|not have any|doesn't have any|exceeded your monthly included) (available )?credits\b|monthly spending limit` + // xAI, Hugging Face, Fireworks
			`|\bcredits? ((are|is|have been|has been) )?(exhausted|depleted|used up)\b|\b(spend|spending|usage|billing) limit ((has been|was|is) )?(reached|exceeded)\b|\breached (its|your) (monthly )?(spend|spending|usage|billing) limit\b` + // gateways
			`|\bbudget has been exceeded` + // LiteLLM
			`|^you exceeded your current quota\b` + // OpenAI
			`|\byou have reached your specified api usage limits` + // Anthropic
			`|\bdaily free allocation of\b` + // Cloudflare
			`|\bout of call volume quota\b` + // Azure
			`|余额不足`}, // Zhipu

		// The server has no such model.
		{kind: provider.ModelNotFound, words: []string{
			"model_not_found", "model_not_available", "model_not_supported", "model_not_exist", "unknown_model",
			"invalid_model", "model_decommissioned", // Mistral, Perplexity; Groq
			"deploymentnotfound",       // Azure
			"resource_not_found_error", // Moonshot
			"endpoint_not_found",       // Databricks
			"modelnotfound", "model_not_found_error",
		}},
		{kind: provider.ModelNotFound, text: `\bmodels?(/\S+|:? [^ ,;]{1,200})? (does not exist|doesn't exist|do not exist|not exist|(is |was |could )?not (be )?found|(is not|isn't) (available|loaded|found|served)|is unknown)\b` + // OpenAI, vLLM, DeepSeek, xAI, Gemini, Fireworks, Cohere, Cerebras, Ollama
			`|(^|[:.] )invalid model( name| id| identifier|: |\.|$)` + // LiteLLM, Mistral, OpenAI, Perplexity
			`|\bis not a (valid|supported|known) model\b|\b(could not|couldn't|cannot|can't|did not) find (a |the |any )?model\b|\bno model (named|called|with id)\b|(^|[:.] )unsupported model(: |\.|$)` + // gateways
			`|\bno endpoints found for \S+\.?$|\bno allowed providers are available for the selected model` + // OpenRouter
			`|\bunable to access model\b` + // Together
			`|(^|[:.] )no models? (is |are )?loaded\b` + // LM Studio
			`|\bprovided model identifier is invalid` + // Bedrock
			`|(^|[:.] )(no such|unknown|not found the) model\b|^model: \S+$` + // Cloudflare, Azure AI, Moonshot, Anthropic
			`|\bmodel \S+ is not supported by any provider you have enabled|(^|[:.] )(the )?(requested )?model( \S+)? is not supported\.?$` + // Hugging Face, GitHub Copilot
			`|\bmodel \S+ has been (decommissioned|deprecated|retired|removed)\b` + // Groq, OpenAI
			`|\bapi deployment for this resource does not exist` + // Azure
			`|模型不存在`}, // Zhipu
		{kind: provider.ModelNotFound, everywhere: true, text: `\bno available channels? for model\b|下模型 \S+ 无可用渠道`}, // new-api, with 503

		// The server's filter.
		{kind: provider.Filtered, words: []string{
			"content_filter", "content_policy_violation", "moderation_blocked", "invalid_prompt", // OpenAI
			"responsibleaipolicyviolation", // Azure
			"data_inspection_failed",       // DashScope
			"prohibited_content",           // Gemini
			"sensitive_words_detected",     // new-api
			flagged,                        // OpenRouter
		}},
		{kind: provider.Filtered, text: `\bcontent management policy\b` + // Azure
			`|^litellm\.contentpolicyviolationerror\b` + // LiteLLM
			`|^content exists risk\b` + // DeepSeek
			`|\bdata may contain inappropriate content\b` + // DashScope
			`|\bcontent violates usage guidelines\b` + // xAI
			`|\b(prompt|input|request|content) was flagged\b` + // OpenAI, OpenRouter
			`|\bblocked by content filtering policy\b` + // Anthropic
			`|\brejected (as a result of our|by the) safety system\b|\brejected because it was considered high risk\b`}, // OpenAI, Moonshot

		// The model does not fit the machine.
		{kind: provider.OutOfMemory, text: `\brequires more system memory\b|memory layout cannot be allocated|unable to load full model on gpu|cudamalloc failed` + // Ollama
			`|llama runner process has terminated|model runner has unexpectedly stopped` + // Ollama before 0.30
			`|\bllama-server (reported out-of-memory|process (has terminated|no longer running):? signal: )` + // Ollama from 0.30 on
			`|\bhipmalloc failed\b|\bout of device memory\b|erroroutofdevicememory|\bunable to allocate \w+ buffer\b` + // llama.cpp, with ROCm and Vulkan
			`|\bcuda(:| error:)? out of memory|\bcuda out of memory|outofmemoryerror|(^|[:.] )out of memory` + // vLLM, SGLang, TGI
			`|\binsufficient system resources\b`}, // LM Studio

		// What the model or the server cannot do.
		{kind: provider.Unsupported, words: []string{"unsupported_parameter", "unsupported_value", "unknown_parameter", "invalid_tool_choice", "unimplemented", "not_implemented", "unsupportedparamserror"}},
		{kind: provider.Unsupported, text: `\b(image|audio|video|vision|multimodal)s?( inputs?| content| urls?)? ((is|are) )?(currently )?not supported\b|\b(model|server) only supports text\b|\btext-only (model|server)\b` + // llama.cpp
			`|\bdo(es)?( not|n't) support (the )?(use of )?\S{0,30} ?(tools?|functions?|tool[ _]?(use|calling|calls|choice)|function[ _]?calling|images?|image input|vision|audio|thinking|reasoning|streaming|chat|chat completions|completions|system (role|prompt|messages?)|developer (role|instruction|messages?)|response[ _]format|json_schema|structured outputs?|json mode|embeddings|generate|insert)\b` + // Ollama, LM Studio, DeepInfra, Groq, OpenAI
			`|\b(tools?|tool[ _-]?(use|calling|calls?|choice)|function[ _-]?call(ing|s)?|auto tool choice) ((is|are) )?(currently )?(not |un)(currently )?(supported|enabled|available)\b` + // OpenAI, Groq, DeepInfra, Gemini
			`|\btool choice requires --|\btools param requires --jinja|--enable-auto-tool-choice` + // vLLM, llama.cpp
			`|\bno endpoints found that (support|can handle)\b` + // OpenRouter
			`|\bis not a multimodal model\b|\bat most 0 (image|audio|video)` + // vLLM
			`|\bunsupported content part type\b|\bunknown variant image_url\b|\bcontent'? must be a string$` + // llama.cpp, DeepSeek, Groq
			`|\bimage_url is only supported by certain models\b|\bimage input modality is not enabled\b` + // OpenAI, Gemini
			`|\bresponse[ _]format(\.type)?( type| json_schema| json_object| \S+)? (is|are) (unavailable|not supported|not available|unsupported)|\bresponse[ _]format\.type'? must be\b` + // DeepSeek, LM Studio
			`|(^|[:.] )invalid schema for (response_format|function)\b|\b(json_schema|json_object|structured outputs?|json mode|guided decoding) ((is|are) )?not (supported|available|enabled)\b` + // OpenAI; gateways
			`|\bfailed to (parse|compile) (the )?(grammar|json schema)|json schema conversion failed|invalid json schema in format|\bunsupported json schema\b|\bjson schema contains (unsupported|features not supported)` + // Ollama, llama.cpp, vLLM
			`|\bschema produces a constraint that has too many states` + // Gemini
			`|\b(system|developer) (role|instruction|message)s? (is |are )?not (supported|enabled)\b|\bconversation roles must alternate\b|\bonly user(,| and) assistant (and tool )?roles are supported` + // chat templates on vLLM and llama.cpp; Gemini
			`|\bthis (model|server|endpoint) does not support (embeddings|chat)\b|\bnot a chat model\b|\bstreaming is not supported\b`}, // OpenAI, llama.cpp

		// The model failed at the form: another try may do.
		{kind: provider.BadAnswer, words: []string{"tool_use_failed", "json_validate_failed", "output_parse_failed"}}, // Groq

		// The key.
		{kind: provider.Denied, words: []string{
			"invalid_api_key", "incorrect_api_key", "authentication_error", "permission_error", "auth_error",
			"api_key_invalid", "api_key_service_blocked", "api_key_http_referrer_blocked", "api_key_ip_address_blocked", "service_disabled", "unauthenticated", "permission_denied", // Google's reasons and statuses
			"no_db_connection",        // LiteLLM without a database, of any key but its master's (BerriAI/litellm#12273)
			"key_model_access_denied", // LiteLLM
			"token_not_found_in_db", "expired_key",
			"invalid_authentication_error", "incorrect_api_key_error", // Moonshot
			"accessdeniedexception", "unrecognizedclientexception", "expiredtokenexception", // Bedrock
			"unsupported_country_region_territory", "account_deactivated", "access_terminated", "invalid_organization", // OpenAI
			"invalidapikey", // DashScope
		}},
		{kind: provider.Denied, text: `\b(incorrect|invalid|expired|missing|wrong|malformed|revoked|inactive) (x-)?api[ _-]?(key|token)\b` + // OpenAI, xAI, llama.cpp, Anthropic, Cohere
			`|\bapi[ _-]?key( you provided| provided| given)? ((is|was|has) )?(not valid|invalid|expired|not found|missing|incorrect|disabled|revoked|required)\b|\bapi key was reported as leaked\b` + // Gemini
			`|\bno api key (provided|found|passed in|was provided)\b|\bdidn't provide an api key\b|\b(must|need to) provide an api[ _-]?key\b|\bno auth credentials\b|\bmissing (bearer|authorization|authentication)\b` + // OpenAI, LiteLLM
			`|^(authentication error, )?no connected db\b` + // LiteLLM
			`|\bthe token seems invalid\b|^invalid username or password\b` + // Hugging Face
			`|\buser location is not supported for the api use\b` + // Gemini
			`|\bsecurity token included in the request is invalid\b|\bdon't have access to the model with the specified model id\b` + // Bedrock
			`|^authentication (fails|failed|error|required)\b|^unauthorized\.?$|^invalid authentication\b|\binvalid (bearer|access|auth|authentication|authorization) (token|header|credentials)\b|\b(access|auth|bearer) token (is |has |was )?(invalid|expired)\b` + // DeepSeek, Mistral, Cloudflare
			`|\blogin fail: please carry the api secret key\b`}, // MiniMax

		// Slow down.
		{kind: provider.RateLimited, words: []string{
			"rate_limit_exceeded", "rate_limit_error", "rate_limit_reached_error", "rate_limited", "too_many_requests",
			"throttlingexception", "throttling", "throttling.ratequota", "ratelimitreached", // Bedrock, DashScope, Azure
		}},
		{kind: provider.RateLimited, text: `(^|[:.] )(requests? )?rate limit (exceeded|reached)\b|(^|[:.] )too many requests\b`}, // Mistral, Bedrock

		// It passes.
		{kind: provider.Unavailable, words: []string{
			"overloaded_error", "overloaded", "service_unavailable", "service_unavailable_error", "unavailable_error", "unavailable", "engine_overloaded", "engine_overloaded_error",
			"server_overloaded", "capacity_exceeded", "model_overloaded", "modelnotreadyexception", // Groq's 498, Bedrock
		}},
		{kind: provider.Timeout, words: []string{"deadline_exceeded", "timeout_error", "request_timeout"}},
		{kind: provider.Unavailable, text: `\b(server|service|model|engine|api)( \S+)? is (currently |temporarily |now )?(overloaded|loading|(too )?busy|unavailable|not ready|under maintenance|undergoing maintenance)\b|\b(undergoing|under|down for) (scheduled )?maintenance\b|^loading model$`},
	}
}
