package cli

import (
	"log/slog"
	"strings"

	"github.com/tandem-llm/tandem/internal/terminal"
)

// serveLog is what the gateway says on standard error: a line for each request, and
// what becomes of the server.
type serveLog struct {
	*slog.Logger
	a    *app
	json bool // every line is an object
}

// serveLog returns the log. With --quiet, requests are not in it.
func (a *app) serveLog(json bool) *serveLog {
	options := &slog.HandlerOptions{}
	if a.flags.quiet {
		options.Level = slog.LevelWarn
	}
	l := &serveLog{a: a, json: json, Logger: slog.New(slog.NewTextHandler(logLines{a.term}, options))}
	if json {
		l.Logger = slog.New(slog.NewJSONHandler(logLines{a.term}, options))
	}
	return l
}

// say tells how the server does.
func (l *serveLog) say(text string) {
	if l.json {
		l.Info(text)
		return
	}
	l.a.term.Noticef("%s", text)
}

// warn tells what is wrong beside the requests.
func (l *serveLog) warn(text string) {
	text = terminal.StripControls(text)
	if l.json {
		l.Warn(text)
		return
	}
	l.a.term.Noticef("%s %s", l.a.term.Yellow("warning:"), text)
}

// logLines writes the lines of a log, without secrets.
type logLines struct{ term *terminal.Terminal }

func (l logLines) Write(line []byte) (int, error) {
	l.term.Verbatimf("%s", strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}
