package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Pieces of an answer that come together may go on together, and none waits for another:
// the engine says the next one when the client has read the one before.
func TestNoPieceOfAStreamWaitsForAnother(t *testing.T) {
	const pieces = 20
	for _, d := range spoken {
		t.Run(d.path, func(t *testing.T) {
			read := make(chan struct{})
			engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if r.URL.Path == "/v1/models" {
					_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"m","object":"model"}]}`)
					return
				}
				for i := range pieces {
					says(strings.Replace(piece, "Half of", fmt.Sprintf("piece %d and ", i), 1))(w)
					select {
					case <-read:
					case <-r.Context().Done():
						return
					}
				}
				says(ended, "[DONE]")(w)
			}))
			t.Cleanup(engine.Close)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // instead of forever
			defer cancel()
			bodies := d.bodies()
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, inFront(t, engine.URL)+d.path, strings.NewReader(bodies[1]))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			got, lines := 0, bufio.NewScanner(res.Body)
			for lines.Scan() {
				if got < pieces && strings.Contains(lines.Text(), fmt.Sprintf("piece %d and", got)) {
					got++
					select {
					case read <- struct{}{}:
					case <-ctx.Done():
					}
				}
			}
			if got != pieces || lines.Err() != nil {
				t.Errorf("%d pieces came, want %d; %v", got, pieces, lines.Err())
			}
		})
	}
}
