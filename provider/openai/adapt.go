package openai

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	goopenai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/internal/apierror"
	"github.com/tandem-llm/tandem/internal/compat"
	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/provider"
)

// Compat says how a server differs from OpenAI in what it takes. What a server
// refuses besides is found out as it refuses it: see [provider.ErrAdapted].
type Compat struct {
	// Preset is the name of a sort of server, such as "mistral"; empty: what is
	// known of the host.
	Preset string
	// Omit are members that are left out besides: stream_options, reasoning_content,
	// extra_content, encoding_format. Nothing that a request asks for is among them.
	Omit []string
	// Schema is how the server gets an answer's schema: "json_schema",
	// "json_object" (with the schema in the prompt) or "prompt". Empty: as the preset
	// says. The latter two do not hold the server to it: such a request is Unsupported unless the
	// answer is checked, see [provider.Schema].
	Schema string
}

// wire is how a request is written for one server and model.
type wire struct {
	omit       []string // of compat.Members
	schema     string   // of compat.SchemaForms
	otherLimit bool     // the limit of tokens goes by its other name
	shortIDs   bool     // the ids of tool calls have nine letters and digits
	thinking   string   // the member that thinking goes back in; empty: none
	effort     effort   // of requests with tools or sampling that ask for no thinking
}

// effort says whether thinking is turned off for the requests that a model takes only
// so. OpenAI's newer models think by default, and then take neither tools nor a
// temperature (gpt-5.4 and later, gpt-6-luna).
type effort int

const (
	effortDefault effort = iota
	effortNone           // it is turned off
	effortFixed          // the model cannot do without
)

// wantsNoThinking reports whether a request leaves open if the model thinks, and has
// what some models do not take while they do.
func wantsNoThinking(req *provider.Request, model string) bool {
	return req.Think == provider.ThinkDefault && (req.Temperature != nil || req.TopP != nil || len(req.Tools) > 0) &&
		(strings.HasPrefix(model, "gpt-5") || strings.HasPrefix(model, "gpt-6"))
}

func (w *wire) omits(member string) bool { return slices.Contains(w.omit, member) }

// newWire is how a server is written to before it refuses anything.
func newWire(c Compat, host string) (wire, error) {
	preset := compat.ForHost(host)
	if c.Preset != "" {
		named, ok := compat.Named(c.Preset)
		if !ok {
			return wire{}, fmt.Errorf("unknown compat preset %q; the presets are %s", c.Preset, strings.Join(compat.Names(), ", "))
		}
		preset = named
	}
	w := wire{omit: append(slices.Clone(preset.Omit), c.Omit...), schema: compat.JSONSchema, shortIDs: preset.ShortIDs}
	for _, m := range c.Omit {
		if !slices.Contains(compat.Members(), m) {
			return wire{}, fmt.Errorf("%q cannot be omitted; only %s can", m, strings.Join(compat.Members(), ", "))
		}
	}
	for _, form := range []string{preset.Schema, c.Schema} {
		if form != "" {
			w.schema = form
		}
	}
	if !slices.Contains(compat.SchemaForms(), w.schema) {
		return wire{}, fmt.Errorf("compat schema %q is not one of %s", w.schema, strings.Join(compat.SchemaForms(), ", "))
	}
	return w, nil
}

// refusals are what a server has refused, by model.
type refusals struct {
	mu      sync.Mutex
	byModel map[string]wire
}

// maxRefusals is how many models, and schemas, are remembered.
const maxRefusals = 64

// wireFor is how a request for a model is written, by what its server has refused.
func (p *Provider) wireFor(model string, want *provider.Schema) wire {
	p.refused.mu.Lock()
	defer p.refused.mu.Unlock()
	w := p.wire
	if known, ok := p.refused.byModel[model]; ok {
		w = known
	}
	if want != nil && len(p.refused.byModel) > 0 {
		if known, ok := p.refused.byModel[schemaKey(model, want)]; ok {
			w.schema = known.schema
		}
	}
	w.thinking = p.thinkingMember()
	return w
}

