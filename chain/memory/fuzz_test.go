package memory_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain/memory"
	"github.com/tandem-llm/tandem/provider"
)

// FuzzFit: whatever a conversation is, what is sent is its head and whole turns
// of its end, in order, and takes no more than it may.
func FuzzFit(f *testing.F) {
	f.Add("suaua", 20, 2)
	f.Add("ssauutatau", 9, 0)
	f.Add("a", 1, 1)
	f.Add("suatau", 0, 1)
	f.Fuzz(func(t *testing.T, shape string, tokens, window int) {
		roles := map[rune]provider.Role{'s': provider.RoleSystem, 'u': provider.RoleUser, 'a': provider.RoleAssistant, 't': provider.RoleTool}
		var all []provider.Message
		for i, r := range shape {
			if role, ok := roles[r]; ok {
				all = append(all, provider.Message{Role: role, Text: strings.Repeat("x", 1+i%7)})
			}
		}
		got, err := memory.Fit(t.Context(), nil, all, memory.Policy{Tokens: tokens, Window: window, Count: letters})
		if err != nil {
			if provider.KindOf(err) != provider.ContextOverflow || tokens <= 0 {
				t.Fatal(err)
			}
			return
		}
		head := 0
		for head < len(all) && all[head].Role == provider.RoleSystem {
			head++
		}
		rest := all[head:]
		if !equal(slices.Concat(got.Messages[:head], got.Left, got.Messages[head:]), all) {
			t.Fatalf("%q was left out of %q, and %q is sent", texts(got.Left), texts(all), texts(got.Messages))
		}
		if len(got.Left) > 0 && rest[len(got.Left)].Role != provider.RoleUser {
			t.Fatalf("a turn was cut: %q is sent", texts(got.Messages))
		}
		if tokens > 0 && got.Tokens > tokens {
			t.Fatalf("%d tokens are sent, of at most %d", got.Tokens, tokens)
		}
		if window > 0 && got.Turns-got.LeftTurns > window {
			t.Fatalf("%d turns are sent, of at most %d", got.Turns-got.LeftTurns, window)
		}
		if slices.IndexFunc(rest, func(m provider.Message) bool { return m.Role == provider.RoleUser }) >= 0 && got.LeftTurns == got.Turns {
			t.Fatal("the last turn was left out")
		}
	})
}
