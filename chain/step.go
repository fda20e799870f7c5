package chain

import (
	"io/fs"
	"time"

	"github.com/tandem-llm/tandem/chain/output"
	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/provider"
)

// Step is one step of a chain. It does one thing: it asks a model (Prompt,
// Messages or PromptFrom), fills in a text (Text), computes (Transform), runs
// other steps (Steps, Parallel, Route, Chain), or looks passages up (Retrieve).
// What it leaves unset comes from the step around it, from [Defaults], and then
// from the engine.
type Step struct {
	// Name is what later steps call the step's value: {name}. An identifier,
	// unique among the steps in the same list and around it. It may be left out
	// in a chain of one step ("answer") and in a pipe ("step1", "step2", …).
	Name string

	// Prompt is the template of the one user message, and System that of a
	// system message before it. Messages are the templates of a whole
	// conversation, in place of both, and PromptFrom is a prompt made
	// elsewhere.
	Prompt     string
	System     string
	Messages   []Message
	PromptFrom *prompt.Prompt

	// Text is a template whose text is the step's value; no model is asked.
	Text string
	// Transform is an expression in expr-lang (https://expr-lang.org) over the
	// variables: its value, of any type, is the step's. No model is asked.
	Transform string
	// Steps run one after the other; the value is the last one's. Only these
	// steps can use each other's names.
	Steps []Step
	// Parallel are steps that run at the same time. The value is a mapping of
	// their names to their values, and each name is a variable of later steps.
	Parallel []Step
	// Route runs one of several steps.
	Route *Route
	// Chain is a chain run as a step. Its inputs are the variables of the same
	// names, or what With gives: expressions, by input.
	Chain *Chain
	With  map[string]string
	// Retrieve looks passages up.
	Retrieve *Retrieve

	// Format is the syntax of the step's templates; empty: f-string. Partial
	// gives some of their variables values. Partials are what mustache's
	// {{>name}} stands for.
	Format   template.Format
	Partial  map[string]any
	Partials map[string]string
	// Images are templates of pictures that go with Prompt, and Dir is the
	// directory of their files, in FS where that is set: see [prompt.Message] and
	// [prompt.Options].
	Images []string
	Dir    string
	FS     fs.FS
	// Examples show the model how to answer.
	Examples *prompt.Examples

	// When is an expression: if it is false, the step is skipped, and its value
	// is the text Else. A step whose value is used needs an Else.
	When string
	Else *string
	// Each is an expression for a list. The step runs for each element, which
	// is the variable As (default "item"), Concurrency of them at a time
	// (default 4); the value is the list of values, in order.
	Each string
	As   string
	// Concurrency bounds how many elements of Each, or branches of Parallel,
	// run at a time.
	Concurrency int
	// Repeat runs the step again and again.
	Repeat *Repeat

	// Parse makes a value of the answer; nil: the text itself. Schema makes the
	// answer JSON that the schema accepts; the value is the parsed JSON. Set at
	// most one of them.
	Parse  Parser
	Schema *provider.Schema
	// Tools names the tools that the model may call. See [WithTools].
	Tools []string

	// The settings, as in [provider.Request]. A step that names providers in
	// Use without a Model gets their own default model, not that of Defaults.
	Use         []string
	Model       string
	Temperature *float64
	TopP        *float64
	Seed        *int64
	MaxTokens   *int
	Stop        []string
	Think       provider.Thinking
	Privacy     provider.Privacy
	Options     map[string]any

	// Share lets later prompts leave this machine although they may contain
	// this step's value. Without it, an answer made under privacy local, by
	// this step or an inner one, makes the steps after it run under privacy
	// local too. It does not release passages of a local collection, and never
	// loosens privacy that [Defaults] set.
	Share bool

	// Retries is how often the model is asked again for an answer that broke
	// off, is empty, or cannot be parsed; the model is told why. Other failures
	// of a provider are for the router. On a step with inner steps, it is the
	// default for those that set none.
	Retries int
	// Timeout is how long the step may take, everything included; with Each and
	// Repeat, each time. 0: no limit.
	Timeout time.Duration
	// Fallback runs when the step has failed, and its value is the step's.
	Fallback *Step

	src      *source // where it is in a file
	question string  // the key that Prompt stands under there; "": prompt
}

// Message is one message of a [Step]: its role, and the template of its text.
type Message = prompt.Message

// Route chooses one of Branches, by an expression whose value is its name (By),
// or by the model's answer to the template Question. Default names the branch
// for every other value of By; without it such a value is an error.
type Route struct {
	By       string
	Question string
	Branches []Step
	Default  string
}

// Repeat runs a step until the expression Until is true, at most Max times (1
// to 1000). The step's own name is the value of the round before, and Start, an
// expression, the value before the first; without Start the name is not
// available in the step itself. If Until is still false after Max rounds, the
// step fails, unless Keep is set: then the last value counts. Without Until
// there are Max rounds.
type Repeat struct {
	Until string
	Max   int
	Start string
	Keep  bool
}

// Retrieve searches Collection for the passages closest in meaning to Query, a
// template. The value is at most K of them (0: 4), with their sources, as text.
// MMR prefers passages that differ from each other.
type Retrieve struct {
	Collection string
	Query      string
	K          int
	MMR        bool
}

// Type is what a value is, as far as it is known before a run.
type Type = output.Type

// The types of values.
const (
	TypeAny    = output.TypeAny // not known
	TypeText   = output.TypeText
	TypeList   = output.TypeList
	TypeMap    = output.TypeMap
	TypeBool   = output.TypeBool
	TypeNumber = output.TypeNumber
	TypeTime   = output.TypeTime
)

// Parser makes a value of a model's answer. Package output has them. One that
// also has a method Type() [Type] says what its values are.
type Parser interface {
	// Parse returns the value; an error says what was expected and found.
	Parse(text string) (any, error)
	// Instructions tell a model how to answer, for a prompt.
	Instructions() string
}
