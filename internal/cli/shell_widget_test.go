package cli

import (
	"strings"
	"testing"
)

// A suggestion is the code of an answer as it was written, without anything that acts on
// a terminal; what is no code is none.
func TestCommandLine(t *testing.T) {
	for answer, want := range map[string]string{
		"ls -S | head -5":       "",
		"Use `ls -l` for that.": "",
		"`ls` or `dir`":         "",
		"`":                     "",
		"I cannot do that; rm -rf / would be wrong.": "",
		"`ls -l`":                          "ls -l",
		"Sure!\n```bash\nls -l\n```\nDone": "ls -l",
		"```\n$ ls\n```":                   "ls",
		"```\n$ ls\n$ cd x\n```":           "ls\ncd x",
		"```\n$ for i in 1 2\n> do echo $i\n> done\n```":            "for i in 1 2\ndo echo $i\ndone",
		"```\n# list\n\nls\n\ncd x\n```":                            "ls\n\ncd x",
		"```\nfind . \\\n  -type f\n```":                            "find . \\\n  -type f",
		"```\nfor f in *\ndo\n  echo $f\ndone\n```":                 "for f in *\ndo\n  echo $f\ndone",
		"```\necho 'a\n# b\n$ c\n'\n```":                            "echo 'a\n# b\n$ c\n'",
		"```\ncat > f <<'EOF'\n# T\n\ttab\n\nEOF\n```":              "cat > f <<'EOF'\n# T\n\ttab\n\nEOF",
		"```\necho \x1b]0;owned\x07a\x1b[201~\u202e\u200bb\rd\n```": "echo abd",
		"```\r\nls\r\n```":                                          "ls",
		"```\n```":                                                  "",
		"":                                                          "",
		"```\n# nothing\n```":                                       "",
		"```\necho 'é 日本'\n```":                                     "echo 'é 日本'",
	} {
		got := commandLine(answer)
		if got != want {
			t.Errorf("%q: %q, want %q", answer, got, want)
		}
		if strings.ContainsAny(got, "\r\x1b\x07") {
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
