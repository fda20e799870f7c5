package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/chatui"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/textx"
)

// byLine takes a message from each line of standard input. In a script the
// first failure ends it, for what follows would answer something else; an answer
// that was cut at its limit is told, and fails it at the end. At a terminal that
// cannot move its cursor a failure is told, and the chat goes on.
func (s *chatSession) byLine(ctx context.Context, prompt string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	attended := s.app.term.InIsTTY
	if attended {
		s.greet()
	}
	if prompt != "" {
		if err := s.handle(ctx, prompt); err != nil && ctx.Err() == nil {
			s.app.report(err)
		}
	}
	var cut error
	var whole chatui.Lines
	lines, failed := s.lines(ctx)
	if attended {
		s.app.term.Answers = func(ctx context.Context, question string) (string, error) { return s.lineAnswer(ctx, lines, question) }
		defer func() { s.app.term.Answers = nil }()
	}
	for {
		if attended {
			fmt.Fprint(s.app.term.Err, "> ")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case line, ok := <-lines:
			if !ok {
				return errors.Join(cut, unfinished(&whole, <-failed))
			}
			message, done := whole.Add(strings.TrimSuffix(line.text, "\r"))
			if !done {
				continue
			}
			before := s.chat.Updated
			err := s.handle(ctx, message)
			switch {
			case err == nil:
			case errors.Is(err, errLeave):
				return cut
			case attended && ctx.Err() == nil:
				s.failed(err, before)
			case errors.As(err, new(runner.IncompleteError)):
				s.app.report(err)
				cut = reported(err)
			default:
				return err
			}
		}
	}
}

// lines are those of standard input. A read from a pipe cannot be interrupted;
// when ctx ends, the process is about to end.
func (s *chatSession) lines(ctx context.Context) (lines <-chan typedLine, failed <-chan error) {
	out, end := make(chan typedLine), make(chan error, 1)
	go func() {
		defer close(out)
		in := bufio.NewScanner(s.app.term.In)
		in.Buffer(nil, maxInput)
		for first := true; in.Scan(); first = false {
			line := in.Text()
			if first {
				line = textx.TrimBOM(line)
			}
			select {
			case out <- typedLine{line, time.Now()}:
			case <-ctx.Done():
				return
			}
		}
		end <- in.Err()
	}()
	return out, end
}

// typedLine is a line of standard input, and when it came.
type typedLine struct {
	text string
	at   time.Time
}

// lineAnswer asks at a terminal that is read by line. What was typed before the
// question stood there is no answer to it.
func (s *chatSession) lineAnswer(ctx context.Context, lines <-chan typedLine, question string) (string, error) {
	if file, ok := s.app.term.In.(*os.File); ok {
		if err := chatui.DropTyped(file); err != nil {
			return "", err
		}
	}
	fmt.Fprint(s.app.term.Err, question)
	shown := time.Now()
	for {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case line, ok := <-lines:
			if !ok || !line.at.Before(shown) {
				return line.text, nil
			}
		}
	}
}

// unfinished is what is wrong at standard input's end.
func unfinished(whole *chatui.Lines, err error) error {
	if err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("a line is longer than %d MiB, more than any model reads", maxInput>>20)
		}
		return usageError{fmt.Errorf("reading standard input: %w", err)}
	}
	if rest, there := whole.Rest(); there {
		return usageError{fmt.Errorf("standard input ended inside a message that starts with %q; end it with \"\"\", or without a backslash", excerpt(rest, 40))}
	}
	return nil
}
