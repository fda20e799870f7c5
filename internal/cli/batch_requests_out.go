package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/requests"
)

// errorsPath is the file of the requests that failed, beside that of the answers.
func errorsPath(out string) string {
	for _, ext := range []string{".jsonl", ".ndjson"} {
		if i := strings.LastIndex(strings.ToLower(out), ext); i > 0 {
			return out[:i] + ".errors" + out[i:]
		}
	}
	return out + ".errors.jsonl"
}

// writeReplies writes the answers, and those that failed into a file of their own,
// which is there only if any did. Standard output gets both.
func (a *app) writeReplies(ctx context.Context, spec batch.Spec) error {
	if spec.Out == stdinPath {
		return a.exportReplies(ctx, spec, "stdout.jsonl", a.term.Out, func(*batch.Result) bool { return true })
	}
	failed := 0
	for _, f := range []struct {
		path string
		ok   bool
	}{{errorsPath(spec.Out), false}, {spec.Out, true}} {
		err := writeWhole(f.path, true, func(w io.Writer) error {
			return a.exportReplies(ctx, spec, f.path, w, func(r *batch.Result) bool {
				if !r.Result.OK && !f.ok {
					failed++
				}
				return r.Result.OK == f.ok
			})
		})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("writing %s: %w; the answers are stored: write them with `tandem batch export %s --out FILE`", f.path, cause(err), spec.ID)
		}
	}
	if failed > 0 {
		a.dimf("· %s written to %s", count(failed, "failed request"), errorsPath(spec.Out))
		return nil
	}
	if err := os.Remove(errorsPath(spec.Out)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// exportReplies writes a line for each request that has ended and is wanted, as OpenAI
// does.
func (a *app) exportReplies(ctx context.Context, spec batch.Spec, name string, to io.Writer, wanted func(*batch.Result) bool) error {
	v, err := batch.Look(a.stateDir(), spec.ID)
	if err != nil {
		return err
	}
	defer v.Close()
	return requests.Write(to, name, spec.ID, v.Results(ctx), wanted)
}
