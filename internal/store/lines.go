package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Line is one run as a list has it.
type Line struct {
	ID       string        `json:"id"`
	Began    time.Time     `json:"began"`
	Command  string        `json:"command,omitempty"`
	Chain    string        `json:"chain,omitempty"`
	Calls    int           `json:"calls"`
	Failures int           `json:"calls_failed,omitempty"` // how many of the calls have no whole answer
	Failed   string        `json:"error_kind,omitempty"`   // of the last call that failed
	Finish   string        `json:"finish,omitempty"`       // of the last call
	Provider string        `json:"provider,omitempty"`     // who answered last, or began to
	Model    string        `json:"model,omitempty"`
	Took     time.Duration `json:"took_ns"` // all calls, one after the other
	Busy     time.Duration `json:"busy_ns"` // that calls ran, at most: those beside each other count once
	// USD is what the run's calls cost, as far as that is known; nil: nothing is
	// known. Unpriced counts the calls whose cost is not in it.
	USD      *float64 `json:"cost_usd,omitempty"`
	Unpriced int      `json:"calls_unknown,omitempty"`
	Prompt   string   `json:"prompt,omitempty"`
	Answer   string   `json:"answer,omitempty"` // the last call's
}

// Status is how a run ended.
type Status string

// How a run ended, by its last call. A Kind of error is a Status, too.
const (
	StatusOK     Status = "ok"
	StatusCut    Status = "cut"    // at the limit of tokens
	StatusFailed Status = "failed" // no whole answer
)

// Filter chooses runs. The zero value takes all of them.
type Filter struct {
	// Words are all in one call's prompt and answer. They are found whole,
	// whatever their case and accents; a text that no word matches is looked for
	// as it is, inside words.
	Words string
	// Model is a model that answered a call of the run, or was tried by a call
	// that failed: with or without its provider, provider/model, in any case. A
	// name without a tag, such as qwen3, takes every tag.
	Model string
	// Providers are those of whom one answered a call, or was tried by a call that
	// failed.
	Providers []string
	Since     time.Time // when the run began, at the earliest; zero: no bound
	Until     time.Time // the run began before this; zero: no bound
	// MinUSD is the least that the run is known to have cost, US dollars.
	MinUSD float64
	Status Status // empty: any
	Limit  int    // 0 or less: none
}

// Chooses reports whether the filter leaves runs out, but for its limit.
func (f *Filter) Chooses() bool {
	where, _ := f.conditions()
	return where != "" || f.Words != ""
}

// lines reads runs from the newest on, each from its own calls: nothing is
// sorted or grouped, so that the first row is there at once and no number of
// rows takes memory.
const lines = `
SELECT r.id, r.began, r.command, r.chain,
	(SELECT json_array(count(*), sum(took), sum(finish = ''), max(began * 1000000 + took) - min(began * 1000000)) FROM calls WHERE run = r.id),
	coalesce((SELECT kind FROM calls WHERE run = r.id AND kind <> '' ORDER BY id DESC LIMIT 1), ''),
	(SELECT sum(usd) FROM ledger WHERE run = r.id),
	(SELECT count(*) FROM ledger WHERE run = r.id AND usd IS NULL),
	(SELECT prompt FROM calls WHERE run = r.id ORDER BY id LIMIT 1),
	(SELECT json_array(finish, answer) FROM calls WHERE run = r.id ORDER BY id DESC LIMIT 1),
	coalesce((SELECT json_array(provider, model) FROM calls WHERE run = r.id AND provider <> '' ORDER BY id DESC LIMIT 1),
		(SELECT json_array(json_extract(record, '$.error.attempts[#-1].provider'), coalesce(json_extract(record, '$.error.attempts[#-1].model'), ''))
			FROM calls WHERE run = r.id AND answer <> '' AND CASE WHEN json_valid(record) THEN json_extract(record, '$.error.attempts[#-1].outcome') END = 'failed' ORDER BY id DESC LIMIT 1),
		'["",""]')
FROM runs r WHERE EXISTS (SELECT 1 FROM calls WHERE run = r.id)%s ORDER BY r.id DESC LIMIT ?`

// conditions are the filter's, as SQL that goes on from a WHERE, but for its
// words.
func (f *Filter) conditions() (where string, args []any) {
	add := func(sql string, with ...any) { where, args = where+" AND "+sql, append(args, with...) }
	if !f.Since.IsZero() { // + keeps SQLite from reading by time, and sorting then
		add("+r.began >= ?", f.Since.UnixMilli())
	}
	if !f.Until.IsZero() {
		add("+r.began < ?", f.Until.UnixMilli())
	}
	if f.MinUSD > 0 {
		add("(SELECT sum(usd) FROM ledger WHERE run = r.id) >= ?", nano(f.MinUSD))
	}
	if f.Model != "" || len(f.Providers) > 0 {
		by, with := f.speakers("provider", "model")
		tried, more := f.speakers("json_extract(a.value, '$.provider')", "coalesce(json_extract(a.value, '$.model'), '')")
		add(`EXISTS (SELECT 1 FROM calls WHERE run = r.id AND (`+by+` OR kind <> '' AND provider = '' AND json_valid(record) AND EXISTS (
			SELECT 1 FROM json_each(record, '$.error.attempts') a WHERE json_extract(a.value, '$.outcome') <> 'skipped' AND `+tried+`)))`, append(with, more...)...)
	}
	last := func(column string) string {
		return "(SELECT " + column + " FROM calls WHERE run = r.id ORDER BY id DESC LIMIT 1)"
	}
	switch f.Status {
	case "":
	case StatusOK:
		add(last("finish") + " NOT IN ('', 'length')")
	case StatusCut:
		add(last("finish") + " = 'length'")
	case StatusFailed:
		add(last("finish") + " = ''")
	default:
		add(last("CASE finish WHEN '' THEN kind END")+" = ?", string(f.Status))
	}
	return where, args
}

