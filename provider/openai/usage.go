package openai

import (
	"fmt"

	goopenai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/internal/tokens"
	"github.com/tandem-llm/tandem/provider"
)

// grown is what a server counted that tells it more than once, as it goes: what
// was counted once is not taken back. A later usage that cannot be stays, so that
// the whole is none.
func grown(before, u *goopenai.Usage) *goopenai.Usage {
	if before == nil || usage(u, 0) == nil {
		return u
	}
	out := *u
	out.PromptTokens = max(u.PromptTokens, before.PromptTokens)
	out.CompletionTokens = max(u.CompletionTokens, before.CompletionTokens)
	if out.TotalTokens != 0 {
		out.TotalTokens = max(u.TotalTokens, before.TotalTokens, out.PromptTokens+out.CompletionTokens)
	}
	return &out
}

// usage is what the server counted for an answer of so many bytes; nil: it told
// nothing, or nothing plausible. Some servers leave thinking out of the answer's
// tokens, and have it in the total alone: what is above the sum is output.
func usage(u *goopenai.Usage, answer int) *provider.Usage {
	if u == nil {
		return nil
	}
	out := &provider.Usage{InputTokens: u.PromptTokens, OutputTokens: u.CompletionTokens}
	if d := u.PromptTokensDetails; d != nil {
		out.CachedTokens = d.CachedTokens
	}
	if total := u.TotalTokens; total != 0 {
		if min(total, u.PromptTokens, u.CompletionTokens) < 0 || total-u.PromptTokens < u.CompletionTokens {
			return nil // the parts are more than the total
		}
		out.OutputTokens = total - u.PromptTokens
	}
	if d := u.CompletionTokensDetails; d != nil {
		out.ThinkingTokens = d.ReasoningTokens
	}
	if !out.Plausible(answer) {
		return nil
	}
	return out
}

// smallestWindow is the smallest part of a window, in tokens, that a server cuts a
// prompt to: Ollama 0.33.3 keeps half of 512. One that counts less counts
// something else, such as what it had not cached.
const smallestWindow = 128

// promptCut says, if so, that the server read far less than the prompt has: it
// has cut it to its context window, and answered what was left. Many servers do
// so without a word but their count.
func (a *answer) promptCut() string {
	if a.usage == nil || a.usage.PromptTokens < smallestWindow {
		return ""
	}
	u := usage(a.usage, 0)
	if u == nil {
		return ""
	}
	read, least := u.InputTokens, tokens.AtLeast(a.req)
	if read >= least {
		return ""
	}
	return fmt.Sprintf("the server read %d tokens of a prompt of at least %d, and cut the rest: raise the server's context window, or shorten the prompt", read, least)
}
