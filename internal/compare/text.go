package compare

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/stats"
	"github.com/tandem-llm/tandem/internal/textx"
)

// textOf is a value as a text: a text as it is, and JSON of everything else.
func textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

// percent is a score as people read it: 81.5 %.
func percent(x float64) string { return decimals(100*x) + " %" }

// points is a difference of scores, in percentage points, with its sign.
func points(x float64) string {
	text := decimals(100 * x)
	if x > 0 && text != "0.0" {
		return "+" + text
	}
	return text
}

func decimals(x float64) string {
	text := strconv.FormatFloat(x, 'f', 1, 64)
	if text == "-0.0" {
		return "0.0"
	}
	return strings.Replace(text, "-", "−", 1)
}

func rowsText(n int) string { return textx.Count(n, "row") }

func levelText(level float64) string { return short(math.Round(1000*level)/10) + " %" }

// interval is an interval of differences as a sentence has it.
func interval(d *stats.Difference) string {
	if d.Method == stats.NoInterval {
		return basis(d) + " are too few for an interval"
	}
	return fmt.Sprintf("%s interval %s to %s", levelText(d.Level), points(d.Low), points(d.High))
}

// basis is what a comparison rests on.
func basis(d *stats.Difference) string {
	if d.Clusters != d.N {
		return fmt.Sprintf("%s in %s", rowsText(d.N), textx.Count(d.Clusters, "cluster"))
	}
	return rowsText(d.N)
}

// Headline is the verdict in words, a sentence for each comparison.
func (r *Report) Headline() []string {
	var out []string
	d := r.Data
	first := d.Plan.Variants[0].Name
	for i := range r.Pairs {
		p := &r.Pairs[i]
		out = append(out, r.sentence(first, d.Plan.Variants[p.Variant].Name, p))
	}
	for i := range r.Preferences {
		p := &r.Preferences[i]
		out = append(out, preferenceSentence(first, d.Plan.Variants[p.Variant].Name, p, len(r.Preferences) > 1))
	}
	if len(out) > 0 {
		return out
	}
	for _, a := range r.Arms {
		if a.Variant.Noise {
			continue
		}
		if a.Rate.N == 0 {
			out = append(out, fmt.Sprintf("No answer of %s has a score.", a.Name))
			continue
		}
		out = append(out, fmt.Sprintf("%s scores %s on %s (%s).", a.Name, percent(a.Rate.Mean), rowsText(a.Rate.N), rateInterval(&a.Rate)))
	}
	return out
}

func rateInterval(r *stats.Rate) string {
	if r.Method == stats.NoInterval {
		return "too few for an interval"
	}
	return fmt.Sprintf("%s interval %s to %s", levelText(r.Level), percent(r.Low), percent(r.High))
}

func (r *Report) sentence(first, name string, p *Pair) string {
	d := &p.Difference
	margin := decimals(100 * r.Data.Plan.Margin)
	if d.N == 0 {
		return fmt.Sprintf("%s and %s cannot be compared: no row has a score in both.", name, first)
	}
	if d.Method == stats.NoInterval {
		least := fmt.Sprintf("%d rows", stats.MinRows)
		if d.Clusters != d.N {
			least = fmt.Sprintf("%d clusters", stats.MinClusters)
		}
		return fmt.Sprintf("Nothing is decided between %s and %s: %s are too few for an interval, which takes at least %s.", name, first, basis(d), least)
	}
	what := fmt.Sprintf("(%s, %s)", interval(d), basis(d))
	switch p.Verdict {
	case stats.Better:
		return fmt.Sprintf("%s is better than %s by %s points %s.", name, first, decimals(100*d.Mean), what)
	case stats.Worse:
		return fmt.Sprintf("%s is worse than %s by %s points %s.", name, first, decimals(-100*d.Mean), what)
	case stats.Equivalent:
		return fmt.Sprintf("%s is as good as %s: they differ by less than the margin of %s points %s.", name, first, margin, what)
	case stats.NotWorse:
		return fmt.Sprintf("%s is not worse than %s by the margin of %s points or more %s.", name, first, margin, what)
	}
	text := fmt.Sprintf("Nothing is decided between %s and %s: the difference is %s points, and could be anything from %s to %s (%s interval, %s).",
		name, first, points(d.Mean), points(d.Low), points(d.High), levelText(d.Level), basis(d))
	if more := r.rowsFor(d); more > d.N {
		text += fmt.Sprintf(" To show a true difference of %s points takes about %d rows.", decimals(100*math.Abs(d.Mean)), more)
	}
	return text
}

// rowsFor is how many rows would show a difference like the one that was seen.
func (r *Report) rowsFor(d *stats.Difference) int {
	if d.Mean == 0 || d.N == 0 || d.SE == 0 || r.Data.Plan.Until > 0 { // an interval that holds at every row takes more
		return 0
	}
	n, err := stats.Plan{SD: d.SE * math.Sqrt(float64(d.N)), Level: d.Level}.RowsFor(math.Abs(d.Mean))
	if err != nil || n > 10_000_000 {
		return 0
	}
	return n
}

