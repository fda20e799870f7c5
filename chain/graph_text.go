package chain

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/chain/template"
)

// traits are what a drawing says about a step besides its name.
func (s *step) traits() []string {
	var t []string
	switch b := s.body.(type) {
	case *ask:
		t = append(t, "asks "+asked(s))
		if b.schema != nil {
			t = append(t, "JSON by a schema")
		}
		if len(b.tools) > 0 {
			t = append(t, "tools "+strings.Join(b.tools, ", "))
		}
	case *transform:
		t = append(t, b.expression.shown())
	case *textBody:
		t = append(t, "text")
	case *lookup:
		t = append(t, "looks up in "+b.collection)
	case *sub:
		if b.chain.name != "" {
			t = append(t, "chain "+b.chain.name)
		}
	}
	if s.when != nil {
		t = append(t, "when "+s.when.shown())
	}
	if s.each != nil {
		t = append(t, fmt.Sprintf("for each %s of %s, %d at a time", s.each.as, s.each.over.shown(), s.each.concurrency))
	}
	if r := s.repeat; r != nil && r.until != nil {
		t = append(t, fmt.Sprintf("until %s, at most %d times", r.until.shown(), r.max))
	} else if r != nil {
		t = append(t, fmt.Sprintf("%d times", r.max))
	}
	if s.retries > 0 {
		t = append(t, fmt.Sprintf("retries %d", s.retries))
	}
	if s.timeout > 0 {
		t = append(t, "within "+s.timeout.String())
	}
	return t
}

// asked is whom a step names, as far as it names anybody.
func asked(s *step) string {
	who := "the model"
	switch use := strings.Join(s.settings.Use, ", else "); {
	case use != "" && s.settings.Model != "":
		who = use + " (" + s.settings.Model + ")"
	case use != "":
		who = use
	case s.settings.Model != "":
		who = s.settings.Model
	}
	return who
}

// uses are the variables of what a step does itself; leaf is false for a step
// that others are in.
func (s *step) uses() (names []string, leaf bool) {
	switch b := s.body.(type) {
	case *ask:
		return promptNames(b.prompt), true
	case *textBody:
		return templateNames(b.template), true
	case *transform:
		return b.expression.variables(), true
	case *lookup:
		return templateNames(b.query.template), true
	}
	return nil, false
}

// controls are the variables of when and how often a step runs. The end of a
// loop is about the step's own value, too.
func (s *step) controls() []string {
	names := s.when.variables()
	if s.each != nil {
		names = append(names, s.each.over.variables()...)
	}
	if s.repeat != nil {
		names = append(names, s.repeat.start.variables()...)
		for _, name := range s.repeat.until.variables() {
			if name != s.repeat.as {
				names = append(names, name)
			}
		}
	}
	return names
}

func (e *expression) variables() []string {
	if e == nil {
		return nil
	}
	return slices.Clone(e.names)
}

// shown is the expression, on one line and not too long.
func (e *expression) shown() string {
	text := []rune(oneLine(e.text))
	if len(text) > 60 {
		return string(text[:59]) + "…"
	}
	return string(text)
}

func promptNames(p *prompt.Prompt) []string {
	var names []string
	for _, v := range p.Vars() {
		names = append(names, v.Name)
	}
	return names
}

func templateNames(t *template.Template) []string {
	var names []string
	for _, v := range t.Vars() {
		names = append(names, v.Name)
	}
	return names
}

// quoted is a text as Mermaid takes it: whatever might mean something to it, or
// to a browser, is written as a character's number.
func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_-.,:/+=?!()·…", r):
			b.WriteRune(r)
		case unicode.IsControl(r):
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
