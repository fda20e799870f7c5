// Package guard stands before every handler of the gateway and decides who may ask.
// A request passes only if it names this server, does not come from another site's
// page, has a key where one is needed, and has a JSON body of a bounded size, which
// is read whole before the handler starts. Slow clients are cut.
package guard

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Config is what a Guard decides by. The zero value guards a server on loopback
// without keys.
type Config struct {
	// Addr is the address listened on, for requests whose connection does not tell:
	// the server of net/http tells each connection's own. nil: none.
	Addr net.Addr
	// Hosts are further names that requests may be for, such as tandem.lan or
	// tandem.lan:8443. One without a port stands for itself, with and without the
	// port listened on. Loopback names and the address that a connection reached are
	// always allowed.
	Hosts []string
	// Origins are web pages' origins that may ask, such as https://chat.example.org:
	// exact, never "*" or "null". nil: no page of another origin may (no CORS).
	Origins []string
	// Keys are who may ask. nil, or a store without a key: anybody who reaches the
	// server over loopback or a Unix socket, and nobody else.
	Keys Keys
	// Public reports whether everybody who reaches the server may read this path
	// without a key: the pages of the UI and their files, health probes. It is asked
	// for GET and HEAD only. Links on other sites may lead to them. What they show
	// must be the same for everybody. nil: no path.
	Public func(*http.Request) bool
	// Uploads reports whether a path takes files as a form (multipart/form-data), which
	// its handler reads as it comes. nil: no path does.
	Uploads func(*http.Request) bool
	// Refuse writes a refusal in the API dialect of the request's path. The headers
	// that a refusal needs are set already. nil: a plain JSON object.
	Refuse func(http.ResponseWriter, *http.Request, Refusal)
	Limits Limits
	// Log gets a line for each request: method, the pattern of the path, status,
	// bytes, time and the caller's name. Nothing of a path, a query, a header or a
	// body is in it. nil: no log.
	Log *slog.Logger
	// Served, if not nil, is told of each request when it has ended.
	Served func(Served)
	// Now is the clock of rate limits; nil: time.Now.
	Now func() time.Time
}

// Served is a request that has ended.
type Served struct {
	Route   string // the pattern of the path that served it; "-": none did
	Status  int    // of HTTP
	Refused string // the code of its refusal; empty: it was not refused
}

// Guard guards handlers. It is safe for concurrent use.
type Guard struct {
	cfg    Config
	names  atomic.Pointer[Names]
	rates  rates
	bodies atomic.Int64 // bytes of the bodies that are held now
	zstd   decoders
}

// Names are the hosts and origins of a [Config].
type Names struct {
	hosts   []hostPort
	origins []origin
}

// ParseNames reads hosts and origins as in [Config], or says which of them is not valid.
func ParseNames(hosts, origins []string) (*Names, error) {
	n := &Names{}
	for _, text := range hosts {
		host, ok := parseHost(text)
		if !ok {
			return nil, fmt.Errorf("%q is not a host name: write it as NAME or NAME:PORT, such as tandem.lan", text)
		}
		n.hosts = append(n.hosts, host)
	}
	for _, text := range origins {
		o, ok := parseOrigin(text)
		if !ok {
			return nil, fmt.Errorf("%q is not the origin of a web page: write it as SCHEME://HOST or SCHEME://HOST:PORT, such as https://chat.example.org, one entry for each", text)
		}
		n.origins = append(n.origins, o)
	}
	return n, nil
}

// Rename has other names count from the next request on.
func (g *Guard) Rename(n *Names) { g.names.Store(n) }

// New returns a guard, or says which name is not valid.
func New(cfg Config) (*Guard, error) {
	limits, err := cfg.Limits.complete()
	if err != nil {
		return nil, err
	}
	cfg.Limits = limits
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Public == nil {
		cfg.Public = func(*http.Request) bool { return false }
	}
	if cfg.Refuse == nil {
		cfg.Refuse = writeRefusal
	}
	names, err := ParseNames(cfg.Hosts, cfg.Origins)
	if err != nil {
		return nil, err
	}
	g := &Guard{cfg: cfg}
	g.Rename(names)
	return g, nil
}

// Wrap returns the handler behind the guard. The requests it serves have a body in
// memory, no credentials in their headers, and a caller, see [CallerOf].
func (g *Guard) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.serve(w, r, next) })
}

