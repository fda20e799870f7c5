// Package diag says what is wrong with a file, and where: an [Error] has file,
// line, column and a remedy. Every reader of files returns it, whatever the
// format; package chain and package config export it under names of their own.
package diag

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Error is a problem in a file, and what to do about it.
type Error struct {
	File    string
	Line    int    // from 1; 0: the file as a whole
	Column  int    // from 1, in characters; 0: the line as a whole
	Message string // what is wrong
	Remedy  string // what to do; may be empty
	Err     error  // the cause, or nil; not part of the text
}

// Error gives one line: `config.yaml:3:5: unknown key "temprature"; did you
// mean "temperature"?`.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Position())
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(e.Message)
	if e.Remedy != "" {
		b.WriteString("; ")
		b.WriteString(e.Remedy)
	}
	return b.String()
}

// Position is `file:line:column`, as far as it is known.
func (e *Error) Position() string {
	switch {
	case e.Line == 0:
		return e.File
	case e.Column == 0:
		return fmt.Sprintf("%s:%d", e.File, e.Line)
	default:
		return fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
	}
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Join returns one error that holds errs, sorted by line and column within each
// file. It returns nil when there are none, and the error itself when there is
// one.
func Join(errs ...error) error {
	errs = slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
	slices.SortStableFunc(errs, func(a, b error) int {
		var x, y *Error
		if !errors.As(a, &x) || !errors.As(b, &y) || x.File != y.File {
			return 0
		}
		return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column))
	})
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// Split returns the errors that [Join] and errors.Join put together, however
// deep; none for nil. Other errors that wrap several are left whole.
func Split(err error) []error {
	if err == nil {
		return nil
	}
	if fmt.Sprintf("%T", err) != "*errors.joinError" {
		return []error{err}
	}
	var all []error
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() { //nolint:errorlint // a plain list, taken apart
		all = append(all, Split(e)...)
	}
	return all
}

// Quote returns a value from a file in quotes and shortened, or only its length
// when it might be a secret.
func Quote(value string) string {
	switch runes := []rune(value); {
	case LooksSecret(value):
		return fmt.Sprintf("a string of %d characters", len(runes))
	case len(runes) > 40:
		return fmt.Sprintf("%q…", string(runes[:40]))
	default:
		return fmt.Sprintf("%q", value)
	}
}

// LooksSecret reports whether a word of value could be a key or token: one that
// holds sk-, or a long one of letters and digits.
func LooksSecret(value string) bool {
	for _, word := range strings.Fields(value) {
		if strings.Contains(word, "sk-") ||
			len(word) >= 16 && strings.ContainsFunc(word, unicode.IsLetter) && strings.ContainsFunc(word, unicode.IsDigit) {
			return true
		}
	}
	return false
}
