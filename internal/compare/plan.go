// Package compare says how models, settings or prompts differ on the same rows, and
// how sure that is. A comparison is a batch (package batch): rows × variants ×
// repeats. A [Plan] has its variants; [Load] reads what was answered; [Data.Score]
// checks the answers; [Analyse] decides; a [Report] is written as HTML, JSON, CSV,
// JUnit or Markdown.
package compare

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/stats"
	"github.com/tandem-llm/tandem/provider"
)

// MaxVariants is how many variants a comparison may have.
const MaxVariants = 30

// Plan is what is compared, and how. It is stored with the batch.
type Plan struct {
	Variants []Variant `json:"variants"` // the first is the one that the others are compared with
	Chains   []string  `json:"chains"`   // files, by Variant.Chain
	Columns  []string  `json:"columns"`  // of the rows
	Cluster  string    `json:"cluster,omitempty"`
	Level    float64   `json:"level"`            // of the intervals
	Margin   float64   `json:"margin,omitempty"` // the smallest difference that matters
	Until    float64   `json:"until,omitempty"`  // the run stops when an interval is this narrow; 0: never
	Repeats  int       `json:"repeats"`
	// Checks are the texts of the checks' files, and of the flags, as they were.
	Checks []CheckSource `json:"checks,omitempty"`
}

// CheckSource is a file of checks as it was.
type CheckSource struct {
	File string `json:"file"`
	Text string `json:"text"`
}

// Variant is one of what is compared: who answers, and how it is asked. What it
// sets replaces what the chain's steps say themselves.
type Variant struct {
	Name        string   `json:"name"`
	Use         []string `json:"use,omitempty"` // who answers; empty: whoever the configuration and the chain say
	Model       string   `json:"model,omitempty"`
	Temperature *float64 `json:"temperature,omitempty"`
	TopP        *float64 `json:"top_p,omitempty"`
	MaxTokens   *int     `json:"max_tokens,omitempty"`
	NumCtx      *int     `json:"num_ctx,omitempty"`
	Seed        *int64   `json:"seed,omitempty"`
	Chain       int      `json:"chain"`           // of Plan.Chains
	Noise       bool     `json:"noise,omitempty"` // the first variant again
}

// Target is a provider with one of its models.
type Target struct {
	Name  string // as it was given
	Use   []string
	Model string
}

// Axes are what varies. An empty axis has one value: what is set elsewhere.
type Axes struct {
	Targets      []Target
	Models       []string
	Temperatures []float64
	NumCtx       []int
	Seeds        []int64
	Chains       []string // at least one
	Noise        bool     // the first variant runs twice
}

// Variants are all combinations, named by what varies between them.
func (a *Axes) Variants() ([]Variant, error) {
	out := []Variant{{}}
	labels := []string{""}
	cross := func(n int, many bool, label func(i int) string, set func(v *Variant, i int)) {
		if n == 0 {
			return
		}
		var next []Variant
		var nextLabels []string
		for k, v := range out {
			for i := range n {
				w := v
				set(&w, i)
				next = append(next, w)
				text := labels[k]
				if many {
					text = strings.TrimSpace(text + " " + label(i))
				}
				nextLabels = append(nextLabels, text)
			}
		}
		out, labels = next, nextLabels
	}
	cross(len(a.Targets), len(a.Targets) > 1, func(i int) string { return a.Targets[i].Name }, func(v *Variant, i int) { v.Use, v.Model = a.Targets[i].Use, a.Targets[i].Model })
	cross(len(a.Models), len(a.Models) > 1, func(i int) string { return a.Models[i] }, func(v *Variant, i int) { v.Model = a.Models[i] })
	chains := ShortPaths(a.Chains)
	cross(len(chains), len(chains) > 1, func(i int) string { return chains[i] }, func(v *Variant, i int) { v.Chain = i })
	cross(len(a.Temperatures), len(a.Temperatures) > 1, func(i int) string { return "temperature=" + short(a.Temperatures[i]) }, func(v *Variant, i int) { v.Temperature = &a.Temperatures[i] })
	cross(len(a.NumCtx), len(a.NumCtx) > 1, func(i int) string { return "num_ctx=" + strconv.Itoa(a.NumCtx[i]) }, func(v *Variant, i int) { v.NumCtx = &a.NumCtx[i] })
	cross(len(a.Seeds), len(a.Seeds) > 1, func(i int) string { return "seed=" + strconv.FormatInt(a.Seeds[i], 10) }, func(v *Variant, i int) { v.Seed = &a.Seeds[i] })
	for i := range out {
		if out[i].Name = labels[i]; out[i].Name == "" {
			out[i].Name = a.only()
		}
	}
	return finish(out, a.Noise)
}

// only names the one variant of axes that have one value each.
func (a *Axes) only() string {
	var parts []string
	for _, t := range a.Targets {
		parts = append(parts, t.Name)
	}
	if parts = append(parts, a.Models...); len(parts) == 0 {
		return "configured"
	}
	return strings.Join(parts, " ")
}

