package exchange_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
)

type framed struct {
	Model string `json:"model"`
	Delta struct {
		Text string `json:"text"`
	} `json:"delta"`
	End *string `json:"end"`
}

func checkFrame(t *testing.T, model, text string) {
	t.Helper()
	event := framed{Model: model}
	event.Delta.Text = exchange.FrameText
	f, err := exchange.NewFrame("delta", event)
	if err != nil {
		t.Fatal(err)
	}
	var want, got bytes.Buffer
	event.Delta.Text = text
	if err := exchange.WriteEvent(&want, "delta", event); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(&got, text); err != nil {
		t.Fatal(err)
	}
	if got.String() != want.String() {
		t.Errorf("%q by %q is written as\n%s, and encoded as\n%s", text, model, &got, &want)
	}
}

// An event that is written by its frame is the one that the encoder writes, to the byte.
func TestAFrameWritesWhatTheEncoderDoes(t *testing.T) {
	for _, text := range []string{
		"", "a", " word", "line\nline\r\n\ttab", `"quoted" \ and / slashed`, "</script><b>&amp;", "\x00", "\x00\x00", "\x01\b\f\v\x1b[31m\x7f",
		"caffè, 東京, 👍🏽, e\u0301", "\u2028\u2029", "\ufeff\ufffd", "half \xf0\x9f", "\xff", "\xed\xa0\x80", `"\u0000"`, `\u0000`,
	} {
		for _, model := range []string{"qwen3:8b", "\x00", `a "model" <b>`, `"\u0000"`} {
			checkFrame(t, model, text)
		}
	}
}

func FuzzFrame(f *testing.F) {
	f.Add("m", "a text\n")
	f.Fuzz(checkFrame)
}

// What has no place for a text is no frame.
func TestAnExampleNeedsTheText(t *testing.T) {
	if _, err := exchange.NewFrame("", json.RawMessage(`{}`)); err == nil {
		t.Error("a frame without a place for its text is taken")
	}
}

// A text takes no memory but the event's, which is used again.
func TestFramesAllocateNothing(t *testing.T) {
	event := framed{}
	event.Delta.Text = exchange.FrameText
	f, err := exchange.NewFrame("delta", event)
	if err != nil {
		t.Fatal(err)
	}
	w := exchange.NewEventWriter(discard{})
	if n := testing.AllocsPerRun(100, func() { _ = f.Write(w, "some \"words\"\nof an answer ") }); n > 0 {
		t.Errorf("an event takes %v allocations", n)
	}
}

type discard struct{}

func (discard) Write(data []byte) (int, error) { return len(data), nil }
