package apierror_test

import (
	"testing"

	"github.com/tandem-llm/tandem/internal/apierror"
	"github.com/tandem-llm/tandem/provider"
)

// TestWordingsOfGateways: sentences as gateways and smaller servers write them,
// with status 400 and nothing else, in the shapes that have no code.
func TestWordingsOfGateways(t *testing.T) {
	for kind, sentences := range map[provider.Kind][]string{
		provider.ContextOverflow: {
			"context length exceeded",
			"litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: OpenAIException - too big",
			"Total input tokens (9000) exceed model limit (8192)",
			"Prompt tokens exceeds the limit",
			"the input is larger than the max context size. skipped",
			"Token limit exceeded",
			"Context window is full",
			"Your prompt is too long. Please reduce the number of messages.",
			"This model's context length is 4096 tokens, but you requested 5000",
			"the request exceeds the model's context length",
			"Requested tokens exceed context window",
			"max context length is 4096, got 5000",
			"the number of input tokens 5000 cannot exceed the total tokens limit 4096 for this model",
			"Prompt has 9000 tokens, but the requested model max is 8191",
			"Total tokens of image and text exceed max message tokens",
			"The input is too long.",
			"Input exceeds maximum context length",
			"tokens exceeded: exceeds the model's maximum context length",
			"input length exceeds the model's context window",
			"The conversation is too long.",
		},
		provider.ModelNotFound: {
			"The requested model is not available",
			"model 'x' is not found in the available models",
			"could not find model x",
			"Model x is not served by this server",
			"No available channel for model x under group default",
			"no model named x",
			"model x is not loaded",
			"The model `x` could not be found",
			"unsupported model: x",
			"the specified model does not exist",
			"No such model: x",
			"unknown model 'x'",
			"Requested model x isn't available",
			"x is not a supported model",
			"Model does not exist: x",
			"Invalid model: x",
			"invalid model name",
			"Model x is not supported",
			"models/x is not found",
		},
		provider.Denied: {
			"API key is missing",
			"Invalid Authentication",
			"The API key you provided is invalid",
			"You must provide an API key",
			"Invalid authentication credentials",
			"Missing Authorization header",
			"No auth credentials found",
			"Your API key has expired",
			"invalid API key",
			"Invalid access token",
			"Missing API key",
		},
		provider.Unsupported: {
			"Tools are not supported",
			"function calling is unsupported",
			"Tool calls not supported",
			"This model does not support function calling",
			"tool_choice is not supported",
			"This model doesn't support tool use in streaming mode",
			"`tools` is not supported",
			"tool calling not available",
			"images are not supported",
			"vision is not supported",
			"Image inputs not supported",
			"This model only supports text",
			"this model does not support images",
			"multimodal input is not supported",
			"response_format is not supported",
			"JSON mode is not supported",
			"json_object not supported",
			"structured outputs are not supported",
			"Model x does not support streaming",
			"x does not support thinking",
		},
		provider.QuotaExhausted: {
			"You have run out of credits",
			"Your account has insufficient funds",
			"exceeded: spending limit reached",
			"no credits left",
			"credits exhausted",
			"You have reached your monthly usage limit",
			"Insufficient balance",
			"Insufficient credits. Add more using https://openrouter.ai/credits",
		},
		provider.Invalid: {
			"messages must not be empty",
			"The model parameter is required",
			"temperature must be between 0 and 2",
			"'messages' is a required property",
			"Invalid role: foo",
			"tool_call_id not found",
			"stop: too many sequences",
			"max_tokens must be at least 1",
			"Input should be a valid string",
			"Unexpected token is invalid at position 3",
			"n must be 1",
			"the file was not found",
			"image URL could not be downloaded",
			"Invalid image data",
			"JSON is invalid",
			"model is required",
			"you must provide a model parameter",
		},
	} {
		for _, sentence := range sentences {
			for _, body := range []string{plainText(sentence), openAI(sentence, "invalid_request_error", ""), oldVLLM(sentence, 400), sentence} {
				e := apierror.Parse([]byte(body))
				if got := e.Kind(400); got != kind || e.Sentence(400) != sentence {
					t.Errorf("%s is %s, want %s", body, got, kind)
				}
			}
		}
	}
}
