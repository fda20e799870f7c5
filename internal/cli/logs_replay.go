package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

func (a *app) logsReplayCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "replay [RUN]", Short: "Repeat a run's calls, and show what differs",
		Long: `Repeat each call of a run, or of the newest: the same messages, settings and
provider (--use selects others). Show whether the answers are the same, and what
else differs: the model's digest, the engine's version, options, the chain's file.
The same seed, model, engine and options give the same answer; without a seed, a
different answer is expected. The exit code is 1 if an answer differs.`,
		Args: atMostOne("a run's id"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.logsReplay(cmd.Context(), args, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// replayReport is what `tandem logs replay --json` prints.
type replayReport struct {
	Run     string       `json:"run"`
	Replay  string       `json:"replay"` // the run that this made
	Same    bool         `json:"same"`   // every answer
	Differs []difference `json:"differs"`
	Calls   []replayCall `json:"calls"`
}

type replayCall struct {
	Step    string        `json:"step,omitempty"`
	Same    bool          `json:"same"` // the answer
	Was     string        `json:"was"`
	Is      string        `json:"is"`
	At      *int          `json:"first_difference,omitempty"` // letters before it
	Differs []difference  `json:"differs"`
	Error   *runner.Error `json:"error,omitempty"`
	free    bool          // nothing was set to make the answer the same
}

type difference struct {
	What string `json:"what"`
	Was  string `json:"was"`
	Is   string `json:"is"`
}

func (a *app) logsReplay(ctx context.Context, args []string, asJSON bool) error {
	s := store.New(a.stateDir())
	old, err := logged(ctx, s, args)
	_ = s.Close()
	if err != nil {
		return err
	}
	cfg, err := a.load()
	if err != nil {
		return err
	}
	cfg.Cache = config.CacheOff // an answer that was kept proves nothing
	stack, err := a.assemble(cfg)
	if err != nil {
		return err
	}
	defer stack.Close()
	ctx = begin(ctx, store.Run{Command: "replay", Chain: old.Chain, File: old.File, SHA256: fileSum(old.File)})
	report := replayReport{Run: old.ID, Replay: provider.RunOf(ctx).ID, Same: true, Differs: []difference{}}
	if sum := fileSum(old.File); old.SHA256 != "" && sum != old.SHA256 {
		report.Differs = append(report.Differs, difference{"the chain's file", old.SHA256, sum})
	}
	for i := range old.Calls {
		c, err := a.replay(ctx, stack, &old.Calls[i])
		if err != nil {
			return err
		}
		report.Same = report.Same && c.Same
		report.Calls = append(report.Calls, c)
	}
	if asJSON {
		err = terminal.WriteJSON(a.term.Out, report)
	} else {
		err = a.printReplay(&report)
	}
	if err == nil && !report.Same {
		err = reported(errors.New("an answer differs"))
	}
	return err
}

// replay asks one call again. An error is one that asking any more would not
// help: what the call itself came to is in the result.
func (a *app) replay(ctx context.Context, stack *stack.Stack, old *store.Call) (replayCall, error) {
	c := replayCall{Step: old.Step, Was: old.Answer, Differs: []difference{}}
	req, err := replayRequest(stack, old, len(a.flags.use) > 0)
	if err != nil {
		return c, err
	}
	c.free = req.Seed == nil && (req.Temperature == nil || *req.Temperature > 0)
	of := provider.RunOf(ctx)
	of.Step, of.Index = old.Step, old.Index
	ctx = provider.WithRun(ctx, of)
	r, err := provider.Collect(stack.Chat(ctx, req))
	c.Is = r.Text
	if ctx.Err() != nil {
		return c, ctx.Err()
	}
	if err != nil {
		c.Error = a.errorOf(err)
	}
	c.Same = c.Was == c.Is && (err != nil) == (old.Error != nil && old.Finish == "") && slices.EqualFunc(old.ToolCalls, r.ToolCalls, func(x, y provider.ToolCall) bool {
		return x.Name == y.Name && string(x.Arguments) == string(y.Arguments)
	})
	if at := firstDifference(c.Was, c.Is); at >= 0 {
		c.At = &at
	}
	c.addDifference("end", string(old.Finish), string(r.Finish))
	if old.Route != nil && r.Route != nil {
		c.addDifference("provider", old.Route.Provider, r.Route.Provider)
		c.addDifference("model", old.Route.Model, r.Route.Model)
		c.addDifference("address", old.Route.Endpoint, r.Route.Endpoint)
		now := stack.Manifest(ctx, r.Route, &req)
		if old.Manifest != nil && now != nil {
			now.Tandem = buildVersion().Version
			c.manifest(old.Manifest, now)
		}
	}
	return c, nil
}

// replayRequest is a call's request as it was, for the provider that answered,
// or with others for those in use now. Privacy is what it was or tighter.
func replayRequest(stack *stack.Stack, old *store.Call, others bool) (provider.Request, error) {
	req, whole := old.Request()
	if stack.Config().Privacy == config.PrivacyLocal {
		req.Privacy = provider.PrivacyLocal
	}
	switch {
	case old.Embedding != nil:
		return req, usageError{errors.New("vectors are not logged, so a call for embeddings cannot be replayed")}
	case !old.Content:
		return req, usageError{errors.New("the prompt was not logged (log: meta), so it cannot be replayed")}
	case !whole:
		return req, usageError{errors.New("images are not logged, so this cannot be replayed")}
	}
	if others {
		req.Use = nil
	}
	if old.Route == nil || others {
		return req, nil
	}
	t, ok := stack.Target(old.Route.Provider)
	if !ok {
		return req, usageError{fmt.Errorf("%s answered, but is no longer configured", old.Route.Provider)}
	}
	req.Use = []string{old.Route.Provider}
	if m := old.Manifest; m != nil {
		if req.Model == "" && t.Config.Kind == config.KindOllama {
			req.Model = m.Model
		}
		req.Options = m.Options
	}
	return req, nil
}

func (c *replayCall) addDifference(what, was, is string) {
	if was != is {
		c.Differs = append(c.Differs, difference{what, was, is})
	}
}

func (c *replayCall) manifest(was, is *store.Manifest) {
	old, now := manifestFields(was), manifestFields(is)
	value := func(fields []manifestField, name string) string {
		for _, f := range fields {
			if f.name == name {
				return f.value
			}
		}
		return ""
	}
	seen := map[string]bool{"model": true} // the route has it
	for _, f := range append(old, now...) {
		if !seen[f.name] {
			seen[f.name] = true
			c.addDifference(f.name, value(old, f.name), value(now, f.name))
		}
	}
}

// firstDifference is how many letters two texts have in common from the
// beginning; -1 if they are the same.
func firstDifference(a, b string) int {
	x, y := []rune(a), []rune(b)
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return i
		}
	}
	if len(x) != len(y) {
		return min(len(x), len(y))
	}
	return -1
}