// finish checks variants, and adds the first one again.
func finish(out []Variant, noise bool) ([]Variant, error) {
	seen := map[string]bool{}
	for _, v := range out {
		if seen[v.Name] {
			return nil, fmt.Errorf("%s is given twice; --noise compares a target with itself", v.Name)
		}
		seen[v.Name] = true
	}
	if noise {
		again := out[0]
		again.Noise, again.Name = true, again.Name+" (again)"
		out = append(out, again)
	}
	if len(out) > MaxVariants {
		return nil, fmt.Errorf("these are %d variants, and at most %d can be compared at a time", len(out), MaxVariants)
	}
	return out, nil
}

// ShortPaths are the names of files, each with as much of its path as tells it from the
// others.
func ShortPaths(paths []string) []string {
	parts := make([][]string, len(paths))
	for i, path := range paths {
		parts[i] = strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '\\' })
	}
	end := func(i, n int) string { return strings.Join(parts[i][max(0, len(parts[i])-n):], "/") }
	out := make([]string, len(paths))
	for i := range paths {
		n := 1
		for ; n < len(parts[i]); n++ {
			if !slices.ContainsFunc(paths, func(other string) bool { return other != paths[i] && end(slices.Index(paths, other), n) == end(i, n) }) {
				break
			}
		}
		out[i] = end(i, n)
	}
	return out
}

func short(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// Vars are the inputs of a chain: those that all rows have, and of a row's columns those
// that it has a value for.
func Vars(c *chain.Chain, columns, given map[string]any) map[string]any {
	out := map[string]any{}
	for _, name := range c.Inputs() {
		if v, ok := given[name]; ok {
			out[name] = v
		} else if v := columns[name]; v != nil {
			out[name] = v
		}
	}
	return out
}

// Ask is a provider that asks as a variant says, for one of its repeats.
func (p *Plan) Ask(inner provider.Provider, variant, repeat int) provider.Provider {
	return &fixed{inner, p.Variants[variant], p.seed(variant, repeat)}
}

// seed is that of a repeat: without one of its own, a cache or a recording would
// answer a repeat with the answer of another one.
func (p *Plan) seed(variant, repeat int) *int64 {
	v := &p.Variants[variant]
	if !v.Noise && repeat == 0 {
		return v.Seed
	}
	var first int64
	if v.Seed != nil {
		first = *v.Seed
	}
	n := first + int64(repeat)
	if v.Noise {
		n += int64(max(1, p.Repeats))
	}
	return &n
}

// fixed is a provider that asks as a variant says.
type fixed struct {
	provider.Provider
	variant Variant
	seed    *int64
}

var _ provider.Wrapper = (*fixed)(nil)

// Unwrap returns the provider that is asked.
func (f *fixed) Unwrap() provider.Provider { return f.Provider }

// Chat asks with what the variant sets.
func (f *fixed) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return f.Provider.Chat(ctx, f.variant.apply(req, f.seed))
}

// Request is a request as a variant asks it.
func (p *Plan) Request(req provider.Request, variant, repeat int) provider.Request {
	return p.Variants[variant].apply(req, p.seed(variant, repeat))
}

func (v *Variant) apply(req provider.Request, seed *int64) provider.Request {
	if len(v.Use) > 0 {
		req.Use, req.Model = v.Use, v.Model
	} else if v.Model != "" {
		req.Model = v.Model
	}
	if v.Temperature != nil {
		req.Temperature = v.Temperature
	}
	if v.TopP != nil {
		req.TopP = v.TopP
	}
	if v.MaxTokens != nil {
		req.MaxTokens = v.MaxTokens
	}
	if seed != nil {
		req.Seed = seed
	}
	if v.NumCtx != nil {
		options := maps.Clone(req.Options)
		if options == nil {
			options = provider.Options{}
		}
		options["num_ctx"] = *v.NumCtx
		req.Options = options
	}
	return req
}

// Comparisons is how many variants are compared with the first.
func (p *Plan) Comparisons() int {
	n := 0
	for _, v := range p.Variants[1:] {
		if !v.Noise {
			n++
		}
	}
	return n
}

// guesses of what is not known before a run.
const (
	discordance = 0.3 // of rows that only one of two targets passes
	within      = 0.2 // correlation within clusters
)

// Smallest is the smallest difference that so many rows can show, if the targets
// disagree on three rows in ten. With clusters, rows are taken to be alike by 0.2.
func (p *Plan) Smallest(rows, clusters int) (float64, error) {
	plan := stats.Plan{Rows: rows, Discordance: discordance, Level: 1 - (1-p.Level)/float64(max(1, p.Comparisons()))}
	if clusters > 0 {
		plan.DesignEffect = max(1, 1+(float64(rows)/float64(clusters)-1)*within)
	}
	return plan.SmallestDifference()
}
