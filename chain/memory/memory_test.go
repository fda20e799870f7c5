package memory_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain/memory"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// letters counts a token a letter.
func letters(_ context.Context, messages []provider.Message) (n int, err error) {
	for _, m := range messages {
		n += len(m.Text)
	}
	return n, nil
}

// TestKeepsWhatLangChainKeeps compares with trim_messages(strategy="last",
// include_system=True, start_on="human"); scripts/goldens_memory.py has asked
// it. Where LangChain gives up the last message, Fit refuses.
func TestKeepsWhatLangChainKeeps(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "trim.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Version string `json:"langchain-core"`
		Cases   []struct {
			Messages [][2]string `json:"messages"`
			Most     int         `json:"max_tokens"`
			Kept     []int       `json:"kept"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) < 100 || golden.Version == "" {
		t.Fatalf("%d cases of langchain-core %q", len(golden.Cases), golden.Version)
	}
	refused, cut := 0, 0
	for i, c := range golden.Cases {
		var all []provider.Message
		for _, m := range c.Messages {
			role := provider.Role(m[0])
			if role == "call" {
				role = provider.RoleAssistant
			}
			all = append(all, provider.Message{Role: role, Text: m[1]})
		}
		f, err := memory.Fit(t.Context(), nil, all, memory.Policy{Tokens: c.Most, Count: letters})
		if !slices.Contains(c.Kept, len(all)-1) {
			refused++
			if provider.KindOf(err) != provider.ContextOverflow {
				t.Errorf("case %d: LangChain drops the question; Fit: %v", i, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("case %d: %v", i, err)
			continue
		}
		var want []provider.Message
		for _, at := range c.Kept {
			want = append(want, all[at])
		}
		if !equal(f.Messages, want) {
			t.Errorf("case %d, at most %d: kept %q, LangChain keeps %q", i, c.Most, texts(f.Messages), texts(want))
		}
		if len(f.Left)+len(f.Messages) != len(all) {
			t.Errorf("case %d: %d kept and %d left of %d", i, len(f.Messages), len(f.Left), len(all))
		}
		if f.LeftTurns > 0 {
			cut++
		}
	}
	if refused < 10 || cut < 30 {
		t.Errorf("only %d cases are refused, and %d cut", refused, cut)
	}
}

func equal(a, b []provider.Message) bool {
	return slices.EqualFunc(a, b, func(x, y provider.Message) bool { return x.Role == y.Role && x.Text == y.Text })
}

func texts(messages []provider.Message) (out []string) {
	for _, m := range messages {
		out = append(out, string(m.Role)+": "+m.Text)
	}
	return out
}

// talk is a conversation of n answered turns, and a last question.
func talk(n int) []provider.Message {
	all := []provider.Message{provider.System("Be terse.")}
	for i := range n {
		letter := string(rune('a' + i))
		all = append(all, provider.User("question "+letter), provider.Assistant("answer "+letter))
	}
	return append(all, provider.User("the last question"))
}

func TestWindow(t *testing.T) {
	f, err := memory.Fit(t.Context(), nil, talk(5), memory.Policy{Window: 2})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(texts(f.Messages), "|"); got != "system: Be terse.|user: question e|assistant: answer e|user: the last question" {
		t.Error(got)
	}
	if f.LeftTurns != 4 || f.Turns != 6 || len(f.Left) != 8 || f.LeftTokens == 0 || f.Tokens == 0 {
		t.Errorf("%+v", f)
	}
}

// Where LangChain has no golden case: a greeting before the first question
// stays while its turn does, and several system messages stay all.
func TestTheHead(t *testing.T) {
	all := append([]provider.Message{provider.System("one"), provider.System("two"), provider.Assistant("Hello!")}, talk(2)[1:]...)
	f, err := memory.Fit(t.Context(), nil, all, memory.Policy{})
	if err != nil || !equal(f.Messages, all) {
		t.Errorf("all of it fits: %q, %v", texts(f.Messages), err)
	}
	f, err = memory.Fit(t.Context(), nil, all, memory.Policy{Window: 1})
	if got := strings.Join(texts(f.Messages), "|"); err != nil || got != "system: one|system: two|user: the last question" {
		t.Errorf("%s, %v", got, err)
	}
	if len(f.Left) != 5 || f.Left[0].Text != "Hello!" {
		t.Errorf("left: %q", texts(f.Left))
	}
	if f, err = memory.Fit(t.Context(), nil, nil, memory.Policy{Window: 1, Tokens: 9}); err != nil || len(f.Messages) != 0 {
		t.Errorf("of nothing: %+v, %v", f, err)
	}
}

func TestErrorsOfTheCounter(t *testing.T) {
	broken := errors.New("broken")
	count := func(context.Context, []provider.Message) (int, error) { return 0, broken }
	for _, summary := range []bool{false, true} {
		if _, err := memory.Fit(t.Context(), &providertest.Fake{}, talk(3), memory.Policy{Tokens: 5, Count: count, Summary: summary}); !errors.Is(err, broken) {
			t.Errorf("summary %v: %v", summary, err)
		}
	}
}
