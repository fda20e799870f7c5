// Package memory decides what of a conversation is sent when not all of it can
// be: how much of its end, and what stands for the rest. [Fit] does it; what it
// left out, it says.
package memory

import (
	"context"
	"sort"

	"github.com/tandem-llm/tandem/internal/tokens"
	"github.com/tandem-llm/tandem/provider"
)

// Policy is how much of a conversation is sent. The zero value sends it all.
type Policy struct {
	// Window is the most turns that are sent, the last one included; 0: any
	// number. A turn is a user message and all that follows it until the next.
	Window int
	// Tokens is the most tokens that are sent; 0: any number.
	Tokens int
	// Summary has the model summarise the turns that are left out. The summary
	// is sent at the end of the system message.
	Summary bool
	// Gist is the [Fitted.Gist] of the last time, so that only what was left out
	// since is summarised. Only with Summary.
	Gist Gist
	// Request says who summarises, and how: its Model, Use, Privacy, Options, Seed
	// and Think are used, so that a summary goes nowhere that the conversation may
	// not.
	Request provider.Request
	// Count counts the tokens of messages; they must not become more when a
	// message is taken away. Nil: an estimate from the texts.
	Count func(context.Context, []provider.Message) (int, error)
}

// Gist is a summary, and of how many turns from the conversation's beginning.
type Gist struct {
	Text  string `json:"text"`
	Turns int    `json:"turns"`
}

// Fitted is what is sent, and what is not.
type Fitted struct {
	// Messages are what to send: the leading system messages, and the turns that
	// stay.
	Messages []provider.Message
	// Left are the messages that are not in Messages, oldest first. They are
	// LeftTurns whole turns, the conversation's first, of Turns in all.
	Left             []provider.Message
	LeftTurns, Turns int
	// Tokens and LeftTokens are the sizes of Messages and Left.
	Tokens, LeftTokens int
	// Gist is the summary that Messages hold, to be kept for the next time; zero:
	// they hold none. It may be of fewer turns than are left out: see Unsummarised.
	Gist Gist
	// Unsummarised is why some turns that are left out are not in the Gist,
	// although the policy asks for it; nil: they are.
	Unsummarised error
	// Summaries are the calls that were made for the Gist.
	Summaries []provider.Response
}

// Fit returns what of messages is sent under policy. The leading system
// messages and the last turn always are; what is left out leaves from the
// head, in whole turns, so that no answer is without its question and no tool's
// result without its call. p makes the summary, and may be nil where the policy
// asks for none; a summary that fails, is empty or was cut at its limit is not
// used, and Unsummarised says so.
//
// Errors: provider.ContextOverflow, if what always stays takes more than
// policy.Tokens; ctx's own; those of policy.Count.
func Fit(ctx context.Context, p provider.Provider, messages []provider.Message, policy Policy) (Fitted, error) {
	c := split(messages)
	c.policy = policy
	if c.policy.Count == nil {
		c.policy.Count = estimate
	}
	var g Gist
	if policy.Summary && policy.Gist.Turns < len(c.turns) && policy.Gist.Text != "" {
		g = policy.Gist
	}
	least := 0
	if policy.Window > 0 {
		least = max(0, len(c.turns)-policy.Window)
	}
	if policy.Summary {
		return c.summarised(ctx, p, g, least)
	}
	k, err := c.leave(ctx, least, Gist{}, policy.Tokens)
	if err != nil {
		return Fitted{}, err
	}
	return c.fitted(ctx, k, Gist{})
}

func estimate(_ context.Context, messages []provider.Message) (int, error) {
	return tokens.Request(&provider.Request{Messages: messages}), nil
}

// conversation is messages taken apart.
type conversation struct {
	head   []provider.Message   // the leading system messages
	turns  [][]provider.Message // each begins with a user message, but perhaps the first
	policy Policy
}

func split(messages []provider.Message) *conversation {
	n := 0
	for n < len(messages) && messages[n].Role == provider.RoleSystem {
		n++
	}
	c := &conversation{head: messages[:n]}
	begin, asked := n, false
	for i := n; i < len(messages); i++ {
		if messages[i].Role != provider.RoleUser {
			continue
		}
		if asked {
			c.turns = append(c.turns, messages[begin:i])
			begin = i
		}
		asked = true
	}
	if begin < len(messages) {
		c.turns = append(c.turns, messages[begin:])
	}
	return c
}

// without is what is sent when the first k turns are left out.
func (c *conversation) without(k int, g Gist) []provider.Message {
	out := make([]provider.Message, 0, len(c.head)+1+2*(len(c.turns)-k))
	out = append(out, c.head...)
	if g.Text != "" {
		text := "Summary of the conversation so far:\n" + g.Text
		if n := len(out); n > 0 {
			out[n-1].Text += "\n\n" + text
		} else {
			out = append(out, provider.System(text))
		}
	}
	for _, turn := range c.turns[k:] {
		out = append(out, turn...)
	}
	return out
}

// leave is how many turns must be left out, from least on, for the rest to take
// at most tokens.
func (c *conversation) leave(ctx context.Context, least int, g Gist, tokens int) (int, error) {
	last := max(0, len(c.turns)-1)
	if tokens <= 0 {
		return min(least, last), nil
	}
	var failed error
	fewer := 0 // tokens, at the last count that was too many
	k := least + sort.Search(last-least+1, func(i int) bool {
		n, err := c.policy.Count(ctx, c.without(least+i, g))
		if err != nil {
			failed = err
		}
		if n > tokens {
			fewer = n
		}
		return failed != nil || n <= tokens
	})
	switch {
	case failed != nil:
		return 0, failed
	case k > last:
		return 0, provider.Errorf(provider.ContextOverflow, "", "", "the last message and the system message take about %d tokens, but there is room for %d", fewer, tokens)
	}
	return k, nil
}

// fitted is the result with the first k turns left out.
func (c *conversation) fitted(ctx context.Context, k int, g Gist) (Fitted, error) {
	f := Fitted{Messages: c.without(k, g), LeftTurns: k, Turns: len(c.turns), Gist: g}
	for _, turn := range c.turns[:k] {
		f.Left = append(f.Left, turn...)
	}
	var err error
	if f.Tokens, err = c.policy.Count(ctx, f.Messages); err == nil && k > 0 {
		f.LeftTokens, err = c.policy.Count(ctx, f.Left)
	}
	return f, err
}
