package requests

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/gateway/openai"
	"github.com/tandem-llm/tandem/internal/table"
)

// Found is what a file of requests holds.
type Found struct {
	N      int                       // requests
	Models map[string]int            // that they name, and the first line of each
	First  map[string]map[string]any // the inputs of that
}

// Check finds what is wrong with a file's requests, such as a custom_id that comes twice,
// and tells each *[Mistake] until report says that those are enough.
func Check(file string, rows iter.Seq2[table.Row, error], endpoint string, report func(*Mistake) (more bool)) (Found, error) {
	f, ids := Found{Models: map[string]int{}, First: map[string]map[string]any{}}, map[[16]byte]int{}
	for row, err := range rows {
		var m *Mistake
		switch {
		case err == nil:
			m = f.add(file, &row, endpoint, ids)
		case !errors.As(err, &m):
			return f, err
		}
		if m != nil && !report(m) {
			break
		}
	}
	f.N = len(ids)
	return f, nil
}

// add counts a request.
func (f *Found) add(file string, row *table.Row, endpoint string, ids map[[16]byte]int) *Mistake {
	r := Of(row.Inputs)
	sum := sha256.Sum256([]byte(r.ID))
	key := [16]byte(sum[:16])
	if first, twice := ids[key]; twice {
		return &Mistake{CodeDuplicate, "custom_id", &diag.Error{File: file, Line: row.Line, Message: fmt.Sprintf("custom_id %s is that of line %d, too", diag.Quote(r.ID), first), Remedy: "give each request its own"}}
	}
	ids[key] = row.Line
	if endpoint != "" && r.URL != endpoint {
		return &Mistake{CodeURL, "url", &diag.Error{File: file, Line: row.Line, Message: fmt.Sprintf("the url is %s, and the batch's endpoint %s", r.URL, endpoint), Remedy: "send requests to each in a batch of their own"}}
	}
	if asked, err := openai.DecodeRequest(r.URL, []byte(r.Body)); err == nil && f.Models[asked.Model] == 0 { // it was decoded before
		f.Models[asked.Model], f.First[asked.Model] = row.Line, row.Inputs
	}
	return nil
}
