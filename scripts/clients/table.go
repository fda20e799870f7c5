package main

import (
	"os"
	"os/exec"
	"path/filepath"
)

// clients are the clients that are run.
var clients = []client{
	{name: "openai-python", label: "openai-python % (chats)", of: "pip openai", command: python("openai_chat.py")},
	{name: "openai-python-resp", label: "openai-python % (responses)", of: "pip openai", command: python("openai_responses.py")},
	{name: "openai-python-batches", label: "openai-python % (batches)", of: "pip openai", command: python("openai_batches.py")},
	{name: "openai-node", label: "openai-node % (responses)", of: "npm openai", command: node("openai.mjs")},
	{name: "ai-sdk-openai", label: "AI SDK, `@ai-sdk/openai` %", of: "npm @ai-sdk/openai", command: node("ai_openai.mjs")},
	{name: "ai-sdk-compatible", label: "AI SDK, `@ai-sdk/openai-compatible` %", of: "npm @ai-sdk/openai-compatible", command: node("ai_compatible.mjs")},
	{name: "langchain-openai", label: "langchain-openai %", of: "pip langchain-openai", command: python("langchain_chat.py")},
	{name: "pydantic-ai", label: "pydantic-ai %", of: "pip pydantic-ai-slim[openai]", command: python("pydantic_ai_agent.py")},
	{name: "langserve-invoke", label: "LangServe's RemoteRunnable % (invoke)", of: "pip langserve", noTools: true, command: langserve("invoke")},
	{name: "langserve-batch", label: "LangServe's RemoteRunnable % (batch)", of: "pip langserve", noTools: true, command: langserve("batch")},
	{name: "langserve-stream", label: "LangServe's RemoteRunnable % (stream)", of: "pip langserve", noTools: true, command: langserve("stream")},
	{name: "langserve-astream", label: "LangServe's RemoteRunnable % (astream)", of: "pip langserve", noTools: true, command: langserve("astream")},
	{name: "langserve-log", label: "LangServe's RemoteRunnable % (astream_log)", of: "pip langserve", noTools: true, command: langserve("astream_log")},
	{name: "langserve-events", label: "LangServe's RemoteRunnable % (astream_events)", of: "pip langserve", noTools: true, command: langserve("astream_events")},
	{name: "llm", label: "llm %", of: "pip llm", command: llm},
	{name: "anthropic-python", label: "anthropic-python %", of: "pip anthropic", command: python("anthropic_messages.py")},
	{name: "anthropic-node", label: "`@anthropic-ai/sdk` %", of: "npm @anthropic-ai/sdk", command: node("anthropic.mjs")},
	{name: "langchain-anthropic", label: "langchain-anthropic %", of: "pip langchain-anthropic", command: python("langchain_anthropic_chat.py")},
	{name: "ollama-python", label: "ollama-python % (chats)", of: "pip ollama", command: python("ollama_chat.py")},
	{name: "ollama-python-generate", label: "ollama-python % (generate)", of: "pip ollama", noTools: true, command: python("ollama_generate.py")},
	{name: "ollama-cli", label: "ollama CLI %", of: "ollama", noTools: true, command: ollamaCLI},
	{name: "langchain-ollama", label: "langchain-ollama %", of: "pip langchain-ollama", command: python("langchain_ollama_chat.py")},
	{name: "claude-code", label: "Claude Code %", of: "npm @anthropic-ai/claude-code", command: claude},
	{name: "codex", label: "Codex %", of: "npm @openai/codex", command: codex},
	{name: "opencode", label: "OpenCode %", of: "npm opencode-ai", command: opencode},
	{name: "cline", label: "Cline %", of: "npm cline", command: cline},
}

// quick are the clients that `make test` runs, too.
var quick = []string{"openai-python", "openai-python-batches", "anthropic-python", "ollama-python"}

// userAsks is the user's question.
const userAsks = "What is the answer? Use a tool if there is one."

// script is a program of a client's library, which reads the variables.
func script(base, model string, env []string, program, file string) *exec.Cmd {
	cmd := exec.Command(program, file)
	cmd.Env = append(env, "BASE="+base, "MODEL="+model, "QUESTION="+userAsks)
	return cmd
}

func absolute(path string) string {
	full, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return full
}

// agent is a program that npm has installed.
func (r *runner) agent(name string) string {
	return absolute(filepath.Join(r.agents, "node_modules/.bin", name))
}

func (r *runner) pythonEnvironment(home string, more ...string) []string {
	return environment(home, append(more, "PYTHONPATH="+absolute(r.py), "PYTHONWARNINGS=ignore", "PYTHONDONTWRITEBYTECODE=1")...)
}

func python(file string) func(*runner, string, string, string) *exec.Cmd {
	return func(r *runner, base, home, model string) *exec.Cmd {
		cmd := script(base, model, r.pythonEnvironment(home), "python3", absolute(filepath.Join(r.scripts, "clients/py", file)))
		cmd.Dir = home
		return cmd
	}
}