// remember changes how requests are written from now on, for a model or a schema.
func (p *Provider) remember(key string, change func(*wire)) {
	p.refused.mu.Lock()
	defer p.refused.mu.Unlock()
	w, ok := p.refused.byModel[key]
	if !ok {
		w = p.wire
		if p.refused.byModel == nil || len(p.refused.byModel) >= maxRefusals {
			p.refused.byModel = map[string]wire{}
		}
	}
	change(&w)
	p.refused.byModel[key] = w
}

// schemaKey is the key of what is known of one schema.
func schemaKey(model string, want *provider.Schema) string {
	return fmt.Sprintf("%s\x00%x", model, sha256.Sum256(want.JSON))
}

// sent is what a request had that its server may refuse.
type sent struct {
	wire  wire
	model string
	req   *provider.Request // nil: for embeddings

	usage, thinking, extras, format bool // stream_options; what goes back; response_format
}

// sentWith is what a request for an answer had, as body and besides.
func sentWith(req *provider.Request, body *goopenai.ChatCompletionRequest, w *wire, amended []httpx.Amendment) sent {
	thinking, extras := sends(amended)
	return sent{
		wire: *w, model: body.Model, req: req, extras: extras, usage: body.StreamOptions != nil, format: body.ResponseFormat != nil,
		thinking: thinking || slices.ContainsFunc(body.Messages, func(m goopenai.ChatCompletionMessage) bool { return m.ReasoningContent != "" }),
	}
}

// adapt looks whether a server refused a member that the request did not ask for.
// If so it is left out from now on, and e says that the same may be asked again.
// What the request did ask for is named.
func (p *Provider) adapt(s *sent, said *apierror.Error, e *provider.Error) {
	refuses := func(names ...string) bool { return said.Refuses(e.Status, names...) }
	limit := ""
	if s.req != nil && s.req.MaxTokens != nil && p.cfg.MaxTokensField == "" && !s.wire.otherLimit {
		limit = p.maxTokensField(s.model, &s.wire)
	}
	switch {
	case s.usage && refuses(compat.StreamOptions, "stream options", "include_usage"):
		p.leaveOut(s, compat.StreamOptions, e)
	case s.thinking && refuses(append(thinkingLists[:], compat.ReasoningContent, shortThinking)...):
		p.leaveOut(s, compat.ReasoningContent, e)
	case s.extras && refuses(compat.ExtraContent, "thought_signature", "signature", "provider_specific_fields"):
		p.leaveOut(s, compat.ExtraContent, e)
	case s.req == nil && !s.wire.omits(compat.EncodingFormat) && refuses(compat.EncodingFormat):
		p.leaveOut(s, compat.EncodingFormat, e)
	case s.req != nil && !s.wire.shortIDs && said.WantsShortIDs():
		p.remember(s.model, func(w *wire) { w.shortIDs = true })
		adapted(e, "the server needs short tool call ids, which are used from now on (%w)", e.Err)
	case limit != "" && refuses(limit):
		p.remember(s.model, func(w *wire) { w.otherLimit = true })
		adapted(e, "the server rejects %s, so its other name is used from now on (%w)", limit, e.Err)
	case s.format && refuses("response_format", "response format", "json_schema", "json mode", "guided_json", "structured output", "structured outputs"):
		p.schemaRefused(s, s.model, e)
	case s.format && refuses("json schema", "grammar", "schema"):
		p.schemaRefused(s, schemaKey(s.model, s.req.Schema), e) // of this schema alone
	case s.req != nil && wantsNoThinking(s.req, s.model) && s.wire.effort == effortDefault && refuses("reasoning_effort", "temperature", "top_p"):
		p.remember(s.model, func(w *wire) { w.effort = effortNone })
		adapted(e, "the model does not take tools or a temperature while it thinks, so thinking is turned off for such requests from now on (%w)", e.Err)
	case s.req != nil && wantsNoThinking(s.req, s.model) && s.wire.effort == effortNone && refuses("reasoning_effort"):
		p.remember(s.model, func(w *wire) { w.effort = effortFixed })
		e.Kind, e.Err = provider.Unsupported, fmt.Errorf("the model always thinks, and then takes no tools or temperature, which the request needs: %w", e.Err)
	case s.req != nil && e.Kind == provider.Invalid:
		if i := slices.IndexFunc(p.asked(s.req), func(name string) bool { return refuses(name) }); i >= 0 {
			name := p.asked(s.req)[i]
			e.Kind, e.Err = provider.Unsupported, failure.About(fmt.Errorf("the server does not support %s, which the request needs: %w", name, e.Err), name)
		}
	}
}

