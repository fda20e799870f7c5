package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/provider"
)

// row is a call as it goes into the file, encoded and without secrets.
type row struct {
	run                   Run
	call                  *Call // of which the columns are made
	provider, model, kind string
	prompt, answer        string // for search
	record                string // JSON
	pieces                pieces // of what is long
}

// rowOf encodes a call. It changes neither c nor what c points to. Nothing that
// a record can hold makes it panic.
func rowOf(run Run, c *Call, clean func(string) string) (r *row, err error) {
	defer func() {
		if p := recover(); p != nil { // a value of the caller's that cannot encode itself
			err = fmt.Errorf("encoding the record: %v", p)
		}
	}()
	if clean == nil {
		clean = func(text string) string { return text }
	}
	r = &row{run: run, call: c}
	for _, text := range []*string{&r.run.Chain, &r.run.File, &r.run.Command} {
		*text = clean(*text)
	}
	kept := *c
	kept.ToolCalls = encodableCalls(c.ToolCalls)
	if c.Asked != nil {
		kept.Asked = encodable(c.Asked)
		if _, err := json.Marshal(c.Asked.Options); err != nil { // they may hold themselves
			return nil, err
		}
	}
	if c.Content {
		r.prompt = excerpt(clean(promptText(c.Asked)))
		kept.Answer, kept.Thinking = clean(c.Answer), clean(c.Thinking)
		r.answer = excerpt(kept.Answer)
	}
	r.pieces.take(partAnswer, &kept.Answer)
	r.pieces.take(partThinking, &kept.Thinking)
	if c.Route != nil {
		r.provider, r.model = clean(c.Route.Provider), clean(c.Route.Model)
	}
	if c.Error != nil {
		r.kind = c.Error.Kind
	}
	record, err := json.Marshal(redact.Strings(&kept, clean))
	if err != nil {
		return nil, err
	}
	r.record = string(record)
	r.pieces.take(partRecord, &r.record)
	return r, nil
}

// bareRow is what is kept of a call whose texts cannot be: who, when, how it
// ended, what it cost, and why there is no more.
func bareRow(run Run, c *Call, clean func(string) string, why error) *row {
	short := func(text string) (out string) {
		defer func() {
			if recover() != nil { // what could not be cleaned is not kept
				out = ""
			}
		}()
		if clean != nil {
			text = clean(text)
		}
		return plain(text)
	}
	kept := &Call{
		RunID: plain(c.RunID), Step: short(c.Step), Index: c.Index, Row: c.Row, Began: c.Began, Took: c.Took,
		Finish: provider.Finish(short(string(c.Finish))), Usage: c.Usage, Embedding: c.Embedding, Unkept: short(why.Error()),
	}
	if kept.Unkept == "" {
		kept.Unkept = "secrets could not be removed from it"
	}
	kept.Asked = &provider.Request{}
	if c.Asked != nil {
		kept.Asked.Model, kept.Asked.Privacy = short(c.Asked.Model), provider.Privacy(short(string(c.Asked.Privacy)))
	}
	if rt := c.Route; rt != nil {
		kept.Route = &provider.Route{
			Provider: short(rt.Provider), Model: short(rt.Model), Endpoint: short(rt.Endpoint), Local: rt.Local,
			Load: rt.Load, Working: rt.Working, FirstToken: rt.FirstToken, Total: rt.Total, Repairs: rt.Repairs,
		}
		if cost := rt.Cost; cost != nil {
			kept.Route.Cost = &provider.Cost{USD: finite(cost.USD), Saved: finite(cost.Saved), Basis: short(cost.Basis)}
		}
	}
	if e := c.Error; e != nil {
		kept.Error = &Failure{Kind: short(e.Kind), Provider: short(e.Provider), Status: e.Status}
	}
	run.ID, run.Command, run.Chain, run.File = kept.RunID, short(run.Command), short(run.Chain), short(run.File)
	run.SHA256, run.Tandem = short(run.SHA256), short(run.Tandem)
	r := &row{run: run, call: kept}
	if kept.Route != nil {
		r.provider, r.model = kept.Route.Provider, kept.Route.Model
	}
	if kept.Error != nil {
		r.kind = kept.Error.Kind
	}
	record, _ := json.Marshal(kept) // short texts and numbers
	r.record = string(record)
	return r
}

// plain is at most a kilobyte of text, valid UTF-8.
func plain(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), 1024)], "\uFFFD")
}

func finite(x *float64) *float64 {
	if x == nil || math.IsNaN(*x) || math.IsInf(*x, 0) {
		return nil
	}
	return x
}

// searched is how much of a prompt, of an answer and of a message is looked
// through, bytes.
const searched = 1 << 20

// excerpt is the beginning of a text, as much as is looked through.
func excerpt(text string) string { return cutAt(text, searched) }

// cutAt is the beginning of a text, of at most so many bytes and no half a letter.
func cutAt(text string, most int) string {
	if len(text) <= most {
		return text
	}
	n := most
	for n > max(0, most-utf8.UTFMax) && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// insert adds the row to the file.
func (r *row) insert(ctx context.Context, to execer) error {
	if err := r.insertRun(ctx, to); err != nil {
		return err
	}
	return insertCalls(ctx, to, []*row{r})
}

// insertRun adds the run that the row belongs to, unless it is there.
func (r *row) insertRun(ctx context.Context, to execer) error {
	_, err := to.ExecContext(ctx, `INSERT OR IGNORE INTO runs (id, began, command, chain, file, sha256, tandem) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		r.call.RunID, r.run.Began.UnixMilli(), r.run.Command, r.run.Chain, r.run.File, r.run.SHA256, r.run.Tandem)
	return err
}

// insertRows adds rows. The calls of many go into the file by one statement: SQLite writes
// the index of words at the end of each, which takes longer than all else about a call.
func insertRows(ctx context.Context, to execer, rows []*row) error {
	for _, r := range rows {
		if err := r.insertRun(ctx, to); err != nil {
			return err
		}
	}
	for len(rows) > 0 {
		n := groupOf(rows)
		if err := insertCalls(ctx, to, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// groups are how many calls go into the file together, so that few statements have to be
// prepared; groupSize is how long their texts are at most, bytes.
var groups = [...]int{64, 16, 4}

const groupSize = 1 << 20

// groupOf is how many of the first rows go into the file together.
func groupOf(rows []*row) int {
	n, size := 0, 0
	for n < min(len(rows), groups[0]) && len(rows[n].pieces) == 0 {
		if size += len(rows[n].prompt) + len(rows[n].answer) + len(rows[n].record); size > groupSize {
			break
		}
		n++
	}
	for _, g := range groups {
		if g <= n {
			return g
		}
	}
	return 1
}

const (
	callsSQL   = `INSERT INTO calls (run, step, idx, began, took, provider, model, finish, kind, prompt, answer, record) VALUES `
	callValues = `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	callWidth  = 12
)

// insertCalls adds the calls of rows by one statement, and the pieces of a single one.
func insertCalls(ctx context.Context, to execer, rows []*row) error {
	args := make([]any, 0, callWidth*len(rows))
	for _, r := range rows {
		c := r.call
		args = append(args, c.RunID, c.Step, c.Index, c.Began.UnixMilli(), c.Took, r.provider, r.model, c.Finish, r.kind, r.prompt, r.answer, r.record)
	}
	res, err := to.ExecContext(ctx, callsSQL+callValues+strings.Repeat(", "+callValues, len(rows)-1), args...)
	if err != nil || len(rows) > 1 || len(rows[0].pieces) == 0 {
		return err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return err
	}
	return rows[0].pieces.insert(ctx, to, ownerCall, id)
}
