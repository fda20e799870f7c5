package router_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/router"
)

// preface is the top of docs/failures.md.
const preface = `# What follows each failure

<!-- Written by a test. Do not edit: go test ./provider/router -run TestFailures -update -->

This page is what a test sees as it plays each failure on real sockets, to the adapter of each API (Ollama's own, OpenAI's), streamed and whole.
Where they differ, the line says which one it is about. The Ollama target is free, the OpenAI target is paid for. [The router](router.md) says
how it works.

- *Kind* is the error's kind, on which alone decisions are made; ` + "`--json` prints it as `error.kind`" + `.
- *Asked again*: how often the same target is asked once more when there is no other, and the most that is waited before each (full jitter: from
  nothing to that, after what the server asked for).
- *The next one is asked*: with another target behind it, that one answers, and its answer is the only one that is shown.
- *The reader has*: what was shown of the answer.
- *Sent*: the prompt may have reached a server there. The Route's ` + "`sent_to`" + ` says where.

In the test, the clocks run out after 60ms, and the bounds of an answer are 64 KiB.
`

// decisions are the bottom of the page.
const decisions = `
## What was decided, and why

- **A paid call is not repeated once it may have been charged**: it was sent, and no HTTP status refuses it. That holds for an empty
  answer, too: it was computed. ` + "`retry_paid: true`" + ` allows it. The next target may be asked all the same.
- **Our own clocks are not run twice.** A target that was silent until the clock ran out is not asked again: you set how long to wait. A server
  that says 408 or 504 is.
- **While another target could answer**, one that was not even reached is not asked again, and any other at most once and only if the wait is
  250ms or less. The last one has all the retries.
- **A refused key passes on**: the target cannot serve, and the reason stands in the route. Alone, it is exit code 4.
- **An overflow passes on** to a target whose window is larger, or not known, and so does a 413. Nothing is ever cut to fit.
- **400 and a content filter do not pass on.** Another server is not asked to overlook what one found wrong with the request.
- **An answer of nothing is no answer**, nor is white space. Asked again once, for a model may have better luck.
- **An answer that is not what a schema asks for is mended or is none.** Nothing of it is shown; the model is asked again, at most twice, with
  its answer and what is wrong with it, paid or not, for that is another question; each is within the budget. Then the next target is asked.
- **An answer that ends at max_tokens is an answer**, of finish ` + "`length`" + `: the command line shows it and exits with 9. Cut before the first
  word, or within JSON that was asked for, it is none, and is not asked for again: it would be cut there again.
- **After content nothing follows** but the error, unless ` + "`on_cut: restart`" + ` is set: then the answer begins again, and the reader is told.
- **A retry-after of more than a minute is not waited for**, and one that is garbage or negative is none.
- **A rate limit does not open the breaker**: the server is well. Nor does an answer that was none, or a refusal.
- **What is no part of the answer is not left out in silence.** Text, thinking or a tool call after the end, a second and different end, another
  choice, another answer's id, a message that is not the model's, something behind a document, or a status that says that it is a part: an error.
  The same end twice is none, nor is an id for each event. Behind ` + "`data: [DONE]`" + ` nothing is read.
- **Letters that a server cuts in two are put together.** Half a letter that stays one becomes U+FFFD.
- **A certificate, a redirect and an answer beyond all bounds stay what they are**, so that the same target is not asked again.
- **409 is a conflict that passes**, as overload does.
`

// kindsTable is what the router does with each Kind, seen on fakes.
func kindsTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("\n## By Kind\n\nAs seen on a free target that is not reached. *Opens the breaker*: five in a row do.\n\n| Kind | asked again | the next one is asked | opens the breaker |\n|---|---|---|---|\n")
	for _, k := range []provider.Kind{
		provider.Unavailable, provider.Timeout, provider.OutOfMemory, provider.Truncated, provider.BadAnswer, provider.RateLimited,
		provider.QuotaExhausted, provider.OverBudget, provider.Denied, provider.ModelNotFound, provider.ContextOverflow,
		provider.Unsupported, provider.Private, provider.Offline, provider.Invalid, provider.Filtered,
	} {
		alone := target("a", providertest.Fails(k))
		_, _ = ask(t.Context(), mustRouter(t, router.Config{Use: []string{"a"}, Targets: []router.Target{alone}, Clock: (&waiter{}).clock()}), provider.Request{})
		again := map[int]string{1: "no", 2: "once", 3: "twice"}[calls(alone)]
		first, second := target("a", providertest.Fails(k)), target("b")
		r := mustRouter(t, router.Config{Use: []string{"a", "b"}, Targets: []router.Target{first, second}, Clock: (&waiter{}).clock()})
		for range 6 {
			_, _ = ask(t.Context(), r, provider.Request{})
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", string(k), again, yesNo(calls(second) > 0), yesNo(calls(first) == 5))
	}
	return b.String()
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
