package normalize

import "strings"

// End is what a server's word for the end of an answer means.
type End int

// The ends.
const (
	EndUnknown  End = iota
	EndNone         // it says nothing
	EndStop         // the model was done, or a stop string came
	EndLength       // at the limit of tokens, or of the window
	EndCalls        // the model waits for tools
	EndFiltered     // a filter withheld the answer, or the rest of it
	EndFailed       // something broke; the rest is missing
)

// EndOf is what a finish_reason or a done_reason means. Servers write the same
// words in capitals, with other signs between them or with FINISH_REASON_ before
// them. A word that is not in the table is EndUnknown: nobody knows whether the
// answer is whole.
func EndOf(word string) End { return ends[endKey(word)] }

// endKey is a word as the table has it: small letters without signs.
func endKey(word string) string {
	key := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r == '_', r == '-', r == ' ', r == '.':
			return -1
		}
		return r
	}, word)
	return strings.TrimPrefix(key, "finishreason")
}

// SameEnd reports whether two words are the same one.
func SameEnd(a, b string) bool { return a == b || endKey(a) == endKey(b) }

// ends has each word with a server that says it.
var ends = map[string]End{
	"":            EndNone,
	"null":        EndNone, // go-openai's own name for it
	"none":        EndNone, // Python's None, written as text
	"unspecified": EndNone, // Gemini: FINISH_REASON_UNSPECIFIED
	"notfinished": EndNone, // watsonx: not_finished

	"stop":            EndStop, // OpenAI; Gemini: STOP
	"end":             EndStop, // LightLLM and others
	"endturn":         EndStop, // Anthropic: end_turn
	"stopsequence":    EndStop, // Anthropic, TGI: stop_sequence; Cohere: STOP_SEQUENCE
	"stopstring":      EndStop, // text-generation-webui
	"stopstringfound": EndStop, // LM Studio: stopStringFound
	"stopped":         EndStop,
	"eos":             EndStop, // llama.cpp's stop_type
	"eostoken":        EndStop, // TGI, watsonx: eos_token
	"eosfound":        EndStop, // LM Studio: eosFound
	"eot":             EndStop,
	"endoftext":       EndStop, // AI21: endoftext
	"word":            EndStop, // llama.cpp's stop_type: a stop string
	"complete":        EndStop, // Cohere: COMPLETE
	"completed":       EndStop, // OpenAI's /responses
	"finish":          EndStop, // Amazon Titan: FINISH
	"finished":        EndStop,
	"normal":          EndStop, // ERNIE
	"done":            EndStop,

	"length":                     EndLength, // OpenAI
	"maxtokens":                  EndLength, // Anthropic: max_tokens; Gemini, Cohere: MAX_TOKENS
	"maxoutputtokens":            EndLength, // OpenAI's /responses: max_output_tokens
	"maxnewtokens":               EndLength, // TGI
	"maxlength":                  EndLength,
	"tokenlimit":                 EndLength, // watsonx: token_limit
	"limit":                      EndLength, // llama.cpp's stop_type
	"modellength":                EndLength, // Mistral: model_length
	"modelcontextwindowexceeded": EndLength, // Anthropic, Bedrock, Zhipu
	"contextlength":              EndLength,
	"contextlengthreached":       EndLength, // LM Studio: contextLengthReached
	"contextlengthexceeded":      EndLength,
	"maxpredictedtokensreached":  EndLength, // LM Studio: maxPredictedTokensReached
	"errorlimit":                 EndLength, // Cohere: ERROR_LIMIT, the window

	"toolcalls":     EndCalls, // OpenAI
	"toolcall":      EndCalls, // Cohere: TOOL_CALL
	"tooluse":       EndCalls, // Anthropic, Bedrock: tool_use
	"functioncall":  EndCalls, // OpenAI, before tools had a list; ERNIE
	"functioncalls": EndCalls,

	"contentfilter":       EndFiltered, // OpenAI
	"contentfiltered":     EndFiltered, // Bedrock: content_filtered
	"guardrailintervened": EndFiltered, // Bedrock: guardrail_intervened
	"safety":              EndFiltered, // Gemini: SAFETY, …
	"recitation":          EndFiltered,
	"blocklist":           EndFiltered,
	"prohibitedcontent":   EndFiltered,
	"spii":                EndFiltered,
	"imagesafety":         EndFiltered,
	"refusal":             EndFiltered, // Anthropic
	"sensitive":           EndFiltered, // Zhipu
	"errortoxic":          EndFiltered, // Cohere: ERROR_TOXIC
	"moderation":          EndFiltered,

	"error":                      EndFailed, // OpenRouter, Mistral, Cohere
	"networkerror":               EndFailed, // Zhipu: network_error
	"abort":                      EndFailed, // vLLM, SGLang
	"aborted":                    EndFailed,
	"cancel":                     EndFailed,
	"cancelled":                  EndFailed, // watsonx
	"canceled":                   EndFailed,
	"usercancel":                 EndFailed, // Cohere: USER_CANCEL
	"userstopped":                EndFailed, // LM Studio: userStopped
	"modelunloaded":              EndFailed, // LM Studio: modelUnloaded
	"failed":                     EndFailed, // LM Studio
	"failure":                    EndFailed,
	"incomplete":                 EndFailed, // OpenAI's /responses
	"timeout":                    EndFailed,
	"timelimit":                  EndFailed, // watsonx: time_limit
	"insufficientsystemresource": EndFailed, // DeepSeek: insufficient_system_resource
	"malformedfunctioncall":      EndFailed, // Gemini: MALFORMED_FUNCTION_CALL, …
	"unexpectedtoolcall":         EndFailed,
	"toomanytoolcalls":           EndFailed,
	"language":                   EndFailed,
	"other":                      EndFailed,
}
