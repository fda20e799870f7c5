package connect

import (
	"fmt"
	"os"
	"path/filepath"
)

// firstFile is the first of the names that is there, or else the first one.
func (s *System) firstFile(dir string, names ...string) string {
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return filepath.Join(dir, name)
		}
	}
	return filepath.Join(dir, names[0])
}

func zedFiles(s *System, g Gateway) []target {
	path := filepath.Join(s.xdg(), "zed", "settings.json")
	if s.OS == "windows" {
		path = filepath.Join(s.appData(), "Zed", "settings.json")
	}
	return []target{{path, inJSONC, []entry{
		{Path: []string{"language_models", "openai_compatible", "tandem"}, Kind: own, Value: object{
			{"api_url", g.v1()},
			{"available_models", []any{object{
				{"name", g.Model},
				{"display_name", g.Model},
				{"max_tokens", g.window()},
				{"max_output_tokens", g.output()},
				{"capabilities", object{{"tools", !g.NoTools}, {"images", false}, {"parallel_tool_calls", false}, {"prompt_cache_key", false}}},
			}}},
		}},
	}}}
}

func zedSetup(_ *System, g Gateway) Settings {
	set := Settings{Steps: []string{fmt.Sprintf("Start Zed where TANDEM_API_KEY is set, or type the key in its LLM providers, and choose %s in the agent panel", g.Model)}}
	if g.KeyEnv == "" {
		set.Also = []Variable{{Name: "TANDEM_API_KEY", Value: placeholder}}
		set.Notes = placeholderNotes("TANDEM_API_KEY", g)
	} else if g.KeyEnv != "TANDEM_API_KEY" {
		set.Also = []Variable{{Name: "TANDEM_API_KEY", From: g.KeyEnv}}
	}
	return set
}

// VS Code keeps models beside its settings; an item of the list is a group of them.
func vscodeFiles(s *System, g Gateway) []target {
	group := object{{"name", "Tandem"}, {"vendor", "customendpoint"}, {"apiType", "chat-completions"}}
	if g.KeyEnv == "" {
		group = append(group, member{"apiKey", placeholder})
	}
	group = append(group, member{"models", []any{object{
		{"id", g.Model},
		{"name", g.Model},
		{"url", g.v1() + "/chat/completions"},
		{"toolCalling", !g.NoTools},
		{"vision", false},
		{"maxInputTokens", g.window() - g.output()},
		{"maxOutputTokens", g.output()},
	}}})
	return []target{{filepath.Join(s.config(), "Code", "User", "chatLanguageModels.json"), inJSONC, []entry{
		{Item: "name", Value: group, Kind: own},
	}}}
}

func vscodeSetup(_ *System, g Gateway) Settings {
	set := Settings{
		Steps: []string{fmt.Sprintf("Choose %s in VS Code's chat, under Tandem; restart VS Code if it is not there", g.Model)},
		Notes: []string{"VS Code's own Ollama provider is deprecated, so its Custom Endpoint is used"},
	}
	if g.KeyEnv == "" {
		set.Notes = append(set.Notes, placeholderNotes("apiKey", g)...)
	} else {
		set.Steps = append([]string{`Run "Chat: Manage Language Models", open Tandem's gear, and type the key: VS Code reads no variable for it`}, set.Steps...)
	}
	return set
}

// Aider asks through LiteLLM, which wants openai/ before the name.
func aiderFiles(s *System, g Gateway) []target {
	conf := []entry{
		{Path: []string{"model"}, Value: "openai/" + g.Model},
		{Path: []string{"openai-api-base"}, Value: g.v1()},
	}
	if g.KeyEnv == "" {
		conf = append(conf, entry{Path: []string{"openai-api-key"}, Value: placeholder})
	}
	files := []target{{filepath.Join(s.Home, ".aider.conf.yml"), inYAML, conf}}
	if g.Window > 0 {
		files = append(files, target{filepath.Join(s.Home, ".aider.model.metadata.json"), inJSON, []entry{
			{Path: []string{"openai/" + g.Model}, Value: object{
				{"max_input_tokens", g.Window},
				{"max_output_tokens", g.output()},
				{"max_tokens", g.output()},
				{"input_cost_per_token", 0},
				{"output_cost_per_token", 0},
				{"litellm_provider", "openai"},
				{"mode", "chat"},
			}},
		}})
	}
	return files
}

func aiderSetup(_ *System, g Gateway) Settings {
	set := Settings{Variables: []Variable{{Name: "OPENAI_API_BASE", Value: g.v1()}}, Steps: []string{"Start it: aider --model openai/" + g.Model}}
	if g.KeyEnv == "" {
		set.Variables = append(set.Variables, Variable{Name: "OPENAI_API_KEY", Value: placeholder})
		set.Notes = placeholderNotes("the key", g)
	} else {
		set.Also = []Variable{{Name: "OPENAI_API_KEY", From: g.KeyEnv}}
		set.Variables = append(set.Variables, set.Also...)
		set.Notes = append(set.Notes, "Aider's file can only hold the key itself, so set OPENAI_API_KEY where you start Aider")
	}
	return set
}

func llmModel(g Gateway) string { return "tandem/" + g.Model }

func llmFiles(s *System, g Gateway) []target {
	model := object{{"model_id", llmModel(g)}, {"model_name", g.Model}, {"api_base", g.v1()}}
	if g.KeyEnv != "" {
		model = append(model, member{"api_key_name", "tandem"})
	}
	model = append(model, member{"supports_tools", !g.NoTools}, member{"supports_schema", true})
	dir := s.Env("LLM_USER_PATH")
	if dir == "" {
		dir = filepath.Join(s.config(), "io.datasette.llm")
	}
	return []target{{filepath.Join(dir, "extra-openai-models.yaml"), inYAML, []entry{
		{Item: "model_id", Value: model, Kind: own},
	}}}
}

func llmSetup(_ *System, g Gateway) Settings {
	set := Settings{Steps: []string{"Start it: llm -m " + llmModel(g)}}
	if g.KeyEnv != "" {
		set.Steps = append([]string{"Store the key with llm: llm keys set tandem"}, set.Steps...)
		set.Notes = []string{"store the key first: without it, llm sends $OPENAI_API_KEY"}
	}
	return set
}
