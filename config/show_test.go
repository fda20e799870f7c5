package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/config"
)

const everything = `
use: [vLLM.1, local]
temperature: 0.5
top_p: 1
seed: -3
max_tokens: 10
stop: ["a: b", "#"]
think: "off"
privacy: local
offline: true
local_networks: [10.0.0.0/8, "fd00::/8"]
providers:
  - {name: local, model: "smollm2:135m", num_ctx: 512, keep_alive: -1, managed: false, idle: 1h, binary: /usr/bin/ollama, options: {top_k: 1, b: [1, "2", {c: 1.5}]}, timeouts: {connect: 1s, first_token: 1m30s, idle: 1h30m}}
  - {name: vLLM.1, kind: openai, base_url: "http://127.0.0.1:1/v1", model: "yes", api_key: "keyring:k", organization: o, project: "7", max_tokens_field: max_tokens, compat: {preset: mistral, omit: [encoding_format], schema: json_object}}
`

// TestShownConfigurationMeansTheSame: what `config show` prints is a file.
func TestShownConfigurationMeansTheSame(t *testing.T) {
	l := newSandbox(t).user(everything).mustLoad()
	text, err := l.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again := newSandbox(t).user(string(text)).mustLoad()
	if !reflect.DeepEqual(again.Config, l.Config) {
		t.Errorf("printed:\n%s\ngot  %+v\nwant %+v", text, again.Config, l.Config)
	}
	data, err := l.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again = newSandbox(t).user(string(data)).mustLoad() // JSON is YAML
	if !reflect.DeepEqual(again.Config, l.Config) || !json.Valid(data) {
		t.Errorf("printed:\n%s\ngot  %+v\nwant %+v", data, again.Config, l.Config)
	}
	if want := "{\"use\":[\"vLLM.1\",\"local\"],\"temperature\":0.5,\"top_p\":1,\"seed\":-3,"; !strings.HasPrefix(string(data), want) {
		t.Errorf("the order is lost: %s", data)
	}
}

func TestExplain(t *testing.T) {
	s := newSandbox(t).user("temperature: 1\n").projectFile("temperature: 0\n").with(map[string]string{"TANDEM_TEMPERATURE": "0.5"})
	x, err := s.mustLoad().Explain("temperature")
	want := config.Explanation{Key: "temperature", Set: true, Value: 0.5, Origin: "TANDEM_TEMPERATURE", Overrides: []config.Value{
		{Key: "temperature", Value: 0.0, Origin: filepath.Join(s.project, "config.yaml") + ":1:14"},
		{Key: "temperature", Value: 1.0, Origin: s.userPath() + ":1:14"},
	}}
	if err != nil || !reflect.DeepEqual(x, want) {
		t.Errorf("got  %+v, %v\nwant %+v", x, err, want)
	}
	if x, err := s.mustLoad().Explain("seed"); err != nil || x.Set || x.Value != nil {
		t.Errorf("unset: %+v, %v", x, err)
	}
	for key, want := range map[string]string{
		"temprature":                 `unknown key "temprature"; did you mean "temperature"?`,
		"providers":                  `"providers" is not one key but several; known: providers.local.KEY, providers.openai.KEY`,
		"providers.local":            `"providers.local" is not one key but several; known: `,
		"providers.nobody.model":     `there is no provider "nobody"; known: local, openai`,
		"providers.local.mdel":       `unknown key "mdel"; did you mean "model"?`,
		"providers.local.base_url":   "base_url is for kind openai, and local is of kind ollama",
		"providers." + canary + ".x": "unknown key ",
		"":                           `unknown key ""; known: `,
	} {
		if _, err := s.mustLoad().Explain(key); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: got %v, want %s", key, err, want)
		}
	}
}

func TestDraft(t *testing.T) {
	s := newSandbox(t)
	o := config.LoadOptions{Env: s.lookup}
	d, err := config.NewDraft(o)
	if err != nil || !d.New || !strings.Contains(string(d.Text), "use: local") {
		t.Fatalf("%+v, %v", d, err)
	}
	if err := d.Save([]byte("temperature: 9\n")); err == nil || !strings.HasPrefix(err.Error(), s.userPath()+":1:14: ") {
		t.Errorf("a mistake: %v", err)
	}
	if _, err := os.Stat(s.userPath()); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a broken file was written")
	}
	if err := d.Save(d.Text); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(s.userPath())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	d, err = config.NewDraft(o)
	if err != nil || d.New {
		t.Fatalf("%+v, %v", d, err)
	}
	s.user("use: openai\n") // someone else was quicker
	if err := d.Save([]byte("use: local\n")); err == nil || !strings.Contains(err.Error(), "has changed since it was read") {
		t.Errorf("someone's change is overwritten: %v", err)
	}
	s.user("use: [\xff\n") // a broken file can be mended
	d, err = config.NewDraft(o)
	if err != nil || string(d.Text) != "use: [\xff\n" {
		t.Fatalf("%q, %v", d.Text, err)
	}
	if err := d.Save([]byte("use: local\n")); err != nil {
		t.Error(err)
	}
	o.UserFile = config.NoFile
	if _, err := config.NewDraft(o); err == nil {
		t.Error("no file is edited")
	}
}

// TestDraftsFollowLinks: many keep their configuration elsewhere.
func TestDraftsFollowLinks(t *testing.T) {
	s := newSandbox(t)
	target := s.write(filepath.Join(s.home, "dotfiles", "tandem.yaml"), "use: openai\n", 0o600)
	if err := os.MkdirAll(filepath.Dir(s.userPath()), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, s.userPath()); err != nil {
		t.Skip("no links here")
	}
	d, err := config.NewDraft(config.LoadOptions{Env: s.lookup})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Save([]byte("use: local\n")); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(target); err != nil || string(data) != "use: local\n" {
		t.Errorf("%q, %v", data, err)
	}
	if info, err := os.Lstat(s.userPath()); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Error("the link is gone")
	}
}

func TestCheckLooksAtOneFileAlone(t *testing.T) {
	s := newSandbox(t).user("temperature: 9\n").with(map[string]string{"TANDEM_SEED": "x", "TANDEM_CONFIG": "/none"})
	path := s.write(filepath.Join(s.home, "one.yaml"), "use: [local, x]\nproviders:\n  - {name: x, kind: openai, model: m, base_url: http://h.example/v1, api_key: env:X}\n", 0o600)
	warnings, err := config.Check(path, s.lookup)
	if err != nil || len(warnings) != 1 {
		t.Errorf("%v, %v", warnings, err)
	}
	t.Chdir(s.project)
	s.projectFile("local_networks: [10.0.0.0/8]\n")
	if _, err := config.Check(filepath.Join(s.project, "config.yaml"), s.lookup); err == nil {
		t.Error("the project's file is checked as if it were the user's")
	}
	s.projectFile(demanding)
	if _, err := config.Check("config.yaml", s.lookup); err != nil {
		t.Errorf("whether it is trusted is no mistake of the file: %v", err)
	}
}

func TestDuration(t *testing.T) {
	s := newSandbox(t)
	for in, want := range map[string]string{"5m": "5m", "300": "5m", "1h": "1h", "1h30m": "1h30m", "90s": "1m30s", "0": "0s", "-1": "-1", "-5m": "-1", "1.5s": "1.5s"} {
		p, _ := s.user(fmt.Sprintf("providers:\n  - {name: local, keep_alive: %s}\n", in)).mustLoad().Provider("local")
		if p.KeepAlive.String() != want {
			t.Errorf("%s: got %s, want %s", in, p.KeepAlive, want)
		}
	}
}
