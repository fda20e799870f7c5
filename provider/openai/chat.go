package openai

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"strings"
	"time"

	goopenai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/provider"
)

// Chat streams an answer. Success is a finish_reason and nothing else.
func (p *Provider) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		if err := p.chat(ctx, &req, yield); err != nil {
			yield(provider.Chunk{}, err)
		}
	}
}

// chat makes the call. A nil error means that everything was yielded, or that
// the caller wants no more.
func (p *Provider) chat(ctx context.Context, req *provider.Request, yield func(provider.Chunk, error) bool) error {
	if err := req.Accepts(p.cfg.Name); err != nil {
		return err
	}
	model := p.model(req.Model)
	if err := req.Validate(); err != nil {
		return failure.Named(err, p.cfg.Name, model)
	}
	if model == "" {
		return provider.Errorf(provider.Invalid, p.cfg.Name, "", "no model is set; set `model` for this provider or give -m")
	}
	if p.cfg.LocalOnly {
		if err := req.NoImageURLs(); err != nil {
			return failure.Named(err, p.cfg.Name, model)
		}
	}
	w := p.wireFor(model, req.Schema)
	body, members, err := p.convert(req, &w)
	if err != nil {
		return err
	}
	if err := p.checkPrivacy(model, req.Privacy); err != nil {
		return failure.PromptNotSent(err, req, "to "+p.endpoint)
	}
	dialect := httpx.SSE
	if req.NoStream {
		dialect = httpx.Whole
	}
	call, seen := p.watchedCall(dialect, normalize.OpenAIChat, req.Privacy)
	call.Prepend, call.Chat = members, true
	amended := p.returned(req, &w)
	call.Rewrite = httpx.Amend(amended)
	a := &answer{p: p, req: req, calls: assemble(req), asked: model, privacy: req.Privacy, call: call, seen: seen, start: time.Now(), yield: yield}
	a.sent = sentWith(req, &body, &w, amended)
	a.events.call = call
	if !p.general {
		call.Delta = &a.events.delta
	}
	if req.NoStream {
		return a.chatWhole(httpx.WithCall(ctx, call), ctx, &body)
	}
	return a.chatStream(httpx.WithCall(ctx, call), ctx, &body)
}

// answer is one answer on its way.
type answer struct {
	p       *Provider
	req     *provider.Request
	asked   string
	privacy provider.Privacy
	call    *httpx.Call
	seen    *gatewayHints
	sent    sent
	start   time.Time
	first   time.Duration
	yield   func(provider.Chunk, error) bool

	model        string          // as the server named it
	choice       bool            // a choice came
	finish       string          // why the answer ended, in the server's word; empty: it has not said
	usage        *goopenai.Usage // as the server told it
	calls        calls
	contentBytes int              // bytes of text and thinking
	yielded      bool             // content has been yielded
	held         []provider.Chunk // content of an answer that is not to be streamed
	warnings     []string

	content httpx.Content
	ids     eventIDs
	events  eventReader
}

// chatWhole asks for one document, which is taken in as one event.
func (a *answer) chatWhole(ctx, caller context.Context, body *goopenai.ChatCompletionRequest) error {
	reply, err := a.p.postChat(ctx, body)
	if err == nil {
		defer reply.Body.Close()
	}
	if e := a.checkGateway(caller); e != nil {
		return e
	}
	if err != nil {
		return a.failure(caller, err)
	}
	if a.call.Events != nil {
		return a.readEvents(caller)
	}
	var resp goopenai.ChatCompletionResponse
	if a.call.InDelta {
		fromDelta(&a.events.event, &a.events.delta)
		if a.events.event.Usage == nil {
			a.events.event.Usage = &resp.Usage
		}
		if _, err := a.addEvent(&a.events.event); err != nil {
			return err
		}
		return a.end(caller)
	}
	if err := json.NewDecoder(reply.Body).Decode(&resp); err != nil {
		return a.failure(caller, err)
	}
	if len(resp.Choices) == 0 {
		return a.failure(caller, &httpx.NotAPIError{Got: "a document without choices"})
	}
	choices := make([]goopenai.ChatCompletionStreamChoice, len(resp.Choices))
	for i := range resp.Choices {
		c := &resp.Choices[i]
		m := &c.Message
		choices[i] = goopenai.ChatCompletionStreamChoice{Index: c.Index, FinishReason: c.FinishReason, Delta: goopenai.ChatCompletionStreamChoiceDelta{
			Role: m.Role, Content: m.Content, ReasoningContent: m.ReasoningContent, Refusal: m.Refusal, ToolCalls: m.ToolCalls, FunctionCall: m.FunctionCall,
		}}
	}
	if _, err := a.addEvent(&goopenai.ChatCompletionStreamResponse{ID: resp.ID, Model: resp.Model, Choices: choices, Usage: &resp.Usage}); err != nil {
		return err
	}
	return a.end(caller)
}

