package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/compat"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// Compat says how an OpenAI-compatible server differs from OpenAI in what it
// takes. It is one value, as Options are. It never omits what a request asked
// for, or what limits costs or protects, so a project's file may set it.
type Compat struct {
	Preset string   `mapstructure:"preset"` // a sort of server, such as mistral; empty: what is known of its host
	Omit   []string `mapstructure:"omit"`   // more members to omit
	Schema string   `mapstructure:"schema"` // json_schema, json_object or prompt; empty: as the preset says
}

// readCompat reads the name of a preset, or a mapping.
func readCompat(_ reader, m yamlx.Map, name string) any {
	if n := m.Value(name); n.Kind == yaml.ScalarNode {
		if preset := m.OneOf(name, compat.Names()...); preset != "" {
			return Compat{Preset: preset}
		}
		return nil
	}
	sub, ok := m.Map(name, "compat", []string{"preset", "omit", "schema"})
	if !ok {
		return nil
	}
	var c Compat
	if sub.Has("preset") {
		c.Preset = sub.OneOf("preset", compat.Names()...)
	}
	if sub.Has("schema") {
		c.Schema = sub.OneOf("schema", compat.SchemaForms()...)
	}
	if sub.Has("omit") {
		c.Omit = sub.Strings("omit")
	}
	for _, member := range c.Omit {
		if !slices.Contains(compat.Members(), member) {
			sub.Fail("omit", diag.Quote(member)+" cannot be left out", "choose from "+strings.Join(compat.Members(), ", "))
			return nil
		}
	}
	return c
}

// plain is c as a file has it.
func (c Compat) plain() any {
	if len(c.Omit) == 0 && c.Schema == "" {
		return c.Preset
	}
	m := map[string]any{}
	if c.Preset != "" {
		m["preset"] = c.Preset
	}
	if len(c.Omit) > 0 {
		m["omit"] = plain(c.Omit)
	}
	if c.Schema != "" {
		m["schema"] = c.Schema
	}
	return m
}
