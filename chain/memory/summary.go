package memory

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// summarised fits the conversation with a summary of what is left out, made
// anew only when more must be left out than g tells of.
func (c *conversation) summarised(ctx context.Context, p provider.Provider, g Gist, least int) (Fitted, error) {
	last := max(0, len(c.turns)-1)
	k := min(max(least, g.Turns), last)
	if k == g.Turns {
		if at, err := c.leave(ctx, k, g, c.policy.Tokens); err == nil && at == k {
			return c.fitted(ctx, k, g)
		}
	}
	room := c.room()
	// A quarter more than must leaves, so that not every turn needs a summary.
	if least > g.Turns {
		k = min(k+c.policy.Window/4, last)
	}
	if c.policy.Tokens > 0 {
		at, err := c.leave(ctx, k, Gist{}, max(1, c.policy.Tokens*3/4-room))
		switch {
		case err == nil:
			k = at
		case provider.KindOf(err) == provider.ContextOverflow:
			k = last
		default:
			return Fitted{}, err
		}
	}
	next, calls, failed := c.summarise(ctx, p, g, k, room)
	if ctx.Err() != nil {
		return Fitted{}, ctx.Err()
	}
	if failed == nil {
		if at, err := c.leave(ctx, k, next, c.policy.Tokens); err == nil && at == k {
			f, err := c.fitted(ctx, k, next)
			f.Summaries = calls
			return f, err
		}
		failed = errors.New("the summary and the last message together do not fit")
	}
	f, err := c.plain(ctx, g, max(least, g.Turns))
	f.Summaries, f.Unsummarised = calls, failed
	return f, err
}

// plain leaves turns out without a summary of them; an older one stays where it
// fits.
func (c *conversation) plain(ctx context.Context, g Gist, least int) (Fitted, error) {
	least = min(least, max(0, len(c.turns)-1))
	k, err := c.leave(ctx, least, g, c.policy.Tokens)
	if err != nil && g.Text != "" {
		g = Gist{}
		k, err = c.leave(ctx, least, g, c.policy.Tokens)
	}
	if err != nil {
		return Fitted{}, err
	}
	return c.fitted(ctx, k, g)
}

// room is how many tokens a summary may have.
func (c *conversation) room() int {
	if c.policy.Tokens <= 0 {
		return 512
	}
	return min(max(c.policy.Tokens/8, 32), 1024)
}

// summarise makes a summary of the first k turns from g, which is one of the
// first of them, in as many calls as the window needs.
func (c *conversation) summarise(ctx context.Context, p provider.Provider, g Gist, k, room int) (Gist, []provider.Response, error) {
	var calls []provider.Response
	if p == nil {
		return g, nil, errors.New("a summary needs a provider")
	}
	for g.Turns < k {
		messages, n, err := c.part(ctx, g, k, room)
		if err != nil {
			return g, calls, err
		}
		of := c.policy.Request
		r, err := provider.Collect(p.Chat(ctx, provider.Request{
			Model: of.Model, Use: of.Use, Privacy: of.Privacy, Options: of.Options, Seed: of.Seed, Think: of.Think,
			Messages: messages, Temperature: provider.Ptr(0.0), MaxTokens: provider.Ptr(room),
		}))
		if err != nil {
			return g, calls, fmt.Errorf("the summary failed: %w", err)
		}
		calls = append(calls, r)
		text := strings.TrimSpace(r.Text)
		switch {
		case r.Finish == provider.FinishLength:
			return g, calls, fmt.Errorf("the summary was cut at its limit of %d tokens, so it is not used", room)
		case text == "":
			return g, calls, errors.New("the summary is empty")
		}
		g = Gist{Text: text, Turns: g.Turns + n}
	}
	return g, calls, nil
}

// part is what the model is asked for the next summary, and how many turns it
// takes in: as many as fit.
func (c *conversation) part(ctx context.Context, g Gist, k, room int) (messages []provider.Message, n int, err error) {
	for n = k - g.Turns; n > 0; n /= 2 {
		messages = []provider.Message{provider.User(ask(g, c.turns[g.Turns:g.Turns+n], room))}
		if c.policy.Tokens <= 0 {
			return messages, n, nil
		}
		size, err := c.policy.Count(ctx, messages)
		if err != nil {
			return nil, 0, err
		}
		if size <= c.policy.Tokens-room {
			return messages, n, nil
		}
	}
	return nil, 0, errors.New("a turn is too long to summarise in this context window")
}

// ask is the prompt for a summary.
func ask(g Gist, turns [][]provider.Message, room int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Summarise this conversation in at most %d words, in its own language: facts, names, decisions and open questions. Write the summary and nothing else.\n", max(10, room/2))
	if g.Text != "" {
		fmt.Fprintf(&b, "\nSummary of what came before:\n%s\n", g.Text)
	}
	for _, turn := range turns {
		for _, m := range turn {
			who := map[provider.Role]string{provider.RoleUser: "User", provider.RoleAssistant: "Assistant", provider.RoleTool: "Tool " + m.ToolName, provider.RoleSystem: "System"}[m.Role]
			fmt.Fprintf(&b, "\n%s: %s\n", who, m.Text)
			for _, call := range m.ToolCalls {
				fmt.Fprintf(&b, "(calls %s %s)\n", call.Name, call.Arguments)
			}
			if len(m.Images) > 0 {
				fmt.Fprintf(&b, "(%d images)\n", len(m.Images))
			}
		}
	}
	return b.String()
}
