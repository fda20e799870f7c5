package node_test

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/node"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
)

// zipped is a chain as it travels.
func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	f, err := w.Create("c.yaml")
	if err == nil {
		_, err = f.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const machine = `
use: house
providers:
  - {name: house, kind: openai, base_url: "http://127.0.0.1:9/v1", model: m, local: true}
  - {name: cloud, kind: openai, base_url: "https://api.example.org/v1", model: m}
  - {name: other, kind: openai, base_url: "https://api.example.com/v1", model: m}
mcp_servers:
  - {name: files, command: [a-program-that-does-not-exist]}
`

// What a node takes, and why it declines the rest.
func TestWhatAMachineTakes(t *testing.T) {
	cfg := stacktest.Load(t, machine, nil, nil)
	s, err := stack.Open(cfg, stack.Options{StateDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	house, cloud, other := natsqueue.Provider{Name: "house", Kind: "openai"}, natsqueue.Provider{Name: "cloud", Kind: "openai"}, natsqueue.Provider{Name: "other", Kind: "openai"}
	const plain = "prompt: hi\n"
	const tools = "steps:\n  - {name: a, prompt: hi, tools: [files/read]}\n"
	for _, tt := range []struct {
		name      string
		chain     string
		local     bool
		providers []natsqueue.Provider
		allow     []string
		want      string // in why it declines; empty: it accepts
		kind      provider.Kind
	}{
		{name: "a provider that is here", chain: plain, providers: []natsqueue.Provider{house}},
		{name: "a hosted one", chain: plain, providers: []natsqueue.Provider{cloud, house}},
		{name: "one that is not here", chain: plain, providers: []natsqueue.Provider{{Name: "none", Kind: "openai"}}, want: `no provider "none"`, kind: provider.Unsupported},
		{name: "of another kind", chain: plain, providers: []natsqueue.Provider{{Name: "house", Kind: "ollama"}}, want: "of kind openai here", kind: provider.Unsupported},
		{name: "with another model", chain: plain, providers: []natsqueue.Provider{{Name: "house", Kind: "openai", Model: "n"}}, want: "has the model m here", kind: provider.Unsupported},
		// As on one machine: those that may not answer are passed over.
		{name: "local only, and a hosted one first", chain: plain, local: true, providers: []natsqueue.Provider{cloud, house}},
		{name: "local only, and a hosted one last", chain: plain, local: true, providers: []natsqueue.Provider{house, cloud, other}},
		{name: "local only, and none is", chain: plain, local: true, providers: []natsqueue.Provider{cloud, other}, want: `"cloud" is not local here`, kind: provider.Private},
		{name: "local only, and it is not here", chain: plain, local: true, providers: []natsqueue.Provider{{Name: "none", Kind: "openai"}}, want: `no provider "none"`, kind: provider.Unsupported},
		{name: "templates that are programs", chain: "format: jinja2\nprompt: '{{ a }}'\n", providers: []natsqueue.Provider{house}, want: "jinja2", kind: provider.Unsupported},
		// No program is started that the node does not allow: this one cannot be.
		{name: "tools, and none is allowed", chain: tools, providers: []natsqueue.Provider{house}, want: "the tool files/read, which this node does not allow", kind: provider.Unsupported},
		{name: "tools, and another server's are allowed", chain: tools, allow: []string{"web/*", "web/read", "files/write", "web__read"}, providers: []natsqueue.Provider{house}, want: "the tool files/read, which this node does not allow", kind: provider.Unsupported},
		{name: "all tools of a server, and another's are allowed", chain: strings.Replace(tools, "files/read", "files/*", 1), allow: []string{"web/*"}, providers: []natsqueue.Provider{house}, want: "the tool files/*, which this node does not allow", kind: provider.Unsupported},
		{name: "tools that are allowed", chain: tools, allow: []string{"files/read"}, providers: []natsqueue.Provider{house}, want: "a-program-that-does-not-exist"},
		{name: "tools that are allowed by another name", chain: tools, allow: []string{"files__read"}, providers: []natsqueue.Provider{house}, want: "a-program-that-does-not-exist"},
		{name: "tools of an allowed server", chain: tools, allow: []string{"files/*"}, providers: []natsqueue.Provider{house}, want: "a-program-that-does-not-exist"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &node.Host{Stack: s, AllowTools: tt.allow, ToolOptions: func([]tool.Tool) tool.Options { return tool.Options{} }}
			m := &natsqueue.Manifest{ID: "b1", Chain: "c.yaml", Local: tt.local, Providers: tt.providers}
			for _, p := range tt.providers {
				m.Defaults.Use = append(m.Defaults.Use, p.Name)
			}
			rows, err := h.Accept(t.Context(), m, zipped(t, tt.chain), func(string) {})
			if err == nil {
				rows.Close()
			}
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %q", err, tt.want)
			case tt.kind != "" && provider.KindOf(err) != tt.kind:
				t.Errorf("%v is %q, want %q", err, provider.KindOf(err), tt.kind)
			}
		})
	}
}
