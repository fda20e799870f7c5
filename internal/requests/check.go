package requests

import (
	"crypto/sha256"
	"fmt"
	"iter"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/gateway/openai"
	"github.com/tandem-llm/tandem/internal/table"
)

// Found is what a file of requests holds.
type Found struct {
	N      int            // requests
	Models map[string]int // that they name, and the first line of each
}

// Check finds what is wrong with any of a file's requests, such as a custom_id that
// comes twice. A mistake is a *[diag.Error].
func Check(file string, rows iter.Seq2[table.Row, error]) (Found, error) {
	f, ids := Found{Models: map[string]int{}}, map[[16]byte]int{}
	for row, err := range rows {
		if err != nil {
			return f, err
		}
		r := Of(row.Inputs)
		sum := sha256.Sum256([]byte(r.ID))
		key := [16]byte(sum[:16])
		if first, twice := ids[key]; twice {
			return f, &diag.Error{File: file, Line: row.Line, Message: fmt.Sprintf("custom_id %s is that of line %d, too", diag.Quote(r.ID), first), Remedy: "give each request its own"}
		}
		ids[key] = row.Line
		asked, err := openai.DecodeRequest(r.URL, []byte(r.Body))
		if err != nil {
			return f, err
		}
		if f.Models[asked.Model] == 0 {
			f.Models[asked.Model] = row.Line
		}
	}
	f.N = len(ids)
	return f, nil
}
