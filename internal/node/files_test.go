package node_test

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/node"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
)

// hostedMachine is a node's machine with a local provider, and one elsewhere that is paid.
func hostedMachine(t *testing.T) *node.Host {
	t.Helper()
	srv, _ := stacktest.Hosted(t)
	cfg := stacktest.Load(t, "use: [house, hosted]\nretries: 0\nproviders:\n- {name: house, kind: openai, base_url: '"+srv.URL+"/v1', model: big, local: true}\n"+
		"- {name: hosted, kind: openai, base_url: 'https://192.0.2.1/v1', model: big, api_key: keyring:hosted}\n", nil, nil)
	s, err := stack.Open(cfg, stack.Options{StateDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &node.Host{Stack: s, Shown: func(r runner.Result, _ error) runner.Result { return r }}
}

// filesOf is files as they travel.
func filesOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range files {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What a member submits cannot have a node read its own files.
func TestABatchReadsNoFileOfANode(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.txt")
	if err := os.WriteFile(secret, []byte("canary {what}"), 0o600); err != nil {
		t.Fatal(err)
	}
	house := []natsqueue.Provider{{Name: "house", Kind: "openai"}}
	for name, c := range map[string]struct {
		files map[string]string
		m     natsqueue.Manifest
		says  string
	}{
		"a file by its path":        {map[string]string{"c.yaml": "steps: [{name: a, file: '" + secret + "'}]"}, natsqueue.Manifest{Providers: house}, "c.yaml"},
		"a file above":              {map[string]string{"c.yaml": "steps: [{name: a, file: ../../../../../../../../.." + secret + "}]"}, natsqueue.Manifest{Providers: house}, "c.yaml"},
		"a chain that it is not in": {map[string]string{"c.yaml": "prompt: x", "../d.yaml": "prompt: x"}, natsqueue.Manifest{Chain: "../d.yaml", Providers: house}, "d.yaml"},
		"a chain of the node's":     {map[string]string{"c.yaml": "prompt: x"}, natsqueue.Manifest{Chain: secret, Providers: house}, "secret.txt"},
		"a schema by its path":      {map[string]string{"c.yaml": "prompt: x\nschema: " + secret}, natsqueue.Manifest{Providers: house}, "c.yaml"},
		"what is no bundle":         {nil, natsqueue.Manifest{Providers: house}, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			c.m.ID = "b1"
			if c.m.Chain == "" {
				c.m.Chain = "c.yaml"
			}
			var sent []byte
			if c.files != nil {
				sent = filesOf(t, c.files)
			}
			rows, err := hostedMachine(t).Accept(t.Context(), &c.m, sent, func(string) {})
			if err == nil {
				rows.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%v; want it declined, with %q", err, c.says)
			}
		})
	}
}

// Rows that have to stay are asked of local providers only, whatever the chain says.
func TestANodeAsksOnlyWhoMayBeAsked(t *testing.T) {
	m := &natsqueue.Manifest{ID: "b1", Chain: "c.yaml", Local: true, Providers: []natsqueue.Provider{{Name: "house", Kind: "openai"}}, Defaults: provider.Request{Use: []string{"house"}}}
	for name, c := range map[string]struct {
		chain string
		kind  provider.Kind
	}{
		"by the provider of the batch": {"prompt: '{what}'", ""},
		"by another of the node's":     {"steps: [{name: a, prompt: '{what}', use: hosted}]", provider.Private},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := hostedMachine(t).Accept(t.Context(), m, filesOf(t, map[string]string{"c.yaml": c.chain}), func(string) {})
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			r := rows.Run(t.Context(), batch.Item{Row: 1, Inputs: map[string]any{"what": "hi"}})
			if k := provider.KindOf(r.Err); k != c.kind && !(c.kind == "" && k == provider.Denied) {
				t.Errorf("%v; want the Kind %q", r.Err, c.kind)
			}
		})
	}
}
