package failure

import (
	"errors"

	"github.com/tandem-llm/tandem/provider"
)

// About returns err, its text unchanged, with the member of the request that it is
// about: the name of an option, or the member's name in OpenAI's API, such as seed or
// response_format.
func About(err error, member string) error { return about{err, member} }

type about struct {
	error
	member string
}

func (a about) Unwrap() error { return a.error }

// Member is the member of the request that err is about; "": it is not known.
func Member(err error) string {
	var a about
	if errors.As(err, &a) {
		return a.member
	}
	return ""
}

// MemberFor is the member of a request that needs a capability of the model, by its name
// in OpenAI's API; "": there is none.
func MemberFor(c provider.Capability) string {
	switch c {
	case provider.CanTools:
		return "tools"
	case provider.CanVision:
		return "messages"
	case provider.CanThink:
		return "reasoning_effort"
	case provider.CanInsert:
		return "suffix"
	}
	return ""
}
