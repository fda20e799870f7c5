//go:build browser && unix

package web_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// tab is a page in a Chromium of the test's own, told what to do over a pipe.
type tab struct {
	t       *testing.T
	in      *os.File
	out     *bufio.Reader
	id      int
	session string
	Console []string // errors that the page logged, also about its policy
}

// open starts Chromium (CHROMIUM, else the one on PATH) at a page, with further flags.
func open(t *testing.T, url string, flags ...string) *tab {
	t.Helper()
	program := os.Getenv("CHROMIUM")
	if program == "" {
		program = "chromium"
	}
	commandsR, commandsW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	repliesR, repliesW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	profile, err := os.MkdirTemp("", "tandem-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(profile) }) // a child of Chromium's may still write there
	cmd := exec.CommandContext(t.Context(), program, "--headless", "--hide-scrollbars", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe", "--user-data-dir="+profile)
	cmd.Args = append(append(cmd.Args, flags...), "about:blank")
	cmd.ExtraFiles = []*os.File{commandsR, repliesW}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = commandsR.Close(), repliesW.Close()
	b := &tab{t: t, in: commandsW, out: bufio.NewReader(repliesR)}
	t.Cleanup(func() {
		_, _ = b.in.WriteString(`{"id":0,"method":"Browser.close"}` + "\x00")
		_ = cmd.Wait()
	})
	target := b.do("Target.createTarget", map[string]any{"url": "about:blank"})["targetId"]
	b.session = b.do("Target.attachToTarget", map[string]any{"targetId": target, "flatten": true})["sessionId"].(string)
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.do(domain+".enable", nil)
	}
	b.do("Page.navigate", map[string]any{"url": url})
	return b
}

// do sends a command, and waits for its result.
func (b *tab) do(method string, params map[string]any) map[string]any {
	b.t.Helper()
	b.id++
	data, err := json.Marshal(map[string]any{"id": b.id, "method": method, "params": params, "sessionId": b.session})
	if b.session == "" {
		data, err = json.Marshal(map[string]any{"id": b.id, "method": method, "params": params})
	}
	if err == nil {
		_, err = b.in.Write(append(data, 0))
	}
	if err != nil {
		b.t.Fatal(err)
	}
	for {
		data, err := b.out.ReadBytes(0)
		if err != nil {
			b.t.Fatalf("%s: Chromium has ended: %v", method, err)
		}
		var m struct {
			ID     int
			Method string
			Params json.RawMessage
			Result map[string]any
			Error  *struct{ Message string }
		}
		if err := json.Unmarshal(data[:len(data)-1], &m); err != nil {
			b.t.Fatal(err)
		}
		if m.Method == "Runtime.exceptionThrown" || m.Method == "Log.entryAdded" {
			b.Console = append(b.Console, string(m.Params))
		}
		if m.ID != b.id {
			continue
		}
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		return m.Result
	}
}

// eval is what an expression in the page gives, as text.
func (b *tab) eval(expression string) string {
	b.t.Helper()
	r := b.do("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true})
	if failed, ok := r["exceptionDetails"]; ok {
		b.t.Fatalf("%s: %v", expression, failed)
	}
	return fmt.Sprint(r["result"].(map[string]any)["value"])
}

// until waits until an expression in the page is true.
func (b *tab) until(expression string) {
	b.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for b.eval("Boolean("+expression+")") != "true" {
		if time.Now().After(deadline) {
			b.t.Fatalf("never: %s; the page: %s", expression, b.eval("document.body.innerText"))
		}
		b.eval("new Promise((r) => setTimeout(r, 20))")
	}
}

// fill types into a field, as a person does.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	b.until("document.querySelector('" + selector + "')")
	b.eval("document.querySelector('" + selector + "').focus()")
	b.do("Input.insertText", map[string]any{"text": text})
}

// choose chooses an option.
func (b *tab) choose(selector, value string) {
	b.t.Helper()
	b.until("document.querySelector('" + selector + " option')")
	b.eval("{ const s = document.querySelector('" + selector + "'); s.value = '" + value + "'; s.dispatchEvent(new Event('change')); }")
}

func (b *tab) click(selector string) {
	b.t.Helper()
	b.until("document.querySelector('" + selector + "')")
	b.eval("document.querySelector('" + selector + "').click()")
}

// accessible fails the test where axe-core, whose file AXE names, finds a fault in the
// page as it is, light or dark.
func (b *tab) accessible() {
	b.t.Helper()
	path := os.Getenv("AXE")
	if path == "" {
		return
	}
	source, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	b.eval(string(source) + "; 0")
	for _, scheme := range []string{"light", "dark"} {
		b.do("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]string{"name": "prefers-color-scheme", "value": scheme}}})
		if found := b.eval("axe.run().then((r) => JSON.stringify(r.violations.map((v) => [v.id, v.nodes.map((n) => n.failureSummary + n.html)])))"); found != "[]" {
			b.t.Errorf("axe, %s: %s", scheme, found)
		}
	}
}

// clean fails the test if the page's policy was broken, or a script of it failed.
func (b *tab) clean() {
	b.t.Helper()
	for _, line := range b.Console {
		if strings.Contains(line, "Security Policy") || strings.Contains(line, "exception") || strings.Contains(line, "Refused") {
			b.t.Errorf("the page logs %s", line)
		}
	}
}
