package config_test

import (
	"testing"

	"github.com/tandem-llm/tandem/config"
)

// A project has no answers kept where the log keeps no texts, whoever says so.
func TestAProjectsCacheFollowsTheLog(t *testing.T) {
	for _, c := range []struct{ user, project, want string }{
		{"", "cache: on\n", config.CacheOn},
		{"log: off\n", "cache: on\n", config.CacheOff},
		{"log: meta\n", "cache: on\n", config.CacheOff},
		{"", "log: off\ncache: on\n", config.CacheOff},
		{"log: full\n", "log: meta\ncache: on\n", config.CacheOff},
		{"log: full\ncache: on\n", "log: meta\n", config.CacheOn},
	} {
		cfg, err := newSandbox(t).user(c.user).projectFile(c.project).load()
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Cache != c.want {
			t.Errorf("user %q, project %q: cache is %q, want %q", c.user, c.project, cfg.Cache, c.want)
		}
	}
}
