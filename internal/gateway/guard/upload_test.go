package guard

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// formText is a form with one part.
const formText = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhello\r\n--x--\r\n"

// form is a request that brings a form, with these headers.
func form(path, headers string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n%s\r\n%s", path, len(formText), headers, formText)
}

func uploads(r *http.Request) bool { return r.URL.Path == "/v1/files" }

// TestAFormComesFromNoPage attacks the path that takes forms: a browser sends a form for
// any site's page without asking first, with all but the headers of the page's choice.
func TestAFormComesFromNoPage(t *testing.T) {
	const key = "Authorization: Bearer none\r\n"
	for _, tc := range []struct {
		name, request string
		want          int
	}{
		{"openai-python", form("/v1/files", key), 200},
		{"x-api-key", form("/v1/files", "X-Api-Key: none\r\n"), 200},
		{"our own page", form("/v1/files", key+"Origin: http://localhost:PORT\r\nSec-Fetch-Site: same-origin\r\n"), 200},
		{"a configured origin", form("/v1/files", key+"Origin: https://chat.example.org\r\nSec-Fetch-Site: cross-site\r\n"), 200},

		{"a form of another site", form("/v1/files", "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"), 403},
		{"a form in a frame of another site", form("/v1/files", "Origin: null\r\nSec-Fetch-Site: cross-site\r\n"), 403},
		{"a fetch without CORS", form("/v1/files", "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n"), 403},
		{"a form of another port", form("/v1/files", "Origin: http://localhost:3000\r\nSec-Fetch-Site: same-site\r\n"), 403},
		{"another site with a key that was guessed", form("/v1/files", key+"Origin: https://evil.example\r\n"), 403},
		{"a browser that says nothing of the page", form("/v1/files", ""), 401},
		{"an old browser", form("/v1/files", "Referer: https://evil.example/\r\nUser-Agent: Mozilla/5.0\r\n"), 401},
		{"a form that a person typed for", form("/v1/files", "Sec-Fetch-Site: none\r\n"), 401},
		{"a name and password in the URL", form("/v1/files", "Authorization: Basic YTpi\r\n"), 401},
		{"a cookie", form("/v1/files", "Cookie: key=none\r\n"), 401},
		{"an empty key", form("/v1/files", "Authorization: Bearer \r\n"), 401},
		{"a key in the query", form("/v1/files?key=none", ""), 401},

		{"another path", form("/v1/chat/completions", key), 415},
		{"a path below", form("/v1/files/x", key), 415},
		{"a path that looks alike", form("/v1/files/", key), 415},
		{"a path with another at its end", form("/x?/v1/files", key), 415},
		{"another method", strings.Replace(form("/v1/files", key), "POST", "PUT", 1), 415},
		{"a body of text", strings.Replace(form("/v1/files", key), "multipart/form-data; boundary=x", "text/plain", 1), 415},
		{"a mixed body", strings.Replace(form("/v1/files", key), "form-data", "mixed", 1), 415},
		{"two types", form("/v1/files", key+"Content-Type: application/json\r\n"), 415},
		{"packed", form("/v1/files", key+"Content-Encoding: gzip\r\n"), 415},
		{"announced beyond the limit", strings.Replace(form("/v1/files", key), fmt.Sprint("Content-Length: ", len(formText)), "Content-Length: 9000000000", 1), 413},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, Config{Uploads: uploads, Origins: []string{"https://chat.example.org"}, Limits: Limits{Upload: 1000, UploadTime: time.Second, BodyTime: time.Second}}, nil)
			s.check(s.send(tc.request), tc.want)
		})
	}
}

// TestAFormNeedsARealKey where the server has keys.
func TestAFormNeedsARealKey(t *testing.T) {
	for header, want := range map[string]int{"Authorization: Bearer none\r\n": 401, "": 401, "Authorization: Bearer " + canary + "\r\n": 200} {
		s := serve(t, Config{Uploads: uploads, Keys: keysOf(t, canary)}, nil)
		s.check(s.send(form("/v1/files", header)), want)
	}
}

// TestAFormHasAnEnd: one that is larger than may be, whatever it announces, and one that
// comes too slowly, are errors of the handler's reading, and the client gets its answer.
func TestAFormHasAnEnd(t *testing.T) {
	read := make(chan error, 1)
	handler := func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		read <- err
		w.WriteHeader(http.StatusTeapot)
	}
	limits := Limits{Upload: 1000, UploadTime: 100 * time.Millisecond}
	head := "POST /v1/files HTTP/1.1\r\nHost: localhost:PORT\r\nAuthorization: Bearer none\r\nContent-Type: multipart/form-data; boundary=x\r\n"
	for name, request := range map[string]string{
		"too large": head + "Transfer-Encoding: chunked\r\n\r\nfa0\r\n" + strings.Repeat("x", 4000) + "\r\n0\r\n\r\n",
		"too slow":  head + "Content-Length: 100\r\n\r\nx",
	} {
		s := serve(t, Config{Uploads: uploads, Limits: limits}, handler)
		a := s.send(request)
		if err := <-read; err == nil || a.status != http.StatusTeapot {
			t.Errorf("%s: %v, %d", name, err, a.status)
		}
	}
}
