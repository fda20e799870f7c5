package cli

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/chatui"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// batchView shows how far a batch has come: on a terminal a line that is kept up to
// date, elsewhere a line a minute.
type batchView struct {
	app   *app
	began time.Time
	every time.Duration
	// waiting reports whether rows wait for interactive calls; nil: the status says.
	waiting func() bool

	mu     sync.Mutex
	now    batch.Status // counted on from the status at the start
	rows   int          // ended in this process
	tokens int64        // of answers, in this process
	target string       // who answered last
	sent   string       // how far a Batch API is; empty: none is asked
	away   bool         // no provider answers
	recent []recent     // of the last minute
}

// recent is how many rows had ended at a time.
type recent struct {
	at     time.Time
	rows   int
	tokens int64
}

// rateSpan is the time over which rows a second are told.
const rateSpan = time.Minute

func newBatchView(a *app, s batch.Status) *batchView {
	v := &batchView{app: a, began: time.Now(), every: time.Minute, now: s}
	if a.term.ErrIsTTY {
		v.every = 500 * time.Millisecond
	}
	v.recent = []recent{{at: v.began}}
	return v
}

// add counts outcomes that are kept.
func (v *batchView) add(outcomes []batch.Outcome) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range outcomes {
		o := &outcomes[i]
		v.now.USD += o.Tally.USD
		v.now.Saved += o.Tally.Saved
		v.tokens += int64(o.Tally.Output)
		switch o.Fate {
		case batch.Done:
			v.now.Done++
		case batch.Failed:
			v.now.Failed++
		default:
			continue
		}
		v.rows++
		if o.Tally.Provider != "" {
			v.target = o.Tally.Provider
		}
	}
}

// follow takes in what another process has done since.
func (v *batchView) follow(s batch.Status) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rows += s.Done + s.Failed - v.now.Done - v.now.Failed
	v.tokens += s.Output - v.now.Output
	v.now = s
	v.sent = sentText(s.BatchAPI, s.Parts)
}

// setParts takes in how far the provider's Batch API is.
func (v *batchView) setParts(provider string, parts []batch.Part) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sent = sentText(provider, parts)
}

// setAway takes in why nothing is asked, because no provider answers; nil: one does again.
func (v *batchView) setAway(why error) {
	v.mu.Lock()
	v.away = why != nil
	v.mu.Unlock()
	switch {
	case v.app.flags.quiet:
	case why == nil:
		v.app.term.Noticef("· the provider answers again")
	default:
		v.app.term.Noticef("· waiting for the provider: %s", terminal.OneLine(why.Error()))
	}
}

// setNodes takes in which nodes there are.
func (v *batchView) setNodes(nodes []natsqueue.Node, id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sent = nodesText(nodes, id)
}

func sentText(provider string, parts []batch.Part) string {
	answered, rows := 0, 0
	for i := range parts {
		answered += parts[i].Answered
		rows += parts[i].Rows
	}
	if rows == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d answered at %s", answered, rows, terminal.OneLine(provider))
}

// show shows it until over is closed.
func (v *batchView) show(over <-chan struct{}) {
	a := v.app
	if a.flags.quiet {
		return
	}
	tick := time.NewTicker(v.every)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-tick.C:
		}
		if width := a.term.ErrWidth(); width > 0 {
			a.term.SetStatus(a.term.Dim(v.line(time.Now(), width-1)))
			continue
		}
		a.term.Noticef("%s", v.line(time.Now(), 0))
	}
}

// line says how far the batch is, in at most so many columns; 0: in as many as it
// takes. What matters less is left out first.
func (v *batchView) line(now time.Time, width int) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.recent = append(v.recent, recent{now, v.rows, v.tokens})
	for len(v.recent) > 2 && now.Sub(v.recent[1].at) > rateSpan {
		v.recent = v.recent[1:]
	}
	first, last := v.recent[0], v.recent[len(v.recent)-1]
	var rows, tokens float64
	if span := last.at.Sub(first.at).Seconds(); span > 0 {
		rows, tokens = float64(last.rows-first.rows)/span, float64(last.tokens-first.tokens)/span
	}
	ended := v.now.Done + v.now.Failed
	eta := ""
	away := v.away || v.now.Away
	if left := v.now.Total - ended; rows > 0 && left > 0 && !away {
		eta = "ETA " + short((time.Duration(float64(left)/rows) * time.Second).Round(time.Second))
	}
	failed := ""
	if v.now.Failed > 0 {
		failed = fmt.Sprintf("%d failed", v.now.Failed)
	}
	money := ""
	if v.now.USD > 0 {
		money = ledger.Dollars(v.now.USD)
	}
	if v.now.Saved > 0 {
		money = strings.TrimPrefix(money+", saved "+ledger.Dollars(v.now.Saved), ", ")
	}
	waits := ""
	if v.waiting == nil && v.now.Waiting || v.waiting != nil && v.waiting() {
		waits = "waiting for interactive calls"
	}
	if away {
		waits = "waiting for the provider"
	}
	return fitParts(width, []linePart{
		{fmt.Sprintf("%d/%d %ss", ended, v.now.Total, unit(&v.now)), 0},
		{waits, 1},
		{v.sent, 1},
		{eta, 2},
		{failed, 3},
		{rateText(rows, unit(&v.now)+"s/s"), 4},
		{rateText(tokens, "tokens/s"), 7},
		{terminal.OneLine(v.target), 6},
		{money, 5},
	})
}

func rateText(perSecond float64, what string) string {
	switch {
	case perSecond <= 0:
		return ""
	case perSecond < 10:
		return fmt.Sprintf("%.1f %s", perSecond, what)
	}
	return fmt.Sprintf("%.0f %s", perSecond, what)
}

// linePart is a part of a line, and how soon it is left out: the highest first.
type linePart struct {
	text string
	drop int
}

// fitParts joins parts, of which as many are left out as it takes for the line to
// fit.
func fitParts(width int, parts []linePart) string {
	for most := len(parts); ; most-- {
		var kept []string
		for _, p := range parts {
			if p.text != "" && p.drop <= most {
				kept = append(kept, p.text)
			}
		}
		line := "· " + strings.Join(kept, " · ")
		if width <= 0 || most == 0 || chatui.Width(line) <= width {
			return line
		}
	}
}