// chatStream asks for tokens as they come.
func (a *answer) chatStream(ctx, caller context.Context, body *goopenai.ChatCompletionRequest) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the call upstream, however the loop ends
	body.Stream = true
	reply, err := a.p.postChat(ctx, body)
	if err == nil {
		defer reply.Body.Close()
	}
	if e := a.checkGateway(caller); e != nil {
		return e
	}
	if err != nil {
		return a.failure(caller, err)
	}
	if err = a.readEvents(caller); err == nil && a.call.Done {
		defer time.AfterFunc(restTime, cancel).Stop()
		a.call.Events.Rest()
	}
	return err
}

// restTime is how long the end of a body may come behind the word that the answer is
// whole. Else the connection is closed.
const restTime = 20 * time.Millisecond

// readEvents takes a stream in, and yields its end.
func (a *answer) readEvents(caller context.Context) error {
	for {
		event, err := a.events.next()
		if e := a.checkGateway(caller); e != nil {
			return e
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && a.finish != "" && caller.Err() == nil && len(a.call.Failure) == 0 {
			break // the answer was complete; only the end of the stream was not
		}
		if err != nil {
			return a.failure(caller, err)
		}
		more, err := a.addEvent(event)
		if err != nil || !more {
			return err
		}
	}
	return a.end(caller)
}

// end yields the last chunk, or returns the error that the end is.
func (a *answer) end(caller context.Context) error {
	if err := a.checkEnd(); err != nil {
		return a.failure(caller, err)
	}
	if cut := a.promptCut(); cut != "" {
		if !a.yielded {
			return a.error(provider.ContextOverflow, "%s", cut)
		}
		a.warnings = append(a.warnings, cut)
	}
	last, err := a.finalChunk()
	if err != nil {
		return err
	}
	a.addRest(&last)
	a.yield(last, nil)
	return nil
}

// addRest adds to the last chunk what comes with it.
func (a *answer) addRest(last *provider.Chunk) {
	a.content.End(last)
	switch {
	case len(a.held) == 0:
		return
	case len(a.held) == 1 && last.Text == "" && last.Thinking == "" && !last.Thought: // a document
		last.Text, last.Thinking = a.held[0].Text, a.held[0].Thinking
		return
	}
	var text, thinking strings.Builder
	for _, c := range append(a.held, *last) {
		c.AppendTo(&text, &thinking)
	}
	last.Text, last.Thinking = text.String(), thinking.String()
	last.Restart, last.Thought = false, false
}

// addEvent takes one event in; it reports whether the caller wants more.
func (a *answer) addEvent(e *goopenai.ChatCompletionStreamResponse) (bool, error) {
	if e.Model != "" {
		a.model = e.Model
	}
	if e.Usage != nil {
		a.usage = grown(a.usage, e.Usage)
	}
	if len(e.Choices) == 0 {
		return true, nil
	}
	c := &e.Choices[0]
	a.choice = true
	if a.call.InDelta {
		a.seen.thinking.sawMember(a.events.delta.Member)
	}
	if err := a.checkSameAnswer(e); err != nil {
		return false, err
	}
	if c.Delta.Refusal != "" {
		return false, a.error(provider.Filtered, "the model refused: %s", c.Delta.Refusal)
	}
	if err := a.addToolCalls(&c.Delta); err != nil {
		return false, err
	}
	if word := string(c.FinishReason); normalize.EndOf(word) != normalize.EndNone {
		a.finish = word
	}
	chunk := a.content.Add(c.Delta.Content, c.Delta.ReasoningContent)
	if chunk.Empty() {
		return true, nil
	}
	size := len(chunk.Text) + len(chunk.Thinking)
	a.contentBytes += size
	if err := a.call.Content(size); err != nil {
		return false, a.failure(context.Background(), err)
	}
	if a.first == 0 {
		a.first = time.Since(a.start)
	}
	if a.req.NoStream {
		a.held = append(a.held, chunk)
		return true, nil
	}
	if !a.yielded {
		if cut := a.promptCut(); cut != "" {
			return false, a.error(provider.ContextOverflow, "%s", cut)
		}
	}
	a.yielded = true
	return a.yield(chunk, nil), nil
}

func (a *answer) route() *provider.Route {
	model := a.model
	if model == "" {
		model = a.asked
	}
	total := time.Since(a.start)
	if a.first == 0 {
		a.first = total
	}
	g := a.p.gateway(a.call, a.seen)
	return &provider.Route{
		Provider: a.p.cfg.Name, Model: model, Endpoint: a.p.endpoint, Gateway: g.name,
		Local:  a.call.Local && a.p.cfg.Local && !g.remote && !ollamahost.CloudModel(a.asked),
		Reason: "asked directly", Request: a.call.RequestID(), FirstToken: a.first, Total: total,
		Warnings: a.warnings,
	}
}
