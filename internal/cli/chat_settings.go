package cli

import (
	"maps"

	"github.com/tandem-llm/tandem/provider"
)

// kept is what the flags set, to be kept with a conversation. What the
// configuration says is not in it, and goes on counting as it then is.
func (s *sampling) kept() provider.Request {
	return provider.Request{
		Model: s.model, Temperature: s.temperature.value, TopP: s.topP.value, Seed: s.seed.value, MaxTokens: s.maxTokens.value,
		Stop: s.stop, Think: provider.Thinking(s.think), Options: provider.Options(maps.Clone(s.options)),
	}
}

// settings are what was set for the conversation, to be kept with it.
func (s *chatSession) settings() provider.Request {
	kept := s.sample.kept()
	kept.Schema = s.req.Schema
	return kept
}

// restore sets what was kept where no flag says otherwise.
func (s *sampling) restore(a provider.Request) {
	if s.model == "" {
		s.model = a.Model
	}
	if s.temperature.value == nil {
		s.temperature.value = a.Temperature
	}
	if s.topP.value == nil {
		s.topP.value = a.TopP
	}
	if s.seed.value == nil {
		s.seed.value = a.Seed
	}
	if s.maxTokens.value == nil {
		s.maxTokens.value = a.MaxTokens
	}
	if s.stop == nil {
		s.stop = a.Stop
	}
	if s.think == "" {
		s.think = string(a.Think)
	}
	options := maps.Clone(a.Options)
	if options == nil {
		options = map[string]any{}
	}
	maps.Copy(options, s.options)
	s.options = optionFlags(options)
}
