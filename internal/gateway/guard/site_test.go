package guard

import (
	"net/http"
	"strings"
	"testing"
)

// post is a request with a JSON body and these headers.
func post(headers string) string {
	return "POST /v1/chat HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Type: application/json\r\nContent-Length: 2\r\n" + headers + "\r\n{}"
}

// get is a request without a body.
func get(path, headers string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: localhost:PORT\r\n" + headers + "\r\n"
}

func public(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/ui/") }

// TestOtherSitesMayNotAsk has what browsers send for a page, by the page's origin.
func TestOtherSitesMayNotAsk(t *testing.T) {
	const no = http.StatusForbidden
	cfg := Config{Public: public, Origins: []string{"https://chat.example.org", "chrome-extension://abcdefghijklmnop"}}
	link := "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"
	for _, tc := range []struct {
		name, request string
		want          int
	}{
		{"curl", post(""), 200},
		{"Node.js", post("Sec-Fetch-Mode: cors\r\n"), 200},
		{"our own page", post("Origin: http://localhost:PORT\r\nSec-Fetch-Site: same-origin\r\n"), 200},
		{"our own page behind TLS", strings.Replace(post("Origin: https://tandem.lan\r\n"), "localhost:PORT", "tandem.lan", 1), 200},
		{"typed into the address bar", get("/v1/models", "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"), 200},
		{"a link to a page of ours", get("/ui/", link), 200},
		{"a configured origin", post("Origin: https://chat.example.org\r\nSec-Fetch-Site: cross-site\r\n"), 200},
		{"a configured origin with its port", post("Origin: https://chat.example.org:443\r\nSec-Fetch-Site: cross-site\r\n"), 200},
		{"a configured extension", post("Origin: chrome-extension://abcdefghijklmnop\r\nSec-Fetch-Site: none\r\n"), 200},

		{"another site", post("Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n"), no},
		{"an old browser", post("Origin: https://evil.example\r\n"), no},
		{"without Origin", post("Sec-Fetch-Site: cross-site\r\n"), no},
		{"GET", get("/v1/models", "Sec-Fetch-Site: cross-site\r\n"), no},
		{"GET with Origin", get("/v1/models", "Origin: https://evil.example\r\n"), no},
		{"HEAD", "HEAD / HTTP/1.1\r\nHost: localhost:PORT\r\nOrigin: https://evil.example\r\n\r\n", no},
		{"OPTIONS", "OPTIONS / HTTP/1.1\r\nHost: localhost:PORT\r\nOrigin: https://evil.example\r\n\r\n", no},
		{"preflight", "OPTIONS / HTTP/1.1\r\nHost: localhost:PORT\r\nOrigin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n\r\n", no},
		{"DELETE", "DELETE /x HTTP/1.1\r\nHost: localhost:PORT\r\nOrigin: https://evil.example\r\n\r\n", no},
		{"another port of this machine", post("Origin: http://localhost:3000\r\nSec-Fetch-Site: same-site\r\n"), no},
		{"another name of this machine", post("Origin: http://127.0.0.1:PORT\r\nSec-Fetch-Site: cross-site\r\n"), no},
		{"another scheme", post("Origin: ftp://localhost:PORT\r\n"), no},
		{"a sandboxed frame or a file", post("Origin: null\r\n"), no},
		{"another extension", post("Origin: chrome-extension://evil\r\nSec-Fetch-Site: none\r\n"), no},
		{"a name below a configured one", post("Origin: https://evil.chat.example.org\r\n"), no},
		{"a name that ends like a configured one", post("Origin: https://evilchat.example.org\r\n"), no},
		{"a name that begins like a configured one", post("Origin: https://chat.example.org.evil.example\r\n"), no},
		{"a configured one without TLS", post("Origin: http://chat.example.org\r\n"), no},
		{"a configured one on another port", post("Origin: https://chat.example.org:8443\r\n"), no},
		{"two origins", post("Origin: https://chat.example.org\r\nOrigin: https://evil.example\r\n"), no},
		{"two origins in one", post("Origin: https://chat.example.org https://evil.example\r\n"), no},
		{"an empty origin", post("Origin: \r\n"), no},
		{"two words of the browser", post("Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n"), no},
		{"an unknown word", post("Sec-Fetch-Site: friendly\r\n"), no},
		{"same-origin, says an origin that is not", post("Sec-Fetch-Site: same-origin\r\nOrigin: https://evil.example\r\n"), no},
		{"a page of ours in a frame", get("/ui/", strings.Replace(link, "document", "iframe", 1)), no},
		{"a page of ours as a script", get("/ui/app.js", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n"), no},
		{"a link to what is no page", get("/v1/models", link), no},
		{"a form to a page of ours", strings.Replace(post(link), "/v1/chat", "/ui/", 1), no},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := cfg
			cfg.Hosts = []string{"tandem.lan"}
			s := serve(t, cfg, nil)
			a := s.send(tc.request)
			s.check(a, tc.want)
			if got := a.header.Get("Access-Control-Allow-Origin"); (got != "") != (tc.want == 200 && strings.HasPrefix(tc.name, "a configured")) {
				t.Errorf("Access-Control-Allow-Origin: %q", got)
			}
			if a.header.Get("Access-Control-Allow-Credentials") != "" {
				t.Error("credentials are allowed")
			}
		})
	}
}

func TestPreflightOfAConfiguredOrigin(t *testing.T) {
	s := serve(t, Config{Origins: []string{"https://chat.example.org"}, Keys: keysOf(t, canary)}, nil)
	a := s.send("OPTIONS /v1/chat HTTP/1.1\r\nHost: localhost:PORT\r\nOrigin: https://chat.example.org\r\nSec-Fetch-Site: cross-site\r\n" +
		"Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization,content-type,x-stainless-os\r\nAccess-Control-Request-Private-Network: true\r\n\r\n")
	if a.status != http.StatusNoContent || s.count() != 0 {
		t.Errorf("%d, reached %d", a.status, s.count())
	}
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin":          "https://chat.example.org",
		"Access-Control-Allow-Headers":         "authorization,content-type,x-stainless-os",
		"Access-Control-Allow-Private-Network": "true",
		"Vary":                                 "Origin",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	// A refusal can be read by the page, too.
	a = s.send(post("Origin: https://chat.example.org\r\n"))
	if a.status != http.StatusUnauthorized || a.header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("%d, %v", a.status, a.header)
	}
}

