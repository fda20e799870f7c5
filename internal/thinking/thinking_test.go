package thinking_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/thinking"
)

var table = []struct {
	name, text, thinking, answer string
}{
	{"none", "Paris.", "", "Paris."},
	{"none, white space around", "\n Paris.\n", "", "\n Paris.\n"},
	{"empty", "", "", ""},
	{"white space alone", " \n", "", " \n"},
	{"DeepSeek-R1", "<think>\nEasy.\n</think>\n\nParis.", "Easy.\n", "Paris."},
	{"on one line", "<think>Easy.</think>Paris.", "Easy.", "Paris."},
	{"white space before", "\n\n  <think>Easy.</think> Paris.", "Easy.", "Paris."},
	{"Qwen3 told not to think", "<think>\n\n</think>\n\nParis.", "", "Paris."},
	{"thinking", "<thinking>Easy.</thinking>\nParis.", "Easy.", "Paris."},
	{"reasoning", "<reasoning>Easy.</reasoning>\nParis.", "Easy.", "Paris."},
	{"Gemini", "<thought>Easy.\n</thought>Paris.", "Easy.\n", "Paris."},
	{"Magistral", "[THINK]Easy.[/THINK]Paris.", "Easy.", "Paris."},
	{"Seed-OSS", "<seed:think>Easy.</seed:think>Paris.", "Easy.", "Paris."},
	{"Kimi-VL", "◁think▷Easy.◁/think▷Paris.", "Easy.", "Paris."},
	{"OpenThinker", "<|begin_of_thought|>\n\nEasy.\n\n<|end_of_thought|>\n\nParis.", "Easy.\n\n", "Paris."},
	{"gpt-oss", "<|channel|>analysis<|message|>Easy.<|end|><|start|>assistant<|channel|>final<|message|>Paris.", "Easy.", "Paris."},
	{"gpt-oss, without the end", "<|channel|>analysis<|message|>Easy.<|start|>assistant<|channel|>final<|message|>Paris.", "Easy.", "Paris."},
	{"gpt-oss, twice", "<|start|>assistant<|channel|>analysis<|message|>One.<|end|>\n<|start|>assistant<|channel|>analysis<|message|>Two.<|end|><|start|>assistant<|channel|>final<|message|>Paris.", "One.\n\nTwo.", "Paris."},
	{"gpt-oss, the answer alone", "<|channel|>final<|message|>Paris.", "", "Paris."},
	{"gpt-oss, its marks in another order", "<|channel|>analysis<|message|>Easy.<|start|>assistant<|end|>Paris.", "Easy.", "<|end|>Paris."},
	{"gpt-oss, cut", "<|channel|>analysis<|message|>Easy.<|en", "Easy.<|en", ""},
	{"gpt-oss, marks in the answer", "<|channel|>final<|message|>It writes <|channel|>analysis<|message|>x<|end|>.", "", "It writes <|channel|>analysis<|message|>x<|end|>."},
	{"gpt-oss, marks later", "It writes <|channel|>final<|message|>.", "", "It writes <|channel|>final<|message|>."},
	{"two blocks", "<think>One.</think>\n<think>\nTwo.</think>\nParis.", "One.\n\nTwo.", "Paris."},
	{"two blocks of two sorts", "<think>One.</think><reasoning>Two.</reasoning>Paris.", "One.\n\nTwo.", "Paris."},
	{"an empty block, then one", "<think></think><think>Two.</think>Paris.", "Two.", "Paris."},
	{"not closed", "<think>Easy, it", "Easy, it", ""},
	{"not closed, and part of the end", "<think>Easy</thin", "Easy</thin", ""},
	{"closed by another's tag", "<think>Easy.</thinking>Paris.", "Easy.</thinking>Paris.", ""},
	{"an opening tag within", "<think>Is <think> a tag?</think>Yes.", "Is <think> a tag?", "Yes."},
	{"nothing behind", "<think>Easy.</think>\n\n", "Easy.", ""},
	{"JSON behind", "<think>{}</think>\n{\"a\":1}", "{}", `{"a":1}`},
	{"no more than a beginning", "<thin", "", "<thin"},
	{"another tag", "<thinker>Rodin</thinker>", "", "<thinker>Rodin</thinker>"},
	{"a tag later", "The tag <think> opens it, </think> ends it.", "", "The tag <think> opens it, </think> ends it."},
	{"a tag later, on lines of its own", "Write:\n<think>\nHm.\n</think>\nand so on", "", "Write:\n<think>\nHm.\n</think>\nand so on"},
	{"a tag behind the answer's begin", "<think>Easy.</think>Use <think>x</think>.", "Easy.", "Use <think>x</think>."},
	{"a block after text", "Paris.\n<think>Sure?</think>", "", "Paris.\n<think>Sure?</think>"},
	{"code", "```xml\n<think>\nHm.\n</think>\n```\n", "", "```xml\n<think>\nHm.\n</think>\n```\n"},
	{"code behind thinking", "<think>Easy.</think>\n```\n<think>\n</think>\n```", "Easy.", "```\n<think>\n</think>\n```"},

	{"closed alone", "Easy.\n</think>\n\nParis.", "Easy.\n", "Paris."},
	{"closed alone, glued", "Easy.</think>Paris.", "Easy.", "Paris."},
	{"closed alone, at the end of a line", "Easy.</think>\nParis.", "Easy.", "Paris."},
	{"closed alone, thinking", "Easy.\n</thinking>\nParis.", "Easy.\n", "Paris."},
	{"closed alone, at once", "</think>\n\nParis.", "", "Paris."},
	{"closed alone, after a line end", "\n</think>\n\nParis.", "", "Paris."},
	{"closed alone, twice", "Easy.\n</think>\nIt ends with </think>\n</think>", "Easy.\n", "It ends with </think>\n</think>"},
	{"closed alone, and a block", "Easy.\n</think>\n<think>Sure.</think>\nParis.", "Easy.\n\n\nSure.", "Paris."},
	{"closed alone, code in the thinking", "So:\n```go\nx := `a`\n```\nRight.\n</think>\n\nParis.", "So:\n```go\nx := `a`\n```\nRight.\n", "Paris."},
	{"closed alone, a comparison in the thinking", "1 < 2, and </thi is none.\n</think>2", "1 < 2, and </thi is none.\n", "2"},
	{"closed alone, nothing behind", "Easy.\n</think>", "Easy.\n", ""},
	{"a closing tag in backquotes", "It ends with `</think>`.", "", "It ends with `</think>`."},
	{"a closing tag in quotes", "It ends with \"</think>\".", "", "It ends with \"</think>\"."},
	{"a closing tag in a sentence", "The tag </think> ends it.", "", "The tag </think> ends it."},
	{"a closing tag in a code block", "So:\n```\nHm.\n</think>\n```", "", "So:\n```\nHm.\n</think>\n```"},
	{"a closing tag in JSON", `{"a":"x</think>y"}`, "", `{"a":"x</think>y"}`},
	{"a closing tag in markup", "<p>x</think>y</p>", "", "<p>x</think>y</p>"},
}

