package config_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/config"
)

const gateway = "providers:\n  - {name: gw, kind: openai, model: m, base_url: \"http://127.0.0.1:8080/v1\", headers: {X-Title: Mine, authorization: env:GW}, tls: {ca: ca.pem}}\n"

// What the user says of a server is said of one address.
func TestHeadersAndTLSHoldForOneAddress(t *testing.T) {
	ollama := "providers:\n  - {name: local, host: \"127.0.0.1:1234\", headers: {X-Title: Mine}, tls: {ca: ca.pem}}\n"
	for what, tc := range map[string]struct {
		user, project, name string
		kept                bool
	}{
		"alone":                     {gateway, "", "gw", true},
		"another model":             {gateway, "providers: [{name: gw, model: other}]", "gw", true},
		"the same address":          {gateway, "providers: [{name: gw, base_url: \"http://127.0.0.1:8080/v1/\"}]", "gw", true},
		"another port":              {gateway, "providers: [{name: gw, base_url: \"http://127.0.0.1:9/v1\"}]", "gw", false},
		"another host":              {gateway, "providers: [{name: gw, base_url: \"https://evil.example/v1\"}]", "gw", false},
		"an Ollama":                 {ollama, "", "local", true},
		"an Ollama elsewhere":       {ollama, "providers: [{name: local, host: \"127.0.0.1:9\"}]", "local", false},
		"an Ollama on another host": {ollama, "providers: [{name: local, host: evil.example}]", "local", false},
	} {
		t.Run(what, func(t *testing.T) {
			s := newSandbox(t).with(map[string]string{"GW": canary}).user(tc.user)
			if tc.project != "" {
				s.projectFile(tc.project)
			}
			l, err := s.load()
			if errors.Is(err, config.ErrUntrusted) {
				if _, err := l.Header(tc.name); !errors.Is(err, config.ErrUntrusted) {
					t.Errorf("headers of an untrusted project: %v", err)
				}
				_, err = l.Trust()
			}
			if err != nil {
				t.Fatal(err)
			}
			p, _ := l.Provider(tc.name)
			h, err := l.Header(tc.name)
			if err != nil || (h.Get("X-Title") == "Mine") != tc.kept || (p.TLS.CA != "") != tc.kept {
				t.Errorf("%v, %v, %+v", h, err, p.TLS)
			}
			if want := map[bool]string{true: "Bearer " + canary}[tc.kept]; tc.name == "gw" && h.Get("Authorization") != want {
				t.Errorf("Authorization is %q, want %q", h.Get("Authorization"), want)
			}
			if warned := strings.Contains(strings.Join(l.Warnings, "\n"), "headers has no effect"); warned == tc.kept {
				t.Errorf("warnings: %q", l.Warnings)
			}
			if text, err := l.YAML(); err != nil || strings.Contains(string(text), canary) {
				t.Errorf("%s, %v", text, err)
			}
		})
	}
}

func TestHeaderMistakes(t *testing.T) {
	of := func(what string) string { return "providers:\n  - {name: openai, " + what + "}\n" }
	for what, tc := range map[string]struct{ user, project, says string }{
		"headers in a project":        {"", of("headers: {X-Title: x}"), ":2:29: only your own file may set headers"},
		"tls in a project":            {"", of("tls: {ca: x}"), ":2:25: only your own file may set certificates"},
		"the host":                    {of("headers: {host: x}"), "", ":2:36: the header host is set by the program itself"},
		"the length":                  {of("headers: {Content-Length: x}"), "", ":2:46: the header Content-Length"},
		"one connection's":            {of("headers: {keep-alive: x}"), "", "the header keep-alive"},
		"a proxy's":                   {of("headers: {Proxy-Authorization: env:X}"), "", "the header Proxy-Authorization"},
		"a name that is none":         {of("headers: {'X Title': x}"), "", `"X Title" is not the name of a header`},
		"one name twice":              {of("headers: {X-Title: x, x-title: y}"), "", "the header X-Title appears twice"},
		"two lines":                   {of(`headers: {X-Title: "a\r\nX-Evil: b"}`), "", ":2:39: expected one line of text"},
		"a bare secret":               {of("headers: {Authorization: " + canary + "}"), "", "a key does not belong in a file"},
		"a reference to nothing":      {of("headers: {Authorization: 'env:'}"), "", "expected env:VARIABLE"},
		"no mapping":                  {of("headers: [a]"), "", ":2:29: "},
		"a certificate and no key":    {of("tls: {cert: a.pem}"), "", ":2:32: tls.cert needs tls.key"},
		"a key and no certificate":    {of("tls: {key: a.pem}"), "", "tls.key needs tls.cert"},
		"another key of tls":          {of("tls: {cacert: a.pem}"), "", "cacert"},
		"a certificate in the file":   {of(`tls: {ca: "-----BEGIN CERTIFICATE-----"}`), "", "expected the path of a file"},
		"a key's header":              {of("api_key_header: a b"), "", ":2:36: \"a b\" is not the name of a header"},
		"a key's header of our own":   {of("api_key_header: Host"), "", "the header Host is set"},
		"a key's header of an Ollama": {"providers: [{name: local, api_key_header: x}]", "", "api_key_header is for kind openai"},
	} {
		s := newSandbox(t).user(tc.user)
		if tc.project != "" {
			s.projectFile(tc.project)
		}
		if _, err := s.load(); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %q", what, err, tc.says)
		} else {
			places(t, err)
		}
	}
}

// What a reference stands for is checked when it is looked up.
func TestHeaderLookUp(t *testing.T) {
	for value, says := range map[string]string{
		"":                       "GW is not set",
		canary + "\r\nX-Evil: 1": "is not one line of ASCII",
		canary + "\x00":          "is not one line",
	} {
		s := newSandbox(t).with(map[string]string{"GW": value}).user(gateway)
		_, err := s.mustLoad().Header("gw")
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), canary) {
			t.Fatalf("%q: %v", value, err)
		}
		if got := places(t, err)[0]; !strings.HasPrefix(got, s.userPath()+":2:") {
			t.Errorf("no place: %s", got)
		}
	}
	var told []string
	s := newSandbox(t).with(map[string]string{"GW": "Basic " + canary}).user(gateway)
	s.opts.Secret = func(value string) { told = append(told, value) }
	l := s.mustLoad()
	if len(told) == 0 {
		t.Error("a secret in the environment is not told")
	}
	if h, err := l.Header("gw"); err != nil || h.Get("Authorization") != "Basic "+canary {
		t.Errorf("%v, %v", h, err)
	}
}

// A key in another header may be written down by those it passes.
func TestAProjectsKeyHeaderIsADemand(t *testing.T) {
	s := newSandbox(t).projectFile("providers: [{name: openai, api_key_header: X-Trace}]")
	if got := s.demands(); len(got) != 1 || !strings.HasSuffix(got[0], "in the header X-Trace") {
		t.Errorf("demands %q", got)
	}
	s.user("providers: [{name: openai, api_key_header: x-trace}]")
	if got := s.demands(); len(got) != 0 {
		t.Errorf("demands %q", got)
	}
}
