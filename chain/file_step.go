package chain

import (
	"slices"

	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/yamlx"
	"github.com/tandem-llm/tandem/provider"
)

func stepKeys() []string {
	return []string{
		"name",
		"prompt", "system", "messages", "file", "text", "transform", "steps", "parallel", "route", "chain", "with", "retrieve",
		"format", "partial", "partials", "images", "examples",
		"when", "else", "each", "as", "concurrency", "repeat",
		"parse", "schema", "tools",
		"use", "model", "temperature", "top_p", "seed", "max_tokens", "stop", "think", "privacy", "share", "options",
		"retries", "timeout", "fallback",
	}
}

// readStep reads the keys of one step.
func (f *fileReader) readStep(d *yamlx.Decoder, m yamlx.Map) Step {
	s := Step{
		Name:        m.String("name"),
		System:      m.String("system"),
		Prompt:      m.String("prompt"),
		Text:        m.String("text"),
		Transform:   m.String("transform"),
		Format:      f.format(m),
		When:        m.String("when"),
		Each:        m.String("each"),
		As:          m.String("as"),
		Concurrency: count(m, "concurrency", 1),
		Tools:       words(m, "tools"),
		Use:         words(m, "use"),
		Model:       m.String("model"),
		Temperature: m.Float("temperature", 0, 2),
		TopP:        m.Float("top_p", 0, 1),
		Seed:        m.Int("seed", -1<<63),
		Stop:        words(m, "stop"),
		Think:       provider.Thinking(m.OneOf("think", "off", "on", "low", "medium", "high")),
		Privacy:     privacy(m),
		Options:     plainMap(d, m, "options", "options"),
		Partial:     plainMap(d, m, "partial", "values for variables"),
		Retries:     count(m, "retries", 0),
		src:         &source{keys: m},
	}
	if n := m.Int("max_tokens", 1); n != nil {
		s.MaxTokens = provider.Ptr(int(*n))
	}
	if t := m.Duration("timeout"); t != nil {
		s.Timeout = *t
	}
	if m.Has("else") {
		s.Else = provider.Ptr(m.String("else"))
	}
	if share := m.Bool("share"); share != nil {
		s.Share = *share
	}
	f.present(m)
	f.asking(d, m, &s)
	f.nested(d, m, &s)
	f.outputs(d, m, &s)
	f.referred(m, &s)
	return s
}

// present refuses keys that are there and say nothing.
func (f *fileReader) present(m yamlx.Map) {
	for _, k := range []struct{ key, message, remedy string }{
		{"model", "the model has no name", "write it, or remove the key"},
		{"system", "the system message is empty", "write it, or remove the key"},
		{"text", "the text is empty", "write it, or remove the key"},
		{"transform", "the expression is empty", "write it, or remove the key"},
		{"when", "the condition is empty", "write an expression, or remove the key"},
		{"each", "the list is not named", "write an expression, or remove the key"},
		{"as", "the name is empty", "write it, or remove the key"},
	} {
		if v := m.Value(k.key); v != nil && v.Tag != "!!null" && blank(v.Value) && len(v.Content) == 0 {
			m.Fail(k.key, k.message, k.remedy)
		}
	}
	for _, key := range []string{"use", "tools"} {
		if list := m.Value(key); list != nil && len(list.Content) == 0 && list.Value == "" && list.Tag != "!!null" {
			m.Fail(key, map[string]string{"use": "no provider is named", "tools": "no tool is named"}[key], "name one, or remove the key")
		}
	}
}

func (f *fileReader) format(m yamlx.Map) template.Format {
	names := []string{}
	for _, f := range template.Formats() {
		names = append(names, string(f))
	}
	return template.Format(m.OneOf("format", names...))
}

// count reads a whole number of at least lo; absent gives 0.
func count(m yamlx.Map, key string, lo int64) int {
	if n := m.Int(key, lo); n != nil {
		return int(*n)
	}
	return 0
}

func plainMap(d *yamlx.Decoder, m yamlx.Map, key, what string) map[string]any {
	keys, ok := m.Map(key, what, nil)
	if !ok {
		return nil
	}
	values := make(map[string]any, len(keys.Keys()))
	for _, k := range keys.Keys() {
		v := yamlx.Plain(keys.Value(k))
		if v == nil {
			d.Fail(keys.Node(k), "there is no value", "write one, or remove the key")
		}
		values[k] = v
	}
	return values
}

// words reads text or a list of texts, none of them empty.
func words(m yamlx.Map, key string) []string {
	list := m.Strings(key)
	if len(list) > 0 && slices.Contains(list, "") {
		m.Fail(key, "it contains an empty string", "remove it")
		return nil
	}
	return list
}
