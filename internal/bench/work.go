package bench

import "context"

// The pieces of work. Each is done by the floor, by Tandem, and where it can
// be by the peers, and gives the same answer from all of them.
const (
	Chain    = "chain"    // two prompts, the first answer inside the second prompt
	Stream   = "stream"   // one prompt, its answer as a stream, put together
	Template = "template" // a prompt with two variables, rendered
)

// Work does one piece of work and returns its answer. It is safe for
// concurrent use.
type Work func(context.Context) (string, error)

// Works are one competitor's pieces of work, by name.
type Works map[string]Work

// The prompts of the chain, as the floor and as a template write them.
const (
	titleFormat  = "Write a title for a play about %s set in %s."
	titlePrompt  = "Write a title for a play about {subject} set in {city}."
	reviewFormat = "Write a review of this play: %s"
	reviewPrompt = "Write a review of this play: {title}"
	streamPrompt = "Tell me a story."
	fakeModel    = "fake"
	fakeKey      = "sk-not-a-key" // the fake server asks for none
	idleConns    = 512            // kept alive by the floor, as by Tandem
)

// subject and city are variables, so that the compiler cannot render them.
var subject, city = "apples", "Rome"
