package openai

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	goopenai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/httpx"
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
	body, members, err := p.convert(req)
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
	call, seen := p.watchedCall(dialect, req.Privacy)
	call.Prepend, call.Chat = members, true
	if p.takesExtras() {
		call.Rewrite = httpx.ReturnExtras(req, p.cfg.Name, 0)
	}
	a := &answer{p: p, req: req, calls: assemble(req), asked: model, privacy: req.Privacy, call: call, seen: seen, start: time.Now(), yield: yield}
	if req.NoStream {
		return a.chatWhole(httpx.WithCall(ctx, call), ctx, body)
	}
	return a.chatStream(httpx.WithCall(ctx, call), ctx, body)
}

// answer is one answer on its way.
type answer struct {
	p       *Provider
	req     *provider.Request
	asked   string
	privacy provider.Privacy
	call    *httpx.Call
	seen    *gatewayHints
	start   time.Time
	first   time.Duration
	yield   func(provider.Chunk, error) bool

	model        string // as the server named it
	finish       goopenai.FinishReason
	usage        *goopenai.Usage // as the server told it
	calls        calls
	contentBytes int  // bytes of text and thinking
	yielded      bool // content has been yielded

	text, thinking httpx.Letters
	ids            eventIDs
}

// chatWhole asks for one document.
func (a *answer) chatWhole(ctx, caller context.Context, body goopenai.ChatCompletionRequest) error {
	resp, err := a.p.client.CreateChatCompletion(ctx, body)
	if e := a.checkGateway(caller); e != nil {
		return e
	}
	if err != nil {
		return a.failure(caller, err)
	}
	if len(resp.Choices) == 0 {
		return a.failure(caller, &httpx.NotAPIError{Got: "a document without choices"})
	}
	c := resp.Choices[0]
	if len(resp.Choices) > 1 || c.Index != 0 {
		return a.error(provider.BadAnswer, "%w", errChoices)
	}
	if err := a.checkRole(c.Message.Role); err != nil {
		return err
	}
	if c.Message.Refusal != "" {
		return a.error(provider.Filtered, "the model refused: %s", c.Message.Refusal)
	}
	a.model, a.finish = resp.Model, c.FinishReason
	if err := a.addToolCalls(&c.Message); err != nil {
		return err
	}
	a.usage, a.contentBytes = &resp.Usage, len(c.Message.Content)+len(c.Message.ReasoningContent)
	a.first = time.Since(a.start)
	last, err := a.finalChunk()
	if err != nil {
		return err
	}
	last.Thinking, last.Text = c.Message.ReasoningContent, c.Message.Content
	a.yield(last, nil)
	return nil
}

// chatStream asks for tokens as they come.
func (a *answer) chatStream(ctx, caller context.Context, body goopenai.ChatCompletionRequest) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the call upstream, however the loop ends
	stream, err := a.p.client.CreateChatCompletionStream(ctx, body)
	if err == nil {
		defer stream.Close()
	}
	if e := a.checkGateway(caller); e != nil {
		return e
	}
	if err != nil {
		return a.failure(caller, err)
	}
	for {
		event, err := stream.Recv()
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
		more, err := a.addEvent(&event)
		if err != nil || !more {
			return err
		}
	}
	if a.finish == "" {
		return a.failure(caller, io.ErrUnexpectedEOF)
	}
	last, err := a.finalChunk()
	if err != nil {
		return err
	}
	last.Text, last.Thinking = a.text.End(), a.thinking.End()
	a.yield(last, nil)
	return nil
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
	if err := a.checkSameAnswer(e); err != nil {
		return false, err
	}
	if c.Delta.Refusal != "" {
		return false, a.error(provider.Filtered, "the model refused: %s", c.Delta.Refusal)
	}
	if err := a.addToolDeltas(&c.Delta); err != nil {
		return false, err
	}
	if c.FinishReason != "" && c.FinishReason != goopenai.FinishReasonNull {
		a.finish = c.FinishReason
	}
	chunk := provider.Chunk{Text: a.text.Add(c.Delta.Content), Thinking: a.thinking.Add(c.Delta.ReasoningContent)}
	if chunk.Empty() {
		return true, nil
	}
	size := len(chunk.Text) + len(chunk.Thinking)
	a.contentBytes += size
	if err := a.call.Content(size); err != nil {
		return false, a.failure(context.Background(), err)
	}
	if !a.yielded {
		a.yielded, a.first = true, time.Since(a.start)
	}
	return a.yield(chunk, nil), nil
}

// finalChunk makes the closing chunk, or the error that the finish reason stands for.
func (a *answer) finalChunk() (provider.Chunk, error) {
	calls, err := a.toolCalls()
	if err != nil {
		return provider.Chunk{}, err
	}
	c := provider.Chunk{ToolCalls: calls, Usage: usage(a.usage, a.contentBytes+sizeOf(calls)), Route: a.route()}
	switch a.finish {
	case goopenai.FinishReasonStop, "eos", "eos_token", "end_turn":
		c.Finish = provider.FinishStop
		if len(c.ToolCalls) > 0 {
			c.Finish = provider.FinishToolCalls
		}
	case goopenai.FinishReasonToolCalls, goopenai.FinishReasonFunctionCall:
		if len(c.ToolCalls) == 0 {
			return c, a.error(provider.BadAnswer, "the answer ends with tool calls, and none came")
		}
		c.Finish = provider.FinishToolCalls
	case goopenai.FinishReasonLength:
		c.Finish = provider.FinishLength
	case goopenai.FinishReasonContentFilter:
		return c, a.error(provider.Filtered, "the server's content filter withheld the answer; rephrase the prompt")
	case "", goopenai.FinishReasonNull:
		return c, a.error(provider.Truncated, "the answer does not say that it is finished")
	default:
		return c, a.error(provider.Truncated, "the answer ended for the unknown reason %q", a.finish)
	}
	return c, nil
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
	}
}

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
