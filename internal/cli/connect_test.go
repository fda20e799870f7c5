package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/connect"
)

// A program that is not installed is told how to install.
func TestConnectCheckOfAMissingProgram(t *testing.T) {
	home := t.TempDir()
	for _, c := range connect.Clients() {
		if !c.Runs() {
			continue
		}
		var out, errs bytes.Buffer
		code := Main(t.Context(), []string{"connect", c.Name, "--check", "--config", "none"}, []string{"HOME=" + home, "USERPROFILE=" + home, "PATH=" + home}, strings.NewReader(""), &out, &errs)
		if code != exitError || out.Len() > 0 || !strings.Contains(errs.String(), "is not installed") || !strings.Contains(errs.String(), c.Install) {
			t.Errorf("%s: %d\n%s%s", c.Name, code, &out, &errs)
		}
	}
}

func TestListenURL(t *testing.T) {
	for listen, want := range map[string]string{
		"": "http://127.0.0.1:11500", ":80": "http://127.0.0.1:80", "0.0.0.0:80": "http://127.0.0.1:80", "[::]:80": "http://127.0.0.1:80",
		"[::1]:80": "http://[::1]:80", "gpu:80": "http://gpu:80", "unix:/run/tandem.sock": "",
	} {
		if got, err := listenURL(listen); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", listen, got, err)
		}
	}
}
