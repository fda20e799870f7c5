package compare

import (
	"github.com/tandem-llm/tandem/internal/check"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/stats"
)

// JSON is a report as `tandem compare --json` prints it. Shares, scores and
// differences are from 0 to 1, or −1 to 1.
type JSON struct {
	ID          string           `json:"id"`
	Headline    []string         `json:"headline"`
	Notes       []string         `json:"notes"`
	Rows        int              `json:"rows"`
	Clusters    int              `json:"clusters,omitempty"`
	Stopped     bool             `json:"stopped_early"`
	Targets     []ArmJSON        `json:"targets"`
	Differences []DifferenceJSON `json:"differences"` // of the row's scores, to the first target
	Preferences []PreferenceJSON `json:"preferences,omitempty"`
	Noise       *NoiseJSON       `json:"noise,omitempty"`
	Agreement   []AgreementJSON  `json:"agreement,omitempty"`
	JudgeUSD    float64          `json:"judge_usd"`
	Answers     []AnswerJSON     `json:"answers"`
}

// ArmJSON is a target, or another variant.
type ArmJSON struct {
	Variant
	Score    float64        `json:"score"`
	Low      float64        `json:"low"`
	High     float64        `json:"high"`
	Scored   int            `json:"rows_scored"`
	Unscored int            `json:"rows_unscored"`
	Answers  int            `json:"answers"`
	Failed   int            `json:"failed"`
	Fallback int            `json:"fallback"`
	Checks   []CheckJSON    `json:"checks"`
	Answered map[string]int `json:"answered_by,omitempty"`
	USD      float64        `json:"cost_usd"`
	Unpriced int            `json:"unpriced"`
	Input    int            `json:"input_tokens"`
	Output   int            `json:"output_tokens"`
	FirstMS  *int64         `json:"first_token_ms"` // median; null: not known
	MS       int64          `json:"ms"`             // median
	Speed    *float64       `json:"tokens_per_s"`   // median; null: not known
}

// CheckJSON is a check of a target's answers.
type CheckJSON struct {
	Name   string  `json:"name"`
	Passed int     `json:"passed"`
	Of     int     `json:"of"`
	Mean   float64 `json:"mean"`
}

// DifferenceJSON is a target against the first one.
type DifferenceJSON struct {
	Target     string  `json:"target"`
	Baseline   string  `json:"baseline"`
	Verdict    string  `json:"verdict"`
	Difference float64 `json:"difference"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Level      float64 `json:"level"`
	P          float64 `json:"p"`
	AdjustedP  float64 `json:"p_adjusted"`
	Rows       int     `json:"rows"`
	Clusters   int     `json:"clusters"`
	Better     int     `json:"better"`
	Worse      int     `json:"worse"`
	LeftOut    int     `json:"left_out"`
	Method     string  `json:"method"`
}

// PreferenceJSON is what a judge says of two targets' answers.
type PreferenceJSON struct {
	Check string `json:"check"`
	DifferenceJSON
	Consistent float64 `json:"consistent"` // share of pairs with the same winner in both orders
	FirstBias  float64 `json:"first_bias"` // how much the first answer is preferred
}

// NoiseJSON is how far the first target differs from itself.
type NoiseJSON struct {
	Difference float64 `json:"difference"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Changed    float64 `json:"changed"`
	Floor      float64 `json:"floor"`
	Method     string  `json:"method"`
}

// AgreementJSON is how far a check agrees with labels.
type AgreementJSON struct {
	Check   string   `json:"check"`
	Answers int      `json:"answers"`
	Agrees  float64  `json:"agrees"`
	Low     float64  `json:"low"`
	High    float64  `json:"high"`
	Kappa   *float64 `json:"kappa"` // null: not defined
}

// AnswerJSON is one answer.
type AnswerJSON struct {
	Row      int           `json:"row"`
	Target   string        `json:"target"`
	Repeat   int           `json:"repeat"`
	OK       bool          `json:"ok"`
	Answer   string        `json:"answer"`
	Error    *runner.Error `json:"error,omitempty"`
	Score    *float64      `json:"score"` // null: it has none
	Pass     bool          `json:"pass"`
	Checks   []AnswerCheck `json:"checks,omitempty"`
	Unscored string        `json:"unscored,omitempty"`
	Provider string        `json:"provider,omitempty"`
	Model    string        `json:"model,omitempty"`
	Fallback bool          `json:"fallback"`
	USD      *float64      `json:"cost_usd"`
	MS       int64         `json:"ms"`
}

