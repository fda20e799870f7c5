package ollama

import (
	"context"
	"fmt"
	"time"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/internal/tokens"
	"github.com/tandem-llm/tandem/provider"
)

// Servers from 0.4 on count all tokens of a prompt; earlier ones leave out those
// that they had cached.
const countsMinor = 4

// Servers before 0.12.6 do not know truncate:false in a chat. Where a
// conversation does not fit, they drop its oldest messages and say nothing.
const (
	wholeMinor, wholePatch = 12, 6

	smallWindow  = 2048 // tokens; no server's default is less
	perMessage   = 64   // tokens that a template may add
	perImage     = 4096 // tokens
	versionFresh = time.Minute
)

// version is what the server said of itself.
type version struct {
	minor, patch int
	text         string
	asked        time.Time
}

// truncatesSilently reports whether the server is too old to refuse what does not fit. A
// version that says nothing, as that of a development build, is not.
func (v version) truncatesSilently() bool {
	return v.minor > 0 && (v.minor < wholeMinor || v.minor == wholeMinor && v.patch < wholePatch)
}

// checkTruncation refuses a conversation that an old server might cut unseen. What
// surely fits is not looked at further: a token has at least one byte. A single
// message may go where the window is pinned: if the server cuts that, it tells
// by the count of tokens (see answer.checkTruncated).
func (p *Provider) checkTruncation(ctx context.Context, model string, req *provider.Request, window int) error {
	pinned := window > 0
	if !pinned {
		window = smallWindow
	}
	most, turns := 0, 0
	for i := range req.Messages {
		m := &req.Messages[i]
		most += perMessage + len(m.Text) + perImage*len(m.Images)
		for _, c := range m.ToolCalls {
			most += len(c.Name) + len(c.Arguments)
		}
		if m.Role != provider.RoleSystem {
			turns++
		}
	}
	for _, t := range req.Tools {
		most += perMessage + len(t.Name) + len(t.Description) + len(t.Parameters)
	}
	if c := req.Completion; c != nil {
		most += len(c.Suffix) + len(c.Template)
	}
	if req.Schema != nil {
		most += perMessage + len(schema.Shown(req.Schema.JSON))
	}
	if most <= window || (turns < 2 && pinned) {
		return nil
	}
	v, err := p.serverVersion(ctx, req.Privacy)
	if err != nil || !v.truncatesSilently() {
		return err
	}
	return p.unsupported(model, "Ollama %s silently cuts a conversation that does not fit, and this one may not fit; upgrade Ollama to 0.12.6 or newer, or raise num_ctx", v.text)
}

// serverVersion asks /api/version, at most once a minute. Who does not answer
// it has no version. The only error is the caller's own.
func (p *Provider) serverVersion(ctx context.Context, privacy provider.Privacy) (version, error) {
	p.mu.Lock()
	v := p.server
	p.mu.Unlock()
	if time.Since(v.asked) < versionFresh {
		return v, nil
	}
	v = version{asked: time.Now()}
	text, err := p.client.Version(httpx.WithCall(ctx, p.call(httpx.Whole, normalize.OllamaVersion, privacy)))
	if ctx.Err() != nil {
		return v, ctx.Err()
	}
	if err == nil {
		v.text = text
		if n, _ := fmt.Sscanf(text, "0.%d.%d", &v.minor, &v.patch); n < 2 {
			v.minor = 0
		}
	}
	p.mu.Lock()
	p.server = v
	p.mu.Unlock()
	return v, nil
}

// checkTruncated is the error of an answer to a prompt of which the server read far
// less than it has. Ollama does so when it is not told, or does not heed, truncate:
// false. A server that is known to count otherwise, or does not say what it is,
// is not suspected.
func (a *answer) checkTruncated(ctx context.Context) error {
	read := a.final.PromptEvalCount
	if read <= 0 {
		return nil // not told
	}
	least := tokens.AtLeast(a.req)
	if read >= least {
		return nil
	}
	v, err := a.p.serverVersion(ctx, a.req.Privacy)
	if err != nil || v.text == "" || v.minor > 0 && v.minor < countsMinor {
		return err
	}
	return a.error(provider.ContextOverflow, "the server read %d tokens of a prompt of at least %d and cut the rest; upgrade Ollama, or raise num_ctx", read, least)
}
