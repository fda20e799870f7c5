package config_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/config"
)

func TestHosts(t *testing.T) {
	l := newSandbox(t).user(`use: house
providers:
  - name: house
    kind: ollama
    model: m
    hosts:
      - gpu1
      - {host: "https://GPU2:8443/ollama/", weight: 2.5, wake: "AA:BB:CC:DD:EE:FF"}
  - {name: lab, kind: openai, model: m, hosts: [gpu3:8000, "https://gpu4/api/v1", "gpu5:80/x"]}
`).mustLoad()
	house, _ := l.Provider("house")
	if got, want := house.HostNames(), []string{"gpu1:11434", "gpu2:8443/ollama"}; !reflect.DeepEqual(got, want) && !strings.EqualFold(strings.Join(got, " "), strings.Join(want, " ")) {
		t.Errorf("the hosts are called %q, want %q", got, want)
	}
	if h := house.Hosts[1]; h.Weight != 2.5 || h.Wake != "aa:bb:cc:dd:ee:ff" {
		t.Errorf("host %+v", h)
	}
	if house.Host != "" {
		t.Errorf("the built-in address %q is left", house.Host)
	}
	lab, _ := l.Provider("lab")
	var addresses []string
	for _, m := range lab.Members() {
		addresses = append(addresses, m.BaseURL)
		if m.Hosts != nil || m.Name != "lab" {
			t.Errorf("member %+v", m)
		}
	}
	if want := []string{"http://gpu3:8000/v1", "https://gpu4/api/v1", "http://gpu5:80/x"}; !reflect.DeepEqual(addresses, want) {
		t.Errorf("base URLs %q, want %q", addresses, want)
	}
	if lab.Endpoint() != "http://gpu3:8000/v1, https://gpu4:443/api/v1, http://gpu5:80/x" {
		t.Errorf("endpoint %q", lab.Endpoint())
	}
	text, err := l.YAML()
	if err != nil || !strings.Contains(string(text), "weight: 2.5") || !strings.Contains(string(text), "gpu1") {
		t.Errorf("%v, shown as\n%s", err, text)
	}
	again := newSandbox(t).user(string(text)).mustLoad()
	if now, _ := again.Provider("house"); !reflect.DeepEqual(now.Hosts, house.Hosts) {
		t.Errorf("what is shown is read as %+v, want %+v", now.Hosts, house.Hosts)
	}
}

