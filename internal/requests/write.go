package requests

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/table"
)

// Write writes a line for each request that has ended and is wanted, as OpenAI does. The
// name says whether the lines are compressed.
func Write(to io.Writer, name, batchID string, results iter.Seq2[batch.Result, error], wanted func(*batch.Result) bool) error {
	w, err := table.NewWriter(name, to, []table.Column{{Name: "id"}, {Name: "custom_id"}, {Name: "response"}, {Name: "error"}}, table.WriteOptions{})
	if err != nil {
		return err
	}
	for r, err := range results {
		if err != nil {
			return err
		}
		if !wanted(&r) {
			continue
		}
		none := json.RawMessage("null")
		line := []any{fmt.Sprintf("batch_req_%s_%d", batchID, r.Row), Of(r.Inputs).ID, r.Result.Value, none}
		if e := r.Result.Error; r.Result.Value == nil && e != nil { // it was never asked
			line[2], line[3] = none, errorJSON{e.Kind, e.Message}
		}
		if err := w.Write(line); err != nil {
			return err
		}
	}
	return w.Close()
}

// errorJSON is the member error of a line: why its request was not asked.
type errorJSON struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}
