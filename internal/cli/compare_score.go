package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/check"
	"github.com/tandem-llm/tandem/internal/compare"
	"github.com/tandem-llm/tandem/internal/priority"
	"github.com/tandem-llm/tandem/internal/requests"
	"github.com/tandem-llm/tandem/internal/table"
)

// rescoreComparison scores the stored answers of a comparison. No target is asked;
// judges are, for what they have not judged yet.
func (a *app) rescoreComparison(ctx context.Context, in compareInput) error {
	if in.file != "" || in.in != "" || len(in.with) > 0 {
		return usageError{errors.New("--rescore uses the answers that are stored; leave out FILE, --in and --with")}
	}
	if err := in.reports.check(); err != nil {
		return err
	}
	id := in.rescore
	var err error
	if id == "last" {
		id, err = a.newestID(ctx, "compare")
	} else {
		id, err = a.batchID(ctx, []string{id}, nil, noBatches)
	}
	if err != nil {
		return err
	}
	return a.scoreStored(ctx, id, &in)
}

func (a *app) batchScoreCommand() *cobra.Command {
	var in compareInput
	cmd := &cobra.Command{
		Use:   "score [ID]",
		Short: "Check the stored answers of a batch, without asking again",
		Long: `Check the stored answers of a batch, and say how many pass. Columns that the chain
does not use are taken from the rows' file, if it has not changed.`,
		Example: "  tandem batch score --expect-column label --html report.html",
		Args:    atMostOne("a batch's ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.batchFailed(in.reports.json, a.batchScore(cmd.Context(), args, in))
		},
	}
	f := cmd.Flags()
	in.repeats = 1
	in.scoring.register(f)
	in.reports.register(f)
	f.StringVar(&in.cluster, "cluster", "", "`column` that says which rows belong together, such as questions about one document")
	f.Var(&in.minPass, "min-pass", "exit with 3 if less than this `share` passes, such as 0.9 or 90%")
	f.StringVar(&in.labels, "labels", "", "`file` of labels that the report exported: say how far the checks agree with them")
	return cmd
}

func (a *app) batchScore(ctx context.Context, args []string, in compareInput) error {
	if in.scoring.empty() {
		return usageError{errors.New("say how the answers are checked: add --checks FILE, --expect-column COLUMN or another check")}
	}
	if err := in.reports.check(); err != nil {
		return err
	}
	id, err := a.batchID(ctx, args, nil, noBatches)
	if err != nil {
		return err
	}
	return a.scoreStored(ctx, id, &in)
}

