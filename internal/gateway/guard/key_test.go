package guard

import (
	"crypto/sha256"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// keyList is a store in memory.
type keyList struct {
	mu      sync.Mutex
	entries []Entry
	err     error
}

func (k *keyList) Entries() ([]Entry, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.entries, k.err
}

func (k *keyList) set(entries []Entry, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.entries, k.err = entries, err
}

func entry(key string, c Caller) Entry { return Entry{Hash: sha256.Sum256([]byte(key)), Caller: c} }

// keysOf has one key, of a caller named laptop.
func keysOf(t *testing.T, key string) *keyList {
	t.Helper()
	return &keyList{entries: []Entry{entry("another", Caller{Name: "another"}), entry(key, Caller{Name: "laptop"})}}
}

func TestWhoMayAsk(t *testing.T) {
	const no = http.StatusUnauthorized
	for _, tc := range []struct {
		name, headers string
		want          int
	}{
		{"Bearer", "Authorization: Bearer " + canary + "\r\n", 200},
		{"bearer", "authorization: bearer  " + canary + " \r\n", 200},
		{"x-api-key", "x-api-key: " + canary + "\r\n", 200},
		{"api-key", "api-key: " + canary + "\r\n", 200},
		{"both, one a placeholder", "Authorization: Bearer ollama\r\nx-api-key: " + canary + "\r\n", 200},
		{"both, the same", "Authorization: Bearer " + canary + "\r\nx-api-key: " + canary + "\r\n", 200},

		{"none", "", no},
		{"an empty one", "Authorization: Bearer \r\nx-api-key: \r\n", no},
		{"a wrong one", "Authorization: Bearer sk-wrong\r\n", no},
		{"another scheme", "Authorization: Basic " + canary + "\r\n", no},
		{"no scheme", "Authorization: " + canary + "\r\n", no},
		{"a part", "x-api-key: " + canary[:len(canary)-1] + "\r\n", no},
		{"more than it", "x-api-key: " + canary + "x\r\n", no},
		{"capitals", "x-api-key: " + strings.ToUpper(canary) + "\r\n", no},
		{"its hash", "x-api-key: " + hashText(canary) + "\r\n", no},
		{"a list", "x-api-key: a, " + canary + "\r\n", no},
		{"in a cookie", "Cookie: key=" + canary + "\r\n", no},
		{"keys of two callers", "Authorization: Bearer another\r\nx-api-key: " + canary + "\r\n", no},
		{"too many keys to try", strings.Repeat("x-api-key: a\r\n", 50) + "x-api-key: " + canary + "\r\n", no},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, Config{Keys: keysOf(t, canary)}, nil)
			a := s.send(post(tc.headers))
			s.check(a, tc.want)
			if tc.want == no && !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("WWW-Authenticate: %q", a.header.Get("WWW-Authenticate"))
			}
		})
	}
	t.Run("in the address", func(t *testing.T) {
		s := serve(t, Config{Keys: keysOf(t, canary)}, nil)
		s.check(s.send(get("/v1/models?key="+canary+"&api_key="+canary, "")), no)
	})
}

func hashText(key string) string {
	sum := sha256.Sum256([]byte(key))
	return string(append([]byte{}, strconv.QuoteToASCII(string(sum[:]))...))
}

