package anthropic

import (
	"fmt"
	"net/http"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
)

type counted struct {
	InputTokens int  `json:"input_tokens"`
	Estimated   bool `json:"estimated,omitempty"` // no tokenizer of the engine has counted
}

// estimateNote says what an estimate is.
const estimateNote = "input_tokens is an estimate: the engine cannot be asked for the count"

// countTokens counts a prompt without asking a model. The engine's own tokenizer
// counts where it can, on another machine only if the prompt may go there.
func (a *API) countTokens(w http.ResponseWriter, r *http.Request) {
	identify(w)
	_, b, err := exchange.ReadBody(r)
	if err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	d, err := a.decode(b, r)
	if err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	n, f := a.x.Count(r, &d.q)
	if f != nil {
		Fail(w, f)
		return
	}
	if !n.Exact {
		w.Header().Set("X-Tandem-Notes", estimateNote)
	}
	exchange.WriteJSON(w, http.StatusOK, counted{InputTokens: n.Tokens, Estimated: !n.Exact})
}

// sizes are a prompt's size and the window that it does not fit, as clients read them.
func sizes(s *exchange.Size) string {
	if s == nil {
		return ""
	}
	about := ""
	if s.Estimated {
		about = "about "
	}
	return fmt.Sprintf("%s%d tokens > %d maximum; ", about, s.Tokens, s.Window)
}