func (a *app) printReplay(r *replayReport) error {
	w := a.term.ModelWriter(a.term.Out, a.term.OutIsTTY)
	var err error
	line := func(format string, args ...any) {
		if _, werr := w.WriteString(fmt.Sprintf(format, args...) + "\n"); werr != nil && err == nil {
			err = werr
		}
	}
	differs := func(indent string, list []difference) {
		for _, d := range list {
			line("%s%s: %s before, %s now", indent, d.What, orNone(d.Was), orNone(d.Is))
		}
	}
	line("run %s, replayed as %s", r.Run, r.Replay)
	differs("  ", r.Differs)
	for i, c := range r.Calls {
		name := fmt.Sprintf("call %d", i+1)
		if c.Step != "" {
			name += ", " + c.Step
		}
		switch {
		case c.Error != nil && !c.Same:
			line("%s: it failed: %s", name, c.Error.Message)
		case c.Same:
			line("%s: the answer is the same", name)
		case c.At == nil:
			line("%s: the tool calls differ", name)
		default:
			line("%s: the answer differs after %d characters", name, *c.At)
			line("  before: %s", around(c.Was, *c.At))
			line("  now:    %s", around(c.Is, *c.At))
			if c.free {
				line("  without a seed or temperature 0, a different answer is normal")
			}
		}
		differs("  ", c.Differs)
	}
	return err
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return strings.Join(strings.Fields(s), " ")
}

// around is the part of a text around its n-th letter, on one line.
func around(text string, n int) string {
	r := []rune(text)
	from, to := max(n-20, 0), min(n+40, len(r))
	part := excerpt(string(r[from:to]), 100)
	if from > 0 {
		part = "…" + part
	}
	if to < len(r) {
		part += "…"
	}
	return part
}
