package bench

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// The long answer is as long as is said, and whole for Tandem's checks.
func TestLongAnswerIsWhole(t *testing.T) {
	server := httptest.NewServer(Upstream())
	defer server.Close()
	stack, err := tandemStack(server.URL + "/long/v1")
	if err != nil {
		t.Fatal(err)
	}
	chunks := 0
	var text strings.Builder
	for c, err := range stack.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User(streamPrompt)}}) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Text != "" {
			chunks++
			text.WriteString(c.Text)
		}
	}
	stack.Close()
	if chunks != LongChunks || !strings.HasPrefix(text.String(), Answer()) {
		t.Errorf("%d chunks, %.40q…", chunks, text.String())
	}
}
