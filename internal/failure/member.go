package failure

import "errors"

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
