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

func TestLogKeep(t *testing.T) {
	for user, want := range map[string]string{
		"": "0s 0", "log_keep: {age: 90d}": "90d 0", "log_keep: {age: 36h, size: 20GiB}": "36h 20GiB", "log_keep: {age: 48h, size: 1024GiB}": "2d 1024GiB",
		"log_keep: {age: 1h30m}": "1h30m 0", "log_keep: {size: 1KiB}": "0s 1KiB",
	} {
		c, err := newSandbox(t).user(user + "\n").load()
		if err != nil || c.LogKeep.Age.String()+" "+c.LogKeep.Size.String() != want {
			t.Errorf("%q: %v, %v; want %s", user, c, err, want)
		}
	}
	for _, bad := range []string{"age: 0", "age: 0d", "age: 90", "age: -1d", "age: 59m", "age: 1.5d", "age: 36501d", "age: 99999999999d", "age: soon", "age: ''", "age: [1d]", "size: 0", "size: 2000GiB", "size: 1TB", "runs: 5"} {
		if _, err := newSandbox(t).user("log_keep: {" + bad + "}\n").load(); err == nil || !strings.Contains(err.Error(), "expected a") && !strings.Contains(err.Error(), "unknown key") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, text := range []string{"log_keep: {age: 1h}", "log_keep: {size: 1KiB}", "log_keep: {}"} {
		c, err := newSandbox(t).user("log_keep: {age: 90d}\n").projectFile(text + "\n").load()
		if err == nil || !strings.Contains(err.Error(), "only your own file may have old runs removed from the log") {
			t.Errorf("a project drops runs: %v, %v", c, err)
		}
	}
}
