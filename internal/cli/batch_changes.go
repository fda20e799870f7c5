package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/provider"
)

// answerSettings are the settings of a batch that flags set which say how to answer.
var answerSettings = map[string]string{
	"model": "model", "temperature": "temperature", "top-p": "top_p", "seed": "seed", "max-tokens": "max_tokens", "stop": "stop", "think": "think", "option": "options",
}

// flagOf is the name of a flag that was given.
func flagOf(arg string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
	return name
}

// changes are what decides the answers of a batch and is not as it was, in words.
type changes struct {
	asked []string // the flags that are given now say so
	other []string
}

func (c *changes) all() []string { return slices.Concat(c.other, c.asked) }

// changesOf are what has changed since a batch was started.
func (a *app) changesOf(ctx context.Context, spec *batch.Spec, chain batch.Source, settings map[string]string, given []string) (c changes, err error) {
	if chain.Digest != spec.Chain.Digest {
		c.other = append(c.other, "the chain "+spec.Chain.File+" has changed")
	}
	if spec.Input.File != stdinPath {
		switch now, err := sourceOf(ctx, spec.Input.File); {
		case ctx.Err() != nil:
			return c, ctx.Err()
		case errors.Is(err, fs.ErrNotExist): // its rows are stored
		case err != nil:
			return c, err
		case now.Digest != spec.Input.Digest:
			c.other = append(c.other, "the rows of "+spec.Input.File+" have changed (those that are stored would be used)")
		}
	}
	asked := askedBy(given, spec.Settings, settings)
	for _, name := range differing(spec.Settings, settings) {
		text := fmt.Sprintf("%s was %s and is now %s", name, orUnset(spec.Settings[name]), orUnset(settings[name]))
		switch {
		case !asked(name):
			c.other = append(c.other, text)
		case !strings.Contains(name, "."): // the model says which provider it is
			c.asked = append(c.asked, text)
		}
	}
	return c, nil
}

// askedBy returns what reports whether the flags that are given now say that a setting is
// another one.
func askedBy(given []string, before, now map[string]string) func(name string) bool {
	says := map[string]bool{}
	for _, arg := range given {
		if setting, ok := answerSettings[flagOf(arg)]; ok {
			says[setting] = true
		}
	}
	return func(name string) bool {
		of, _, ofProvider := strings.Cut(name, ".")
		switch {
		case says[name]:
			return true
		case !says["model"]:
			return false
		case strings.HasPrefix(name, "model "): // of the requests that name it
			return true
		}
		// A provider that only the one model or the other is asked of.
		return ofProvider && (!hasProvider(before, of) || !hasProvider(now, of))
	}
}

func hasProvider(settings map[string]string, name string) bool {
	for key := range settings {
		if strings.HasPrefix(key, name+".") {
			return true
		}
	}
	return false
}

// continueChanged refuses to continue a batch whose chain, rows or settings have changed,
// unless that is accepted, or nothing is answered yet and it was asked for. fits, if not
// nil, says whether the stored rows can be used with what is there now. files are the chains',
// for nodes. Nothing has changed after an error that refuses.
func (a *app) continueChanged(ctx context.Context, b *batchRun, source batch.Source, settings map[string]string, given, files []string, fits func() error) error {
	s, err := b.file.Status(ctx)
	switch {
	case err != nil:
		return err
	case s.State == batch.Reading:
		return usageError{fmt.Errorf("the batch %s was interrupted while its rows were read, before any call; remove it with `tandem batch rm %[1]s`, and start it again", s.ID)}
	}
	c, err := a.changesOf(ctx, &b.spec, source, settings, given)
	if err != nil {
		return err
	}
	if err := a.acceptChanges(b, &s, &c); err != nil {
		return err
	}
	if len(c.all()) > 0 {
		b.spec.Chain, b.spec.Settings, b.spec.Args = source, settings, keptNow(b.spec.Args, given)
		if fits != nil {
			if err := fits(); err != nil {
				return err
			}
		}
	}
	switch b.work.nodes = withNodes(b, given); {
	case b.work.nodes && b.spec.BatchAPI != "":
		return usageError{fmt.Errorf("the batch %s was started with --batch-api; leave out --nodes, or start over with another --out", s.ID)}
	case b.work.nodes && slices.ContainsFunc(given, func(arg string) bool { return flagOf(arg) == "concurrency" }):
		return usageError{errors.New(nodesConcurrency)}
	}
	if err := a.refuseResume(ctx, b, &s); err != nil {
		return err
	}
	if err := a.resumeNodes(ctx, b, files, &b.spec); err != nil {
		return err
	}
	if len(c.all()) > 0 {
		a.dimf("· %s", strings.Join(c.all(), ", "))
	}
	if _, err = b.file.Resume(ctx, b.work.retryFailed); err != nil {
		return err
	}
	return b.file.SetSpec(ctx, b.spec)
}

