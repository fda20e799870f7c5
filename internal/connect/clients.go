package connect

import (
	"fmt"
	"path/filepath"
)

// Client is a program that can use a gateway.
type Client struct {
	Name  string // as `tandem connect` takes it
	Title string
	// Known is the version that the row was checked with, and how.
	Known string
	// First is how many tokens its first request in an empty folder has; 0: unknown.
	First int
	// Tools is what it needs a model for that can use tools; empty: it needs none.
	Tools string
	// Program is its command; empty: it has a window of its own only.
	Program string
	Install string // how to install it

	files func(*System, Gateway) []target
	setup func(*System, Gateway) Settings
	args  func(g Gateway, prompt string) []string // of Program, for one prompt; nil: it cannot be run so
	env   []string                                // NAME=value that a check adds, so that it runs by itself
	key   string                                  // the variable in which a check gives it the key, where its file has no name for one
}

func (c *Client) targets(s *System, g Gateway) []target {
	if c.files == nil {
		return nil
	}
	return c.files(s, g)
}

func (c *Client) settings(s *System, g Gateway) Settings { return c.setup(s, g) }

// Writes reports whether the client has files that can be written.
func (c *Client) Writes() bool { return c.files != nil }

// Runs reports whether [Check] can run the client.
func (c *Client) Runs() bool { return c.args != nil }

// Find returns the client of a name.
func Find(name string) (*Client, bool) {
	for _, c := range Clients() {
		if c.Name == name {
			return &c, true
		}
	}
	return nil, false
}

