package compat_test

import (
	"slices"
	"testing"

	"github.com/tandem-llm/tandem/internal/compat"
)

func TestPresetsByHost(t *testing.T) {
	for host, want := range map[string]string{
		"api.openai.com": "openai", "API.Mistral.AI.": "mistral", "me.openai.azure.com": "azure", "api.groq.com": "groq",
		"generativelanguage.googleapis.com": "gemini", "openrouter.ai": "openrouter", "api.together.xyz": "together", "api.deepseek.com": "deepseek",
		"localhost": "", "": "", "openai.azure.com.evil.example": "", "evilapi.openai.com": "", "api.openai.com.evil.example": "", ".openai.azure.com": "azure",
	} {
		if got := compat.ForHost(host).Name; got != want {
			t.Errorf("%q is taken for %q, want %q", host, got, want)
		}
	}
}

func TestPresetsAreOfListedParts(t *testing.T) {
	for _, p := range compat.Presets() {
		if got, ok := compat.Named(p.Name); !ok || got.Name != p.Name {
			t.Errorf("%s is not found by its name", p.Name)
		}
		for _, m := range p.Omit {
			if !slices.Contains(compat.Members(), m) {
				t.Errorf("%s leaves out %s, which is no member that may be", p.Name, m)
			}
		}
		if p.Schema != "" && !slices.Contains(compat.SchemaForms(), p.Schema) {
			t.Errorf("%s has the schema %s", p.Name, p.Schema)
		}
	}
	if _, ok := compat.Named("acme"); ok || len(compat.Names()) != len(compat.Presets()) {
		t.Error("a preset that is none is found")
	}
}