// speakers is the condition that a provider and a model are among the filter's.
func (f *Filter) speakers(provider, model string) (where string, args []any) {
	parts := []string{}
	if len(f.Providers) > 0 {
		parts = append(parts, provider+" IN (?"+strings.Repeat(", ?", len(f.Providers)-1)+")")
		for _, p := range f.Providers {
			args = append(args, p)
		}
	}
	if m := strings.ToLower(f.Model); m != "" {
		either := "(lower(%[1]s) = ? OR lower(%[2]s) = ? OR lower(%[1]s || '/' || %[2]s) = ?"
		args = append(args, m, m, m)
		if !strings.Contains(m[strings.LastIndex(m, "/")+1:], ":") {
			either += " OR instr(lower(%[2]s), ?) = 1 OR instr(lower(%[1]s || '/' || %[2]s), ?) = 1"
			args = append(args, m+":", m+":")
		}
		parts = append(parts, fmt.Sprintf(either+")", provider, model))
	}
	return strings.Join(parts, " AND "), args
}

// Lines reads the runs that a filter chooses, newest first, as they are taken:
// it holds one at a time.
func (s *Store) Lines(ctx context.Context, f Filter) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		where, args := f.conditions()
		if f.Words == "" {
			s.lines(ctx, where, args, f.Limit, yield)
			return
		}
		match := matching(f.Words)
		if match == "" {
			return
		}
		found := false
		s.lines(ctx, " AND r.id IN (SELECT run FROM calls WHERE id IN (SELECT rowid FROM texts WHERE texts MATCH ?))"+where, append([]any{match}, args...), f.Limit, func(l Line, err error) bool {
			found = true
			return yield(l, err)
		})
		if !found {
			inside := " AND EXISTS (SELECT 1 FROM calls WHERE run = r.id AND (instr(lower(prompt), lower(?)) OR instr(lower(answer), lower(?))))"
			s.lines(ctx, inside+where, append([]any{f.Words, f.Words}, args...), f.Limit, yield)
		}
	}
}

// matching is the query for texts that have every word of text; empty: it has
// none.
func matching(text string) string {
	text = strings.ReplaceAll(text, "\x00", " ") // which would end the query
	var words []string
	for w := range strings.FieldsSeq(text) {
		words = append(words, `"`+strings.ReplaceAll(w, `"`, `""`)+`"`)
	}
	return strings.Join(words, " ")
}

// lines yields the runs for which the condition holds.
func (s *Store) lines(ctx context.Context, where string, args []any, n int, yield func(Line, error) bool) {
	if !s.Exists() {
		return
	}
	db, err := s.open(ctx)
	if err != nil {
		yield(Line{}, err)
		return
	}
	if n <= 0 {
		n = -1
	}
	rows, err := db.QueryContext(ctx, fmt.Sprintf(lines, where), append(args, n)...)
	if err != nil {
		yield(Line{}, s.explain(err))
		return
	}
	defer rows.Close()
	for rows.Next() {
		l, err := scanLine(rows)
		if !yield(l, s.explain(err)) || err != nil {
			return
		}
	}
	if err := rows.Err(); err != nil {
		yield(Line{}, s.explain(err))
	}
}

func scanLine(rows *sql.Rows) (l Line, err error) {
	var began int64
	var sums, last, by string
	var usd sql.NullInt64
	if err := rows.Scan(&l.ID, &began, &l.Command, &l.Chain, &sums, &l.Failed, &usd, &l.Unpriced, &l.Prompt, &last, &by); err != nil {
		return l, err
	}
	var four [4]int64
	var end, who [2]string
	if err := json.Unmarshal([]byte(sums), &four); err != nil {
		return l, err
	}
	if err := json.Unmarshal([]byte(last), &end); err != nil {
		return l, err
	}
	if err := json.Unmarshal([]byte(by), &who); err != nil {
		return l, err
	}
	l.Began, l.Calls, l.Took, l.Failures = time.UnixMilli(began), int(four[0]), time.Duration(four[1]), int(four[2])
	l.Busy = min(l.Took, time.Duration(four[3]))
	l.Finish, l.Answer, l.Provider, l.Model = end[0], end[1], who[0], who[1]
	if usd.Valid {
		d := dollars(usd.Int64)
		l.USD = &d
	}
	return l, nil
}

// RecentTools are the names of the tools that the newest calls offered to models.
func (s *Store) RecentTools(ctx context.Context) (names []string, err error) {
	if !s.Exists() {
		return nil, nil
	}
	db, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, `SELECT DISTINCT json_extract(t.value, '$.name') FROM
		(SELECT CASE WHEN json_valid(record) THEN record ELSE '{}' END AS record FROM calls ORDER BY id DESC LIMIT 100) c, json_each(c.record, '$.asked.tools') t
		WHERE json_extract(t.value, '$.name') IS NOT NULL ORDER BY 1`)
	if err != nil {
		return nil, s.explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, s.explain(err)
		}
		names = append(names, name)
	}
	return names, s.explain(rows.Err())
}
