package chain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// instructionsVar is the variable for which a parser has a value.
const instructionsVar = "format_instructions"

// ask asks the model.
type ask struct {
	prompt *prompt.Prompt
	parse  Parser
	schema *provider.Schema
	tools  []string
	embeds bool // its prompt needs an embedder
	last   bool // its answer, as it comes, is the chain's
}

func (b *ask) final() bool {
	b.last = b.parse == nil && b.schema == nil
	return b.last
}

// compilePrompt compiles the messages and resolves their variables.
func (c *compiler) compilePrompt(src *Step, s *step) (body, Type) {
	b := &ask{parse: src.Parse, schema: src.Schema, tools: slices.Clone(src.Tools)}
	c.chain.needs.addNames(&c.chain.needs.tools, src.Tools...)
	typ := TypeText
	switch {
	case src.Parse != nil && src.Schema != nil:
		c.fail("schema", "the step has both schema and parse", "remove one of them: a schema parses the answer already")
	case src.Schema != nil:
		b.schema = c.schema(src.Schema)
		typ = typeOfSchema(src.Schema)
	case src.Parse != nil:
		typ = typeOfParser(src.Parse)
		if p, ok := src.Parse.(interface{ Notes() []string }); ok {
			c.warn("parse", p.Notes())
		}
	}
	if src.PromptFrom != nil {
		b.prompt, b.embeds = src.PromptFrom, src.PromptFrom.Embeds()
		c.vars(src, src.PromptFrom, func(prompt.Var) (string, int) { return "file", -1 })
		return b, typ
	}
	if src.System != "" && src.Prompt == "" && len(src.Messages) == 0 {
		c.fail("prompt", "there is no prompt", "write one, or messages")
		return b, typ
	}
	messages, fields := messagesOf(src)
	field := func(message int) (string, int) {
		if len(fields) > 0 {
			return fields[message], -1
		}
		return "messages", message
	}
	p, err := prompt.New(c.promptOptions(src), messages...)
	for _, err := range diag.Split(err) {
		if m := new(prompt.Error); errors.As(err, &m) {
			c.current.at = textx.Position{Line: m.Line, Column: m.Column}
			name := ""
			if m.Message >= 0 {
				name, c.current.message = field(m.Message)
			}
			if key := keyOf(m.Field); key != "" {
				name, c.current.at = key, textx.Position{}
			}
			c.failWith(m.Err, name, m.What, m.Remedy)
		}
	}
	c.current.at, c.current.message = textx.Position{}, -1
	if err != nil {
		return b, typ
	}
	b.prompt, b.embeds = p, p.Embeds()
	c.vars(src, p, func(v prompt.Var) (string, int) { return field(v.Message) })
	return b, typ
}

// schema checks a schema, so that a mistake in it is found before a run, and
// asks for strict mode where that can say it.
func (c *compiler) schema(s *provider.Schema) *provider.Schema {
	compiled, err := schema.Compile(s.JSON)
	if err != nil {
		c.fail("schema", err.Error(), "")
		return s
	}
	c.warn("schema", compiled.Notes())
	strict := *s
	if _, err := compiled.Strict(); err == nil {
		strict.Strict = true
	}
	return &strict
}

// promptOptions are how the step's messages are written.
func (c *compiler) promptOptions(src *Step) prompt.Options {
	return prompt.Options{
		Format: src.Format, Partial: src.Partial, Partials: src.Partials, AllowJinja2: c.jinja2,
		Dir: src.Dir, FS: src.FS, Examples: src.Examples,
	}
}

// keyOf is the key of a step under which a prompt's mistake stands, where that
// is not a message.
func keyOf(field string) string {
	switch field {
	case "examples", "example", "prefix", "selector":
		return "examples"
	case "partial":
		return "partial"
	case "images":
		return "images"
	}
	return ""
}

// vars resolves a prompt's variables.
func (c *compiler) vars(src *Step, p *prompt.Prompt, field func(prompt.Var) (string, int)) {
	at := func(v prompt.Var) {
		c.current.at = textx.Position{Line: v.Line, Column: v.Column}
		if v.Message >= 0 {
			c.current.field, c.current.message = field(v)
		}
	}
	for _, v := range p.Vars() {
		at(v)
		if v.Name == instructionsVar && src.Parse != nil && !c.scope.taken(v.Name) {
			continue
		}
		in := c.chain.input(v.Name)
		given := c.scope.binding(v.Name) != nil || in != nil && !in.Optional
		if typ := c.use(v.Name); v.Messages && typ != TypeAny && typ != TypeList {
			c.fail(c.current.field, fmt.Sprintf("{%s} is a %s, but a list of messages is needed", v.Name, typ), "")
		}
		if in := c.chain.input(v.Name); in != nil && v.Optional && !given {
			in.Optional = true
		}
	}
	for _, v := range p.Optional() {
		at(v)
		c.mayUse(v.Name)
	}
	c.current.at, c.current.message = textx.Position{}, -1
}