// AnswerCheck is what a check says of an answer.
type AnswerCheck struct {
	Name string `json:"name"`
	check.Outcome
}

// JSON is the report as data.
func (r *Report) JSON(id string) *JSON {
	d := r.Data
	out := &JSON{ID: id, Headline: r.Headline(), Notes: r.Notes(), Rows: len(d.Rows), Clusters: r.Clusters, Stopped: r.Stopped, JudgeUSD: d.JudgeUSD, Targets: []ArmJSON{}, Differences: []DifferenceJSON{}, Answers: []AnswerJSON{}}
	if out.Notes == nil {
		out.Notes = []string{}
	}
	for i := range r.Arms {
		out.Targets = append(out.Targets, armJSON(&r.Arms[i]))
	}
	for i := range r.Pairs {
		p := &r.Pairs[i]
		out.Differences = append(out.Differences, d.differenceJSON(p.Variant, &p.Outcome, p.LeftOut))
	}
	for i := range r.Preferences {
		p := &r.Preferences[i]
		out.Preferences = append(out.Preferences, PreferenceJSON{p.Check, d.differenceJSON(p.Variant, &p.Outcome, p.Unknown), p.Position.Consistent.Mean, p.Position.Bias.Mean})
	}
	if n := r.Noise; n != nil {
		out.Noise = &NoiseJSON{n.Mean, n.Low, n.High, n.Changed.Mean, n.Floor, n.Method.String()}
	}
	for _, a := range r.Agreements {
		j := AgreementJSON{Check: a.Check, Answers: a.Raw.N, Agrees: a.Raw.Mean, Low: a.Raw.Low, High: a.Raw.High}
		if a.KappaDefined {
			j.Kappa = &a.Kappa
		}
		out.Agreement = append(out.Agreement, j)
	}
	for _, row := range d.byNumber() {
		for v := range row.Cells {
			for i := range row.Cells[v] {
				if c := &row.Cells[v][i]; c.Ended {
					out.Answers = append(out.Answers, d.answerJSON(row, v, i, c))
				}
			}
		}
	}
	return out
}

func armJSON(a *Arm) ArmJSON {
	out := ArmJSON{
		Variant: a.Variant, Score: a.Rate.Mean, Low: a.Rate.Low, High: a.Rate.High, Scored: a.Scored, Unscored: a.Unscored, Answers: a.Asked,
		Failed: a.Failed, Fallback: a.Fallback, Answered: a.Answered, USD: a.USD, Unpriced: a.Unpriced, Input: a.Input, Output: a.Output,
		MS: a.Took.Milliseconds(), Checks: []CheckJSON{},
	}
	for _, c := range a.Checks {
		out.Checks = append(out.Checks, CheckJSON{c.Name, c.Pass, c.Of, c.Mean})
	}
	if a.First > 0 {
		ms := a.First.Milliseconds()
		out.FirstMS = &ms
	}
	if a.Speed > 0 {
		out.Speed = &a.Speed
	}
	return out
}

func (d *Data) differenceJSON(v int, o *stats.Outcome, leftOut int) DifferenceJSON {
	return DifferenceJSON{
		Target: d.Plan.Variants[v].Name, Baseline: d.Plan.Variants[0].Name, Verdict: o.Verdict.String(), Difference: o.Mean, Low: o.Low, High: o.High,
		Level: o.Level, P: o.P, AdjustedP: o.AdjustedP, Rows: o.N, Clusters: o.Clusters, Better: o.Better, Worse: o.Worse, LeftOut: leftOut, Method: o.Method.String(),
	}
}

func (d *Data) answerJSON(row *Row, v, repeat int, c *Cell) AnswerJSON {
	out := AnswerJSON{
		Row: row.Number, Target: d.Plan.Variants[v].Name, Repeat: repeat, OK: c.OK, Answer: c.Answer, Error: c.Error, Pass: c.Scored && c.Pass,
		Unscored: c.Unscored, Provider: c.Provider, Model: c.Model, Fallback: c.Fallback, USD: c.USD, MS: c.Took.Milliseconds(),
	}
	if c.Scored {
		out.Score = &c.Score
	}
	for _, k := range d.outcomes(row, c) {
		out.Checks = append(out.Checks, AnswerCheck{k.check.Name, k.outcome})
	}
	return out
}
