package openai_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// OpenAI's libraries take no event before response.created: while there is nothing of an
// answer, they get comments.
func TestLibrariesGetNothingBeforeTheResponse(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{Heartbeat: time.Millisecond})
	r := gatewaytest.Held(t, e, url+responses, respond("hold", `,"stream":true`), "X-Stainless-Lang: python")
	events := gatewaytest.Events(r.Body)
	if !strings.HasPrefix(r.Body, ": waiting\n\n") || !strings.HasPrefix(events[0], "response.created: ") || !strings.HasPrefix(events[len(events)-1], "response.completed: ") {
		t.Errorf("%s", r.Body)
	}
}

// What fails before anything of it has come is an error first: the libraries raise it,
// and would raise another one at response.failed. Codex reads on.
func TestAFailureBeforeTheResponse(t *testing.T) {
	for _, lang := range []string{"", "js"} {
		e := gatewaytest.NewEngine(t)
		url, x := serve(t, e, exchange.Config{Heartbeat: time.Millisecond})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+responses, strings.NewReader(respond("silent", `,"stream":true`)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if lang != "" {
			req.Header.Set("X-Stainless-Lang", lang)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		in := bufio.NewReader(res.Body)
		first, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		x.CancelAll()
		rest, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, event := range gatewaytest.Events(first + string(rest)) {
			if name, _, _ := strings.Cut(event, ": "); name != "response.in_progress" {
				names = append(names, name)
			}
		}
		if strings.Join(names, " ") != "error response.failed" || lang != "" && strings.Contains(string(rest), "in_progress\"") {
			t.Errorf("%q: %q in %s%s", lang, names, first, rest)
		}
	}
}
