package config_test

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/config"
)

func TestMaxAnswer(t *testing.T) {
	load := func(user, project string) (*config.Loaded, error) {
		s := newSandbox(t).user(user + "\n")
		if project != "" {
			s = s.projectFile(project + "\n")
		}
		return s.load()
	}
	for user, want := range map[string]string{
		"": "64MiB", "max_answer: 1GiB": "1GiB", "max_answer: 100 KiB": "100KiB", "max_answer: 5000": "5000", "max_answer: 3072": "3KiB",
	} {
		c, err := load(user, "")
		if err != nil || c.MaxAnswer.String() != want {
			t.Errorf("%q: %v; want %s", user, err, want)
		}
	}
	for _, bad := range []string{"0", "-1MiB", "1023", "2GiB", "64 MB", "much", "[]", "1.5MiB", "99999999999GiB", "''"} {
		if _, err := load("max_answer: "+bad, ""); err == nil || !strings.Contains(err.Error(), "max_answer") && !strings.Contains(err.Error(), "expected a size") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if c, err := load("max_answer: 1MiB", "max_answer: 1GiB"); err != nil || c.MaxAnswer != 1<<20 {
		t.Errorf("a project raised it, or: %v", err)
	}
	if c, err := load("", "max_answer: 1MiB"); err != nil || c.MaxAnswer != 1<<20 {
		t.Errorf("a project cannot lower it, or: %v", err)
	}
}
