package bench

import (
	"context"
	"strconv"
)

// The pieces of work. Chain, Stream and FString are done by all, with the same
// answer; of the others a peer does what it has an equal of.
const (
	Chain     = "chain"    // two prompts, the first answer inside the second prompt
	Stream    = "stream"   // one prompt, its answer as a stream, put together
	InProcess = "layer"    // Chain on a model inside the process: no HTTP, no time
	Each      = "each"     // a prompt for each of many items, a few at a time, on the same model
	Batch     = "batch"    // a prompt for each of many rows, on a server that is saturated
	FString   = "template" // a prompt with two variables, rendered
	Mustache  = "mustache" // a list with its items' fields, rendered
	Jinja2    = "jinja2"   // the same
)

// Work does one piece of work and returns its answer. It is safe for
// concurrent use.
type Work func(context.Context) (string, error)

// Works are one competitor's pieces of work, by name.
type Works map[string]Work

// The prompts, as the floor and as a template write them.
const (
	titleFormat  = "Write a title for a play about %s set in %s."
	titlePrompt  = "Write a title for a play about {subject} set in {city}."
	reviewFormat = "Write a review of this play: %s"
	reviewPrompt = "Write a review of this play: {title}"
	itemFormat   = "Summarise: %s"
	itemPrompt   = "Summarise: {item}"
	streamPrompt = "Tell me a story."
	fakeModel    = "fake"
	fakeKey      = "sk-not-a-key" // the fake server asks for none
	idleConns    = 512            // kept alive by the floor, as by Tandem
)

// The templates with a list in them, which make the same text.
const (
	mustacheText = "Plays by {{author}}:\n{{#plays}}- {{title}}, set in {{city}}\n{{/plays}}Which one is about {{subject}}?"
	jinja2Text   = "Plays by {{ author }}:\n{% for play in plays %}- {{ play.title }}, set in {{ play.city }}\n{% endfor %}Which one is about {{ subject }}?"
)

// subject and city are variables, so that the compiler cannot render them.
var subject, city = "apples", "Rome"

// variables makes the map anew each time, as a program would.
func variables() map[string]any {
	return map[string]any{"subject": subject, "city": city}
}

// plays are the values of the templates with a list, made anew each time.
func plays() map[string]any {
	list := make([]any, 5)
	for i := range list {
		list[i] = map[string]any{"title": titles[i], "city": city}
	}
	return map[string]any{"author": "Nobody", "subject": subject, "plays": list}
}

var titles = [...]string{"The Core", "The Peel", "The Stem", "The Pip", "The Worm"}

// items are what Each has a prompt for.
func items() []any {
	list := make([]any, eachItems)
	for i := range list {
		list[i] = "item " + strconv.Itoa(i)
	}
	return list
}

const (
	eachItems  = 10_000
	eachAtOnce = 4
)
