package provider

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Size says how much the request sends, and nothing of what it says: "the
// prompt (1 message, 42 characters)".
func (r *Request) Size() string {
	chars, images := 0, 0
	for _, m := range r.Messages {
		chars += utf8.RuneCountInString(m.Text)
		images += len(m.Images)
	}
	text := fmt.Sprintf("the prompt (%s, %s", count(len(r.Messages), "message"), count(chars, "character"))
	if images > 0 {
		text += ", " + count(images, "image")
	}
	return text + ")"
}

// Size says how much the request sends: "the input (2 texts, 42 characters)".
func (r *EmbedRequest) Size() string {
	chars := 0
	for _, text := range r.Input {
		chars += utf8.RuneCountInString(text)
	}
	return fmt.Sprintf("the input (%s, %s)", count(len(r.Input), "text"), count(chars, "character"))
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// Refused completes an error of Kind [Private] or [Offline] with what was not
// sent, such as [Request.Size], and where it would have gone, such as "to
// https://api.openai.com (openai, gpt-4o-mini)". Any other error, or one of a
// prompt that was sent all the same, comes back as it is.
func Refused(err error, what, where string) error {
	var e *Error
	if !errors.As(err, &e) || (e.Kind != Private && e.Kind != Offline) || e.Sent {
		return err
	}
	out := *e
	out.Err = &refusal{cause: e.Err, text: what + " would have gone " + where}
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