// TestTheCallerIsKnown: a handler sees who asks and never the key, and the log has the
// name.
func TestTheCallerIsKnown(t *testing.T) {
	budget := 2.0
	want := Caller{Name: "laptop", Use: []string{"local"}, Privacy: PrivacyLocal, BudgetUSD: &budget, Pull: true}
	var got Caller
	s := serve(t, Config{Keys: &keyList{entries: []Entry{entry(canary, want)}}}, func(_ http.ResponseWriter, r *http.Request) {
		got = CallerOf(r.Context())
	})
	s.check(s.send(post("x-api-key: "+canary+"\r\nCookie: "+canary+"\r\nProxy-Authorization: "+canary+"\r\n")), 200)
	s.Close()
	if got.Name != want.Name || got.Use[0] != "local" || got.Privacy != PrivacyLocal || *got.BudgetUSD != budget || !got.Pull {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(s.log.String(), "caller=laptop") {
		t.Errorf("the log does not name the caller: %s", s.log)
	}
}

// TestKeysComeAndGo: the store is asked for each request, also on a connection that is
// open already, and what it cannot tell is not "no keys".
func TestKeysComeAndGo(t *testing.T) {
	keys := &keyList{}
	s := serve(t, Config{Keys: keys, Public: public}, nil)
	c := s.dial()
	ask := func(request string, want int) {
		t.Helper()
		if _, err := c.Write([]byte(strings.ReplaceAll(request, "PORT", s.port()))); err != nil {
			t.Fatal(err)
		}
		if a := s.receive(c, false); a.status != want {
			t.Errorf("status %d, want %d: %s", a.status, want, a.body)
		}
	}
	plain, keyed := get("/v1/models", ""), get("/v1/models", "x-api-key: "+canary+"\r\n")
	ask(plain, 200)
	ask(keyed, 200) // a placeholder
	keys.set([]Entry{entry(canary, Caller{Name: "laptop"})}, nil)
	ask(plain, 401)
	ask(keyed, 200)
	ask(get("/ui/", ""), 200)
	ask(get("/ui/../v1/models", ""), 400)
	ask(strings.Replace(get("/ui/", ""), "GET", "DELETE", 1), 401)
	keys.set(nil, errors.New("the file is damaged: "+"/home/somebody"))
	ask(plain, 503)
	ask(keyed, 503)
	keys.set(nil, nil)
	ask(plain, 200)
}

// TestAnExposedAddressAlwaysNeedsAKey: also when the last one was removed, and where
// nothing says how the request came.
func TestAnExposedAddressAlwaysNeedsAKey(t *testing.T) {
	for _, tc := range []struct {
		addr net.Addr
		keys Keys
		want int
	}{
		{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}, nil, 200},
		{&net.TCPAddr{IP: net.ParseIP("::1"), Port: 80}, &keyList{}, 200},
		{&net.TCPAddr{IP: net.ParseIP("::ffff:127.0.0.1"), Port: 80}, &keyList{}, 200},
		{&net.UnixAddr{Name: "/run/t.sock", Net: "unix"}, &keyList{}, 200},
		{&net.TCPAddr{IP: net.IPv4(192, 168, 1, 5), Port: 80}, nil, 401},
		{&net.TCPAddr{IP: net.IPv4(192, 168, 1, 5), Port: 80}, &keyList{}, 401},
		{&net.TCPAddr{IP: net.IPv4zero, Port: 80}, &keyList{}, 401},
		{&net.TCPAddr{Port: 80}, &keyList{}, 401},
		{&net.IPAddr{IP: net.IPv4(127, 0, 0, 1)}, &keyList{}, 401},
		{nil, &keyList{}, 401},
	} {
		g, err := New(Config{Addr: tc.addr, Keys: tc.keys, Hosts: []string{"tandem.lan"}})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, "http://tandem.lan/", nil)
		w := httptest.NewRecorder()
		g.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		if w.Code != tc.want {
			t.Errorf("%v: status %d, want %d", tc.addr, w.Code, tc.want)
		}
	}
}

// TestRates counts in any minute, and no refused request.
func TestRates(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	s := serve(t, Config{
		Now: func() time.Time { return now },
		Keys: &keyList{entries: []Entry{
			entry(canary, Caller{Name: "laptop", Rate: 3}), entry("other", Caller{Name: "other"}),
		}},
	}, nil)
	ask := func(after time.Duration, key string, want int, retry string) {
		t.Helper()
		now = now.Add(after)
		a := s.send(post("x-api-key: " + key + "\r\n"))
		if a.status != want || a.header.Get("Retry-After") != retry {
			t.Errorf("status %d, Retry-After %q, want %d, %q: %s", a.status, a.header.Get("Retry-After"), want, retry, a.body)
		}
	}
	ask(0, canary, 200, "")
	ask(10*time.Second, canary, 200, "")
	ask(10*time.Second, canary, 200, "")
	ask(0, canary, 429, "40")
	ask(0, "other", 200, "")
	ask(39500*time.Millisecond, canary, 429, "1")
	ask(500*time.Millisecond, canary, 200, "") // the first is a minute old
	ask(0, canary, 429, "10")
	ask(10*time.Second, canary, 200, "")
	ask(time.Hour, canary, 200, "")
	ask(0, canary, 200, "")
	ask(0, canary, 200, "")
	ask(0, canary, 429, "60")
}

func TestARateThatChanges(t *testing.T) {
	var c rates
	now := time.Unix(1_000_000, 0)
	for i, step := range []struct {
		rate int
		wait time.Duration
	}{{2, 0}, {2, 0}, {2, 57 * time.Second}, {4, 0}, {4, 0}, {4, 54 * time.Second}, {1, 57 * time.Second}, {2, 0}} {
		if wait := c.take("a", step.rate, now.Add(time.Duration(i)*time.Second)); (wait > 0) != (step.wait > 0) {
			t.Errorf("step %d: wait %s, want %s", i, wait, step.wait)
		}
	}
}