func TestSplit(t *testing.T) {
	for _, c := range table {
		if got, answer := thinking.Split(c.text, false); got != c.thinking || answer != c.answer {
			t.Errorf("%s: thinking %q, answer %q; want %q, %q", c.name, got, answer, c.thinking, c.answer)
		}
		for size := 1; size < len(c.text); size++ {
			if got, answer := inPieces(c.text, size); got != c.thinking || answer != c.answer {
				t.Errorf("%s, %d bytes at a time: thinking %q, answer %q; want %q, %q", c.name, size, got, answer, c.thinking, c.answer)
			}
		}
	}
}

// inPieces separates a text that comes in pieces of about so many bytes.
func inPieces(text string, size int) (thought, answer string) {
	var s thinking.Splitter
	add := func(p thinking.Part) {
		if p.Before {
			thought, answer = thought+answer, ""
		}
		thought, answer = thought+p.Thinking, answer+p.Text
	}
	for text != "" {
		n := min(size, len(text))
		for n < len(text) && !utf8.RuneStart(text[n]) {
			n++
		}
		add(s.Add(text[:n]))
		text = text[n:]
	}
	add(s.End())
	return thought, answer
}

// FuzzSplitter: how a text is cut makes no difference, and of a text nothing is
// lost but tags and white space.
func FuzzSplitter(f *testing.F) {
	for _, c := range table {
		f.Add(c.text, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		text = strings.ToValidUTF8(text, "?")
		thought, answer := thinking.Split(text, false)
		if again, a := inPieces(text, int(size)+1); again != thought || a != answer {
			t.Errorf("%q: thinking %q, answer %q; in pieces of %d: %q, %q", text, thought, answer, size, again, a)
		}
		if !strings.HasSuffix(text, answer) && strings.TrimSpace(answer) != "" {
			t.Errorf("the answer to %q is %q", text, answer)
		}
		if thought == "" && !strings.ContainsAny(text, "<[◁") && answer != text {
			t.Errorf("%q became %q", text, answer)
		}
	})
}

// TestTextWithoutTagsIsNotCopied: separating costs nothing where there is nothing
// to separate.
func TestTextWithoutTagsIsNotCopied(t *testing.T) {
	pieces := strings.SplitAfter("The capital of France is Paris, a city on the Seine. `x` is > 1, and [y] is none.", " ")
	if n := testing.AllocsPerRun(100, func() {
		var s thinking.Splitter
		for _, p := range pieces {
			_ = s.Add(p)
		}
		_ = s.End()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestMemoryIsBounded: no more is held than a tag and the white space before it.
func TestMemoryIsBounded(t *testing.T) {
	for name, piece := range map[string]string{"white space": " ", "tags": "<", "thinking": "x</", "the end's beginning": "</thin"} {
		var s thinking.Splitter
		if name != "white space" {
			_ = s.Add("<think>")
		}
		in, out := 0, 0
		for range 5000 {
			p := s.Add(piece)
			in += len(piece)
			out += len(p.Text) + len(p.Thinking)
			if in-out > 1<<10+16 {
				t.Fatalf("%s: %d bytes are held", name, in-out)
			}
		}
	}
}
