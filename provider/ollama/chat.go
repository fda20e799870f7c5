package ollama

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/ollama/ollama/api"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/internal/toolcall"
	"github.com/tandem-llm/tandem/provider"
)

// errStop ends a call whose caller has left the loop.
var errStop = errors.New("the caller wants no more")

// Chat streams an answer. Success is done:true and nothing else.
func (p *Provider) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		if err := p.chat(ctx, &req, yield); err != nil && !errors.Is(err, errStop) {
			yield(provider.Chunk{}, err)
		}
	}
}

func (p *Provider) chat(ctx context.Context, req *provider.Request, yield func(provider.Chunk, error) bool) error {
	body, members, err := p.prepare(req)
	if err != nil {
		return err
	}
	model := body.Model
	if err := p.checkPrivacy(ctx, model, req.Privacy); err != nil {
		return err
	}
	if err := p.checkVision(ctx, model, req); err != nil {
		return err
	}
	if err := p.chooseWindow(ctx, body.Options, req, model); err != nil {
		return err
	}
	if err := p.checkTruncation(ctx, model, req, window(body.Options)); err != nil {
		return err
	}
	call := p.call(httpx.NDJSON, formOf(req), req.Privacy)
	call.Prepend, call.NoStream, call.Chat = members, req.NoStream, true
	call.Rewrite = httpx.Amend(httpx.Extras(req, p.cfg.Name, len(body.Messages)-len(req.Messages)))
	a := &answer{p: p, req: req, calls: calls{Assembler: toolcall.Assembler{Tools: req.Tools}}, asked: model, privacy: req.Privacy, call: call, start: time.Now(), yield: yield, window: window(body.Options)}
	a.content.Plain = isPlain(req)
	call.Inspect = &a.calls
	err = p.ask(ctx, call, body, req.Completion, a.addLine)
	switch {
	case errors.Is(err, errStop):
		return err
	case a.done && ctx.Err() == nil && isKindOrNone(err, provider.Timeout) && len(call.Failure) == 0:
		return a.finish(ctx)
	case err == nil:
		err = io.ErrUnexpectedEOF // the client calls a cut stream a success
	}
	return a.failure(ctx, err)
}

// isKindOrNone reports whether err is none of the contract's errors but of Kind k:
// behind a whole answer, a connection that breaks or stays open does not matter.
func isKindOrNone(err error, k provider.Kind) bool {
	kind := provider.KindOf(err)
	return kind == "" || kind == k
}

// window is the pinned context window in tokens, or 0.
func window(options provider.Options) int {
	n, _ := options.Int("num_ctx")
	return n
}

// answer is one answer on its way.
type answer struct {
	p      *Provider
	req    *provider.Request
	asked  string
	call   *httpx.Call
	start  time.Time
	first  time.Duration
	window int
	yield  func(provider.Chunk, error) bool

	privacy provider.Privacy

	remote  string // the host that says to have run the model; "": none
	yielded bool   // content has been yielded
	done    bool

	contentBytes int // bytes of text, thinking and tool calls

	final api.ChatResponse
	last  provider.Chunk

	content httpx.Content
	calls   calls
}

// addLine takes one line of the stream in.
func (a *answer) addLine(r api.ChatResponse) error {
	if err := a.checkRemote(r.Model, r.RemoteHost, r.RemoteModel); err != nil {
		return err
	}
	if err := a.checkSameAnswer(&r); err != nil || a.done {
		return err
	}
	c := a.content.Add(r.Message.Content, r.Message.Thinking)
	if r.Done {
		a.content.End(&c)
		c.Restart, c.Thought = c.Restart && a.yielded, c.Thought && a.yielded
	}
	size := len(c.Text) + len(c.Thinking)
	calls, err := a.addToolCalls(r.Message.ToolCalls)
	if err != nil {
		return err
	}
	for i := range calls {
		size += len(calls[i].Extra) + len(calls[i].ID) + len(calls[i].Name) + len(calls[i].Arguments)
	}
	c.ToolCalls = calls
	a.contentBytes += size
	if !c.Empty() {
		if a.first == 0 {
			a.first = time.Since(a.start)
		}
		if err := a.call.Content(size); err != nil {
			return err
		}
	}
	if r.Done {
		a.done, a.final, a.last = true, r, c
		return nil
	}
	if c.Empty() {
		return nil
	}
	a.yielded = true
	if !a.yield(c, nil) {
		return errStop
	}
	return nil
}

