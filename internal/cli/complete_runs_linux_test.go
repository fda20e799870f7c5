package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Tab runs nothing of the line, whatever is written on it or has been completed to
// (spf13/cobra's scripts evaluate the line), and empties no file that it is sent to.
func TestTabRunsNothing(t *testing.T) {
	for name, start := range shells() {
		t.Run(name, func(t *testing.T) {
			path := shellPath(t, name)
			f := newFake()
			defer f.Close()
			home := t.TempDir()
			cmd := prepared(t, f, home, "xterm")
			bin := filepath.Dir(cmd.Path)
			config := "use: local\nproviders:\n  - {name: local, kind: ollama, host: '" + f.URL + "/stocked', model: 'qwen3:8b', managed: false}\n"
			for file, text := range map[string]string{
				"tandem.yaml": config, "kept.txt": "kept", "it's one.txt": "",
				"pw$(touch ran)a.txt": "", "pw$(touch ran)b.txt": "", "pv;touch ran;`touch ran`.txt": "",
			} {
				if err := os.WriteFile(filepath.Join(home, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			args, err := start(home)
			if err != nil {
				t.Fatal(err)
			}
			shell := exec.Command(path, args...)
			shell.Dir = home
			shell.Env = []string{
				"HOME=" + home, "ZDOTDIR=" + home, "XDG_STATE_HOME=" + filepath.Join(home, "state"), "XDG_CONFIG_HOME=" + filepath.Join(home, "xdg"), "XDG_DATA_HOME=" + filepath.Join(home, "data"),
				"TANDEM_CONFIG=" + filepath.Join(home, "tandem.yaml"), "TERM=xterm", "PATH=" + bin + ":" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "COLUMNS=200",
			}
			s := started(t, shell, "")
			s.expect(`all ready`)
			for _, c := range []struct{ typed, completed string }{
				{`tandem ask 'a; touch ran' -m old`, `er:1b`},
				{`tandem ask 'a $(touch ran)' -m old`, `er:1b`},
				{`tandem ask "a $(touch ran)" -m old`, `er:1b`},
				{`tandem ask a\;touch\ ran -m old`, `er:1b`},
				{"tandem ask 'a | `touch ran`' -m old", `er:1b`},
				{`tandem ask '> ran' -m old`, `er:1b`},
				{`tandem ask hello >kept.txt -m old`, `er:1b`},
				{`tandem ask hello > kept.txt -m old`, `er:1b`},
				{`tandem ask -f kept.txt --system "it's" -m old`, `er:1b`},
				{`tandem ask -f it`, `one\.txt`},
				{`tandem ask -f $HOME/no-such -m old`, `er:1b`},
				{`tandem ask -f pv`, "touch"},
				{`tandem ask -f pw`, `touch`},
			} {
				s.tab(c.typed, c.completed)
				if _, err := os.Stat(filepath.Join(home, "ran")); err == nil {
					t.Errorf("%s: Tab ran something", c.typed)
					os.Remove(filepath.Join(home, "ran"))
				}
				if kept, _ := os.ReadFile(filepath.Join(home, "kept.txt")); string(kept) != "kept" {
					t.Errorf("%s: Tab changed a file", c.typed)
					os.WriteFile(filepath.Join(home, "kept.txt"), []byte("kept"), 0o600)
				}
			}
			// What has been completed to is completed further.
			s.types("tandem ask -f pw")
			for range 3 {
				s.types("\t")
				s.comes("touch", tabTime)
			}
			s.types("-m old")
			s.types("\t")
			s.comes("er:1b", tabTime)
			s.types("\x15\r")
			s.expect(`\$ `)
			s.types("exit\r")
			s.ends()
			if _, err := os.Stat(filepath.Join(home, "ran")); err == nil {
				t.Error("Tab on a completed name ran it")
			}
		})
	}
}