// asked are the members that a request asks for, and that a server may not know.
func (p *Provider) asked(req *provider.Request) []string {
	names := slices.Concat(slices.Sorted(maps.Keys(req.Options)), slices.Sorted(maps.Keys(p.cfg.Options)))
	for name, has := range map[string]bool{
		"seed": req.Seed != nil, "temperature": req.Temperature != nil, "top_p": req.TopP != nil, "stop": len(req.Stop) > 0,
		"reasoning_effort": req.Think != "", "tools": len(req.Tools) > 0, "tool_choice": req.ToolChoice != "", p.cfg.MaxTokensField: req.MaxTokens != nil,
	} {
		if has && name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// adapted makes e the error of a request that may be asked again.
func adapted(e *provider.Error, format string, args ...any) {
	e.Kind, e.Err = provider.Unsupported, failure.Mark(fmt.Errorf(format, args...), provider.ErrAdapted)
}

// leaveOut leaves a member out from now on.
func (p *Provider) leaveOut(s *sent, member string, e *provider.Error) {
	p.remember(s.model, func(w *wire) {
		if !w.omits(member) { // another call may have met with the same
			w.omit = append(slices.Clone(w.omit), member)
		}
	})
	adapted(e, "the server rejects %s, which is omitted from now on (%w)", member, e.Err)
}

// schemaRefused has the schema said in the prompt from now on, where whoever asked
// checks the answer.
func (p *Provider) schemaRefused(s *sent, key string, e *provider.Error) {
	e.Kind, e.Err = provider.Unsupported, failure.About(e.Err, "response_format")
	if want := s.req.Schema; want == nil || !want.Checked || want.Strict {
		return
	}
	p.remember(key, func(w *wire) { w.schema = compat.Prompt })
	adapted(e, "the server rejects this response_format, so the schema goes into the prompt from now on (%w)", e.Err)
}

// shortenIDs gives the tool calls of a conversation, and their results, ids of nine
// letters and digits, the same for the same id.
func shortenIDs(messages []goopenai.ChatCompletionMessage) {
	shorten := func(id *string) {
		ok := len(*id) == 9
		for _, c := range *id {
			ok = ok && (c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z')
		}
		if !ok && *id != "" {
			sum := sha256.Sum256([]byte(*id))
			*id = hex.EncodeToString(sum[:])[:9]
		}
	}
	for i := range messages {
		shorten(&messages[i].ToolCallID)
		for j := range messages[i].ToolCalls {
			shorten(&messages[i].ToolCalls[j].ID)
		}
	}
}

// showSchema puts a schema into the prompt: into the first message for the model,
// so that no message is added.
func showSchema(body *goopenai.ChatCompletionRequest, s *schema.Schema) {
	at := slices.IndexFunc(body.Messages, func(m goopenai.ChatCompletionMessage) bool {
		return m.Role == goopenai.ChatMessageRoleSystem || m.Role == goopenai.ChatMessageRoleUser
	})
	if at < 0 {
		return
	}
	m := &body.Messages[at]
	shown := schema.Shown(s.Text())
	if len(m.MultiContent) > 0 {
		m.MultiContent = append(m.MultiContent, goopenai.ChatMessagePart{Type: goopenai.ChatMessagePartTypeText, Text: shown})
		return
	}
	m.Content += "\n\n" + shown
}