// langserve asks a chain by one of RemoteRunnable's methods.
func langserve(method string) func(*runner, string, string, string) *exec.Cmd {
	return func(r *runner, base, home, model string) *exec.Cmd {
		cmd := python("langserve_remote.py")(r, base, home, model)
		cmd.Env = append(cmd.Env, "METHOD="+method)
		return cmd
	}
}

// node runs a copy of the script beside the packages: that is where ES modules look.
func node(file string) func(*runner, string, string, string) *exec.Cmd {
	return func(r *runner, base, home, model string) *exec.Cmd {
		beside := absolute(filepath.Join(r.sdk, file))
		if data, err := os.ReadFile(filepath.Join(r.scripts, "clients/js", file)); err == nil {
			_ = os.WriteFile(beside, data, 0o600) //nolint:gosec // a path of our own; node says so if it is not there
		}
		cmd := script(base, model, environment(home), "node", beside)
		cmd.Dir = home
		return cmd
	}
}

// llm has its tool as a function in Python.
func llm(r *runner, base, home, model string) *exec.Cmd {
	dir := filepath.Join(home, "llm")
	_ = os.MkdirAll(dir, 0o700)
	file := "- {model_id: gateway, model_name: " + model + ", api_base: '" + base + "/v1', supports_tools: true}\n"
	_ = os.WriteFile(filepath.Join(dir, "extra-openai-models.yaml"), []byte(file), 0o600)
	args := []string{"-m", "llm", "-m", "gateway", "--key", "none", "--no-log", userAsks}
	if model == caseTool {
		args = append(args, "--functions", "def weather(city: str) -> str:\n    return 'sunny in ' + city")
	}
	cmd := exec.Command("python3", args...)
	cmd.Dir, cmd.Env = home, r.pythonEnvironment(home, "LLM_USER_PATH="+dir)
	return cmd
}

func ollamaCLI(r *runner, base, home, model string) *exec.Cmd {
	cmd := exec.Command(absolute(r.ollama), "run", model, userAsks)
	cmd.Dir, cmd.Env = home, environment(home, "OLLAMA_HOST="+base)
	return cmd
}

// claude is Claude Code, which shows only models whose names begin as Anthropic's do. Of
// its own accord it asks a busy engine ten times more, for three minutes.
func claude(r *runner, base, home, model string) *exec.Cmd {
	cmd := exec.Command(r.agent("claude"), "-p", userAsks, "--allowedTools", "Bash")
	cmd.Dir = home
	cmd.Env = environment(home, "ANTHROPIC_BASE_URL="+base, "ANTHROPIC_AUTH_TOKEN=none", "ANTHROPIC_MODEL=anthropic/"+model, "CLAUDE_CODE_MAX_RETRIES=2")
	return cmd
}

func codex(r *runner, base, home, model string) *exec.Cmd {
	dir := filepath.Join(home, "codex")
	_ = os.MkdirAll(dir, 0o700)
	file := "model = \"" + model + "\"\nmodel_provider = \"tandem\"\n[model_providers.tandem]\nname = \"tandem\"\nbase_url = \"" + base + "/v1\"\nwire_api = \"responses\"\n"
	_ = os.WriteFile(filepath.Join(dir, "config.toml"), []byte(file), 0o600)
	cmd := exec.Command(r.agent("codex"), "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", userAsks)
	cmd.Dir, cmd.Env = home, environment(home, "CODEX_HOME="+dir)
	return cmd
}

func opencode(r *runner, base, home, model string) *exec.Cmd {
	file := `{"$schema":"https://opencode.ai/config.json","autoupdate":false,"share":"disabled","permission":"allow","provider":{"tandem":{"npm":"@ai-sdk/openai-compatible","name":"Tandem","options":{"baseURL":"` + base + `/v1","apiKey":"none"},"models":{"` + model + `":{"name":"` + model + `"}}}}}`
	_ = os.WriteFile(filepath.Join(home, "opencode.json"), []byte(file), 0o600)
	cmd := exec.Command(r.agent("opencode"), "run", "-m", "tandem/"+model, userAsks)
	cmd.Dir, cmd.Env = home, environment(home, "OPENCODE_DISABLE_MODELS_FETCH=1", "OPENCODE_DISABLE_AUTOUPDATE=1")
	return cmd
}

// cline is set up by its own command first, as a user does it.
func cline(r *runner, base, home, model string) *exec.Cmd {
	shell := `"$CLINE" auth openai-compatible --apikey none --modelid "$MODEL" --baseurl "$BASE/v1" >/dev/null 2>&1; exec "$CLINE" -P openai-compatible -k none -m "$MODEL" --auto-approve true -t 60 "$QUESTION"`
	cmd := exec.Command("sh", "-c", shell)
	cmd.Dir = home
	cmd.Env = environment(home, "CLINE="+r.agent("cline"), "MODEL="+model, "BASE="+base, "QUESTION="+userAsks)
	return cmd
}
