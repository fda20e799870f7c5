package memory_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain/memory"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// turns counts a token for each turn of a conversation, and none for what the
// summariser is asked.
func turns(_ context.Context, messages []provider.Message) (n int, err error) {
	for _, m := range messages {
		if m.Role == provider.RoleUser && !strings.HasPrefix(m.Text, "Summarise") {
			n += 100
		}
	}
	return n, nil
}

func TestSummaryIsKeptAndGrows(t *testing.T) {
	fake := &providertest.Fake{Answers: []providertest.Answer{providertest.Text(" They spoke of a to c.\n"), providertest.Text("They spoke of a to e.")}}
	policy := memory.Policy{
		Tokens: 400, Summary: true, Count: turns,
		Request: provider.Request{Model: "m", Use: []string{"fake"}, Privacy: provider.PrivacyLocal, Stop: []string{"."}},
	}
	f, err := memory.Fit(t.Context(), fake, talk(5), policy) // six turns: 200 tokens stay with room for a summary
	if err != nil || f.Unsummarised != nil {
		t.Fatal(err, f.Unsummarised)
	}
	if got := f.Messages[0].Text; got != "Be terse.\n\nSummary of the conversation so far:\nThey spoke of a to c." {
		t.Errorf("the system message is %q", got)
	}
	if f.Gist.Turns != 4 || f.LeftTurns != 4 || f.Messages[1].Text != "question e" || len(f.Summaries) != 1 {
		t.Errorf("%+v", f)
	}
	asked := fake.Calls()[0]
	if asked.Privacy != provider.PrivacyLocal || asked.Model != "m" || asked.Use[0] != "fake" || len(asked.Stop) != 0 {
		t.Errorf("the summary was asked for with %+v", asked)
	}
	if text := asked.Messages[0].Text; !strings.Contains(text, "answer d") || strings.Contains(text, "question e") {
		t.Errorf("the summary is of %q", text)
	}

	// What has a summary needs none again, while the rest fits.
	policy.Gist = f.Gist
	for n := 6; n <= 7; n++ {
		if f, err = memory.Fit(t.Context(), fake, talk(n), policy); err != nil || f.LeftTurns != 4 || len(fake.Calls()) != 1 {
			t.Errorf("%d turns: %d left, %d calls, %v", n, f.LeftTurns, len(fake.Calls()), err)
		}
	}
	// Then the summary takes in only what has left since.
	if f, err = memory.Fit(t.Context(), fake, talk(8), policy); err != nil || f.Unsummarised != nil {
		t.Fatal(err, f.Unsummarised)
	}
	text := fake.Calls()[1].Messages[0].Text
	if !strings.Contains(text, "They spoke of a to c.") || strings.Contains(text, "answer d") || !strings.Contains(text, "answer e") {
		t.Errorf("the second summary is of %q", text)
	}
	if f.Gist.Text != "They spoke of a to e." || f.Gist.Turns != f.LeftTurns {
		t.Errorf("%+v", f.Gist)
	}
}

// A summary that is none is not used, and that is said.
func TestNoSummaryIsNotPassedOffAsOne(t *testing.T) {
	for name, c := range map[string]struct {
		answer providertest.Answer
		says   string
	}{
		"cut":    {providertest.Answer{Text: []string{"They spoke of"}, Finish: provider.FinishLength}, "cut at its limit"},
		"empty":  {providertest.Text(" ", "\n"), "empty"},
		"failed": {providertest.Fails(provider.Unavailable), "unavailable"},
		"broken": {providertest.Answer{Text: []string{"They"}, Err: provider.Errorf(provider.Truncated, "", "", "cut")}, "truncated"},
	} {
		fake := &providertest.Fake{Answers: []providertest.Answer{c.answer}}
		f, err := memory.Fit(t.Context(), fake, talk(5), memory.Policy{Tokens: 400, Summary: true, Count: turns})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f.Unsummarised == nil || !strings.Contains(f.Unsummarised.Error(), c.says) {
			t.Errorf("%s: said %v", name, f.Unsummarised)
		}
		if f.Gist.Text != "" || f.LeftTurns != 2 || f.Messages[0].Text != "Be terse." {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestInterruptedSummary(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := memory.Fit(ctx, &providertest.Fake{}, talk(5), memory.Policy{Window: 2, Summary: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A head longer than the window is summarised piece by piece.
func TestLongHeads(t *testing.T) {
	fake := &providertest.Fake{Answers: []providertest.Answer{providertest.Text("gist")}}
	long := strings.Repeat("x", 600)
	var all []provider.Message
	for range 8 {
		all = append(all, provider.User(long), provider.Assistant(long))
	}
	all = append(all, provider.User("now?"))
	f, err := memory.Fit(t.Context(), fake, all, memory.Policy{Tokens: 3000, Summary: true, Count: letters})
	if err != nil || f.Unsummarised != nil || f.Gist.Text != "gist" {
		t.Fatal(err, f.Unsummarised, f.Gist)
	}
	calls := fake.Calls()
	if len(calls) < 3 {
		t.Errorf("%d calls", len(calls))
	}
	for _, c := range calls {
		if n, _ := letters(t.Context(), c.Messages); n+*c.MaxTokens > 3000 {
			t.Errorf("a summary's own prompt has %d letters", n)
		}
	}
	if f.Tokens > 3000 || f.Gist.Turns != f.LeftTurns {
		t.Errorf("%+v", f)
	}
}
