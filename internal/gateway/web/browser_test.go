//go:build browser && unix

package web_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// A person asks a model: the answer is text, whatever it is, and its route is shown.
func TestBrowserAsks(t *testing.T) {
	url, _ := serve(t, nil)
	b := open(t, url+"/")
	b.choose("#target-0", "echo")
	b.until("document.querySelector('#name-0').textContent === 'echo'")
	b.fill("[name=prompt]", `<img src=x onerror="document.title='owned'"><b>bold</b>`)
	b.click("#send")
	b.until("document.querySelector('.answer .text')?.textContent.includes('<b>bold</b>')")
	b.until("document.querySelector('.route')?.textContent.includes('house/echo')")
	b.until("document.querySelector('.route')?.textContent.includes('12 in, 5 out')")
	if b.eval("document.title") != "Playground – Tandem" || b.eval("document.querySelectorAll('.answer img, .answer b').length") != "0" {
		t.Error("the answer is markup")
	}
	b.fill("[name=prompt]", "and more")
	b.click("#link")
	b.until("location.hash.includes('target=echo') && location.hash.includes('and+more')")
	b.click("#compare")
	b.choose("#target-1", "think")
	b.until("document.querySelector('#name-1').textContent === 'think'")
	b.click("#send")
	b.until("document.querySelector('#pane-1 .answer')?.textContent.includes('It is four.')")
	b.until("document.querySelectorAll('#pane-0 .turns article').length === 2")
	b.accessible()
	b.clean()
}

// A chain has a form of its variables, and shows its steps, beside a model.
func TestBrowserChain(t *testing.T) {
	dir := t.TempDir()
	text := "name: president\ninputs:\n  country: {type: text, description: a country}\n  terms: {type: number, default: 2}\n" +
		"steps:\n  - {name: president, prompt: 'Who rules {country}?', model: echo}\n  - {name: changes, prompt: 'What changed in {terms} terms of: {president}', model: echo}\n"
	if err := os.WriteFile(filepath.Join(dir, "president.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	url, _ := serve(t, nil, dir)
	b := open(t, url+"/ui/#target=chain:president&with=think&in.country=India&in.prompt=How+much+is+two+and+two%3F")
	b.until("document.querySelector('[name=country]')?.value === 'India' && document.querySelector('[name=terms]')?.value === '2'")
	b.click("#send")
	b.until("document.querySelector('#pane-0 .answer')?.textContent.includes('What changed in 2 terms of: Who rules India?')")
	b.until("document.querySelectorAll('#pane-0 h3').length === 2 && document.querySelector('#pane-0 .route') && document.querySelector('#pane-1 .route')")
	b.until("document.querySelector('#status').textContent === 'Done.'")
	if b.eval("location.hash.includes('rules')") != "false" {
		t.Error("the link has the answer in it")
	}
	shoot(b, "playground")
	b.accessible()
	b.clean()
}

// An answer that breaks off is shown as one, and is not part of the conversation.
func TestBrowserBrokenAnswer(t *testing.T) {
	url, e := serve(t, nil)
	b := open(t, url+"/ui/")
	b.choose("#target-0", "cut")
	b.until("document.querySelector('#name-0').textContent === 'cut'")
	b.fill("[name=prompt]", "hi")
	b.click("#send")
	b.until("document.querySelector('article .error')?.textContent.includes('not part of the conversation')")
	b.choose("#target-0", "hang")
	b.until("document.querySelector('#name-0').textContent === 'hang'")
	b.fill("[name=prompt]", "hi")
	b.click("#send")
	b.until("document.querySelector('.answer .text')?.textContent === 'Half of'")
	b.click("#stop")
	b.until("document.querySelector('article .error')?.textContent.includes('Stopped.')")
	if left := e.Left(t); left != "hang" {
		t.Errorf("%s was left", left)
	}
	b.clean()
}

// A person cancels a call of another program on the dashboard.
func TestBrowserCancels(t *testing.T) {
	url, e := serve(t, nil)
	gatewaytest.Post(t, url+"/v1/chat/completions", `{"model":"ok","messages":[{"role":"user","content":"x"}]}`)
	gatewaytest.Post(t, url+"/v1/chat/completions", `{"model":"down","messages":[{"role":"user","content":"y"}]}`)
	hang(t, url)
	b := open(t, url+"/ui/dashboard")
	b.until("document.querySelector('#live button')")
	shoot(b, "dashboard")
	b.accessible()
	b.click("#live button")
	if left := e.Left(t); left != "hang" {
		t.Errorf("%s was left", left)
	}
	b.until("document.querySelector('#recent')?.textContent.includes('cancelled')")
	b.clean()
}

// A person watches a batch on the dashboard, and cancels it.
func TestBrowserCancelsABatch(t *testing.T) {
	url, e := serve(t, nil)
	line := `{"custom_id":"r%d","method":"POST","url":"/v1/chat/completions","body":{"model":"hold","messages":[{"role":"user","content":"x"}]}}` + "\n"
	text := ""
	for i := range 100 {
		text += fmt.Sprintf(line, i)
	}
	form := "--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"<b>night.jsonl\"\r\n\r\n" + text + "\r\n--x--\r\n"
	r := gatewaytest.Post(t, url+"/v1/files", form, "Content-Type: multipart/form-data; boundary=x", "Authorization: Bearer none")
	id, _, _ := strings.Cut(strings.TrimPrefix(r.Body, `{"id":"`), `"`)
	if r := gatewaytest.Post(t, url+"/v1/batches", `{"input_file_id":"`+id+`","endpoint":"/v1/chat/completions","completion_window":"24h"}`); r.Status != 200 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	b := open(t, url+"/ui/dashboard")
	b.until("document.querySelector('#batches')?.textContent.includes('in progress') && document.querySelector('#batches').textContent.includes('0 of 100')")
	shoot(b, "batches")
	b.accessible()
	if b.eval("document.querySelectorAll('#batches b').length") != "0" {
		t.Error("the file's name is markup")
	}
	b.click("#batches button")
	b.until("document.querySelector('#batches')?.textContent.includes('cancelling')")
	close(e.Release)
	b.until("document.querySelector('#batches-card').hidden")
	b.clean()
}

// A page asks for the key once, and keeps it in its tab.
func TestBrowserKey(t *testing.T) {
	url, _ := serve(t, keys{})
	b := open(t, url+"/ui/")
	b.until("document.querySelector('#key')?.open")
	b.accessible()
	b.fill("#key-value", "wrong")
	b.click("#key button")
	b.until("document.querySelector('#key-why').textContent.includes('not one of')")
	b.fill("#key-value", "key-a")
	b.click("#key button")
	b.until("document.querySelector('#target-0 option')")
	if b.eval("localStorage.length + document.cookie.length") != "0" || b.eval("sessionStorage.getItem('tandem-key')") != "key-a" {
		t.Error("the key is kept elsewhere")
	}
	b.clean()
}

// shoot writes pictures of a page into the folder that SCREENSHOTS names, if it does: as
// wide as a screen and as a phone, light and dark.
func shoot(b *tab, name string) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		for size, width := range map[string]int{"wide": 1280, "tablet": 800, "phone": 390} {
			b.do("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]string{"name": "prefers-color-scheme", "value": scheme}}})
			b.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false})
			data, err := base64.StdEncoding.DecodeString(b.do("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true})["data"].(string))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, name+"-"+scheme+"-"+size+".png"), data, 0o600)
			}
			if err != nil {
				b.t.Fatal(err)
			}
		}
	}
}