// run asks, and asks again for an answer that cannot be used, as often as the
// step says.
func (b *ask) run(ctx context.Context, x *exec, s *step, v *variables, at stepPath) (StepResult, error) {
	req := overlay(*x.defaults, &s.settings)
	own := req.Privacy
	req.Privacy = x.stays.tightened(own)
	result, err := b.tries(ctx, x, s, req, v, at)
	return result, x.stays.explained(err, own)
}

// tries is run with the step's settings in req.
func (b *ask) tries(ctx context.Context, x *exec, s *step, req provider.Request, v *variables, at stepPath) (StepResult, error) {
	if b.parse != nil {
		v = v.instructed(b.parse)
	}
	var call prompt.Call
	if b.embeds {
		call = x.call(req.Privacy)
	}
	messages, err := b.prompt.MessagesFor(ctx, v, call)
	if err != nil {
		return StepResult{}, err
	}
	req.Messages, req.Schema = messages, b.schema
	if x.emit != nil && !x.emit(Event{Type: StepStart, Index: at.index, Step: at.path, Messages: messages}) {
		return StepResult{}, errLeft
	}
	p := x.asked(b, at)
	retries := cmp.Or(s.retries, x.retries)
	if retries > 0 {
		x = x.nested()
	}
	for try := 0; ; try++ {
		result, err := b.once(ctx, x, p, req, at)
		if try > 0 {
			result = x.withTotals(result)
		}
		if err == nil || try == retries || !again(err) || ctx.Err() != nil {
			return result, err
		}
		if !x.show(Event{Type: StepRetry, Index: at.index, Step: at.path, Err: err}) {
			return result, errLeft
		}
		req.Messages = corrected(messages, result.Text, err)
	}
}

// once asks one time.
func (b *ask) once(ctx context.Context, x *exec, p provider.Provider, req provider.Request, at stepPath) (StepResult, error) {
	var result StepResult
	answer, err := b.collect(x, p.Chat(at.context(ctx), req), at)
	if errors.Is(err, errLeft) {
		return result, err
	}
	result.Text, result.Thinking, result.Finish = answer.Text, answer.Thinking, answer.Finish
	result.Usage, result.Route = answer.Usage, answer.Route
	x.count(&answer)
	if err == nil {
		err = b.value(x, &result, &answer)
	}
	return result, err
}

// collect returns the whole answer, and shows each chunk of it.
func (b *ask) collect(x *exec, stream iter.Seq2[provider.Chunk, error], at stepPath) (provider.Response, error) {
	if x.emit == nil {
		return provider.Collect(stream)
	}
	left := false
	answer, err := provider.Collect(func(yield func(provider.Chunk, error) bool) {
		for c, err := range stream {
			if err == nil {
				left = !x.emit(Event{Type: StepChunk, Index: at.index, Step: at.path, Chunk: c, Final: b.last && !x.quiet})
			}
			if left || !yield(c, err) {
				return
			}
		}
	})
	if left {
		return answer, errLeft
	}
	return answer, err
}

// value makes the step's value of a whole answer.
func (b *ask) value(x *exec, result *StepResult, answer *provider.Response) error {
	if !b.last || x.quiet {
		if answer.Finish == provider.FinishLength {
			return cut(answer, "the next step would continue with an incomplete text")
		}
		if blank(answer.Text) {
			return answerError(provider.Truncated, answer, errors.New("the model ended without writing anything for the next step to use; ask again, or ask another model"))
		}
	}
	switch {
	case b.schema != nil:
		value, _, err := textx.DecodeJSON(answer.Text)
		if err != nil {
			return answerError(provider.BadAnswer, answer, fmt.Errorf("the answer is not one JSON value: %w", err))
		}
		result.Value = value
	case b.parse != nil:
		value, err := b.parse.Parse(answer.Text)
		if err != nil {
			return &ParseError{Text: answer.Text, Err: err, answer: *answer}
		}
		result.Value = textx.Numbers(value)
	default:
		result.Value = answer.Text
	}
	return nil
}

// again reports whether another answer may be better.
func again(err error) bool {
	return errors.Is(err, provider.Truncated) || errors.Is(err, provider.BadAnswer)
}

// corrected is the conversation that goes on after an answer that could not be
// used. After one that never came it begins anew.
func corrected(messages []provider.Message, answer string, err error) []provider.Message {
	parse := new(ParseError)
	if !errors.As(err, &parse) || blank(answer) {
		return messages
	}
	return append(slices.Clip(slices.Clone(messages)),
		provider.Assistant(answer),
		provider.User("That answer could not be used: "+parse.Err.Error()+". Answer again, and only as asked."))
}