// checkRemote takes in who the answer says to be from: what was to stay on this
// machine, and did not, is not an answer.
func (a *answer) checkRemote(model, remoteHost, remoteModel string) error {
	host := actualHost(model, remoteHost, remoteModel)
	if host == "" {
		return nil
	}
	a.remote = host
	if kind, _ := a.p.mustStayLocal(a.privacy); kind != "" {
		return a.error(kind, "%w", failure.NoFallback(fmt.Errorf(
			"the prompt has left this machine, although it had to stay: %s answered, which Ollama had not reported before; use another model", host)))
	}
	return nil
}

// checkSameAnswer checks that a line is of the one answer, before anything of it is
// taken in: it would be glued onto that.
func (a *answer) checkSameAnswer(r *api.ChatResponse) error {
	m := &r.Message
	switch m.Role {
	case "user", "system", "tool":
		return a.error(provider.BadAnswer, "the server answered with a message of the role %q", m.Role)
	}
	switch {
	case !a.done:
	case m.Content != "", m.Thinking != "", len(m.ToolCalls) > 0:
		return a.error(provider.BadAnswer, "the server sent more after the end of the answer")
	case r.Done && !normalize.SameEnd(r.DoneReason, a.final.DoneReason):
		return a.error(provider.BadAnswer, "the server ended the answer twice, for different reasons")
	}
	return nil
}

// finish yields the last chunk, or the error that the end stands for.
func (a *answer) finish(ctx context.Context) error {
	c, r := a.last, &a.final
	finish, kind, err := httpx.Finish("done_reason", r.DoneReason, a.calls.Len() > 0, a.contentBytes > 0) // older servers give no reason
	if err != nil {
		return a.error(kind, "%w", err)
	}
	c.Finish = finish
	if a.window > 0 && r.PromptEvalCount >= a.window {
		return a.error(provider.ContextOverflow, "the server read %d tokens of the prompt, all that fit its context window of %d, and cut the rest; upgrade Ollama, or raise num_ctx", r.PromptEvalCount, a.window)
	}
	if err := a.checkTruncated(ctx); err != nil {
		return err
	}
	u := provider.Usage{InputTokens: r.PromptEvalCount, OutputTokens: r.EvalCount}
	if r.PromptEvalCachedCount != nil {
		u.CachedTokens = *r.PromptEvalCachedCount
	}
	if u.Plausible(a.contentBytes) {
		c.Usage = &u
	}
	c.Route = a.route()
	a.yield(c, nil)
	return nil
}

// route is the answer's. It is local only if neither the name that was asked
// for, nor what the server said of it, nor the answer itself is of another host.
func (a *answer) route() *provider.Route {
	model := a.final.Model
	if model == "" {
		model = a.asked
	}
	remote := cmp.Or(a.remote, a.p.knownRemoteHost(a.asked))
	total := time.Since(a.start)
	if a.first == 0 {
		a.first = total
	}
	return &provider.Route{
		Provider: a.p.cfg.Name, Model: model, Endpoint: a.p.endpoint,
		Local: a.call.Local && remote == "", Gateway: remote,
		Reason: "asked directly", Request: a.call.RequestID(),
		FirstToken: a.first, Total: total, Load: a.final.LoadDuration, Working: a.final.PromptEvalDuration + a.final.EvalDuration,
	}
}