// TestPages: what a browser may show as a page runs nothing of another's, and JSON is
// not guessed to be one.
func TestPages(t *testing.T) {
	for kind, isPage := range map[string]bool{
		"text/html; charset=utf-8": true, "image/svg+xml": true, "": true, "text/plain": true, "application/xhtml+xml": true,
		"application/json": false, "text/event-stream": false, "application/x-ndjson": false,
	} {
		s := serve(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
			if kind != "" {
				w.Header().Set("Content-Type", kind)
			}
			_, _ = w.Write([]byte("<script>alert(1)</script>"))
		})
		a := s.send(get("/", ""))
		csp := a.header.Get("Content-Security-Policy")
		if strings.Contains(csp, "unsafe") || isPage != (strings.Contains(csp, "default-src 'none'") && strings.Contains(csp, "frame-ancestors 'none'")) {
			t.Errorf("%q: %q", kind, csp)
		}
		if isPage && (a.header.Get("Referrer-Policy") != "no-referrer" || a.header.Get("X-Frame-Options") != "DENY") {
			t.Errorf("%q: %v", kind, a.header)
		}
		if a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Cross-Origin-Resource-Policy") != "same-origin" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%q: %v", kind, a.header)
		}
	}
}

func TestPathsLeadNowhereElse(t *testing.T) {
	for _, path := range []string{
		"/chains/../secret", "/chains/..", "/../etc/passwd", "/chains/%2e%2e/secret", "/chains/%2e%2e%2fsecret", "/chains/..%5csecret",
		"/chains/a%00.yaml", "/chains/a%0d%0aX-Evil:%201", "/chains/./x", "/chains/%5c%5cserver%5cshare",
	} {
		s := serve(t, Config{}, nil)
		s.check(s.send(get(path, "")), http.StatusBadRequest)
	}
	for _, path := range []string{"/", "/v1/models/qwen3:8b", "/chains/a..b/", "/v1/models/hf.co%2Fuser%2Fmodel"} {
		s := serve(t, Config{}, nil)
		s.check(s.send(get(path, "")), http.StatusOK)
	}
}