// hasAnswers reports whether a row of a batch is answered, or may be.
func hasAnswers(s *batch.Status) bool { return s.Done+s.Sent+len(s.Parts) > 0 }

// acceptChanges refuses changes that are not accepted.
func (a *app) acceptChanges(b *batchRun, s *batch.Status, c *changes) error {
	switch {
	case len(c.all()) == 0:
		return nil
	case len(c.asked) > 0 && s.Left+s.Active+s.Sent == 0 && !(b.work.retryFailed && s.Failed > 0):
		return usageError{fmt.Errorf("the batch %s has no row left to answer with other settings (%s)%s", s.ID, strings.Join(c.asked, ", "), retryHint(s))}
	case b.work.accept, len(c.other) == 0 && !hasAnswers(s):
		return nil
	case len(c.other) == 0:
		return usageError{fmt.Errorf("the batch %s has %s answered with other settings: %s; add --accept-changes to answer the others with what is given now, or start over with another --out", s.ID, count(s.Done+s.Sent, "row"), strings.Join(c.asked, ", "))}
	}
	what, anew := "batch", "start over with another --out"
	if b.compare != nil {
		what, anew = "comparison", "start a new one"
	}
	return usageError{fmt.Errorf("the %s %s cannot continue as it began: %s; undo that, %s, or add --accept-changes to answer the rows that are left with what is there now", what, s.ID, strings.Join(c.all(), ", "), anew)}
}

func retryHint(s *batch.Status) string {
	if s.Failed == 0 {
		return ""
	}
	return fmt.Sprintf("; add --retry-failed to run the %s again that failed", count(s.Failed, "row"))
}

// keptNow are the flags that a batch is started with when it continues the next time: those
// that are given now in the place of others, but for what holds for one run.
func keptNow(kept, given []string) []string {
	now := slices.DeleteFunc(slices.Clone(given), func(arg string) bool {
		return slices.Contains([]string{"concurrency", "max-errors", "budget", "nodes", "batch-api"}, flagOf(arg))
	})
	old := slices.DeleteFunc(slices.Clone(kept), func(arg string) bool {
		return slices.ContainsFunc(now, func(n string) bool { return flagOf(n) == flagOf(arg) })
	})
	return append(old, now...)
}

// refuseResume is [app.refuseEarly] for the rows that are left. A server that cannot be
// reached is waited for where it has answered the batch before.
func (a *app) refuseResume(ctx context.Context, b *batchRun, s *batch.Status) error {
	if b.work.nodes {
		return nil
	}
	err := a.refuseEarly(ctx, b, func(variant int) iter.Seq2[table.Row, error] {
		return func(yield func(table.Row, error) bool) {
			items, err := b.file.Next(ctx, variant, refusedRows, b.work.retryFailed)
			if err != nil {
				yield(table.Row{}, err)
				return
			}
			for i := range items {
				if !yield(table.Row{Number: items[i].Number, Inputs: items[i].Inputs}, nil) {
					return
				}
			}
		}
	}, nil)
	if hasAnswers(s) && provider.KindOf(err) == provider.Unavailable {
		return nil
	}
	return err
}
