package config_test

import (
	"strings"
	"testing"
)

const lab = "providers:\n  - {name: lab, kind: openai, model: m, base_url: \"http://127.0.0.1:8080/v1\", local: true}\n"

// Whether a server on this machine runs its models itself is the user's word,
// of one address.
func TestLocalIsTheUsersWord(t *testing.T) {
	for what, tc := range map[string]struct {
		user, project string
		env           map[string]string
		local         bool
		warns         string
	}{
		"said":                              {user: lab, local: true},
		"not said":                          {user: strings.Replace(lab, ", local: true", "", 1)},
		"denied":                            {user: strings.Replace(lab, "true", "false", 1)},
		"the project picks another model":   {user: lab, project: "providers: [{name: lab, model: other}]", local: true},
		"the same address, written again":   {user: lab, project: "providers: [{name: lab, base_url: \"http://127.0.0.1:8080/v1/\"}]", local: true},
		"the project moves it":              {user: lab, project: "providers: [{name: lab, base_url: \"http://127.0.0.1:4000/v1\"}]", warns: "the address http://127.0.0.1:4000/v1"},
		"to another path":                   {user: lab, project: "providers: [{name: lab, base_url: \"http://127.0.0.1:8080/cloud/v1\"}]", warns: "/cloud/v1"},
		"the address is the project's only": {user: "providers: [{name: lab, local: true}]", project: strings.Replace(lab, ", local: true", "", 1), warns: "127.0.0.1:8080"},
		"the variable is the user's":        {user: "providers: [{name: openai, local: true}]", env: map[string]string{"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, local: true},
		"a network of the user's":           {user: "local_networks: [192.168.7.0/24]\n" + strings.Replace(lab, "127.0.0.1", "192.168.7.9", 1), local: true},
	} {
		t.Run(what, func(t *testing.T) {
			s := newSandbox(t).with(tc.env).user(tc.user)
			if tc.project != "" {
				s.projectFile(tc.project)
			}
			l := s.mustLoad()
			name := "lab"
			if tc.env != nil {
				name = "openai"
			}
			p, _ := l.Provider(name)
			if p.Local != tc.local {
				t.Errorf("local is %v, want %v", p.Local, tc.local)
			}
			if said := strings.Join(l.Warnings, "\n"); tc.warns == "" && said != "" || !strings.Contains(said, tc.warns) {
				t.Errorf("it warns %q, want %q", said, tc.warns)
			}
			remedy := l.LocalRemedy(name)
			if want := map[bool]string{true: "write the provider lab", false: "add `local: true` to the provider " + name + " in " + s.userPath()}[tc.warns != ""]; !strings.Contains(remedy, want) {
				t.Errorf("the remedy is %q, want %q", remedy, want)
			}
		})
	}
}

func TestLocalThatCannotBe(t *testing.T) {
	for what, tc := range map[string]struct{ user, project, says string }{
		"in a project":            {"", lab, "only your own file may set `local`"},
		"in a project, denied":    {lab, "providers: [{name: lab, local: false}]", "only your own file"},
		"of an Ollama":            {"providers: [{name: local, local: true}]", "", "local is for kind openai"},
		"of an address elsewhere": {strings.Replace(lab, "127.0.0.1", "192.0.2.1", 1), "", "192.0.2.1 is not; remove it, or list the network"},
		"of any address":          {strings.Replace(lab, "127.0.0.1", "0.0.0.0", 1), "", "0.0.0.0 is not"},
		"of no value":             {strings.Replace(lab, "true", "perhaps", 1), "", "expected true or false"},
	} {
		s := newSandbox(t).user(tc.user)
		if tc.project != "" {
			s.projectFile(tc.project)
		}
		l, err := s.load()
		if err == nil || !strings.Contains(err.Error(), tc.says) || len(l.Providers) > 0 {
			t.Errorf("%s: %v, want %q", what, err, tc.says)
			continue
		}
		places(t, err)
	}
}
