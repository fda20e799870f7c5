package provider

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Validate returns what is wrong with a Request on every provider, or nil. It
// makes no judgement about what one engine can do. Errors, without Provider and
// Model: Invalid; Unsupported, for an image by URL under [PrivacyLocal].
func (r *Request) Validate() error {
	if err := validModel(r.Model); err != nil {
		return err
	}
	if len(r.Messages) == 0 {
		return invalid("there are no messages")
	}
	for i := range r.Messages {
		if err := r.Messages[i].validate(); err != nil {
			return invalid("message %d: %w", i+1, err)
		}
	}
	if err := r.validateSampling(); err != nil {
		return err
	}
	if r.Completion != nil {
		if err := r.validateCompletion(); err != nil {
			return err
		}
	}
	if r.Privacy == PrivacyLocal {
		return r.NoImageURLs()
	}
	return nil
}

// NoImageURLs returns the Unsupported error, without Provider and Model, of an
// image that is given by a URL, or nil: whoever is asked would fetch it, and
// the URL can carry a part of the prompt. A data: URL is the picture itself.
// [Request.Validate] asks it under [PrivacyLocal]; offline mode asks it too.
func (r *Request) NoImageURLs() error {
	for i := range r.Messages {
		for _, im := range r.Messages[i].Images {
			if scheme, _, ok := strings.Cut(im.URL, ":"); im.URL != "" && !(ok && strings.EqualFold(scheme, "data")) {
				return Errorf(Unsupported, "", "", "message %d: the server would fetch this image from its URL, but nothing may leave this machine; send the image itself, or a data: URL", i+1)
			}
		}
	}
	return nil
}

// validModel refuses what is not a model's name on any engine, so that no engine
// has to be asked, and no terminal to be shown it.
func validModel(name string) error {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	if !utf8.ValidString(name) || strings.TrimSpace(name) != name || strings.ContainsFunc(name, odd) {
		return invalid("model %q has control characters, or spaces around it; remove them", name)
	}
	return nil
}

func (m *Message) validate() error {
	switch m.Role {
	case RoleSystem, RoleUser, RoleAssistant, RoleTool:
	default:
		return fmt.Errorf("role %q is not system, user, assistant or tool", m.Role)
	}
	switch {
	case !utf8.ValidString(m.Text):
		return fmt.Errorf("the text is not UTF-8")
	case len(m.Images) > 0 && m.Role != RoleUser:
		return fmt.Errorf("images belong to a user message, not to a %s message", m.Role)
	case len(m.ToolCalls) > 0 && m.Role != RoleAssistant:
		return fmt.Errorf("tool calls belong to an assistant message, not to a %s message", m.Role)
	case m.Text == "" && len(m.Images) == 0 && len(m.ToolCalls) == 0 && m.Role != RoleTool:
		return fmt.Errorf("the %s message is empty", m.Role)
	}
	for _, c := range m.ToolCalls {
		if c.Name == "" || !isObject(c.Arguments) {
			return fmt.Errorf("tool call %q: it needs a name, and a JSON object as arguments", c.Name)
		}
	}
	for _, im := range m.Images {
		if (len(im.Data) == 0) == (im.URL == "") {
			return fmt.Errorf("an image needs either data or a URL")
		}
	}
	return nil
}

func (r *Request) validateSampling() error {
	if t := r.Temperature; t != nil && !(*t >= 0 && *t <= 2) {
		return invalid("temperature %v is not between 0 and 2", *t)
	}
	if p := r.TopP; p != nil && !(*p >= 0 && *p <= 1) {
		return invalid("top_p %v is not between 0 and 1", *p)
	}
	if n := r.MaxTokens; n != nil && *n < 1 {
		return invalid("max_tokens %d is less than 1", *n)
	}
	for _, s := range r.Stop {
		if s == "" {
			return invalid("a stop text is empty")
		}
	}
	switch r.Think {
	case ThinkDefault, ThinkOff, ThinkOn, ThinkLow, ThinkMedium, ThinkHigh:
	default:
		return invalid("think %q is not off, on, low, medium or high", r.Think)
	}
	switch r.Privacy {
	case PrivacyAny, PrivacyLocal:
	default:
		return invalid("privacy %q is not local", r.Privacy)
	}
	if r.Schema != nil && !isObject(r.Schema.JSON) {
		return invalid("the schema is not JSON object")
	}
	return r.validateTools()
}

// validateCompletion checks what goes with Completion.
func (r *Request) validateCompletion() error {
	text := r.Messages
	system := text[0].Role == RoleSystem
	if system {
		text = text[1:]
	}
	c := r.Completion
	switch {
	case len(text) != 1 || text[0].Role != RoleUser:
		return invalid("a text is completed from one user message, after at most one system message")
	case len(r.Tools) > 0 || r.Schema != nil:
		return invalid("the completion of a text takes no tools and no schema")
	case c.Raw && (c.Template != "" || system):
		return invalid("a raw text has no template around it, and no system message")
	case !utf8.ValidString(c.Suffix) || !utf8.ValidString(c.Template):
		return invalid("the suffix or the template is not UTF-8")
	}
	return nil
}

func (r *Request) validateTools() error {
	for _, t := range r.Tools {
		if t.Name == "" || !isObject(t.Parameters) {
			return invalid("tool %q: it needs a name, and a JSON Schema as parameters", t.Name)
		}
	}
	switch r.ToolChoice {
	case "", "auto", "none", "required":
		return nil
	}
	for _, t := range r.Tools {
		if t.Name == r.ToolChoice {
			return nil
		}
	}
	return invalid("tool_choice %q is not auto, none, required or the name of a tool", r.ToolChoice)
}

// Accepts returns the Invalid error of a provider that Use does not list, or
// nil. Every provider that is not a router calls it.
func (r *Request) Accepts(name string) error {
	if len(r.Use) == 0 {
		return nil
	}
	for _, u := range r.Use {
		if u == name {
			return nil
		}
	}
	return Errorf(Invalid, name, r.Model, "the request is for %q, but was sent to %q", r.Use, name)
}

func isObject(data json.RawMessage) bool {
	var o map[string]json.RawMessage
	return json.Unmarshal(data, &o) == nil && o != nil
}

func invalid(format string, args ...any) *Error { return Errorf(Invalid, "", "", format, args...) }

// Validate returns what is wrong with an EmbedRequest on every provider, or
// nil. Errors: Invalid.
func (r *EmbedRequest) Validate() error {
	if len(r.Input) == 0 {
		return invalid("there is nothing to embed")
	}
	for i, s := range r.Input {
		if s == "" || !utf8.ValidString(s) {
			return invalid("text %d is empty or not UTF-8", i+1)
		}
	}
	return nil
}

// Check returns an error unless r answers req: with a vector for each input, all
// of one length. The error has no Kind yet: it is a [BadAnswer] of whoever made r.
func (r *EmbedResponse) Check(req *EmbedRequest) error {
	if len(r.Vectors) != len(req.Input) {
		return fmt.Errorf("there are %d vectors for %d texts", len(r.Vectors), len(req.Input))
	}
	for i, v := range r.Vectors {
		switch {
		case len(v) == 0:
			return fmt.Errorf("the vector of text %d is empty; the model may not make embeddings", i+1)
		case len(v) != len(r.Vectors[0]):
			return fmt.Errorf("text %d got a vector of %d numbers, but text 1 got one of %d", i+1, len(v), len(r.Vectors[0]))
		}
	}
	return nil
}
