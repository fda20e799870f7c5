// Package web is the gateway's pages: a playground for models and chains, and a
// dashboard. They are in the program, load nothing from elsewhere, and hold no script and
// no style within the page. What a model wrote is only ever shown as text.
package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"html/template"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/batches"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

//go:embed pages assets
var files embed.FS

// Config is what a UI shows.
type Config struct {
	Exchange *exchange.Exchange
	// Waiting is how many calls wait for a provider; nil: none ever does.
	Waiting func(provider string) int
	// Running is what an engine has in memory; nil: it is not known.
	Running func(context.Context, stack.Configured) []provider.RunningModel
	Batches *batches.Service // nil: there are none
	// Cluster is what is known of a cluster of nodes, if one is used; nil: none is.
	Cluster func(context.Context) (seen natsqueue.Seen, used bool)
	// Fail writes a failure.
	Fail    func(http.ResponseWriter, *http.Request, *exchange.Failure)
	Version string // of this program
}

// UI serves the pages, and what they ask for.
type UI struct {
	cfg   Config
	began time.Time
}

// New returns a UI.
func New(cfg Config) *UI { return &UI{cfg: cfg, began: time.Now()} }

// The paths of the pages, below which all of the UI is.
const (
	root      = "/ui/"
	dashboard = "/ui/dashboard"
	assets    = "/ui/assets/"
)

// Register adds the paths.
func (u *UI) Register(mux *http.ServeMux) {
	u.page(mux, root+"{$}", "playground.html", "Playground")
	u.page(mux, dashboard, "dashboard.html", "Dashboard")
	entries, err := files.ReadDir("assets")
	if err != nil {
		panic(err) // it is in the program
	}
	for _, e := range entries {
		data, err := files.ReadFile("assets/" + e.Name())
		if err != nil {
			panic(err)
		}
		mux.HandleFunc("GET "+assets+e.Name(), file(e.Name(), data))
	}
	for _, pattern := range playgrounds {
		mux.HandleFunc("GET "+pattern, playground)
	}
	mux.HandleFunc("GET /ui/api/models", u.models)
	mux.HandleFunc("GET /ui/api/state", u.state)
	mux.HandleFunc("POST /ui/api/calls/{id}/cancel", u.cancel)
	mux.HandleFunc("POST /ui/api/batches/{id}/cancel", u.cancelBatch)
}

// playgrounds are where LangServe has a chain's page.
var playgrounds = []string{
	"/chains/{name}/playground", "/chains/{name}/playground/{$}",
	"/chains/{name}/c/{config}/playground", "/chains/{name}/c/{config}/playground/{$}",
}

// playground leads to the playground with a chain chosen, whether or not there is one.
func playground(w http.ResponseWriter, r *http.Request) {
	target := url.Values{"target": {exchange.ChainPrefix + r.PathValue("name")}}
	http.Redirect(w, r, root+"#"+target.Encode(), http.StatusSeeOther)
}

// leadsToChain reports whether a path is one of the playgrounds'.
func leadsToChain(r *http.Request) bool {
	parts := strings.Split(strings.TrimSuffix(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/"), "/")
	n := len(parts)
	return r.Method == http.MethodGet && (n == 3 || n == 5 && parts[2] == "c") && parts[0] == "chains" && parts[n-1] == "playground"
}

// page adds a page. It is the same for everybody.
func (u *UI) page(mux *http.ServeMux, pattern, name, title string) {
	t := template.Must(template.ParseFS(files, "pages/layout.html", "pages/"+name))
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout.html", map[string]string{"Title": title, "Version": u.cfg.Version}); err != nil {
		panic(err) // a template in the program is wrong
	}
	mux.HandleFunc("GET "+pattern, file(name, b.Bytes()))
}

// file serves a file that does not change while the program runs. Browsers keep it, and
// ask whether it is still the same.
func file(name string, data []byte) http.HandlerFunc {
	sum := sha256.Sum256(data)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	kind := mime.TypeByExtension(path.Ext(name))
	if path.Ext(name) == ".js" { // some systems say text/plain
		kind = "text/javascript; charset=utf-8"
	}
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", tag)
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
	}
}

// Public reports whether a path is a page or a file of one, or leads a browser to one.
// They are the same for everybody; what they ask for is not among them.
func Public(r *http.Request) bool {
	p := r.URL.Path
	return p == root || p == dashboard || strings.HasPrefix(p, assets) || leads(r) || leadsToChain(r)
}

// leads reports whether a browser wants to see the server itself.
func leads(r *http.Request) bool {
	return r.URL.Path == "/" && r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// Front leads browsers that come to "/" to the playground. Other clients get what next
// has there.
func Front(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if leads(r) {
			w.Header().Set("Vary", "Accept")
			http.Redirect(w, r, root, http.StatusSeeOther)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client may have left
}
