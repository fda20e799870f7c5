package gateway

import (
	"net/http"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
)

// unknown answers a request that no handler of mux takes: the path does not exist (404),
// or not with this method (405, with the methods that it takes in Allow).
func (s *Server) unknown(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		allowed := methodsOf(mux, r)
		if len(allowed) == 0 {
			s.Fail(w, r, &exchange.Failure{
				Status: http.StatusNotFound, Code: exchange.CodeNoRoute, Message: "there is no " + printable(r.URL.Path) + " here; see docs/serve.md for the paths",
			})
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		usable := slices.DeleteFunc(slices.Clone(allowed), func(m string) bool { return m == http.MethodHead })
		s.Fail(w, r, &exchange.Failure{
			Status: http.StatusMethodNotAllowed, Code: exchange.CodeMethod, Message: printable(r.URL.Path) + " does not take " + printable(r.Method) + ": use " + strings.Join(usable, " or "),
		})
	}
}

// methodsOf are the methods with which mux has a handler for the request's path.
func methodsOf(mux *http.ServeMux, r *http.Request) (methods []string) {
	other := r.WithContext(r.Context()) // a copy
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other.Method = m
		if _, pattern := mux.Handler(other); pattern != "" && pattern != "/" {
			methods = append(methods, m)
		}
	}
	return methods
}

// printable is a path as a message may hold it.
func printable(path string) string {
	if len(path) > 200 {
		path = path[:200] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, path)
}
