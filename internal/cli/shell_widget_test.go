package cli

import (
	"strings"
	"testing"
)

// A suggestion is one line, without anything that acts on a terminal.
func TestCommandLine(t *testing.T) {
	for answer, want := range map[string]string{
		"ls -S | head -5":                               "ls -S | head -5",
		"`ls -l`":                                       "ls -l",
		"Sure!\n```bash\nls -l\n```\nDone":              "ls -l",
		"```\n$ ls\n```":                                "ls",
		"```\n# list\nls\n\ncd x\n```":                  "ls; cd x",
		"```\nfind . \\\n  -type f\n```":                "find . -type f",
		"```\nfor f in *\ndo\n  echo $f\ndone\n```":     "for f in *; do echo $f; done",
		"```\nif true; then\n  ls\nelse\n  cd\nfi\n```": "if true; then ls; else cd; fi",
		"```\nls |\nwc\n```":                            "ls | wc",
		"```\nsudo\nls\n```":                            "sudo; ls",
		"```\necho \x1b]0;owned\x07a\x1b[201~\u202e\u200bb\tc\rd\n```": "echo ab cd",
		"```\r\nls\r\n```":      "ls",
		"```\n```":              "",
		"":                      "",
		"```\n# nothing\n```":   "",
		"```\necho 'é 日本'\n```": "echo 'é 日本'",
	} {
		got := commandLine(answer)
		if got != want {
			t.Errorf("%q: %q, want %q", answer, got, want)
		}
		if strings.ContainsAny(got, "\n\r\x1b\x07\t") {
			t.Errorf("%q: %q", answer, got)
		}
	}
}

// A key is a key, and nothing that a shell would run.
func TestWidgetKeys(t *testing.T) {
	for key, want := range map[string][3]string{
		"alt-e":  {`"\ee": __tandem_widget`, `'^[e' tandem-widget`, `bind \ee __`},
		"Ctrl-g": {`"\C-g": __tandem_widget`, `'^G' tandem-widget`, `bind \cg __`},
		"e":      {}, "alt-": {}, "ctrl-gg": {}, "alt-'": {}, "ctrl-$(x)": {}, "alt-e\n": {}, "": {},
	} {
		for i, shell := range widgetShells() {
			script, err := widgetScript(shell, key)
			if (err != nil) != (want[i] == "") || !strings.Contains(script, want[i]) {
				t.Errorf("%q in %s: %v, %s", key, shell, err, script)
			}
		}
	}
	if _, err := widgetScript("csh", "alt-e"); err == nil {
		t.Error("there is one for csh")
	}
}
