package record_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/record"
)

func TestAMissSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	r := recorder(t, &providertest.Fake{}, record.Config{Dir: dir})
	long := strings.Repeat("very ", 30)
	for _, text := range []string{"Tell me the president of France", "Something else", long + "good"} {
		if _, err := drain(r, ask(text)); err != nil {
			t.Fatal(err)
		}
	}
	p := replay(t, record.PlayerConfig{Dir: dir})
	miss := func(req provider.Request) *record.Miss {
		t.Helper()
		chunks, err := drain(p, req)
		var m *record.Miss
		if len(chunks) > 0 || !errors.Is(err, provider.Unavailable) || !errors.As(err, &m) {
			t.Fatalf("%+v, %v", chunks, err)
		}
		if text := err.Error(); strings.Contains(text, "\n") || !strings.Contains(text, dir) || !strings.Contains(text, m.Nearest) {
			t.Errorf("the miss says %q", text)
		}
		return m
	}
	req := ask("Tell me the president of France")
	req.Temperature = provider.Ptr(0.5)
	if m := miss(req); m.Field != "temperature" || m.Want != `"0.5"` || m.Have != `"0"` || m.Asked != `"Tell me the president of France" (temperature 0.5)` {
		t.Errorf("%+v", m)
	}
	req.Temperature, req.Seed = provider.Ptr(0.0), provider.Ptr(int64(7))
	if m := miss(req); m.Field != "seed" || m.Want != `"7"` || m.Have != "nothing" {
		t.Errorf("%+v", m)
	}
	if m := miss(ask(long + "bad")); m.Field != "messages[0].text" || !strings.HasSuffix(m.Want, `bad"`) {
		t.Errorf("%+v", m)
	}
}

// Who may answer, and with what settings, is a part of the question.
func TestTargetsMatter(t *testing.T) {
	dir := t.TempDir()
	model := "small"
	targets := func(*provider.Request) []provider.Candidate {
		return []provider.Candidate{{Name: "local", Model: model}}
	}
	if _, err := drain(recorder(t, &providertest.Fake{}, record.Config{Dir: dir, Targets: targets}), ask("hi")); err != nil {
		t.Fatal(err)
	}
	p := replay(t, record.PlayerConfig{Dir: dir, Targets: targets})
	if _, err := drain(p, ask("hi")); err != nil {
		t.Error(err)
	}
	model = "large"
	_, err := drain(p, ask("hi"))
	var m *record.Miss
	if !errors.As(err, &m) || m.Field != "targets[0].model" || m.Want != `"large"` || m.Have != `"small"` {
		t.Errorf("%v", err)
	}
}

func TestRecordingsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	if _, err := record.Replay("replay", record.PlayerConfig{Dir: dir}); !errors.As(err, new(*record.NoRecordings)) || !strings.Contains(err.Error(), dir) {
		t.Errorf("an empty directory: %v", err)
	}
	if _, err := record.Replay("replay", record.PlayerConfig{Dir: filepath.Join(dir, "none")}); !errors.As(err, new(*record.NoRecordings)) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	if _, err := drain(recorder(t, &providertest.Fake{}, record.Config{Dir: dir}), ask("hi")); err != nil {
		t.Fatal(err)
	}
	file := recordings(t, dir)[0]
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"empty":           "",
		"half":            string(whole[:len(whole)/2]),
		"another version": strings.Replace(string(whole), `"version": 1`, `"version": 2`, 1),
		"cut":             strings.Replace(string(whole), `"finish": "stop"`, `"finish": ""`, 1),
		"another's name":  strings.Replace(string(whole), `"key": "`, `"key": "0`, 1),
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p := replay(t, record.PlayerConfig{Dir: dir})
		chunks, err := drain(p, ask("hi"))
		if len(chunks) > 0 || !errors.Is(err, provider.Unavailable) || !strings.Contains(err.Error(), filepath.Base(file)) {
			t.Errorf("%s: %+v, %v", what, chunks, err)
		}
	}
}

func TestAnInvalidRequestIsNoMiss(t *testing.T) {
	dir := t.TempDir()
	r := recorder(t, &providertest.Fake{}, record.Config{Dir: dir})
	if _, err := drain(r, ask("hi")); err != nil {
		t.Fatal(err)
	}
	p := replay(t, record.PlayerConfig{Dir: dir})
	if _, err := drain(p, provider.Request{}); !errors.Is(err, provider.Invalid) {
		t.Errorf("no messages: %v", err)
	}
	if _, err := provider.Collect(p.Chat(canceled(), ask("hi"))); err != context.Canceled { //nolint:errorlint // the contract says unchanged
		t.Errorf("canceled: %v", err)
	}
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
