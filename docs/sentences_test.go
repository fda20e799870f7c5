package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/cli"
)

// TestOneIdeaPerSentence finds sentences with two semicolons, in the pages and
// in the help of every command: such a sentence is two sentences, or a list.
func TestOneIdeaPerSentence(t *testing.T) {
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range crowded(prose(string(text))) {
			t.Errorf("%s: two semicolons in one sentence: %s", page, s)
		}
	}
	root := cli.Command()
	commands := 0
	for queue := append(root.Commands()[:0:0], root); len(queue) > 0; commands++ {
		c := queue[0]
		queue = append(queue[1:], c.Commands()...)
		texts := []string{c.Short, c.Long}
		for line := range strings.Lines(c.LocalFlags().FlagUsages()) {
			texts = append(texts, strings.TrimSpace(line))
		}
		for _, text := range texts {
			for _, s := range crowded(prose(text)) {
				t.Errorf("%s: two semicolons in one sentence: %s", c.CommandPath(), s)
			}
		}
	}
	if commands < 20 {
		t.Errorf("only %d commands", commands)
	}
}

func TestCrowdedSentencesAreFound(t *testing.T) {
	for text, want := range map[string]int{
		"One; two; three.":                       1,
		"One; two. Three; four.":                 0,
		"- one; two\n- three; four":              0,
		"- one; two\n  three; four":              1,
		"| a; b | c; d |":                        0,
		"| a; b; c | d |":                        1,
		"A `a; b; c` here.":                      0,
		"    code; of; three\n\nText.":           0,
		"```\ncode; of; three\n```\nText; more.": 0,
		"Wrapped; over\nlines; too.":             1,
		"One; two (see [x](y.md)). Three; four.": 0,
	} {
		if got := crowded(prose(text)); len(got) != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

var (
	codeSpan    = regexp.MustCompile("`[^`]*`")
	sentenceEnd = regexp.MustCompile(`[.!?:][)"*]*\s`)
	newItem     = regexp.MustCompile(`^\s*([-*#>]|\d+\.)\s`)
)

// prose returns the paragraphs, list items and table cells of a page, each on
// one line, without its code.
func prose(page string) []string {
	var out []string
	fenced, fresh := false, true
	for line := range strings.Lines(page) {
		line = strings.TrimRight(line, "\n")
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		fenced = fenced != fence
		switch {
		case fence, fenced, strings.HasPrefix(line, "    "), strings.TrimSpace(line) == "":
			fresh = true
			continue
		case strings.HasPrefix(line, "|"):
			out = append(out, strings.Split(codeSpan.ReplaceAllString(line, "code"), " | ")...)
			fresh = true
			continue
		case fresh, newItem.MatchString(line):
			out = append(out, "")
		}
		out[len(out)-1] += line + " "
		fresh = false
	}
	return out
}

// crowded returns the sentences that have more than one semicolon.
func crowded(paragraphs []string) []string {
	var out []string
	for _, p := range paragraphs {
		for _, s := range sentenceEnd.Split(codeSpan.ReplaceAllString(p, "code"), -1) {
			if strings.Count(s, ";") > 1 {
				out = append(out, strings.TrimSpace(s))
			}
		}
	}
	return out
}
