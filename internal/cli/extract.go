package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// askExtract prints the last code block of an answer, and nothing else. An answer
// that is not complete or has none goes to standard error.
func (a *app) askExtract(ctx context.Context, q *asking, toClipboard bool) error {
	r, err := a.collected(ctx, q.provider, q.req)
	block, err := a.printBlock(r, err)
	a.sayRoute(r.Route, r.Usage)
	if err == nil && toClipboard {
		a.copyText(ctx, block)
	}
	return err
}

// printBlock prints the last code block of an answer that ended with err.
func (a *app) printBlock(r provider.Response, err error) (block string, _ error) {
	if err == nil {
		err = runner.Complete(r)
	}
	block, ok := lastBlock(r.Text)
	if err == nil && !ok {
		err = noBlock(r)
	}
	if err != nil {
		if text := strings.TrimRight(r.Text, "\r\n"); text != "" {
			a.term.Verbatimf("%s", terminal.StripControls(text))
		}
		return "", err
	}
	if _, werr := a.term.ModelWriter(a.term.Out, a.term.OutIsTTY).WriteString(block); werr != nil {
		return "", fmt.Errorf("writing the code block: %w", werr)
	}
	return block, nil
}

var errNoBlock = errors.New("the answer has no code block")

// noBlock is the error of an answer without a code block.
func noBlock(r provider.Response) error {
	e := provider.Errorf(provider.BadAnswer, "", "", "%w", errNoBlock)
	if r.Route != nil {
		e.Provider, e.Model, e.Sent = r.Route.Provider, r.Route.Model, true
	}
	return e
}

// lastBlock is the last fenced code block of a Markdown text, without its fences
// and the white space that the opening one is indented by. A block that the text
// ends in counts, as in CommonMark.
func lastBlock(text string) (block string, ok bool) {
	var b strings.Builder
	fence, indent := "", 0 // fence is that of the block under way
	for line := range strings.Lines(text) {
		bare := strings.TrimLeft(line, " \t")
		mark, info := fenceOf(bare)
		switch {
		case fence == "" && mark != "" && !(mark[0] == '`' && strings.Contains(info, "`")):
			fence, indent, ok = mark, len(line)-len(bare), true
			b.Reset()
		case fence == "":
		case strings.HasPrefix(mark, fence) && strings.TrimSpace(info) == "":
			fence = ""
		default:
			cut := min(indent, len(line)-len(bare))
			b.WriteString(strings.TrimRight(line[cut:], "\r\n"))
			b.WriteByte('\n')
		}
	}
	return b.String(), ok
}

// fenceOf takes a line that opens or closes a code block apart; "": it does not.
func fenceOf(line string) (mark, info string) {
	for _, c := range []string{"`", "~"} {
		info := strings.TrimLeft(line, c)
		if n := len(line) - len(info); n >= 3 {
			return line[:n], info
		}
	}
	return "", ""
}
