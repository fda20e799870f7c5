// Package childenv says which variables of the environment a program gets that
// Tandem starts. The lists are short and name what is passed on, so that a key
// that nobody thought of stays here.
package childenv

import (
	"net/url"
	"slices"
	"strings"
)

// Tool is the environment of a server of tools, KEY=value: what programs need to
// run at all. What more it is to have, the configuration says.
func Tool(environ []string) []string { return pick(environ, everywhere) }

// Engine is the environment of a model server that is managed: what Tool has,
// the server's own settings, those of its libraries and of the graphics card's
// driver, and how it reaches the registry of models. A proxy that wants a
// password is left out with it: the server's downloads then go without a proxy.
func Engine(environ []string) []string {
	return pick(environ, func(name, value string) bool {
		switch {
		case everywhere(name, value):
			return true
		case secret(name):
			return false
		case strings.HasSuffix(name, "_PROXY"):
			return name == "NO_PROXY" || !userinfo(value)
		}
		return slices.ContainsFunc(engineNames(), func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	})
}

func pick(environ []string, passes func(name, value string) bool) []string {
	env := []string{}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if passes(strings.ToUpper(name), value) {
			env = append(env, kv)
		}
	}
	return env
}

// everywhere reports whether any program needs a variable to run.
func everywhere(name, _ string) bool {
	switch name {
	case "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LANGUAGE", "TZ", "TMPDIR",
		"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME",
		"SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "WINDIR", "TEMP", "TMP", "USERPROFILE", "USERNAME",
		"HOMEDRIVE", "HOMEPATH", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES":
		return true
	}
	switch strings.TrimPrefix(name, "LC_") { // those that POSIX and glibc know
	case "ALL", "ADDRESS", "COLLATE", "CTYPE", "IDENTIFICATION", "MEASUREMENT", "MESSAGES", "MONETARY", "NAME", "NUMERIC", "PAPER", "TELEPHONE", "TIME":
		return strings.HasPrefix(name, "LC_")
	}
	return false
}

// engineNames are how the names of a model server's variables begin.
func engineNames() []string {
	return []string{
		"OLLAMA_", "GGML_", "LLAMA_", "GIN_MODE", "GODEBUG", "GOMAXPROCS", "OMP_",
		"CUDA_", "NVIDIA_", "HIP_", "HSA_", "ROCR_", "ROCM_", "AMD_", "GPU_", "ONEAPI_", "ZE_", "SYCL_", "VK_", "MTL_",
		"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "SSL_CERT_",
	}
}

// secret reports whether a variable of that name is there to hold a key.
func secret(name string) bool {
	return slices.ContainsFunc([]string{"KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIALS", "HEADERS"}, func(end string) bool {
		return strings.HasSuffix(name, end)
	})
}

// userinfo reports whether an address has a user's name or password in it, or
// cannot be read.
func userinfo(address string) bool {
	if !strings.Contains(address, "://") {
		address = "http://" + address // as programs read it
	}
	u, err := url.Parse(address)
	return err != nil || u.User != nil || strings.Contains(address, "@")
}
