package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// counting counts the statements that add calls.
type counting struct {
	execer
	calls int
}

func (c *counting) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if strings.HasPrefix(query, "INSERT INTO calls") {
		c.calls++
	}
	return c.execer.ExecContext(ctx, query, args...)
}

// Calls that go into the file together do so by few statements, in their order, and each is
// found by its words, however long it is.
func TestManyCallsTakeFewStatements(t *testing.T) {
	s := New(t.TempDir())
	t.Cleanup(func() { _ = s.Close() })
	const many = 200
	var rows []*row
	for i := range many {
		c := &Call{RunID: fmt.Sprintf("run%d", i), Began: time.Now(), Content: true, Answer: fmt.Sprintf("the word%d of many", i), Asked: askedOf(fmt.Sprintf("what is question%d?", i))}
		switch i {
		case 70: // in pieces
			c.Answer = strings.Repeat("a long answer ", 3*pieceSize/14)
		case 71, 72: // as long as a row may be
			c.Answer += strings.Repeat(" x", pieceSize/2-100)
		}
		r, err := rowOf(Run{ID: c.RunID, Began: c.Began}, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	to := &counting{}
	if err := s.begin(t.Context(), func(tx *sql.Tx) error {
		to.execer = &statements{tx: tx}
		return insertRows(t.Context(), to, rows)
	}); err != nil {
		t.Fatal(err)
	}
	if to.calls > many/8 {
		t.Errorf("%d calls took %d statements", many, to.calls)
	}
	for i := range many {
		if i == 70 {
			continue
		}
		for _, words := range []string{fmt.Sprintf("word%d", i), fmt.Sprintf("question%d", i)} {
			found, err := linesOf(t, s, Filter{Words: words})
			if err != nil || len(found) != 1 || found[0].ID != fmt.Sprintf("run%d", i) {
				t.Fatalf("%q: %+v, %v", words, found, err)
			}
		}
	}
	run, err := s.Run(t.Context(), "run70")
	if err != nil || run.Calls[0].Answer != rows[70].pieces[0].text || run.Calls[0].ID != 71 {
		t.Errorf("the long answer: call %d, %d bytes, %v", run.Calls[0].ID, len(run.Calls[0].Answer), err)
	}
}

func askedOf(text string) *provider.Request {
	q := question(text)
	return asked(&q, true)
}
