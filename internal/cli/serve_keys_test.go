package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestServeKeys: a key is printed once, and is nowhere afterwards.
func TestServeKeys(t *testing.T) {
	p := newPerson(t)
	p.expect(0, "", "no keys, so every program on this machine may ask; make one with `tandem serve keys add NAME`", "serve", "keys", "list")
	p.expect(0, "[]\n", "", "serve", "keys", "list", "--json")
	code, out, errOut := p.run("", "serve", "keys", "add", "laptop", "--local-only", "--rate", "30", "--budget", "0.5", "--use", "openai", "--pull")
	key := strings.TrimSpace(out)
	if code != 0 || !strings.HasPrefix(key, "sk-tandem-") || strings.ContainsAny(key, " \n") {
		t.Fatalf("%d, %q, %q", code, out, errOut)
	}
	for _, want := range []string{`this is the key "laptop"; it is shown once`, "from now on, every request to `tandem serve` needs a key"} {
		if !strings.Contains(errOut, want) {
			t.Errorf("%q is not in %q", want, errOut)
		}
	}
	if strings.Contains(errOut, key) {
		t.Error("the key is on standard error")
	}
	if code, _, errOut := p.run("", "serve", "keys", "add", "phone"); code != 0 || strings.Contains(errOut, "from now on") {
		t.Errorf("%d, %q", code, errOut)
	}
	p.expect(0, "only openai; local only; $0.50 a day, $0 spent today; 30 a minute; may download models\n", "", "serve", "keys", "list")
	p.expect(2, "", `there is a key "laptop" already`, "serve", "keys", "add", "laptop")
	_ = filepath.WalkDir(p.home, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), key) {
			t.Errorf("%s has the key", path)
		}
		return err
	})
	p.expect(0, "", `removed the key "phone"`, "serve", "keys", "rm", "phone")
	p.expect(0, "", "no keys are left, so every program on this machine may ask", "serve", "keys", "rm", "laptop")
	p.expect(2, "", `there is no key "laptop"; see `+"`tandem serve keys list`", "serve", "keys", "rm", "laptop")
}

func TestServeKeysMistakes(t *testing.T) {
	p := newPerson(t)
	p.expect(2, "", `"nobody"`, "serve", "keys", "add", "laptop", "--use", "nobody")
	p.expect(2, "", "the rate has to be from 1 to 100000", "serve", "keys", "add", "laptop", "--rate", "-1")
	p.expect(2, "", "the budget has to be from 0 to 1000000 US dollars a day", "serve", "keys", "add", "laptop", "--budget=-1")
	p.expect(2, "", "the budget has to be from 0 to 1000000 US dollars a day", "serve", "keys", "add", "laptop", "--budget", "nan")
	p.expect(2, "", "needs a name, such as laptop", "serve", "keys", "add")
	for _, args := range [][]string{{"add", canaryKey}, {"add", "laptop", canaryKey}, {"rm", canaryKey}, {canaryKey}} {
		code, out, errOut := p.run("", append([]string{"serve", "keys"}, args...)...)
		if code != 2 || strings.Contains(out+errOut, canaryKey) {
			t.Errorf("%d, %q, %q", code, out, errOut)
		}
	}
	p.expect(0, "[]\n", "", "serve", "keys", "list", "--json")
}

// TestServeIsNotExposedByMistake: other machines reach it with a key and the flag only.
func TestServeIsNotExposedByMistake(t *testing.T) {
	p := newPerson(t)
	p.expect(2, "", "make a key with `tandem serve keys add NAME`, and add --expose", "serve", "--listen", "0.0.0.0:0")
	p.expect(2, "", "make a key with `tandem serve keys add NAME`", "serve", "--listen", ":0", "--expose")
	p.run("", "serve", "keys", "add", "laptop")
	p.expect(2, "", "that has to be allowed explicitly; add --expose", "serve", "--listen", "[::]:0")
	p.expect(1, "", `"nowhere" is not an address to listen on`, "serve", "--listen", "nowhere")
	p.write(p.userFile(), "gateway:\n  origins: ['*']\n")
	p.expect(2, "", `"*" is not the origin of a web page`, "serve", "--listen", "127.0.0.1:0")
}
