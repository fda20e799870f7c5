package normalize

import "testing"

// Each word as a server writes it.
func TestEnds(t *testing.T) {
	for want, list := range map[End][]string{
		EndNone:     {"", "null", "FINISH_REASON_UNSPECIFIED", "None"},
		EndStop:     {"stop", "STOP", "FINISH_REASON_STOP", "end", "stop_sequence", "STOP_SEQUENCE", "end_turn", "endTurn", "eos", "EOS", "eos_token", "EosToken", "eosFound", "COMPLETE", "completed", "FINISH", "end-of-text", "stopStringFound"},
		EndLength:   {"length", "LENGTH", "max_tokens", "MAX_TOKENS", "maxTokens", "model_length", "max_output_tokens", "model_context_window_exceeded", "maxPredictedTokensReached", "ERROR_LIMIT"},
		EndCalls:    {"tool_calls", "TOOL_CALLS", "tool_call", "tool_use", "toolUse", "function_call", "function_calls"},
		EndFiltered: {"content_filter", "CONTENT_FILTERED", "SAFETY", "RECITATION", "PROHIBITED_CONTENT", "guardrail_intervened", "sensitive", "refusal"},
		EndFailed:   {"error", "ERROR", "network_error", "abort", "aborted", "cancelled", "insufficient_system_resource", "MALFORMED_FUNCTION_CALL", "OTHER"},
		EndUnknown:  {"pause_turn", "vibes", "load", "unload", "stopp", "STOPÉ"},
	} {
		for _, word := range list {
			if got := EndOf(word); got != want {
				t.Errorf("%q is %d, want %d", word, got, want)
			}
		}
	}
	if !SameEnd("stop", "STOP") || SameEnd("stop", "length") {
		t.Error("the same word is not the same, or another one is")
	}
}