func (g *Guard) serve(plain http.ResponseWriter, r *http.Request, next http.Handler) {
	w := newWriter(plain, g.cfg.Limits.WriteTime)
	defer w.renew() // for what net/http has buffered
	x := &request{Request: r, w: w, plain: plain}
	began := time.Now()
	defer func() { g.ended(x, began) }()
	if hasBody(r) {
		_ = w.control.SetReadDeadline(time.Now().Add(g.cfg.Limits.BodyTime))
	}
	secure(w.Header())
	for _, check := range []func(*request) *Refusal{g.checkHost, checkPath, g.checkSite, g.checkKey, g.checkRate, g.checkType} {
		if refusal := check(x); refusal != nil {
			g.refuse(x, *refusal)
			return
		}
	}
	if isPreflight(r) {
		allowPreflight(w, r)
		return
	}
	var body body
	var form *upload
	var refusal *Refusal
	if g.isUpload(x) {
		form, refusal = g.readUpload(x)
	} else {
		body, refusal = g.readBody(x)
	}
	defer func() { g.bodies.Add(-body.held) }()
	if refusal != nil {
		g.refuse(x, *refusal)
		return
	}
	x.served = r.WithContext(WithCaller(r.Context(), x.caller))
	x.served.Header = r.Header.Clone()
	for _, name := range credentials {
		x.served.Header.Del(name)
	}
	body.put(x.served)
	if form != nil {
		x.served.Body = form
	}
	next.ServeHTTP(w, x.served)
	form.finish(g)
	x.done = true
}

// request is a request on its way through the guard.
type request struct {
	*http.Request
	w       *writer
	plain   http.ResponseWriter // net/http's own
	caller  Caller
	refused string        // the code of the refusal
	served  *http.Request // what the handler got; nil: it got none
	done    bool          // the handler returned, and did not panic
}

// fromBrowser reports whether a web page made the request. Sec-Fetch-Mode alone does
// not tell: the fetch of Node.js sends it, too.
func (x *request) fromBrowser() bool {
	return len(x.Header["Origin"]) > 0 || len(x.Header["Sec-Fetch-Site"]) > 0
}

// isPublic reports whether the request reads what is everybody's.
func (g *Guard) isPublic(x *request) bool {
	return (x.Method == http.MethodGet || x.Method == http.MethodHead) && g.cfg.Public(x.Request)
}

// checkPath refuses paths that lead out of any folder, also where a handler decodes
// them once more.
func checkPath(x *request) *Refusal {
	path := x.URL.Path
	for _, segment := range strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '\\' }) {
		if segment == ".." || segment == "." {
			return refusef(http.StatusBadRequest, CodeBadPath, "the path must not have . or .. as a part")
		}
	}
	if strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
		return refusef(http.StatusBadRequest, CodeBadPath, "the path must not have control characters or a backslash")
	}
	return nil
}

// refuse answers with a refusal. What the client still sends is taken and dropped for
// a bounded time: many clients read the answer only after they sent everything.
func (g *Guard) refuse(x *request, refusal Refusal) {
	x.refused = refusal.Code
	if refusal.Err != nil && g.cfg.Log != nil {
		g.cfg.Log.Error("request refused", "code", refusal.Code, "error", refusal.Err)
	}
	h := x.w.Header()
	if refusal.RetryAfter > 0 {
		h.Set("Retry-After", retryAfter(refusal.RetryAfter))
	}
	if refusal.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="tandem"`)
	}
	pending := hasBody(x.Request) && !x.w.bodyRead
	if pending {
		h.Set("Connection", "close")
		_ = x.w.control.EnableFullDuplex()
	}
	g.cfg.Refuse(x.w, x.Request, refusal)
	if !pending || errors.Is(refusal.Err, errSlow) {
		return
	}
	_ = x.w.FlushError()
	_ = x.w.control.SetReadDeadline(time.Now().Add(min(lingerTime, g.cfg.Limits.BodyTime)))
	_, _ = io.CopyN(io.Discard, x.Body, 2*g.cfg.Limits.Body)
}

// lingerTime is how long a refused client may go on sending.
const lingerTime = 5 * time.Second

// ended tells of a request that has ended.
func (g *Guard) ended(x *request, began time.Time) {
	route := "-"
	if x.served != nil && x.served.Pattern != "" {
		route = x.served.Pattern
	}
	if g.cfg.Served != nil {
		g.cfg.Served(Served{route, x.w.code(), x.refused})
	}
	if g.cfg.Log == nil {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", knownMethod(x.Method)), slog.String("route", route), slog.Int("status", x.w.code()),
		slog.Int64("bytes", x.w.bytes), slog.Duration("took", time.Since(began).Round(time.Microsecond)),
	}
	if x.caller.Name != "" {
		attrs = append(attrs, slog.String("caller", x.caller.Name))
	}
	if x.served != nil && !x.done {
		attrs = append(attrs, slog.Bool("aborted", true))
	}
	if x.refused != "" {
		attrs = append(attrs, slog.String("refused", x.refused))
	}
	g.cfg.Log.LogAttrs(x.Context(), slog.LevelInfo, "request", attrs...)
}

// knownMethod is the method, or "-": what is none of HTTP's may be anything.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "-"
}