func preferenceSentence(first, name string, p *Preference, many bool) string {
	of := ""
	if many {
		of = " by " + p.Check
	}
	d := &p.Difference
	if d.N == 0 {
		return fmt.Sprintf("The judge gave no verdict on %s and %s%s.", name, first, of)
	}
	share := percent((1 + d.Mean) / 2)
	if d.Method == stats.NoInterval {
		return fmt.Sprintf("Nothing is decided between %s and %s%s: %s are too few for an interval.", name, first, of, basis(d))
	}
	what := fmt.Sprintf("in %s of comparisons%s (%s interval %s to %s, %s)", share, of, levelText(d.Level), percent((1+d.Low)/2), percent((1+d.High)/2), basis(d))
	switch p.Verdict {
	case stats.Better:
		return fmt.Sprintf("The judge prefers %s to %s %s.", name, first, what)
	case stats.Worse:
		return fmt.Sprintf("The judge prefers %s to %s: it prefers %s %s.", first, name, name, what)
	}
	return fmt.Sprintf("The judge decides nothing between %s and %s: it prefers %s %s.", name, first, name, what)
}

// Notes are what a reader of the verdict must know besides.
func (r *Report) Notes() []string {
	var out []string
	d := r.Data
	for i := range r.Pairs {
		p := &r.Pairs[i]
		if p.LeftOut > 0 {
			verb := "are"
			if p.LeftOut == 1 {
				verb = "is"
			}
			out = append(out, fmt.Sprintf("%s of %d %s left out of the comparison with %s: they have no score on one side (%s).", rowsText(p.LeftOut), len(d.Rows), verb, d.Plan.Variants[p.Variant].Name, d.whyUnscored(p.Variant)))
		}
		if r.Noise != nil && r.Noise.Method != stats.NoInterval && p.Difference.N > 0 && math.Abs(p.Mean) > 0 && math.Abs(p.Mean) < r.Noise.Floor {
			out = append(out, fmt.Sprintf("The difference of %s is within the noise: %s differs from itself by up to %s points.", d.Plan.Variants[p.Variant].Name, d.Plan.Variants[0].Name, decimals(100*r.Noise.Floor)))
		}
	}
	if n := r.Noise; n != nil {
		out = append(out, fmt.Sprintf("Noise: run twice, %s changed its score in %s of %s, and differs from itself by %s points (%s).", d.Plan.Variants[0].Name, percent(n.Changed.Mean), rowsText(n.N), points(n.Mean), interval(&n.Difference)))
	}
	for _, a := range r.Arms {
		if a.Failed > 0 {
			out = append(out, a.failures())
		}
		if a.Fallback > 0 {
			out = append(out, fmt.Sprintf("%s of %s came from a fallback.", textx.Count(a.Fallback, "answer"), a.Name))
		}
		if a.Unscored > 0 && len(r.Pairs) == 0 && len(r.Judged) > 0 {
			out = append(out, fmt.Sprintf("%s of %s have no score.", rowsText(a.Unscored), a.Name))
		}
	}
	if m := len(r.Pairs); m > 1 && d.Plan.Until == 0 {
		out = append(out, fmt.Sprintf("%d comparisons are decided together (Holm): the chance of any false verdict stays at %s.", m, percent(1-d.Plan.Level)))
	}
	if d.Plan.Until > 0 {
		out = append(out, "The run was watched, so its intervals are those that hold at every row.")
	}
	for i := range r.Preferences {
		p := &r.Preferences[i]
		if b := &p.Position.Bias; b.N > 0 {
			out = append(out, fmt.Sprintf("The judge of %s agreed with itself in %s of pairs when the order was swapped, and preferred the first answer by %s points (%s).", p.Check, percent(p.Position.Consistent.Mean), points(b.Mean), interval(b)))
		}
		if p.Unknown > 0 {
			out = append(out, fmt.Sprintf("%s without a verdict by %s.", textx.Count(p.Unknown, "pair"), p.Check))
		}
	}
	for _, a := range r.Agreements {
		out = append(out, a.sentence())
	}
	return out
}

// failures says what became of answers that did not come.
func (a *Arm) failures() string {
	text := fmt.Sprintf("%s of %d failed at %s: ", textx.Count(a.Failed, "answer"), a.Asked, a.Name)
	switch left := a.Failed - a.Spoiled; {
	case left == 0:
		return text + "the model spoiled them, so they score 0."
	case a.Spoiled == 0:
		return text + "they are left out, for the reason is not the model's."
	default:
		return text + fmt.Sprintf("the model spoiled %d, which score 0; %d are left out.", a.Spoiled, left)
	}
}

// whyUnscored is the most frequent reason for which answers of a variant or of the
// first one have no score.
func (d *Data) whyUnscored(v int) string {
	reasons := map[string]int{}
	for _, row := range d.Rows {
		for _, at := range []int{0, v} {
			for i := range row.Cells[at] {
				if c := &row.Cells[at][i]; !c.Scored {
					reasons[cut(strings.Join(strings.Fields(c.Unscored), " "), 160)]++
				}
			}
		}
	}
	most := ""
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		if most == "" || reasons[reason] > reasons[most] {
			most = reason
		}
	}
	return fmt.Sprintf("%d: %s", reasons[most], most)
}

func (a *Agreement) sentence() string {
	text := fmt.Sprintf("%s agrees with your labels in %s of %s (%s)", a.Check, percent(a.Raw.Mean), textx.Count(a.Raw.N, "answer"), rateInterval(&a.Raw))
	if a.KappaDefined {
		return text + fmt.Sprintf("; Cohen's kappa is %.2f (%.2f to %.2f).", a.Kappa, a.KappaLow, a.KappaHigh)
	}
	return text + "."
}

// timeText is a duration as a table has it.
func timeText(d time.Duration) string {
	if d <= 0 {
		return "–"
	}
	return textx.Duration(d)
}