// Clients is the table of clients. First was measured with the real ones on an empty
// folder (docs/connect.md); "run" in Known means that a real client of that version
// answered with what is written here.
func Clients() []Client {
	return []Client{
		{
			Name: "claude", Title: "Claude Code", Known: "2.1, run; code.claude.com/docs/en/settings and /llm-gateway", First: 21700, Tools: "to read and change files",
			Program: "claude", Install: "npm install -g @anthropic-ai/claude-code",
			files: claudeFiles, setup: claudeSetup,
			args: func(_ Gateway, prompt string) []string { return []string{"-p", prompt} },
			env:  []string{"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "DISABLE_AUTOUPDATER=1"},
		},
		{
			Name: "codex", Title: "Codex", Known: "0.171, run; developers.openai.com/codex/config-advanced (a profile is a file of its own since 0.134)", First: 10300, Tools: "to read and change files",
			Program: "codex", Install: "npm install -g @openai/codex",
			files: codexFiles, setup: codexSetup,
			args: func(_ Gateway, prompt string) []string {
				return []string{"exec", "--profile", "tandem", "--skip-git-repo-check", "--ephemeral", "--sandbox", "read-only", prompt}
			},
		},
		{
			Name: "opencode", Title: "OpenCode", Known: "1.18, run; opencode.ai/docs/providers and /docs/config", First: 7800, Tools: "to read and change files",
			Program: "opencode", Install: "npm install -g opencode-ai",
			files: opencodeFiles, setup: opencodeSetup,
			args: func(g Gateway, prompt string) []string {
				return []string{"run", "--agent", "plan", "-m", "tandem/" + g.Model, prompt}
			},
			env: []string{"OPENCODE_DISABLE_AUTOUPDATE=1"},
		},
		{
			Name: "cline", Title: "Cline", Known: "CLI 3.0, run; what its `cline auth` writes, and @cline/core's StoredProviderSettingsSchema", First: 5700, Tools: "to read and change files",
			Program: "cline", Install: "npm install -g cline",
			files: clineFiles, setup: clineSetup,
			args: func(g Gateway, prompt string) []string {
				return []string{"-P", clineProvider, "-m", g.Model, "--plan", "--auto-approve", "false", prompt}
			},
		},
		{
			Name: "continue", Title: "Continue", Known: "CLI 1.5, run; docs.continue.dev/reference", First: 1400, Tools: "in its agent mode",
			Program: "cn", Install: "npm install -g @continuedev/cli",
			files: continueFiles, setup: continueSetup,
			args: func(_ Gateway, prompt string) []string { return []string{"-p", prompt} },
		},
		{
			Name: "zed", Title: "Zed", Known: "November 2026; zed.dev/docs/ai/use-api-access", Tools: "in its agent panel",
			files: zedFiles, setup: zedSetup,
		},
		{
			Name: "vscode", Title: "VS Code", Known: "1.121, for the provider Custom Endpoint; microsoft/vscode-docs, agent-customization/language-models.md of October 2026", Tools: "in its agent mode",
			files: vscodeFiles, setup: vscodeSetup,
		},
		{
			Name: "openwebui", Title: "Open WebUI", Known: "0.6; docs.openwebui.com/reference/env-configuration",
			setup: openWebUISetup,
		},
		{
			Name: "n8n", Title: "n8n", Known: "1.120 and 2; docs.n8n.io, OpenAI credentials and OpenAI Chat Model",
			setup: n8nSetup,
		},
		{
			Name: "homeassistant", Title: "Home Assistant", Known: "2026.11; home-assistant.io/integrations/ollama", Tools: "to control your home",
			setup: homeAssistantSetup,
		},
		{
			Name: "aider", Title: "Aider", Known: "0.86; aider.chat/docs/llms/openai-compat.html, /docs/config/aider_conf.html and /docs/config/adv-model-settings.html",
			Program: "aider", Install: "python -m pip install aider-install && aider-install",
			files: aiderFiles, setup: aiderSetup,
			args: func(g Gateway, prompt string) []string {
				return []string{"--no-git", "--no-check-update", "--no-show-model-warnings", "--no-pretty", "--yes-always", "--no-analytics", "--map-tokens", "0", "--chat-mode", "ask", "--message", prompt}
			},
		},
		{
			Name: "llm", Title: "llm", Known: "0.36, run; llm.datasette.io/en/stable/other-models.html",
			Program: "llm", Install: "pipx install llm",
			files: llmFiles, setup: llmSetup,
			args: func(g Gateway, prompt string) []string { return []string{"-m", llmModel(g), "--no-log", prompt} },
			key:  "OPENAI_API_KEY",
		},
	}
}

// Claude Code takes what is in "env" for its environment.
func claudeFiles(s *System, g Gateway) []target {
	var entries []entry
	for _, v := range claudeVariables(g) {
		if v.From == "" {
			entries = append(entries, entry{Path: []string{"env", v.Name}, Value: v.Value})
		}
	}
	if g.KeyEnv != "" {
		helper := "printenv " + g.KeyEnv
		if s.OS == "windows" {
			helper = "cmd /c echo %" + g.KeyEnv + "%"
		}
		entries = append(entries, entry{Path: []string{"apiKeyHelper"}, Value: helper})
	}
	return []target{{filepath.Join(s.dir("CLAUDE_CONFIG_DIR", ".claude"), "settings.json"), inJSON, entries}}
}

func claudeVariables(g Gateway) []Variable {
	list := []Variable{{Name: "ANTHROPIC_BASE_URL", Value: g.URL}}
	if g.KeyEnv == "" {
		list = append(list, Variable{Name: "ANTHROPIC_AUTH_TOKEN", Value: placeholder})
	} else {
		list = append(list, Variable{Name: "ANTHROPIC_AUTH_TOKEN", From: g.KeyEnv})
	}
	// One model for all of its roles: another would have to be loaded in its place.
	for _, name := range []string{"ANTHROPIC_MODEL", "ANTHROPIC_DEFAULT_OPUS_MODEL", "ANTHROPIC_DEFAULT_SONNET_MODEL", "ANTHROPIC_DEFAULT_HAIKU_MODEL"} {
		list = append(list, Variable{Name: name, Value: g.Model})
	}
	return list
}

func claudeSetup(_ *System, g Gateway) Settings {
	set := Settings{Variables: claudeVariables(g), Steps: []string{"Start it: claude"}}
	if g.KeyEnv == "" {
		set.Notes = placeholderNotes("ANTHROPIC_AUTH_TOKEN", g)
	} else {
		set.Notes = append(set.Notes, fmt.Sprintf("the file has a command that prints $%s, so no key is written", g.KeyEnv))
	}
	return set
}

// placeholderNotes explain the placeholder, where it is one.
func placeholderNotes(what string, g Gateway) []string {
	if g.Keys {
		return nil // it is refused, and whoever asked is warned
	}
	return []string{fmt.Sprintf("%s is the placeholder %q: the client wants a key, and a gateway without keys takes any", what, placeholder)}
}

// Codex reads a provider from config.toml, and with --profile another file on top.
func codexFiles(s *System, g Gateway) []target {
	dir := s.dir("CODEX_HOME", ".codex")
	provider := object{{"name", "Tandem"}, {"base_url", g.v1()}, {"wire_api", "responses"}}
	if g.KeyEnv != "" {
		provider = append(provider, member{"env_key", g.KeyEnv})
	}
	profile := []entry{{Path: []string{"model"}, Value: g.Model}, {Path: []string{"model_provider"}, Value: "tandem"}}
	if g.Window > 0 {
		profile = append(profile, entry{Path: []string{"model_context_window"}, Value: g.Window})
	}
	for i := range profile {
		profile[i].Kind = own // the file is: its name is the profile's
	}
	return []target{
		{filepath.Join(dir, "config.toml"), inTOML, []entry{{Path: []string{"model_providers", "tandem"}, Value: provider, Kind: own}}},
		{filepath.Join(dir, "tandem.config.toml"), inTOML, profile},
	}
}

func codexSetup(*System, Gateway) Settings {
	return Settings{
		Steps: []string{"Start it: codex --profile tandem"},
		Notes: []string{"your default model stays as it is; the profile needs Codex 0.134 or newer"},
	}
}

func opencodeFiles(s *System, g Gateway) []target {
	options := object{{"baseURL", g.v1()}}
	if g.KeyEnv != "" {
		options = append(options, member{"apiKey", "{env:" + g.KeyEnv + "}"})
	}
	model := object{{"name", g.Model}}
	if g.Window > 0 {
		model = append(model, member{"limit", object{{"context", g.Window}, {"output", g.output()}}})
	}
	return []target{{s.firstFile(filepath.Join(s.xdg(), "opencode"), "opencode.json", "opencode.jsonc"), inJSONC, []entry{
		{Path: []string{"provider", "tandem"}, Kind: own, Value: object{
			{"npm", "@ai-sdk/openai-compatible"},
			{"name", "Tandem"},
			{"options", options},
			{"models", object{{g.Model, model}}},
		}},
	}}}
}

func opencodeSetup(_ *System, g Gateway) Settings {
	return Settings{
		Steps: []string{"Start it: opencode -m tandem/" + g.Model},
		Notes: []string{"your default model stays as it is"},
	}
}

// clineProvider is the one provider of Cline's whose address can be chosen; it takes no
// names of others' making.
const clineProvider = "openai-compatible"

func clineFiles(s *System, g Gateway) []target {
	settings := object{{"provider", clineProvider}, {"model", g.Model}, {"baseUrl", g.v1()}}
	if g.KeyEnv == "" {
		settings = append(settings, member{"apiKey", placeholder})
	}
	return []target{{filepath.Join(s.Home, ".cline", "data", "settings", "providers.json"), inJSON, []entry{
		{Path: []string{"version"}, Value: 1, Kind: base},
		{Path: []string{"modes"}, Value: object{}, Kind: base},
		{Path: []string{"providers", clineProvider}, Value: object{
			{"settings", settings},
			{"updatedAt", stamp("2026-01-01T00:00:00.000Z")},
			{"tokenSource", "manual"},
		}},
	}}}
}

func clineSetup(_ *System, g Gateway) Settings {
	set := Settings{Steps: []string{fmt.Sprintf("Start it: cline -P %s -m %s", clineProvider, g.Model)}}
	if g.KeyEnv == "" {
		set.Notes = append(placeholderNotes("apiKey", g), "without an apiKey in its file, Cline sends $OPENAI_API_KEY")
	} else {
		set.Also = []Variable{{Name: "OPENAI_API_KEY", From: g.KeyEnv}}
		set.Notes = append(set.Notes, "Cline's file can only hold the key itself, so set the variable where you start Cline")
	}
	set.Notes = append(set.Notes, "Cline in VS Code keeps its settings in VS Code: choose OpenAI Compatible there, with the address "+g.v1())
	return set
}

func continueFiles(s *System, g Gateway) []target {
	model := object{{"name", "Tandem"}, {"provider", "openai"}, {"model", g.Model}, {"apiBase", g.v1()}}
	if g.KeyEnv != "" {
		model = append(model, member{"apiKey", "${{ secrets." + g.KeyEnv + " }}"})
	}
	if g.Window > 0 {
		model = append(model, member{"contextLength", g.Window})
	}
	model = append(model, member{"roles", []any{"chat", "edit", "apply"}})
	return []target{{s.firstFile(s.dir("CONTINUE_GLOBAL_DIR", ".continue"), "config.yaml", "config.yml"), inYAML, []entry{
		{Path: []string{"name"}, Value: "Local", Kind: base},
		{Path: []string{"version"}, Value: "1.0.0", Kind: base},
		{Path: []string{"schema"}, Value: "v1", Kind: base},
		{Path: []string{"models"}, Item: "name", Value: model, Kind: own},
	}}}
}

func continueSetup(s *System, g Gateway) Settings {
	set := Settings{Steps: []string{`Choose the model "Tandem" in Continue, or start its command line: cn`}}
	if g.KeyEnv != "" {
		set.Notes = append(set.Notes, fmt.Sprintf("Continue in an editor reads %s from %s", g.KeyEnv, filepath.Join(s.dir("CONTINUE_GLOBAL_DIR", ".continue"), ".env")))
	}
	return set
}
