package main

import (
	"os"
	"os/exec"
	"path/filepath"
)

// clients are the clients that are run.
var clients = []client{
	{name: "openai-python", command: python("openai_chat.py")},
	{name: "openai-python-resp", command: python("openai_responses.py")},
	{name: "langchain-openai", command: python("langchain_chat.py")},
	{name: "llm", command: llm},
	{name: "openai-node", command: node("openai.mjs")},
	{name: "ai-sdk-openai", command: node("ai_openai.mjs")},
	{name: "ai-sdk-compatible", command: node("ai_compatible.mjs")},
	{name: "anthropic-python", command: python("anthropic_messages.py")},
	{name: "langchain-anthropic", command: python("langchain_anthropic_chat.py")},
	{name: "anthropic-node", command: node("anthropic.mjs")},
	{name: "ollama-python", command: python("ollama_chat.py")},
	{name: "claude-code", command: claude},
	{name: "codex", command: codex},
	{name: "opencode", extra: 1, command: opencode},
	{name: "cline", command: cline},
}

// asked is the user's question.
const asked = "What is the answer? Use a tool if there is one."

func script(r *runner, base, home, model, program, file string, more ...string) *exec.Cmd {
	cmd := exec.Command(program, file)
	cmd.Dir = home
	cmd.Env = environment(home, append(more, "BASE="+base, "MODEL="+model, "QUESTION="+asked, "PYTHONWARNINGS=ignore")...)
	return cmd
}

func absolute(path string) string {
	full, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return full
}

func (r *runner) python() string { return absolute(filepath.Join(r.packages, "py/bin/python")) }

// agent is a program that npm has installed.
func (r *runner) agent(name string) string {
	return absolute(filepath.Join(r.packages, "agents/node_modules/.bin", name))
}

func python(file string) func(*runner, string, string, string) *exec.Cmd {
	return func(r *runner, base, home, model string) *exec.Cmd {
		return script(r, base, home, model, r.python(), absolute(filepath.Join(r.here, "py", file)))
	}
}

// node runs a copy of the script beside the packages: that is where ES modules look.
func node(file string) func(*runner, string, string, string) *exec.Cmd {
	return func(r *runner, base, home, model string) *exec.Cmd {
		beside := absolute(filepath.Join(r.packages, "sdk", file))
		if data, err := os.ReadFile(filepath.Join(r.here, "js", file)); err == nil {
			_ = os.WriteFile(beside, data, 0o600) //nolint:gosec // a path of our own; node says so if it is not there
		}
		return script(r, base, home, model, "node", beside)
	}
}

// llm has its tool as a function in Python.
func llm(r *runner, base, home, model string) *exec.Cmd {
	dir := filepath.Join(home, "llm")
	_ = os.MkdirAll(dir, 0o700)
	file := "- {model_id: gateway, model_name: " + model + ", api_base: '" + base + "/v1', supports_tools: true}\n"
	_ = os.WriteFile(filepath.Join(dir, "extra-openai-models.yaml"), []byte(file), 0o600)
	args := []string{"-m", "gateway", "--key", "none", "--no-log", asked}
	if model == caseTool {
		args = append([]string{"--functions", "def weather(city: str) -> str:\n    return 'sunny in ' + city"}, args...)
	}
	cmd := exec.Command(absolute(filepath.Join(r.packages, "py/bin/llm")), args...)
	cmd.Dir, cmd.Env = home, environment(home, "LLM_USER_PATH="+dir)
	return cmd
}

// claude is Claude Code, which shows only models whose names begin as Anthropic's do.
func claude(r *runner, base, home, model string) *exec.Cmd {
	cmd := exec.Command(r.agent("claude"), "-p", asked, "--allowedTools", "Bash")
	cmd.Dir = home
	cmd.Env = environment(home, "ANTHROPIC_BASE_URL="+base, "ANTHROPIC_AUTH_TOKEN=none", "ANTHROPIC_MODEL=anthropic/"+model)
	return cmd
}

func codex(r *runner, base, home, model string) *exec.Cmd {
	dir := filepath.Join(home, "codex")
	_ = os.MkdirAll(dir, 0o700)
	file := "model = \"" + model + "\"\nmodel_provider = \"tandem\"\n[model_providers.tandem]\nname = \"tandem\"\nbase_url = \"" + base + "/v1\"\nwire_api = \"responses\"\n"
	_ = os.WriteFile(filepath.Join(dir, "config.toml"), []byte(file), 0o600)
	cmd := exec.Command(r.agent("codex"), "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", asked)
	cmd.Dir, cmd.Env = home, environment(home, "CODEX_HOME="+dir)
	return cmd
}

func opencode(r *runner, base, home, model string) *exec.Cmd {
	file := `{"$schema":"https://opencode.ai/config.json","autoupdate":false,"share":"disabled","permission":"allow","provider":{"tandem":{"npm":"@ai-sdk/openai-compatible","name":"Tandem","options":{"baseURL":"` + base + `/v1","apiKey":"none"},"models":{"` + model + `":{"name":"` + model + `"}}}}}`
	_ = os.WriteFile(filepath.Join(home, "opencode.json"), []byte(file), 0o600)
	cmd := exec.Command(r.agent("opencode"), "run", "-m", "tandem/"+model, asked)
	cmd.Dir, cmd.Env = home, environment(home, "OPENCODE_DISABLE_MODELS_FETCH=1", "OPENCODE_DISABLE_AUTOUPDATE=1")
	return cmd
}

// cline is set up by its own command first, as a user does it.
func cline(r *runner, base, home, model string) *exec.Cmd {
	shell := `"$CLINE" auth openai-compatible --apikey none --modelid "$MODEL" --baseurl "$BASE/v1" >/dev/null 2>&1; exec "$CLINE" -P openai-compatible -k none -m "$MODEL" --auto-approve true -t 60 "$QUESTION"`
	cmd := exec.Command("sh", "-c", shell)
	cmd.Dir = home
	cmd.Env = environment(home, "CLINE="+r.agent("cline"), "MODEL="+model, "BASE="+base, "QUESTION="+asked)
	return cmd
}
