package childenv

import (
	"slices"
	"strings"
	"testing"
)

const canary = "canary-0123456789"

// What might be a key is passed on to nobody, whatever it is called.
func TestNoKeyIsPassedOn(t *testing.T) {
	var environ []string
	for _, name := range []string{
		"OPENAI_API_KEY", "PK", "MY_GATEWAY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "OTEL_EXPORTER_OTLP_HEADERS",
		"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "DATABASE_URL", "KUBECONFIG", "SSH_AUTH_SOCK", "GH_TOKEN", "OLLAMA_API_KEY",
		"OLLAMA_REGISTRY_TOKEN", "CUDA_SECRET", "LD_PRELOAD", "LC_SECRET", "LC_TERMINAL", "BASH_FUNC_x%%", "XDG_SESSION_COOKIE", "TANDEM_PROVIDERS__P__API_KEY", "",
	} {
		environ = append(environ, name+"="+canary)
	}
	for _, name := range []string{"HTTP_PROXY", "https_proxy", "ALL_PROXY"} {
		environ = append(environ, name+"=http://ada:"+canary+"@proxy.example:3128", name+"=ada:"+canary+"@proxy.example", name+"=http://"+canary+"@[::1", name+"="+canary+"%zz@proxy")
	}
	for name, got := range map[string][]string{"a server of tools": Tool(environ), "an engine": Engine(environ)} {
		if len(got) > 0 {
			t.Errorf("%s gets %q", name, got)
		}
	}
}

func TestWhatAProgramNeedsIsPassedOn(t *testing.T) {
	both := []string{"PATH=/bin", "HOME=/home/ada", "LC_ALL=C", "TZ=UTC", "TERM=xterm", "SystemRoot=C:\\Windows", "XDG_RUNTIME_DIR=/run/user/1"}
	engine := []string{
		"OLLAMA_MODELS=/m", "CUDA_VISIBLE_DEVICES=0", "HSA_OVERRIDE_GFX_VERSION=10.3.0", "ROCR_VISIBLE_DEVICES=1", "LD_LIBRARY_PATH=/lib",
		"HTTPS_PROXY=http://proxy.example:3128", "http_proxy=proxy.example:3128", "NO_PROXY=localhost", "SSL_CERT_FILE=/ca.pem", "NVIDIA_VISIBLE_DEVICES=all",
	}
	environ := append(slices.Clone(both), engine...)
	if got := Tool(environ); !slices.Equal(got, both) {
		t.Errorf("a server of tools gets %s", strings.Join(got, " "))
	}
	if got := Engine(environ); !slices.Equal(got, environ) {
		t.Errorf("an engine gets %s", strings.Join(got, " "))
	}
}
