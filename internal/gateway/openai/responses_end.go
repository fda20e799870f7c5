package openai

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// whole is the response at its end.
func (s *responseAnswer) whole(a *exchange.Answer) *responseObject {
	o := s.object(a, completed)
	if a.Finish == provider.FinishLength {
		o.Status, o.Incomplete = incomplete, &incompleteDetails{Reason: "max_output_tokens"}
	} else {
		o.CompletedAt = provider.Ptr(time.Now().Unix())
	}
	o.Output, o.Usage, o.Tandem = s.output, responseUsageOf(a.Usage), &a.Call
	o.Store = o.Store && s.keep(o.ID, s.output, o)
	return o
}

// End writes the end of the items, and the response as a whole.
func (s *responseAnswer) End(w io.Writer, a *exchange.Answer) error {
	if err := s.begin(w, a); err != nil {
		return err
	}
	status := completed
	if a.Finish == provider.FinishLength {
		status = incomplete
	}
	if s.open == "" && len(s.output) == 0 { // an empty answer is one, too
		if err := s.openItem(w, a, kindMessage); err != nil {
			return err
		}
	}
	if err := s.close(w, a, status); err != nil {
		return err
	}
	o := s.whole(a)
	return s.send(w, "response."+o.Status, responseEvent{Response: o})
}

// FailStream writes response.failed, and an error for the clients that look for one:
// OpenAI's own raise nothing without it. Before response.created they take nothing else,
// so it comes first there.
func (s *responseAnswer) FailStream(w io.Writer, a *exchange.Answer, f *exchange.Failure) error {
	e := errorOf(f)
	if f.RetryAfter > 0 { // Codex reads how long to wait in the text
		e.Message += fmt.Sprintf(" (try again in %ds)", int(math.Ceil(f.RetryAfter.Seconds())))
	}
	o := s.briefly(a, "failed")
	o.Error, o.Output, o.Store, o.Tandem = &responseError{e.Code, e.Message}, append([]any{}, s.output...), false, &a.Call
	events := []responseEvent{
		{Type: "response.failed", Response: o},
		{Type: "error", Code: e.Code, Message: e.Message, Param: e.Param, Error: &e},
	}
	if !s.begun {
		slices.Reverse(events)
	}
	for _, event := range events {
		if err := s.send(w, event.Type, event); err != nil {
			return err
		}
	}
	return nil
}

// Whole writes a response.
func (s *responseAnswer) Whole(w http.ResponseWriter, a *exchange.Answer) {
	exchange.WriteJSON(w, http.StatusOK, s.complete(a))
}

// complete is the response of an answer that came whole.
func (s *responseAnswer) complete(a *exchange.Answer) *responseObject {
	status := completed
	if a.Finish == provider.FinishLength {
		status = incomplete
	}
	if a.Thinking != "" {
		s.output = append(s.output, reasoningItem{ID: itemID("rs", a, 0), Type: kindReasoning, Status: completed, Summary: []summaryPart{{Type: "summary_text", Text: a.Thinking}}})
	}
	if a.Text != "" || len(a.ToolCalls) == 0 {
		n := len(s.output)
		s.output = append(s.output, messageItem{ID: itemID("msg", a, n), Type: kindMessage, Status: status, Role: "assistant", Content: []textPart{textPartOf(a.Text)}})
	}
	for i := range a.ToolCalls {
		s.output = append(s.output, s.callItemOf(a, &a.ToolCalls[i], len(s.output)))
	}
	return s.whole(a)
}

// Fail writes a failure.
func (*responseAnswer) Fail(w http.ResponseWriter, f *exchange.Failure) { Fail(w, f) }
