package chain_test

import (
	"embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/yamlx"
	"github.com/tandem-llm/tandem/provider/providertest"
)

//go:embed testdata/graph
var embedded embed.FS

func fileSystem(texts map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, text := range texts {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

// everything names each kind of file that a chain can name.
func everything() map[string]string {
	return map[string]string{
		"chains/main.yaml":             "steps:\n- {name: fact, chain: parts/fact.yaml}\n- {name: told, file: prompts/tell.json}\n- {name: shaped, prompt: 'shape {told}', schema: parts/shape.json}\n- {name: seen, prompt: 'see {shaped}', images: [parts/dot.png]}\n- {name: shown, prompt: 'show {seen}', examples: {text: '{i}', items: parts/items.yaml}}\n- {name: old, chain: parts/legacy.yaml, with: {x: shown}}\n",
		"chains/parts/fact.yaml":       "steps:\n- {name: first, chain: deeper/one.yaml}\n- {name: fact, prompt: 'about {first} {topic}'}\n",
		"chains/parts/deeper/one.yaml": "prompt: one {topic}\n",
		"chains/prompts/tell.json":     `{"_type": "prompt", "template_path": "tell.txt", "input_variables": ["fact"]}`,
		"chains/prompts/tell.txt":      "tell {fact}",
		"chains/parts/shape.json":      `{"type": "string"}`,
		"chains/parts/items.yaml":      "- {i: a}\n",
		"chains/parts/dot.png":         "\x89PNG\r\n\x1a\n",
		"chains/parts/legacy.yaml":     "_type: sequential_chain\ninput_variables: [x]\nchains:\n- {_type: llm_chain, output_key: y, prompt: {_type: prompt, template: 'say {x}', input_variables: [x]}}\n- {_type: llm_chain, prompt_path: last.yaml}\n",
		"chains/parts/last.yaml":       "_type: prompt\ntemplate: last {y}\ninput_variables: [y]\n",
		"outside.yaml":                 "prompt: outside\n",
	}
}

// A chain from an fs.FS sends the same requests as the same files on disk.
func TestLoadFSAsLoad(t *testing.T) {
	dir := t.TempDir()
	texts := everything()
	for name, text := range texts {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := map[string]func() (*chain.Chain, error){
		"disk":     func() (*chain.Chain, error) { return chain.Load(filepath.Join(dir, "chains/main.yaml")) },
		"MapFS":    func() (*chain.Chain, error) { return chain.LoadFS(fileSystem(texts), "chains/main.yaml") },
		"os.DirFS": func() (*chain.Chain, error) { return chain.LoadFS(os.DirFS(dir), "chains/main.yaml") },
		"sub of it": func() (*chain.Chain, error) {
			sub, err := fs.Sub(fileSystem(texts), "chains")
			if err != nil {
				return nil, err
			}
			return chain.LoadFS(sub, "main.yaml")
		},
	}
	asked := map[string]string{}
	for name, load := range load {
		c, err := load()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p := &providertest.Fake{Answers: []providertest.Answer{providertest.Text(`"yes"`)}}
		if _, err := c.Output(t.Context(), p, map[string]any{"topic": "t"}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, req := range p.Calls() {
			for _, m := range req.Messages {
				asked[name] += m.Text + "|"
				for _, im := range m.Images {
					asked[name] += im.MIME + "|"
				}
			}
		}
		if len(c.Files()) != len(texts)-3 { // without the picture, the text of the prompt, and what is outside
			t.Errorf("%s read %q", name, c.Files())
		}
	}
	for name, got := range asked {
		if got != asked["disk"] || !strings.Contains(got, "image/png|") {
			t.Errorf("%s asked %q, and the disk's %q", name, got, asked["disk"])
		}
	}
}

func TestLoadFSOfAnEmbeddedDirectory(t *testing.T) {
	c, err := chain.LoadFS(embedded, "testdata/graph/sub.yaml")
	if err != nil {
		t.Fatal(err)
	}
	onDisk, err := chain.Load("testdata/graph/sub.yaml")
	if err != nil || onDisk.Mermaid() != c.Mermaid() {
		t.Errorf("the same file is another chain on disk: %v", err)
	}
}

func TestLoadFSMistakes(t *testing.T) {
	texts := everything()
	texts["chains/broken.yaml"] = "steps:\n- {name: a, prompt: '{x'}\n"
	texts["chains/names-broken.yaml"] = "steps:\n- {name: a, chain: broken.yaml}\n"
	texts["chains/out.yaml"] = "chain: ../outside.yaml\n"
	texts["chains/parts/up.yaml"] = "chain: ../main.yaml\n"
	texts["chains/names-up.yaml"] = "chain: parts/up.yaml\n"
	texts["chains/in-and-out.yaml"] = "chain: parts/../../outside.yaml\n"
	texts["chains/absolute.yaml"] = "chain: /outside.yaml\n"
	texts["chains/none.yaml"] = "chain: nothing.yaml\n"
	texts["chains/directory.yaml"] = "chain: parts\n"
	texts["chains/self.yaml"] = "chain: ./parts/../self.yaml\n"
	texts["chains/two.yaml"] = "chain: three.yaml\n"
	texts["chains/three.yaml"] = "chain: two.yaml\n"
	texts["chains/large.yaml"] = strings.Repeat("#", yamlx.MaxSize+1)
	texts["chains/names-large.yaml"] = "chain: large.yaml\n"
	fsys := fileSystem(texts)
	for name, want := range map[string]string{
		"chains/broken.yaml":       "chains/broken.yaml:2:22: this { is never closed",
		"chains/names-broken.yaml": "chains/broken.yaml:2:22: this { is never closed",
		"chains/out.yaml":          "chains/out.yaml:1:8: ../outside.yaml: leads out of the directory",
		"chains/names-up.yaml":     "chains/parts/up.yaml:1:8: ../main.yaml: leads out of the directory",
		"chains/in-and-out.yaml":   "leads out of the directory",
		"chains/absolute.yaml":     "leads out of the directory",
		"chains/none.yaml":         "chains/none.yaml:1:8: nothing.yaml: there is no such file",
		"chains/directory.yaml":    "chains/directory.yaml:1:8: parts: is a directory",
		"chains/self.yaml":         "self.yaml is this chain, or one that runs it",
		"chains/two.yaml":          "two.yaml is this chain, or one that runs it",
		"chains/large.yaml":        "chains/large.yaml: is larger than 1 MiB",
		"chains/names-large.yaml":  "large.yaml: is larger than 1 MiB",
		"nothing.yaml":             "nothing.yaml: there is no such file",
		"../outside.yaml":          "../outside.yaml: leads out of the directory",
		"/outside.yaml":            "/outside.yaml: leads out of the directory",
		"chains":                   "chains: is a directory",
	} {
		_, err := chain.LoadFS(fsys, name)
		if e := new(chain.FileError); !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v\nwant %s", name, err, want)
		}
	}
}
