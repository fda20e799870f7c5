package openai

import (
	"encoding/json"
	"slices"

	"github.com/tandem-llm/tandem/provider"
)

// listing is what servers tell in their lists of models beside the API's own members,
// by the model's name.
type listing map[string]provider.Model

// listed are the members that say what a model can do, and how many tokens it holds.
type listed struct {
	ID string `json:"id"`
	// Together: chat, language, code, embedding, rerank, …
	Type string `json:"type"`
	// Mistral has an object of true and false, Tandem and other servers a list.
	Capabilities json.RawMessage `json:"capabilities"`
	// OpenRouter
	Architecture struct {
		Input  []string `json:"input_modalities"`
		Output []string `json:"output_modalities"`
	} `json:"architecture"`
	Parameters []string `json:"supported_parameters"`
	// vLLM, SGLang and TGI; OpenRouter, Together and Tandem; Groq; Mistral
	MaxModelLen   int `json:"max_model_len"`
	ContextLength int `json:"context_length"`
	ContextWindow int `json:"context_window"`
	MaxContext    int `json:"max_context_length"`
}

// Document reads a list. What has another form says nothing.
func (l listing) Document(document, _ []byte) {
	var list struct{ Data []json.RawMessage }
	if json.Unmarshal(document, &list) != nil {
		return
	}
	for _, raw := range list.Data {
		var m listed
		_ = json.Unmarshal(raw, &m) // it goes on behind a member of another type
		out := provider.Model{Capabilities: m.can()}
		for _, n := range []int{m.MaxModelLen, m.ContextLength, m.ContextWindow, m.MaxContext} {
			if n > 0 && out.Context == 0 {
				out.Context = n
			}
		}
		if m.ID != "" {
			l[m.ID] = out
		}
	}
}

// can is what the model can do; nil where the server does not tell all of it.
func (m *listed) can() []provider.Capability {
	if m.Type == "embedding" || m.Type == "embeddings" {
		return []provider.Capability{provider.CanEmbed}
	}
	switch {
	case len(m.Capabilities) > 0 && m.Capabilities[0] == '{':
		return m.flags()
	case len(m.Capabilities) > 0 && m.Capabilities[0] == '[':
		return m.names()
	case len(m.Architecture.Output) > 0:
		return m.modalities()
	}
	return nil
}

// flags are Mistral's.
func (m *listed) flags() (can []provider.Capability) {
	var has map[string]bool
	if json.Unmarshal(m.Capabilities, &has) != nil {
		return nil
	}
	if _, ok := has["completion_chat"]; !ok {
		return nil
	}
	for _, one := range []struct {
		flag string
		can  provider.Capability
	}{
		{"completion_chat", provider.CanChat},
		{"function_calling", provider.CanTools},
		{"vision", provider.CanVision},
		{"reasoning", provider.CanThink},
		{"completion_fim", provider.CanInsert},
	} {
		if has[one.flag] {
			can = append(can, one.can)
		}
	}
	return can
}

// names are by the names that Ollama gives them. A list without one that says what the
// model is for, such as LM Studio's ["tool_use"], tells too little.
func (m *listed) names() (can []provider.Capability) {
	if json.Unmarshal(m.Capabilities, &can) != nil || !slices.Contains(can, provider.CanChat) && !slices.Contains(can, provider.CanEmbed) {
		return nil
	}
	return can
}

// modalities are OpenRouter's.
func (m *listed) modalities() (can []provider.Capability) {
	switch {
	case slices.Contains(m.Architecture.Output, "text"):
		can = append(can, provider.CanChat)
	case slices.Contains(m.Architecture.Output, "embeddings"):
		return []provider.Capability{provider.CanEmbed}
	}
	if slices.Contains(m.Parameters, "tools") {
		can = append(can, provider.CanTools)
	}
	if slices.Contains(m.Architecture.Input, "image") {
		can = append(can, provider.CanVision)
	}
	if slices.Contains(m.Parameters, "reasoning") {
		can = append(can, provider.CanThink)
	}
	return can
}
