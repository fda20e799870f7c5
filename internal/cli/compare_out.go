package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/compare"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// files are the reports that are written, by their flags.
func (in *reportInput) files() map[string]string {
	out := map[string]string{}
	for flag, path := range map[string]string{"--html": in.html, "--csv": in.csv, "--junit": in.junit, "--md": in.md} {
		if path != "" {
			out[flag] = path
		}
	}
	return out
}

// check refuses files that are there, before anything is asked.
func (in *reportInput) check() error {
	seen := map[string]string{}
	for flag, path := range in.files() {
		if other, twice := seen[path]; twice {
			return usageError{fmt.Errorf("%s and %s name the same file", other, flag)}
		}
		seen[path] = flag
		if path == stdinPath {
			return usageError{fmt.Errorf("%s needs a file", flag)}
		}
		if st, err := os.Stat(filepath.Dir(path)); err != nil || !st.IsDir() {
			return usageError{fmt.Errorf("%s: the directory %s does not exist", flag, filepath.Dir(path))}
		}
		if err := checkPlace(path, in.overwrite); err != nil {
			return usageError{err}
		}
	}
	return nil
}

// compareJSON is what `tandem compare --json` prints.
type compareJSON struct {
	OK bool `json:"ok"`
	*compare.JSON
	Error *runner.Error `json:"error,omitempty"`
}

// reportComparison writes the reports and says what came of it. The error is that of
// --min-pass, or that answers are missing.
func (a *app) reportComparison(ctx context.Context, spec batch.Spec, c *comparison, r *compare.Report) error {
	if path := c.in.labels; path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return usageError{fmt.Errorf("--labels: %w", cause(err))}
		}
		labels, err := compare.ReadLabels(path, data)
		if err == nil {
			err = r.Agree(path, labels)
		}
		if err != nil {
			return err
		}
	}
	if err := a.writeReports(ctx, spec, c, r); err != nil {
		return err
	}
	verdict := c.failing(spec, r)
	if c.in.reports.json {
		out := compareJSON{OK: verdict == nil, JSON: r.JSON(spec.ID)}
		if verdict != nil {
			out.Error = a.errorOf(verdict)
		}
		return a.printJSON("the comparison", out, verdict)
	}
	if err := a.printComparison(spec, r); err != nil {
		return err
	}
	return verdict
}

// failing is the error of a comparison that a script should notice.
func (c *comparison) failing(spec batch.Spec, r *compare.Report) error {
	var low []string
	for _, arm := range r.Arms {
		if c.in.minPass > 0 && !arm.Noise && (arm.Scored == 0 || arm.Rate.Mean < float64(c.in.minPass)) {
			low = append(low, fmt.Sprintf("%s scores %.1f %%", arm.Name, 100*arm.Rate.Mean))
		}
	}
	if len(low) > 0 {
		return &batchError{text: fmt.Sprintf("%s, less than --min-pass %.4g %%", strings.Join(low, " and "), 100*float64(c.in.minPass)), code: exitRows}
	}
	missing, kinds := 0, map[string]int{}
	for _, row := range r.Data.Rows {
		for v := range row.Cells {
			for i := range row.Cells[v] {
				if cell := &row.Cells[v][i]; cell.Ended && !cell.OK && !cell.Scored {
					missing++
					if cell.Error != nil {
						kinds[cell.Error.Kind]++
					}
				}
			}
		}
	}
	if missing > 0 {
		return &batchError{text: fmt.Sprintf("%s did not come, for reasons that are not the model's, and are left out; %s `tandem batch resume %s --retry-failed`", count(missing, "answer"), againText(kinds), spec.ID), code: exitRows}
	}
	if len(r.Judged) > 0 && !slices.ContainsFunc(r.Data.Rows, func(row *compare.Row) bool { return row.Scored() }) {
		return &batchError{text: "no row has a score in all targets", code: exitRows}
	}
	return nil
}

// againText leads to the command that asks again for what failed for these kinds of
// error: at once if a reason may have passed, and else when it has been removed.
func againText(kinds map[string]int) string {
	lasting := []provider.Kind{provider.Unsupported, provider.Invalid, provider.ModelNotFound, provider.Denied, provider.Private, provider.Offline}
	for kind := range kinds {
		if !slices.Contains(lasting, provider.Kind(kind)) {
			return "ask again with"
		}
	}
	return fmt.Sprintf("when that is mended (%s), ask again with", kindsText(kinds))
}

func (a *app) printComparison(spec batch.Spec, r *compare.Report) error {
	var b strings.Builder
	for _, s := range r.Headline() {
		b.WriteString(terminal.Hang("", terminal.OneLine(s), a.term.OutWidth()) + "\n")
	}
	if _, err := io.WriteString(a.term.Out, b.String()+"\n"); err != nil {
		return err
	}
	head, lines := r.Table()
	for i := range head {
		head[i] = strings.ToUpper(head[i])
	}
	t := a.term.Table(head...).MayCut("TARGET").MayDrop("FIRST TOKEN", "TIME", "TOKENS/S", "COST")
	for _, l := range lines {
		cells := make([]any, len(l))
		for i := range l {
			cells[i] = terminal.OneLine(l[i])
		}
		t.Row(cells...)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, n := range r.Notes() {
		a.infof("· %s", terminal.OneLine(n))
	}
	if usd := r.Data.JudgeUSD; usd > 0 || r.Data.JudgeUnpriced > 0 {
		text := ledger.Dollars(usd)
		if n := r.Data.JudgeUnpriced; n > 0 {
			text += fmt.Sprintf(" and the unknown cost of %s", count(n, "call"))
		}
		a.dimf("· the checks' own calls cost %s", text)
	}
	a.dimf("· stored as %s: `tandem compare --rescore %[1]s` scores it again without asking", spec.ID)
	return nil
}

// writeReports writes the reports' files, each whole or not at all.
func (a *app) writeReports(ctx context.Context, spec batch.Spec, c *comparison, r *compare.Report) error {
	for flag, path := range c.in.reports.files() {
		err := writeWhole(path, c.in.reports.overwrite, func(w io.Writer) error {
			switch flag {
			case "--csv":
				return r.WriteCSV(w)
			case "--junit":
				return r.WriteJUnit(w, filepath.Base(spec.Chain.File))
			case "--md":
				return r.WriteMarkdown(w)
			}
			return r.WriteHTML(w, a.manifestOf(spec))
		})
		if err != nil {
			return fmt.Errorf("writing %s: %w", path, cause(err))
		}
		a.dimf("· written to %s", path)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// manifestOf is how a comparison was run, for its report.
func (a *app) manifestOf(spec batch.Spec) compare.Manifest {
	m := compare.Manifest{ID: spec.ID, Created: spec.Created, Tandem: spec.Tandem, Chain: filepath.Base(spec.Chain.File), ChainDigest: spec.Chain.Digest, Input: filepath.Base(spec.Input.File), InputDigest: spec.Input.Digest, Picked: spec.Picked, Settings: spec.Settings}
	m.ChainText = spec.Chain.Text
	return m
}
