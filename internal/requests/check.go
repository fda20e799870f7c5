package requests

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/openai"
	"github.com/tandem-llm/tandem/internal/table"
)

// Found is what a file of requests holds.
type Found struct {
	N      int            // requests
	Models map[string]int // that they name, and the first line of each
	Full   bool           // they name more
	// Nameless is the first line that asks for vectors and names no model; 0: none does.
	Nameless int
}

// The most models that a file may name, and bytes that a name may have: more is no file of
// requests, and would fill the memory.
const mostModels, mostModelName = 1000, 1 << 10

// Check finds what is wrong with a file's requests, such as a custom_id that comes twice,
// and tells each *[Mistake] until report says that those are enough.
func Check(file string, rows iter.Seq2[table.Row, error], endpoint string, report func(*Mistake) (more bool)) (Found, error) {
	f, ids := Found{Models: map[string]int{}}, map[[16]byte]int{}
	line := 0
	for row, err := range rows {
		var m *Mistake
		if err != nil && !errors.As(err, &m) {
			return f, err
		}
		var all []*Mistake
		if m != nil {
			all = append(all, m)
		}
		if row.Line != line { // a line comes once for each of its own mistakes
			line = row.Line
			all = append(all, f.add(file, &row, endpoint, ids)...)
		}
		if slices.ContainsFunc(all, func(m *Mistake) bool { return !report(m) }) {
			break
		}
	}
	f.N = len(ids)
	return f, nil
}

// add counts a request, and returns what is wrong with it beside the others. What it lacks
// is a mistake of its own.
func (f *Found) add(file string, row *table.Row, endpoint string, ids map[[16]byte]int) (all []*Mistake) {
	wrong := func(code, param, remedy, format string, args ...any) {
		all = append(all, &Mistake{code, param, &diag.Error{File: file, Line: row.Line, Message: fmt.Sprintf(format, args...), Remedy: remedy}})
	}
	r := Of(row.Inputs)
	if r.ID != "" {
		sum := sha256.Sum256([]byte(r.ID))
		key := [16]byte(sum[:16])
		if first, twice := ids[key]; twice {
			wrong(CodeDuplicate, "custom_id", "give each request its own", "custom_id %s is that of line %d, too", diag.Quote(r.ID), first)
		} else {
			ids[key] = row.Line
		}
	}
	if endpoint != "" && r.URL != endpoint && slices.Contains(Endpoints(), r.URL) {
		wrong(CodeURL, "url", "send requests to each in a batch of their own", "the url is %s, and the batch's endpoint %s", r.URL, endpoint)
	}
	asked, err := openai.DecodeRequest(r.URL, []byte(r.Body))
	if err != nil {
		return all
	}
	if f.Nameless == 0 && asked.Embed != nil && (asked.Model == "" || asked.Model == exchange.Default) {
		f.Nameless = row.Line
	}
	if _, known := f.Models[asked.Model]; known {
		return all
	}
	switch {
	case len(asked.Model) > mostModelName:
		wrong(CodeValue, "body.model", "", "the model's name is longer than %d bytes", mostModelName)
	case len(f.Models) == mostModels:
		f.Full = true
		wrong(CodeValue, "body.model", "send the others in a batch of their own", "the requests name more than %d models", mostModels)
	default:
		f.Models[asked.Model] = row.Line
	}
	return all
}
