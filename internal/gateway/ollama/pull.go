package ollama

import (
	"iter"
	"net/http"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// PullParams are the parameters of /api/pull.
var PullParams = exchange.Params{
	{Name: "model", Class: exchange.Honoured},
	{Name: "name", Class: exchange.Honoured, Note: "what older clients call model"},
	{Name: "stream", Class: exchange.Honoured, Note: "true unless it is false"},
	{Name: "insecure", Class: exchange.Refused, Unless: []string{"false"}},
	{Name: "username", Class: exchange.Harmless},
	{Name: "password", Class: exchange.Harmless},
}

// progress is a line of a download.
type progress struct {
	Status    string `json:"status"`
	Digest    string `json:"digest,omitempty"`
	Total     int64  `json:"total,omitempty"`
	Completed int64  `json:"completed,omitempty"`
}

// pull downloads a model, for those who may.
func (a *API) pull(w http.ResponseWriter, r *http.Request) {
	_, b, err := exchange.ReadBody(r)
	if err != nil {
		a.fail(w, err)
		return
	}
	o := b.Object()
	name, stream := modelName(o), true
	if s := o.Bool("stream"); s != nil {
		stream = *s
	}
	if name == "" {
		o.Missing("model", "")
	}
	if err := b.Err(); err != nil {
		a.fail(w, err)
		return
	}
	if _, err := PullParams.Check(o, exchange.Strict(r)); err != nil {
		a.fail(w, err)
		return
	}
	reports, err := a.x.Pull(r, name)
	if err != nil {
		a.fail(w, err)
		return
	}
	a.download(w, reports, stream)
}

// download writes how a download goes on: each report as it comes, or how it ended.
func (a *API) download(w http.ResponseWriter, reports iter.Seq2[provider.PullProgress, error], stream bool) {
	open := false
	for p, err := range reports {
		switch {
		case err != nil && open:
			_ = writeLine(w, errorBody{a.x.FailureOf(err).Message}) // the client may have left
			return
		case err != nil:
			a.fail(w, err)
			return
		case !stream:
			continue
		case !open:
			open = true
			w.Header().Set("Content-Type", "application/x-ndjson")
			w.WriteHeader(http.StatusOK)
		}
		if err := writeLine(w, progress{p.Status, p.Digest, p.Total, p.Completed}); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush() // what it is for comes with the next
	}
	if !stream {
		writeJSON(w, http.StatusOK, progress{Status: "success"})
	}
}
