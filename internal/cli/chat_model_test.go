package cli

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A model that answers no messages is not taken for a chat; one of which that is not
// known is.
func TestChatRefusesAModelThatCannotChat(t *testing.T) {
	for _, tc := range []struct {
		what, show string
		code       int
	}{
		{"embeddings only", `{"capabilities":["embedding"]}`, exitUsage},
		{"it chats", `{"capabilities":["completion","tools"]}`, exitOK},
		{"not told", `{}`, exitOK},
		{"an error", `not JSON`, exitOK},
	} {
		engine := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			body, _ := io.ReadAll(r.Body)
			switch {
			case r.URL.Path == "/api/show" && strings.Contains(string(body), "other"):
				fmt.Fprint(w, tc.show)
			case r.URL.Path == "/api/show":
				fmt.Fprint(w, `{"capabilities":["completion"]}`)
			default:
				fmt.Fprint(w, `{"version":"0.33.3","models":[{"name":"small:latest"},{"name":"other:latest"}]}`)
			}
		})
		code, out, errs := askedOf(t, engine, "/model other\n", "chat")
		if refused := strings.Contains(errs, "cannot chat"); code != tc.code || refused != (tc.code != exitOK) {
			t.Errorf("%s: %d\n%s%s", tc.what, code, out, errs)
		}
	}
}
