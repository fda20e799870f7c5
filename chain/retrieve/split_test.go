package retrieve_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/chain/retrieve"
)

// The file is made by scripts/goldens_split.py from LangChain's own splitter.
func TestSplitCutsWhereLangChainDoes(t *testing.T) {
	raw, err := os.ReadFile("testdata/split.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		MadeWith string `json:"made_with"`
		Cases    []struct {
			Text          string
			Size, Overlap int
			Want          []string
		}
	}
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) < 100 {
		t.Fatalf("%d cases, want at least 100", len(golden.Cases))
	}
	for i, c := range golden.Cases {
		passages, err := retrieve.Splitter{Size: c.Size, Overlap: c.Overlap}.Split("f", c.Text)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, p := range passages {
			got = append(got, p.Text)
		}
		if !slices.Equal(got, c.Want) {
			t.Errorf("case %d (%d/%d) of %q:\n got %q\n%s: %q", i, c.Size, c.Overlap, c.Text, got, golden.MadeWith, c.Want)
		}
		checkPlaces(t, c.Text, passages)
	}
}

// checkPlaces: a passage lies in its text where it says it does.
func checkPlaces(t *testing.T, text string, passages []retrieve.Passage) {
	t.Helper()
	for _, p := range passages {
		if !strings.HasPrefix(text[p.Offset:], p.Text) || p.Line != 1+strings.Count(text[:p.Offset], "\n") {
			t.Fatalf("%q is said to begin at byte %d, line %d of %q", p.Text, p.Offset, p.Line, text)
		}
	}
}

func TestLinesAreWholeAndBlankOnesNone(t *testing.T) {
	text := "one\r\n\n  \n two, which is long \nthree"
	passages, err := retrieve.Splitter{Lines: true}.Split("f", text)
	if err != nil {
		t.Fatal(err)
	}
	want := []retrieve.Passage{
		{Text: "one", Source: "f", Line: 1},
		{Text: "two, which is long", Source: "f", Line: 4, Offset: 10},
		{Text: "three", Source: "f", Line: 5, Offset: 30},
	}
	if !slices.Equal(passages, want) {
		t.Errorf("%+v, want %+v", passages, want)
	}
}

// A text from Windows has the paragraphs that it has elsewhere.
func TestParagraphsOfWindows(t *testing.T) {
	para := func(n int) string { return strings.Repeat("word ", 8) + "end " + strings.Repeat("x", n) }
	for _, ends := range [][2]string{{"\n", "\n\n"}, {"\r\n", "\r\n\r\n"}, {"\r\n", "\r\n\r\n\r\n"}, {"\n", "\r\n\r\n"}} {
		text := para(1) + ends[0] + para(2) + ends[1] + para(3) + ends[0] + para(4) + ends[1] + para(5) + ends[0]
		passages, err := retrieve.Splitter{Size: 120}.Split("f", text)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{para(1) + ends[0] + para(2), para(3) + ends[0] + para(4), para(5)}
		for i, p := range passages {
			if i >= len(want) || p.Text != want[i] {
				t.Errorf("%q: passage %d is %q", ends, i, p.Text)
			}
		}
		if len(passages) != len(want) {
			t.Errorf("%q: %d passages, want %d", ends, len(passages), len(want))
		}
		checkPlaces(t, text, passages)
	}
}

func TestSplitterRefusesSizesThatCannotBe(t *testing.T) {
	for _, s := range []retrieve.Splitter{{Size: -1}, {Overlap: -1}, {Size: 10, Overlap: 11}, {Lines: true, Size: 10}} {
		if _, err := s.Split("f", "text"); err == nil {
			t.Errorf("%+v splits", s)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("one\n\ntwo three\nfour", 5, 2, false)
	f.Add("日本語の文章", 2, 1, false)
	f.Add(" \n a \r\n b", 1, 0, true)
	f.Add("\xff\xfe\n\n\x00", 1, 1, false)
	f.Fuzz(func(t *testing.T, text string, size, overlap int, lines bool) {
		s := retrieve.Splitter{Size: size, Overlap: overlap, Lines: lines}
		passages, err := s.Split("f", text)
		if (err != nil) != (s.Check() != nil) {
			t.Fatalf("Split: %v, Check: %v", err, s.Check())
		}
		checkPlaces(t, text, passages)
		covered := 0 // no text is lost between two passages
		for _, p := range passages {
			if p.Text == "" {
				t.Fatal("an empty passage")
			}
			if !lines && size > 0 && utf8.RuneCountInString(p.Text) > size {
				t.Fatalf("%q is longer than %d characters", p.Text, size)
			}
			if p.Offset > covered && !blank(text[covered:p.Offset]) {
				t.Fatalf("%q was left out", text[covered:p.Offset])
			}
			covered = max(covered, p.Offset+len(p.Text))
		}
		if err == nil && !blank(text[covered:]) {
			t.Fatalf("the end was left out: %q", text[covered:])
		}
	})
}

func blank(text string) bool {
	return strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }) == ""
}
