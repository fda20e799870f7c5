package cli

import (
	"context"
	"io"

	"github.com/tandem-llm/tandem/internal/chatui"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// stream asks p, and prints the answer as it comes. JSON is printed as it is.
func (s *chatSession) stream(ctx context.Context, p provider.Provider, req provider.Request) (provider.Response, error) {
	a := s.app
	if s.extract {
		s.tools.newLine = func() {}
		return provider.Collect(p.Chat(ctx, req))
	}
	tools := len(s.chat.Tools) > 0
	if !s.format || req.Schema != nil {
		pr := a.newPrinter(restarts(s.stack), tools)
		s.tools.newLine = pr.newLine
		return stream(ctx, p, req, pr, allOf)
	}
	md := chatui.NewMarkdown(terminal.Raw(a.term.Out)) // made safe before it is formatted
	pr := &printer{out: terminal.NewSanitizer(md), again: func(thought bool) {
		_ = md.Close() // what broke off may have been within a block of code
		a.sayRestart(tools, thought)
	}}
	s.tools.newLine = pr.newLine
	if !a.flags.quiet {
		pr.thinking = a.term.Thoughts(terminal.NewSanitizer(dimmed{a.term}))
	}
	r, err := collect(p.Chat(ctx, req), pr)
	if cerr := md.Close(); err == nil && pr.err == nil {
		pr.err = cerr
	}
	if pr.err != nil {
		return r, pr.err
	}
	return r, err
}

// dimmed writes to standard error, less brightly.
type dimmed struct{ t *terminal.Terminal }

func (d dimmed) Write(p []byte) (int, error) {
	if _, err := io.WriteString(d.t.Err, d.t.Dim(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
