package openai_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// TestThinkingInTheText: of a server without a reasoning parser, the answer comes
// without what was thought, cut anywhere, and with tool calls behind it.
func TestThinkingInTheText(t *testing.T) {
	for name, c := range map[string]struct{ text, thinking, answer string }{
		"a block":            {"<think>\nEasy: ö.\n</think>\n\nParis.", "Easy: ö.\n", "Paris."},
		"two blocks":         {"<think>One.</think><think>Two.</think>Paris.", "One.\n\nTwo.", "Paris."},
		"Magistral":          {"[THINK]Easy.[/THINK]Paris.", "Easy.", "Paris."},
		"no opening tag":     {"Easy.\n</think>\n\nParis.", "Easy.\n", "Paris."},
		"not closed":         {" <think>Easy, but", "Easy, but", ""},
		"a tag in an answer": {"Use `<think>` and `</think>`.", "", "Use `<think>` and `</think>`."},
	} {
		for size := range len(c.text) {
			var deltas []string
			for rest := c.text; rest != ""; {
				n := min(len(rest), max(size, 1))
				for n < len(rest) && rest[n]&0xc0 == 0x80 {
					n++
				}
				text, _ := json.Marshal(rest[:n])
				deltas, rest = append(deltas, `{"content":`+string(text)+`}`), rest[n:]
			}
			r, err := saysAbsent(t, false, events("stop", deltas...))
			if err != nil || r.Text != c.answer || r.Thinking != c.thinking {
				t.Fatalf("%s, %d bytes a delta: thinking %q, text %q, %v", name, size, r.Thinking, r.Text, err)
			}
		}
		text, _ := json.Marshal(c.text)
		r, err := saysAbsent(t, true, whole("stop", `{"role":"assistant","content":`+string(text)+`}`))
		if err != nil || r.Text != c.answer || r.Thinking != c.thinking {
			t.Errorf("%s, whole: thinking %q, text %q, %v", name, r.Thinking, r.Text, err)
		}
	}
}

// TestThinkingBeforeToolCalls: tags are no text beside a call, and a server that
// separates thinking itself may write of tags.
func TestThinkingBeforeToolCalls(t *testing.T) {
	call := tc(fr("0", "a", "weather", oslo))
	for noStream, body := range map[bool]string{
		false: events("tool_calls", `{"content":"<think>I should"}`, `{"content":" look.</think>\n"}`, `{`+call+`}`),
		true:  whole("tool_calls", `{"content":"<think>I should look.</think>\n",`+call+`}`),
	} {
		r, err := saysAbsent(t, noStream, body)
		if err != nil || r.Thinking != "I should look." || r.Text != "" || len(r.ToolCalls) != 1 {
			t.Errorf("whole %v: %+v, %v", noStream, r, err)
		}
	}
	for noStream, body := range map[bool]string{
		false: events("stop", `{"reasoning_content":"Hm."}`, `{"content":"It ends with\n</think>\nthen."}`),
		true:  whole("stop", `{"reasoning_content":"Hm.","content":"It ends with\n</think>\nthen."}`),
	} {
		if r, err := saysAbsent(t, noStream, body); err != nil || r.Thinking != "Hm." || !strings.HasPrefix(r.Text, "It ends") {
			t.Errorf("whole %v: %+v, %v", noStream, r, err)
		}
	}
}

// TestChunksOfThinkingInTheText: thinking is passed on as it comes; what turns out
// to have been thinking is taken back once.
func TestChunksOfThinkingInTheText(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(events("stop", `{"content":"Ea"}`, `{"content":"sy.\n</think>"}`, `{"content":"\n\nPar"}`, `{"content":"is.\n</think>\n"}`)))
	}))
	defer srv.Close()
	var got []string
	for c, err := range newProvider(t, srv.URL).Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}}) {
		if err != nil || c.Restart != c.Thought {
			t.Fatalf("%+v, %v", c, err)
		}
		mark := ""
		if c.Thought {
			mark = "!"
		}
		got = append(got, mark+c.Thinking+"|"+c.Text)
	}
	if want := "|Ea |sy.\n !|Par |is.\n</think>\n |"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", strings.Join(got, " "), want)
	}
}
