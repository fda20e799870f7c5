package openai_test

import (
	"errors"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// TestCallsThatAreCut: what cut a call short is told, not what is wrong with it.
func TestCallsThatAreCut(t *testing.T) {
	for finish, want := range map[string]provider.Kind{
		"tool_calls": provider.BadAnswer, "stop": provider.BadAnswer,
		"length": provider.Truncated, "max_tokens": provider.Truncated, "MAX_TOKENS": provider.Truncated,
		"content_filter": provider.Filtered, "error": provider.Truncated, "no such word": provider.Truncated,
	} {
		deltas := []string{"{" + tc(fr("0", "a", "weather", "")) + "}", "{" + tc(fr("0", "-", "-", `{"city":"Os`)) + "}"}
		r, err := saysAbsent(t, false, events(finish, deltas...))
		if !errors.Is(err, want) || len(r.ToolCalls) > 0 {
			t.Errorf("%s: %+v, %v; want %s", finish, r, err, want)
		}
		r, err = saysAbsent(t, true, whole(finish, `{"content":"",`+tc(fr("-", "a", "weather", `{"city":"Os`))+`}`))
		if !errors.Is(err, want) || len(r.ToolCalls) > 0 {
			t.Errorf("%s, whole: %+v, %v; want %s", finish, r, err, want)
		}
	}
}