func TestHostsThatCannotBe(t *testing.T) {
	in := func(fields string) string {
		return "providers: [{name: house, kind: ollama, model: m, " + fields + "}]"
	}
	lab := func(fields string) string { return "providers: [{name: lab, kind: openai, model: m, " + fields + "}]" }
	for what, tc := range map[string]struct{ user, project, says string }{
		"none":                      {in(`hosts: []`), "", "expected a list of hosts"},
		"no list":                   {in(`hosts: gpu1`), "", "expected a list of hosts"},
		"with host":                 {in(`host: gpu1, hosts: [gpu2]`), "", "house has both host and hosts"},
		"with base_url":             {lab(`base_url: "http://a/v1", hosts: [gpu2]`), "", "lab has both base_url and hosts"},
		"with another file's host":  {in(`host: gpu1`), "providers: [{name: house, hosts: [gpu2]}]", "house has both host and hosts"},
		"twice":                     {in(`hosts: [gpu1, gpu1:11434]`), "", `the host "gpu1:11434" appears twice`},
		"twice, written otherwise":  {lab(`hosts: [gpu1:80, "http://gpu1:80/v1/"]`), "", "appears twice"},
		"twice, at this machine":    {in(`hosts: ["localhost:1", "127.0.0.1:1"]`), "", `the host "127.0.0.1:1" appears twice`},
		"twice, by its IPv6":        {in(`hosts: ["127.0.0.1:1", "[::1]:1"]`), "", "appears twice"},
		"twice, as a mapped IPv6":   {in(`hosts: ["10.0.0.1:1", "[::ffff:10.0.0.1]:1"]`), "", "appears twice"},
		"twice, in capitals":        {in(`hosts: [gpu1, GPU1]`), "", "appears twice"},
		"twice, with /v1 and not":   {lab(`hosts: ["http://gpu1:80", "http://gpu1:80/v1"]`), "", "appears twice"},
		"twice, by two schemes":     {lab(`hosts: ["http://gpu1:443/v1", "https://gpu1/v1"]`), "", "appears twice"},
		"a key of its own":          {lab(`hosts: [gpu1, {host: gpu2, api_key: "keyring:b"}]`), "", "api_key"},
		"twice, with a dot":         {in(`hosts: [gpu1., gpu1]`), "", "appears twice"},
		"twice, by two base URLs":   {lab(`hosts: ["localhost:1", "http://[::1]:1/v1/"]`), "", "appears twice"},
		"not an address":            {in(`hosts: ["gpu1:port"]`), "", "expected something like gpu1:11434"},
		"not a base URL":            {lab(`hosts: ["ftp://gpu1/v1"]`), "", "expected something like gpu1:8000"},
		"the address of a call":     {lab(`hosts: ["http://gpu1/v1/chat/completions"]`), "", "/chat/completions"},
		"credentials":               {lab(`hosts: ["http://me:pw@gpu1/v1"]`), "", "credentials"},
		"empty":                     {in(`hosts: [""]`), "", "the address of a host is empty"},
		"a space":                   {in(`hosts: [gpu1, " "]`), "", "the address of a host is empty"},
		"empty, in a mapping":       {lab(`hosts: [{host: ""}]`), "", "the address of a host is empty"},
		"weight 0":                  {in(`hosts: [{host: gpu1, weight: 0}]`), "", "0.01"},
		"a negative weight":         {in(`hosts: [{host: gpu1, weight: -1}]`), "", "0.01"},
		"not a weight":              {in(`hosts: [{host: gpu1, weight: fast}]`), "", "fast"},
		"not a MAC address":         {in(`hosts: [{host: gpu1, wake: "gpu1"}]`), "", "hardware (MAC) address"},
		"a MAC that is too long":    {in(`hosts: [{host: gpu1, wake: "AA:BB:CC:DD:EE:FF:00:11"}]`), "", "hardware (MAC) address"},
		"an unknown key":            {in(`hosts: [{host: gpu1, weigth: 2}]`), "", "weight"},
		"no address":                {in(`hosts: [{weight: 2}]`), "", `the key "host" is missing`},
		"a list in the list":        {in(`hosts: [[gpu1]]`), "", "a host"},
		"managed":                   {in(`managed: true, hosts: [gpu1]`), "", "starts no engine"},
		"woken by a project":        {"", in(`hosts: [{host: "127.0.0.1:1", wake: "AA:BB:CC:DD:EE:FF"}]`), "only your own file may have a machine woken"},
		"local, and one is not":     {"providers: [{name: lab, kind: openai, model: m, local: true, hosts: [\"127.0.0.1:1\", \"192.0.2.1:1\"]}]", "", "192.0.2.1 is not"},
		"a key in place of address": {lab(`hosts: ["sk-proj-` + strings.Repeat("aB3", 16) + `"]`), "", "a key does not belong"},
	} {
		t.Run(what, func(t *testing.T) {
			s := newSandbox(t).user(tc.user)
			if tc.project != "" {
				s.projectFile(tc.project)
			}
			_, err := s.load()
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("%v, want %q", err, tc.says)
			}
			places(t, err)
		})
	}
}

// The environment's address is told to have no effect; that of the user's file is not
// overridden by it.
func TestHostsAndTheEnvironment(t *testing.T) {
	s := newSandbox(t).with(map[string]string{"OLLAMA_HOST": "other:1"}).user("providers: [{name: local, hosts: [gpu1, gpu2]}]")
	l := s.mustLoad()
	p, _ := l.Provider(config.LocalName)
	if p.Host != "" || len(p.Members()) != 2 || !strings.Contains(strings.Join(l.Warnings, "\n"), "the provider local has hosts") {
		t.Errorf("host %q, members %d, warnings %q", p.Host, len(p.Members()), l.Warnings)
	}
}

// A project's file needs trust for each host that the user's own configuration does not
// name.
func TestHostsOfAProjectNeedTrust(t *testing.T) {
	const own = "providers: [{name: house, kind: ollama, model: m, hosts: [gpu1, gpu2]}]"
	for what, tc := range map[string]struct {
		project string
		wants   []string
	}{
		"those of the user's":    {"providers: [{name: house, hosts: [gpu2, gpu1]}]", nil},
		"one of this machine":    {"providers: [{name: house, hosts: [gpu2, \"127.0.0.1\"]}]", nil},
		"another one":            {"providers: [{name: house, hosts: [gpu1, evil]}]", []string{"evil"}},
		"two others":             {"providers: [{name: mine, kind: ollama, model: m, hosts: [evil1, gpu1, evil2]}]", []string{"evil1", "evil2"}},
		"as a provider's single": {"providers: [{name: mine, kind: ollama, model: m, host: gpu2}]", nil},
	} {
		t.Run(what, func(t *testing.T) {
			got := newSandbox(t).user(own).projectFile(tc.project).demands()
			if len(got) != len(tc.wants) {
				t.Fatalf("it wants %q, want %d", got, len(tc.wants))
			}
			for i, want := range tc.wants {
				if !strings.Contains(got[i], want) {
					t.Errorf("it wants %q, want %q", got[i], want)
				}
			}
		})
	}
}
