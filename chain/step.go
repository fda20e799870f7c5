package chain

import (
	"context"
	"slices"

	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/provider"
)

// Step is one prompt of a chain, and how it is to be answered. What it leaves
// unset comes from [Defaults], and then from the engine.
type Step struct {
	// Name is what later steps call the answer: {name}. An identifier, unique
	// in the chain. It may be left out in a chain of one step ("answer") and
	// in a pipe ("step1", "step2", …).
	Name string

	// Prompt is the template of the one user message, and System that of a
	// system message before it. Messages are the templates of a whole
	// conversation, in place of both.
	Prompt   string
	System   string
	Messages []Message

	// The settings, as in [provider.Request]. A step that names providers in
	// Use without a Model gets their own default model, not that of Defaults.
	Use         []string
	Model       string
	Temperature *float64
	TopP        *float64
	Seed        *int64
	MaxTokens   *int
	Stop        []string
	Think       provider.Thinking
	Privacy     provider.Privacy
}

// Message is one message of a [Step]: who speaks, and the template of what is
// said.
type Message = prompt.Message

// step is a Step with its templates compiled.
type step struct {
	name     string
	prompt   *prompt.Prompt
	vars     []string         // of all messages, in order of first use
	settings provider.Request // without messages
}

// settings returns what s sets, sharing no memory with it.
func (s *Step) settings() provider.Request {
	return provider.Request{
		Use:         slices.Clone(s.Use),
		Model:       s.Model,
		Temperature: clone(s.Temperature),
		TopP:        clone(s.TopP),
		Seed:        clone(s.Seed),
		MaxTokens:   clone(s.MaxTokens),
		Stop:        slices.Clone(s.Stop),
		Think:       s.Think,
		Privacy:     s.Privacy,
	}
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// request returns the request of s over the defaults d: its messages rendered
// with vars, its own settings where it has them, the stricter privacy of both.
func (s *step) request(ctx context.Context, d provider.Request, vars template.Values) (provider.Request, error) {
	if len(s.settings.Use) > 0 {
		d.Use, d.Model = s.settings.Use, ""
	}
	if s.settings.Model != "" {
		d.Model = s.settings.Model
	}
	over(&d.Temperature, s.settings.Temperature)
	over(&d.TopP, s.settings.TopP)
	over(&d.Seed, s.settings.Seed)
	over(&d.MaxTokens, s.settings.MaxTokens)
	if s.settings.Stop != nil {
		d.Stop = s.settings.Stop
	}
	if s.settings.Think != provider.ThinkDefault {
		d.Think = s.settings.Think
	}
	d.Privacy = stricter(d.Privacy, s.settings.Privacy)
	messages, err := s.prompt.Messages(ctx, vars)
	d.Messages = messages
	return d, err
}

func over[T any](dst **T, own *T) {
	if own != nil {
		*dst = own
	}
}

func stricter(a, b provider.Privacy) provider.Privacy {
	if a == provider.PrivacyLocal || b == provider.PrivacyLocal {
		return provider.PrivacyLocal
	}
	return a
}
