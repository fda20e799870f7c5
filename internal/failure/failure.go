// Package failure completes the errors of providers: who failed, what was not
// sent and where it would have gone, and whether another provider may answer.
package failure

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// Named returns err with who failed, where it is a *[provider.Error].
func Named(err error, name, model string) error {
	var e *provider.Error
	if !errors.As(err, &e) {
		return err
	}
	out := *e
	out.Provider, out.Model = name, model
	return &out
}

// ErrNoFallback is found by errors.Is in an error after which, as the user
// configured it, no other provider may answer. See [NoFallback].
var ErrNoFallback = errors.New("no fallback is allowed")

// NoFallback marks err with [ErrNoFallback].
func NoFallback(err error) error { return Mark(err, ErrNoFallback) }

// What an adapter knows of a failure beyond its Kind. The command line tells by
// them what to do next.
var (
	ErrDrained       = errors.New("the host takes no new calls, because its user drained it")
	ErrNotPulled     = errors.New("the server could download the model")
	ErrNoModel       = errors.New("the server has no model that can answer")
	ErrCloudDisabled = errors.New("the server may not use cloud models")
	ErrKeyInHeader   = errors.New("a server before this one wants a key")
	ErrDiskFull      = errors.New("the server's disk is full")
	ErrSignIn        = errors.New("the server is not signed in where the model runs")
)

// Mark returns err with its text unchanged, in which errors.Is finds mark.
func Mark(err, mark error) error { return marked{err, mark} }

type marked struct {
	error
	mark error
}

func (m marked) Is(target error) bool { return target == m.mark }
func (m marked) Unwrap() error        { return m.error }

// PromptNotSent completes an error of Kind [provider.Private] or
// [provider.Offline] with the size of the prompt that was not sent, and where
// it would have gone, such as "to https://api.openai.com (openai,
// gpt-4o-mini)". Nothing of the prompt's text is told. Any other error, or one
// of a prompt that was sent all the same, comes back as it is.
func PromptNotSent(err error, req *provider.Request, where string) error {
	return notSent(err, func() string { return promptSize(req) }, where)
}

// InputNotSent is [PromptNotSent] for texts to embed.
func InputNotSent(err error, req *provider.EmbedRequest, where string) error {
	return notSent(err, func() string { return inputSize(req) }, where)
}

func notSent(err error, what func() string, where string) error {
	var e *provider.Error
	if !errors.As(err, &e) || (e.Kind != provider.Private && e.Kind != provider.Offline) || e.Sent {
		return err
	}
	out := *e
	out.Err = &refusal{cause: e.Err, text: what() + " would have gone " + where}
	return &out
}

type refusal struct {
	cause error
	text  string
}

func (r *refusal) Error() string {
	if r.cause == nil {
		return r.text
	}
	return r.cause.Error() + "; " + r.text
}

func (r *refusal) Unwrap() error { return r.cause }

// promptSize is such as "the prompt (1 message, 42 characters)".
func promptSize(r *provider.Request) string {
	chars, images := 0, 0
	for _, m := range r.Messages {
		chars += utf8.RuneCountInString(m.Text)
		images += len(m.Images)
	}
	text := fmt.Sprintf("the prompt (%s, %s", textx.Count(len(r.Messages), "message"), textx.Count(chars, "character"))
	if images > 0 {
		text += ", " + textx.Count(images, "image")
	}
	return text + ")"
}

// inputSize is such as "the input (2 texts, 42 characters)".
func inputSize(r *provider.EmbedRequest) string {
	chars := 0
	for _, text := range r.Input {
		chars += utf8.RuneCountInString(text)
	}
	return fmt.Sprintf("the input (%s, %s)", textx.Count(len(r.Input), "text"), textx.Count(chars, "character"))
}
