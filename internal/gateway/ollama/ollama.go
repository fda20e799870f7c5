// Package ollama is the gateway's face for clients of Ollama's own API: chats,
// generations, embeddings, the lists of models, and loading.
package ollama

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
)

// Version is the Ollama whose API this is: clients ask for it, and refuse older ones.
const Version = "0.33.3"

// API serves Ollama's paths.
type API struct {
	x      *exchange.Exchange
	routes []route
}

type route struct {
	method, path string
	serve        http.HandlerFunc
}

// New returns the API of an exchange.
func New(x *exchange.Exchange) *API {
	a := &API{x: x}
	a.routes = []route{
		{"GET", "/api/version", a.version},
		{"GET", "/api/tags", a.tags},
		{"GET", "/api/ps", a.running},
		{"GET", "/api/status", a.status},
		{"POST", "/api/show", a.show},
		{"POST", "/api/me", a.me},
		{"POST", "/api/chat", a.chat},
		{"POST", "/api/generate", a.generate},
		{"POST", "/api/embed", a.embed},
		{"POST", "/api/embeddings", a.embeddings},
		{"POST", "/api/pull", a.pull},
		{"POST", "/api/create", a.refuse("create")},
		{"POST", "/api/push", a.refuse("push")},
		{"POST", "/api/copy", a.refuse("copy")},
		{"DELETE", "/api/delete", a.refuse("delete")},
		{"POST", "/api/blobs/{digest}", a.refuse("blobs")},
		{"HEAD", "/api/blobs/{digest}", a.refuse("blobs")},
		{"POST", "/api/signout", a.refuse("signout")},
	}
	return a
}

// Register adds the API's paths.
func (a *API) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "Ollama is running") // the client may have left
	})
	for _, r := range a.routes {
		mux.HandleFunc(r.method+" "+r.path, r.serve)
	}
}

// Fail writes a failure as Ollama does: an object with the text as error.
func Fail(w http.ResponseWriter, f *exchange.Failure) {
	f.Headers(w.Header())
	writeJSON(w, f.Status, errorBody{f.Message})
}

type errorBody struct {
	Error string `json:"error"`
}

// fail writes err.
func (a *API) fail(w http.ResponseWriter, err error) { Fail(w, a.x.FailureOf(err)) }

func (a *API) version(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"version": Version})
}

// status says that no model of ollama.com is reached through this server by itself.
func (a *API) status(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"cloud": map[string]any{"disabled": true, "source": "tandem"}})
}

// me says that nobody is signed in to ollama.com.
func (a *API) me(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusUnauthorized, errorBody{"unauthorized"})
}

// instead is what to do where this server does not do a thing.
var instead = map[string]string{
	"create":  "run `ollama create` on the machine of the engine",
	"push":    "run `ollama push` on the machine of the engine",
	"copy":    "give the model another name with `tandem models alias`",
	"delete":  "run `ollama rm` on the machine of the engine",
	"blobs":   "run `ollama create` on the machine of the engine",
	"signout": "run `ollama signout` on the machine of the engine",
}

// refuse answers what changes the models of an engine.
func (a *API) refuse(what string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		Fail(w, &exchange.Failure{Status: http.StatusForbidden, Code: exchange.CodeUnsupported, Message: what + " is not served here, because clients change no models; " + instead[what]})
	}
}

// modelName is the model of a request, which older clients call name. Some send both,
// one of them empty.
func modelName(o body.Object) string { return cmp.Or(o.Text("model"), o.Text("name")) }

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = writeLine(w, v) // the client may have left
}

// writeLine writes a line of JSON.
func writeLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
