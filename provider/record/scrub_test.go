package record_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/record"
)

const (
	canary     = "sk-canary-DO-NOT-LEAK-51c2"       // begins as keys do
	configured = "correct horse battery"            // is a key only by configuration
	random     = "9f86d081884c7d659A2FEAA0c55ad015" // looks like one
)

// secretive says the canary wherever a provider can.
func secretive(err error) *providertest.Fake {
	return &providertest.Fake{Answers: []providertest.Answer{{
		Thinking: "The key is " + canary + ".", Err: err,
		Text: []string{"It is sk-can", "ary-DO-", "NOT-LEAK-51c2, and ", "correct ho", "rse battery", " too."},
	}}}
}

func telling() provider.Request {
	r := ask("My key is " + canary + " and " + configured + ", the commit is " + random + ".")
	r.Messages = append(r.Messages, provider.Message{Role: provider.RoleAssistant, ToolCalls: []provider.ToolCall{
		{Name: "login", Arguments: json.RawMessage(`{"key":"` + canary + `","other":"` + random + `"}`)},
	}}, provider.Message{Role: provider.RoleTool, Text: "Authorization: Bearer " + random, ToolName: "login"})
	r.Messages[0].Images = []provider.Image{{URL: "https://ada:" + configured[:7] + "@pictures.example/1?key=" + canary}}
	r.Options = map[string]any{"user": canary, "deep": map[string]any{"k": []any{random}}}
	r.Stop = []string{canary}
	r.Tools = []provider.Tool{{Name: "login", Description: "with " + canary, Parameters: json.RawMessage(`{"default":"` + canary + `"}`)}}
	r.Schema = &provider.Schema{JSON: json.RawMessage(`{"const":"` + canary + `"}`)}
	return r
}

// Wherever a secret stands, in whatever pieces it comes, it is in no file.
func TestNoSecretIsWritten(t *testing.T) {
	dir := t.TempDir()
	o := record.Config{
		Dir: dir, Suspect: config.LooksLikeKey,
		Secrets:  func() []string { return []string{configured, "test", ""} },
		Attempts: func(error) []provider.Attempt { return []provider.Attempt{{Provider: "p", Reason: "key " + canary}} },
		Targets: func(*provider.Request) []provider.Candidate {
			return []provider.Candidate{{Name: "a", Options: map[string]any{"user": canary}}}
		},
	}
	req := telling()
	for _, err := range []error{nil, provider.Errorf(provider.Denied, "", "", "the key %s is wrong (%s)", canary, random)} {
		fake := secretive(err)
		chunks, failed := drain(recorder(t, fake, o), req)
		if !errors.Is(failed, provider.KindOf(err)) && err != nil {
			t.Fatal(failed)
		}
		said := ""
		for _, c := range chunks {
			said += c.Text
		}
		if said != "It is "+canary+", and "+configured+" too." || fake.Calls()[0].Messages[0].Text != req.Messages[0].Text || req.Options["user"] != canary {
			t.Errorf("the recorder changed what was asked or answered: %q", said)
		}
	}
	for _, file := range recordings(t, dir) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		for _, secret := range []string{"canary", "DO-NOT", "LEAK", configured, "orse battery", "Bearer " + random[:8], `"` + random, "ada:correct"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in\n%s", secret, text)
			}
		}
		if !strings.Contains(text, "the commit is "+random) { // prose keeps its digests
			t.Errorf("a digest is gone from\n%s", text)
		}
	}
	p := replay(t, record.PlayerConfig{Dir: dir, Targets: o.Targets}) // knows no secret, and finds it all the same
	r, err := provider.Collect(p.Chat(t.Context(), req))
	if err != nil || r.Text != "It is [redacted], and [redacted] too." || !strings.Contains(r.Route.Reason, "secrets removed: ") {
		t.Errorf("replayed: %q, %+v, %v", r.Text, r.Route, err)
	}
	if _, err := drain(p, req); !errors.Is(err, provider.Denied) || !strings.Contains(err.Error(), "the key [redacted] is wrong") {
		t.Errorf("replayed: %v", err)
	}
	req.Seed = provider.Ptr(int64(1))
	if _, err := drain(p, req); strings.Contains(err.Error(), "canary") {
		t.Errorf("the miss tells a secret: %v", err)
	}
}

func TestProseIsNotScrubbed(t *testing.T) {
	dir := t.TempDir()
	text := "A risk-averse task-oriented-scheduler, basic understanding, bearer of news; test, commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b."
	fake := &providertest.Fake{Answers: []providertest.Answer{providertest.Text(text)}}
	if _, err := drain(recorder(t, fake, record.Config{Dir: dir, Suspect: config.LooksLikeKey, Secrets: func() []string { return []string{"test"} }}), ask(text)); err != nil {
		t.Fatal(err)
	}
	r, err := provider.Collect(replay(t, record.PlayerConfig{Dir: dir}).Chat(t.Context(), ask(text)))
	if err != nil || r.Text != text || strings.Contains(r.Route.Reason, "taken out") {
		t.Errorf("%q, %+v, %v", r.Text, r.Route, err)
	}
}