// scoreStored scores a batch's answers and reports them.
func (a *app) scoreStored(ctx context.Context, id string, in *compareInput) error {
	ctx = priority.Batch(ctx, priority.Options{})
	status, err := a.batchStatusOf(ctx, id)
	if err != nil {
		return err
	}
	if status.Kind == requests.Kind {
		return usageError{fmt.Errorf("%s is a batch of requests in OpenAI's format, which checks cannot be put on; give its prompts as the rows of a chain", id)}
	}
	c := &comparison{in: in}
	if c.plan, err = storedPlan(&status.Spec); err != nil {
		return err
	}
	if in.cluster != "" {
		c.plan.Cluster = in.cluster
	}
	if in.margin > 0 {
		c.plan.Margin = float64(in.margin)
	}
	if in.scoring.empty() {
		if err := a.storedChecks(&status.Spec, in); err != nil {
			return err
		}
	}
	st, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	plan := c.plan
	plan.Checks = nil
	if c.checks, err = a.compileChecks(&in.scoring, st, &plan); err != nil {
		return err
	}
	if len(c.checks.Checks) == 0 && compare.IsPromptfoo(status.Chain.File) {
		p, err := compare.ReadPromptfoo(status.Chain.File)
		if err != nil {
			return err
		}
		if c.checks.Checks, err = p.Checks(check.Options{SplitModel: st.SplitModel, JudgeModel: in.scoring.judgeModel}); err != nil {
			return err
		}
	}
	if status.Kind == "compare" && len(c.checks.Checks) == 0 {
		return usageError{errors.New("say how the answers are checked: add --checks FILE, --expect-column COLUMN or another check")}
	}
	if len(c.checks.Pairs()) > 0 && plan.Comparisons() == 0 {
		return usageError{errors.New("--prefer needs two targets to compare, and this batch has one")}
	}
	c.plan = plan
	columns, err := a.columnsOfInput(ctx, &status.Spec)
	if err != nil {
		return err
	}
	c.more = columns
	known := map[string]bool{}
	for _, name := range slices.Concat(status.Columns, c.plan.Columns, slices.Collect(maps.Keys(status.Given))) {
		known[name] = true
	}
	for _, row := range columns {
		for name := range row {
			known[name] = true
		}
	}
	names := slices.Sorted(maps.Keys(known))
	if err := c.checks.Bind(names); err != nil {
		return err
	}
	if c.plan.Cluster != "" && !known[c.plan.Cluster] {
		return usageError{fmt.Errorf("--cluster: the rows have no column %s", c.plan.Cluster)}
	}
	r, err := a.scoreComparison(ctx, id, c, st, in.work)
	if err != nil {
		return err
	}
	return a.reportComparison(ctx, status.Spec, c, r)
}

// storedPlan is the plan of a comparison; of a plain batch, it has one variant.
func storedPlan(spec *batch.Spec) (compare.Plan, error) {
	if spec.Kind != "compare" {
		return compare.Plan{Variants: []compare.Variant{{Name: "batch"}}, Chains: []string{spec.Chain.File}, Level: intervalLevel, Repeats: 1}, nil
	}
	var p compare.Plan
	if err := json.Unmarshal(spec.Extra, &p); err != nil || len(p.Variants) == 0 {
		return p, errors.Join(fmt.Errorf("the comparison %s cannot be read", spec.ID), err)
	}
	return p, nil
}

// storedChecks are those that a comparison was started with.
func (a *app) storedChecks(spec *batch.Spec, in *compareInput) error {
	var first compareInput
	now := a.flags
	answers, tools := a.answers, a.tools
	if err := a.restore("compare", first.register, spec.Args, nil); err != nil {
		return err
	}
	a.flags, a.answers, a.tools = now, answers, tools
	in.scoring = first.scoring
	if in.minPass == 0 {
		in.minPass = first.minPass
	}
	return nil
}

// columnsOfInput are the columns of the rows' file by row, if it is as it was.
func (a *app) columnsOfInput(ctx context.Context, spec *batch.Spec) (map[int]map[string]any, error) {
	if spec.Kind != "batch" || spec.Input.File == stdinPath {
		return nil, nil
	}
	now, err := sourceOf(ctx, spec.Input.File)
	if err != nil || now.Digest != spec.Input.Digest {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		a.dimf("· %s has changed or is gone: checks see only the columns that the chain uses", spec.Input.File)
		return nil, nil
	}
	file := table.New(spec.Input.File, func() (io.ReadCloser, error) { return os.Open(spec.Input.File) })
	out := map[int]map[string]any{}
	for row, err := range file.Rows() {
		if err != nil {
			return nil, err
		}
		if object, ok := row.Value.(map[string]any); ok {
			out[row.Number] = object
		}
	}
	return out, nil
}

// addColumns adds the columns that a batch did not store, and finds what the checks
// cannot use.
func (a *app) addColumns(d *compare.Data, c *comparison) error {
	for _, row := range d.Rows {
		for name, value := range c.more[row.Number] {
			if _, ok := row.Columns[name]; !ok {
				row.Columns[name] = value
			}
		}
		if err := c.checks.Prepare(row.Number, row.Columns); err != nil {
			return err
		}
	}
	return nil
}
