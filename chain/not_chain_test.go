package chain_test

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain"
)

// TestNotAChain: a file of which no key is a chain's is said to be none, without a list
// of all keys. One mistyped key among others is still told.
func TestNotAChain(t *testing.T) {
	for text, want := range map[string]string{
		"Dear: Ada\nRegarding: rivers\n": "this is not a chain file: none of its keys is a chain's; a chain has",
		"version: '3'\nservices: {}\n":   "this is not a chain file",
		"promt: hi\n":                    `unknown key "promt"; did you mean "prompt"?`,
		"prompt: hi\nservices: {}\n":     `unknown key "services"`,
	} {
		_, err := chain.Parse("notes.txt", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
