package cli

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/connect"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/terminal"
)

// connectShow prints a client's settings.
func (a *app) connectShow(s *connect.System, c *connect.Client, g connect.Gateway) error {
	set, err := s.Settings(c, g)
	if err != nil {
		return err
	}
	var b strings.Builder
	say := func(text string) { b.WriteString(terminal.Hang("", text, a.term.OutWidth()) + "\n\n") }
	variables := func(list []connect.Variable) {
		for _, v := range list {
			b.WriteString("  " + v.Line(s.OS) + "\n")
		}
		b.WriteString("\n")
	}
	first := c.Title + " can use " + g.URL + " with "
	if len(set.Variables) > 0 {
		say(first + "these variables:")
		variables(set.Variables)
		first = "or with "
	}
	for _, f := range set.Files {
		say(first + "this in " + f.Path + ":")
		for line := range strings.Lines(f.Text) {
			b.WriteString("  " + line)
		}
		b.WriteString("\n")
		first = "and "
	}
	if len(set.Also) > 0 && len(set.Files) > 0 {
		say("and this where you start it:")
		variables(set.Also)
	}
	if n := len(set.Files); n > 0 {
		say("`tandem connect " + c.Name + " --write` changes the " + map[bool]string{true: "files", false: "file"}[n > 1] + " for you.")
	}
	if len(set.Files)+len(set.Variables) == 0 {
		say(first + "these steps:")
	}
	a.writeSteps(&b, set.Steps)
	if set.Elsewhere != "" {
		b.WriteString("\n")
		say(set.Elsewhere)
		a.writeSteps(&b, set.ElsewhereSteps)
	}
	_, err = fmt.Fprint(a.term.Out, b.String())
	return err
}

// writeSteps writes steps, with numbers where there are several.
func (a *app) writeSteps(b *strings.Builder, steps []string) {
	for i, step := range steps {
		mark := ""
		if len(steps) > 1 {
			mark = fmt.Sprintf("%d. ", i+1)
		}
		b.WriteString(terminal.Hang(mark, step, a.term.OutWidth()) + "\n")
	}
}

// connectCheck runs a client once, and shows what it asked the gateway.
func (a *app) connectCheck(ctx context.Context, in connectInput, g connect.Gateway) error {
	c := in.client
	if !c.Runs() {
		return usageError{fmt.Errorf("%s has no command that could be run for a check; ask it something yourself, and see `tandem logs`", c.Title)}
	}
	if in.timeout <= 0 {
		return usageError{fmt.Errorf("--timeout %s: expected a time such as 30s", in.timeout)}
	}
	program, ok := a.onPath(c.Program)
	if !ok {
		return fmt.Errorf("%s is not installed: there is no %s on PATH. Install it: %s", c.Title, c.Program, c.Install)
	}
	if g.KeyEnv != "" && a.getenv(g.KeyEnv) == "" {
		return usageError{fmt.Errorf("--key-env %s: the variable is not set here", g.KeyEnv)}
	}
	if why := a.notServing(ctx, g.URL); why != "" {
		return fmt.Errorf("%s, so %s was not run; start the gateway with `tandem serve`", why, c.Title)
	}
	a.warnWindow(c, g)
	a.progress("running " + program + " …")
	client := httpx.PlainClient(httpx.Policy{Offline: a.flags.offline, LocalOnly: a.flags.localOnly}, 10*time.Second)
	report, err := connect.Check(ctx, connect.Trial{
		Client: c, Gateway: g, Program: program, Environ: a.environ, OS: runtime.GOOS,
		Transport: client.Transport, Timeout: in.timeout,
	})
	a.term.SetStatus("")
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return a.showReport(c, g, report)
}

func (a *app) showReport(c *connect.Client, g connect.Gateway, r connect.Report) error {
	table := a.term.Table("REQUEST", "STATUS", "ERROR")
	for i := 0; i < len(r.Requests); {
		q, times := r.Requests[i], 0
		for ; i < len(r.Requests) && r.Requests[i] == q; i++ {
			times++
		}
		request, status := q.Method+" "+q.Path, fmt.Sprint(q.Status)
		if times > 1 {
			request += fmt.Sprintf(" (%d times)", times)
		}
		if q.Status == 0 {
			status = "no answer"
		}
		table.Row(request, status, cmp.Or(terminal.OneLine(q.Said), "-"))
	}
	if len(r.Requests) > 0 {
		if err := table.Flush(); err != nil {
			return err
		}
	}
	if r.Answered() {
		a.infof("%s asked %s and answered: %s", c.Title, g.URL, excerpt(r.Output, 200))
		return nil
	}
	var why string
	switch {
	case len(r.Requests) == 0:
		why = "it sent no request to the gateway"
	case r.Requests[len(r.Requests)-1].Status == 0:
		why = fmt.Sprintf("there was no answer from %s; is `tandem serve` running?", g.URL)
	default:
		why = "the gateway did not answer its question"
	}
	if r.Err != nil {
		why += fmt.Sprintf("; %s said: %s", c.Program, r.Err.Error()) // its exit code is not ours
	}
	if output := excerpt(r.Output+" "+r.Errors, 1000); output != "" {
		a.term.Noticef("%s", terminal.Hang("  ", output, a.term.ErrWidth()))
	}
	return fmt.Errorf("the check of %s failed: %s", c.Title, why)
}
