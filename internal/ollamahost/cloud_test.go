package ollamahost_test

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/ollamahost"
)

func TestCloudModel(t *testing.T) {
	for _, name := range []string{
		// Ollama's own rule, of internal/modelref.
		"gpt-oss:cloud", "gpt-oss:20b:cloud", "gpt-oss:20b-cloud",
		"gpt-oss:CLOUD", "gpt-oss:Cloud", "gpt-oss:20b:cLOUD", "gpt-oss:120b-CLOUD", "GPT-OSS:120B-Cloud",
		" gpt-oss:cloud", "gpt-oss:cloud ", "\tgpt-oss:120b-cloud\r\n", "gpt-oss: cloud", "gpt-oss:120b-cloud\u00a0", "gpt-oss:\u2003cloud\u3000", "gpt-oss:cloud\v\f\u0085",
		"me/gpt-oss:cloud", "library/gpt-oss:120b-cloud", "registry.ollama.ai/library/gpt-oss:120b-Cloud",
		"https://registry.ollama.ai/library/gpt-oss:cloud", "localhost:11434/library/foo:cloud", "127.0.0.1:5000/me/foo:8b-cloud", "[::1]:5000/me/foo:cloud",
		"-cloud:-cloud", "m:-cloud", ":cloud", "a:b-cloud-cloud", "my.model_1:v1.2-q4_K_M-cloud",
		// Names of stubs, as older servers had them, and their default tag.
		"gpt-oss-cloud", "me/gpt-oss-CLOUD", "gpt-oss-cloud:latest", "gpt-oss-cloud:LATEST",
		// What a reader in between may make of it.
		"gpt-oss:cloud:local", "gpt-oss:120b-cloud:local", "gpt-oss:cloud:latest", "gpt-oss:cloud:cloud",
		"gpt-oss:cloud/", "gpt-oss:cloud//", "gpt-oss:cloud.", "gpt-oss:120b-cloud...", "gpt-oss:cloud:", "gpt-oss:cloud./:", "gpt-oss:cloud /",
		"gpt-oss:cloud@sha256:0123", "gpt-oss:cloud?x=1", "gpt-oss:cloud#x", "gpt-oss:cloud%00", "gpt-oss%3Acloud", "gpt-oss%3acl%6Fud", "gpt-oss%253Acloud", "gpt-oss:120b%2Dcloud", "gpt-oss:%43LOUD", "gpt-oss:cloud%2F", "gpt-oss:cloud%",
		"gpt-oss:clo\u200bud", "gpt-oss:clo\u00adud", "gpt-oss:\ufeffcloud", "gpt-oss:cloud\x00", "gpt-oss:cloud\u202e", "gpt-oss:\"cloud\"", "gpt-oss:c\\loud", "gpt-oss:cl\xffoud",
	} {
		if !ollamahost.CloudModel(name) {
			t.Errorf("%q is no cloud model", name)
		}
	}
	for _, name := range []string{
		"", "m", "smollm2:135m", "smollm2:latest", "qwen3:8b:local", "hf.co/bartowski/Llama-3.2-1B-GGUF:Q4_K_M",
		"cloud", "cloud:latest", "cloud:7b", "cloudy", "cloud/m", "m:cloudy", "m:clouds", "m:cloud-7b", "m:7b-clouds", "m:clod", "m:xcloud", "m_cloud", "m.cloud:1b",
		"my-cloud-model", "my-cloud-model:7b", "foo:bar-cloud/baz", "foo:cloud/bar/baz", "host-cloud/m", "-cloud/m:1b", "m:7b_cloud", "m%", "m%zz", "m:1b%2", "%3Acloud/m",
	} {
		if ollamahost.CloudModel(name) {
			t.Errorf("%q is a cloud model", name)
		}
	}
}

// FuzzCloudModel holds CloudModel to Ollama's rule, written as Ollama has it.
func FuzzCloudModel(f *testing.F) {
	for _, name := range []string{"gpt-oss:120b-CLOUD", "m: Cloud ", "a/b:c", "%3acloud", "İ:cloud", "K-cloud"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if ollamasRule(name) && !ollamahost.CloudModel(name) {
			t.Errorf("Ollama has %q run by ollama.com", name)
		}
	})
}

func ollamasRule(name string) bool {
	name = strings.TrimSpace(name)
	i := strings.LastIndex(name, ":")
	if i < 0 {
		return false
	}
	tag := strings.ToLower(strings.TrimSpace(name[i+1:]))
	return tag == "cloud" || !strings.Contains(tag, "/") && strings.HasSuffix(tag, "-cloud")
}

func TestValidModel(t *testing.T) {
	valid := func(name string) bool { return name == "m" || name == "m:7b" }
	for name, want := range map[string]bool{
		"m": true, "m:7b": true, "m:7b:local": true, "m:cloud": true, "m:7b:LOCAL": true, "m:7b:Cloud": true,
		"m:8b": false, "m:7b:local:local": false, ":local": false, "local": false, "m:7b:remote": false,
	} {
		if got := ollamahost.ValidModel(name, valid); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}
