package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// A download as Ollama tells it.
var download = []provider.PullProgress{
	{Status: "pulling manifest"},
	{Status: "pulling aaaabbbbcccc", Digest: "sha256:aaaabbbbccccdddd", Total: 4_700_000_000},
	{Status: "pulling aaaabbbbcccc", Digest: "sha256:aaaabbbbccccdddd", Total: 4_700_000_000, Completed: 3_200_000_000},
	{Status: "pulling aaaabbbbcccc", Digest: "sha256:aaaabbbbccccdddd", Total: 4_700_000_000, Completed: 4_700_000_000},
	{Status: "pulling 111122223333", Digest: "sha256:1111222233334444", Total: 10, Completed: 10},
	{Status: "verifying \x1b]0;owned\x07sha256 digest"},
	{Status: "success", Done: true},
}

func shown(tty, quiet bool) string {
	var out bytes.Buffer
	v := newPullView(&terminal.Terminal{Err: &out, ErrIsTTY: tty}, quiet)
	for _, p := range download {
		v.show(p)
	}
	v.clearBar()
	return out.String()
}

func TestADownloadOnATerminalHasABarForEachLayer(t *testing.T) {
	got := shown(true, false)
	for _, want := range []string{"· pulling manifest\n", "aaaabbbbcccc 4.4 of 4.4 GiB 100%", "111122223333 10 of 10 bytes 100%", "· verifying sha256 digest\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	if strings.Contains(got, "owned") || strings.Contains(got, "\x1b]") || !strings.HasSuffix(got, "\n") {
		t.Errorf("a server's control sequence came through, or the last line is open: %q", got)
	}
}

func TestADownloadElsewhereHasALineForEachStatus(t *testing.T) {
	want := "· pulling manifest\n· pulling aaaabbbbcccc (4.4 GiB)\n· pulling 111122223333 (10 bytes)\n· verifying sha256 digest\n"
	if got := shown(false, false); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := shown(true, true); got != "" {
		t.Errorf("--quiet shows %q", got)
	}
}
