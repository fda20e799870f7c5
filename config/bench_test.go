package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tandem-llm/tandem/config"
)

// BenchmarkLoad is what the configuration adds to the start of every command
// that asks someone.
func BenchmarkLoad(b *testing.B) {
	home, project := b.TempDir(), b.TempDir()
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"HOME": home, "USERPROFILE": home, "TANDEM_TEMPERATURE": "0.5"}[name]
		return v, ok
	}
	if err := config.WriteFile(config.UserPath(env), []byte(everything)); err != nil {
		b.Fatal(err)
	}
	example, err := os.ReadFile("../config.yaml")
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(project, "config.yaml"), example, 0o600); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := config.Load(config.LoadOptions{Dir: project, Env: env}); err != nil {
			b.Fatal(err)
		}
	}
}
