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

A test plays each failure on real sockets, to the adapter of each API (Ollama's own, OpenAI's),
streamed and whole, and writes this page from what it sees. Where the results differ, the row says
which one it shows. The Ollama target is free, the OpenAI target is paid. [The router](router.md)
says how it works.

- *Kind* is the error's kind. All decisions depend on it alone; ` + "`--json`" + ` prints it as ` + "`error.kind`" + `.
- *Retries*: how often the same target is retried when there is no other, and the longest wait
  before each retry (full jitter: the wait is drawn between nothing and that, and added to what the
  server asked for).
- *Fallback*: whether the next target in ` + "`use`" + ` answers. Its answer is then the only one that is
  shown.
- *Shown*: what was shown of the answer.
- *Sent*: whether the prompt may have reached a server. The Route's ` + "`sent_to`" + ` says which.

In the test, timeouts are 60ms, and an answer has at most 64 KiB.
`

// decisions are the bottom of the page.
const decisions = `
## What was decided, and why

- **A paid call is not retried if it may have been charged**: it was sent, and no HTTP status
  refuses it. That includes an empty answer: the server computed it. A gateway's 502, 504, 520 or
  524 refuses nothing: the server behind it may have computed an answer. [A budget](cost.md#budgets)
  counts the same calls. ` + "`retry_paid: true`" + ` allows the retry. Fallback is allowed in any case.
- **Our own timeouts are not waited for twice.** You set how long to wait, so a target that timed
  out is not retried. A server that says 408 is, and a free one that says 504.
- **While a fallback is possible**, a target that could not be reached is not retried, and any other
  is retried once, if the wait is 250ms or less. The last target has all the retries.
- **A refused key falls back**: the target cannot answer, and the Route has the reason. Without a
  fallback, it is exit code 4.
- **A prompt over the context window falls back** to a target whose window is larger, or unknown; so
  does a 413. No prompt is ever cut to fit.
- **400 and a content filter do not fall back.** Another server is not asked to overlook what one
  found wrong with the request.
- **An empty answer is a failure**, and so is one that is only white space. It is retried once: the
  next attempt may have better luck.
- **An answer that does not match the schema is repaired or fails.** Nothing of it is shown. The
  model gets its answer and the problems, and tries again, at most twice, paid or not, for a repair
  is a new request; each one is within the budget. Then the next target is tried.
- **An answer that reaches max_tokens is an answer**, with finish ` + "`length`" + `: the command line shows
  it. If that is the request's own limit, as the server counts tokens, a note says so; otherwise the
  exit code is 9, and with ` + "`--strict`" + ` it always is. If it has no text yet, or its JSON is
  incomplete, it is a failure and is not retried: the limit would be reached again.
- **After content there is no retry and no fallback**, only the error, unless ` + "`on_cut: restart`" + ` is
  set: then the answer starts again, with a notice.
- **A Retry-After of more than a minute is not waited for.** An invalid or negative one is ignored.
- **A rate limit does not open the circuit breaker**: the server is healthy. Nor does an empty
  answer, or a refusal.
- **Nothing that does not belong to the answer is dropped silently.** Text, thinking or a tool
  call after the end, a second and different end, another choice, another answer's id, a message of
  another role, data after the document, or a status of partial content: each is an error. The same
  end twice is not, nor is a different id for each event. Nothing is read after ` + "`data: [DONE]`" + `.
- **What says the same counts the same.** A count as ` + "`5.0`" + ` or ` + "`\"5\"`" + `, a content in parts, arguments
  as an object, a list without the object around it, events where a document was asked for, a
  document where a stream was: all are read. A member that nobody reads may be anything. What cannot
  be read, or may mean several things, is a ` + "`bad_answer`" + ` that names the member.
- **A server's own word for the end is looked up in one table**, whatever its case and signs: a
  natural end, the limit of tokens, tool calls, a filter, a failure. ` + "`error`" + ` or ` + "`abort`" + ` is
  ` + "`unavailable`" + `, or ` + "`truncated`" + ` behind content. A word that is not in the table is ` + "`truncated`" + `, and
  the error names it.
- **A stream that ends with ` + "`[DONE]`" + ` and gives no ` + "`finish_reason`" + ` is whole** by the server's own
  word, if it has content. A warning in the route says so. If the connection ends without ` + "`[DONE]`" + `,
  the answer is ` + "`truncated`" + `.
- **A prompt that a server has cut to its context window** shows in its own count: fewer tokens than
  half of the prompt's words. Before any content it is a ` + "`context_overflow`" + `. Behind content, as a
  stream tells its count last, it is a warning in the route, and on standard error.
- **Characters that a server splits between two events are joined.** A half that stays alone becomes
  U+FFFD.
- **A bad certificate, a redirect and an answer over the size limit are permanent**: the same target
  is not retried.
- **409 is a conflict that passes**, like an overload.
- **A host's failure is another host's call** before the first content, each host once, and never a
  paid one that may have been charged. Only what is wrong with the request itself ends it at once.
  The fallback is the next provider, when no host is left.
`

// kindsTable is what the router does with each Kind, seen on fakes.
func kindsTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("\n## By Kind\n\nOn a free target that could not be reached. *Opens the circuit breaker*: five failures in a row do.\n\n| Kind | retries | fallback | opens the circuit breaker |\n|---|---|---|---|\n")
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
