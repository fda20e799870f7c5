package catalog

import (
	"slices"

	"github.com/tandem-llm/tandem/config"
)

// Server is an OpenAI-compatible server that `tandem setup` knows. One that is Local
// runs on this machine, wants no key, and says itself which models it has.
type Server struct {
	Name    string // of the preset, and of the provider that it becomes
	Title   string
	BaseURL string // empty: each user has one of their own, such as Example
	Example string
	Compat  string // how it is called in `compat`
	Model   string // the usual one; empty: there is none
	Key     string // the environment variable that usually holds the key
	KeyPage string // where to get one
	Local   bool
}

// Servers returns the presets, hosted ones first.
func Servers() []Server {
	return []Server{
		{Name: "openai", Title: "OpenAI", BaseURL: "https://api.openai.com/v1", Compat: "openai", Model: config.OpenAIModel, Key: "OPENAI_API_KEY", KeyPage: "https://platform.openai.com/api-keys"},
		{Name: "openrouter", Title: "OpenRouter", BaseURL: "https://openrouter.ai/api/v1", Compat: "openrouter", Model: "openai/" + config.OpenAIModel, Key: "OPENROUTER_API_KEY", KeyPage: "https://openrouter.ai/settings/keys"},
		{Name: "groq", Title: "Groq", BaseURL: "https://api.groq.com/openai/v1", Compat: "groq", Model: "openai/gpt-oss-120b", Key: "GROQ_API_KEY", KeyPage: "https://console.groq.com/keys"},
		{Name: "gemini", Title: "Gemini", BaseURL: "https://generativelanguage.googleapis.com/v1beta/openai", Compat: "gemini", Model: "gemini-3.8-flash", Key: "GEMINI_API_KEY", KeyPage: "https://aistudio.google.com/apikey"},
		{Name: "mistral", Title: "Mistral", BaseURL: "https://api.mistral.ai/v1", Compat: "mistral", Model: "mistral-small-latest", Key: "MISTRAL_API_KEY", KeyPage: "https://console.mistral.ai/api-keys"},
		{Name: "deepseek", Title: "DeepSeek", BaseURL: "https://api.deepseek.com", Compat: "deepseek", Model: "deepseek-flash", Key: "DEEPSEEK_API_KEY", KeyPage: "https://platform.deepseek.com/api_keys"},
		{Name: "azure", Title: "Azure OpenAI", Example: "https://RESOURCE.openai.azure.com/openai/v1", Compat: "azure", Key: "AZURE_OPENAI_API_KEY", KeyPage: "https://portal.azure.com"},
		{Name: "lmstudio", Title: "LM Studio", BaseURL: "http://127.0.0.1:1234/v1", Compat: "lmstudio", Local: true},
		{Name: "vllm", Title: "vLLM", BaseURL: "http://127.0.0.1:8000/v1", Compat: "vllm", Local: true},
		{Name: "llama.cpp", Title: "llama.cpp", BaseURL: "http://127.0.0.1:8080/v1", Compat: "llamacpp", Local: true},
	}
}

// ServerNames returns the presets' names.
func ServerNames() []string {
	var names []string
	for _, s := range Servers() {
		names = append(names, s.Name)
	}
	return names
}

// FindServer returns the preset of that name.
func FindServer(name string) (Server, bool) {
	list := Servers()
	i := slices.IndexFunc(list, func(s Server) bool { return s.Name == name })
	if i < 0 {
		return Server{}, false
	}
	return list[i], true
}
