package cli

import (
	"context"

	"github.com/tandem-llm/tandem/provider"
)

// stream asks p, and prints the answer as it comes. JSON is printed as it is.
func (s *chatSession) stream(ctx context.Context, p provider.Provider, req provider.Request) (provider.Response, error) {
	if s.extract {
		s.tools.newLine = func() {}
		return s.app.collected(ctx, p, req)
	}
	pr := s.app.newPrinter(restarts(s.stack), len(s.chat.Tools) > 0, req.Schema != nil)
	s.tools.newLine = pr.newLine
	return stream(ctx, p, req, pr, allOf)
}
