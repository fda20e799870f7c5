package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/requests"
)

// sameCommand refuses to continue a batch with a command that is for another chain, other
// rows or other inputs than it has, and says which rows it has where that cannot be told.
func (a *app) sameCommand(s *batch.Status, in *batchInput) error {
	refuse := func(format string, args ...any) error {
		return usageError{fmt.Errorf("the batch %s %s, or start over with --overwrite", s.ID, fmt.Sprintf(format, args...))}
	}
	file, isRequests := s.Spec.Chain.File, s.Kind == requests.Kind
	if isRequests {
		file = s.Spec.Input.File
	}
	switch given, err := a.batchFile(in.file, isRequests); {
	case err != nil:
		return err
	case given != file && !sameFile(given, file):
		return refuse("runs %s, not %s: name that file", file, given)
	}
	if isRequests && (in.in != "" || len(in.params) > 0 || in.encoding != "") {
		return usageError{fmt.Errorf("the batch %s has requests in OpenAI's batch format; leave out --in, --encoding and --param, which are for chains", s.ID)}
	}
	if in.in != "" && s.Spec.Input.File != stdinPath {
		if path, err := filepath.Abs(in.in); err == nil && path != s.Spec.Input.File && !sameFile(path, s.Spec.Input.File) {
			return refuse("has the rows of %s: leave out --in to continue it", s.Spec.Input.File)
		}
	}
	if in.encoding != "" {
		return refuse("has read its rows: leave out --encoding to continue it")
	}
	switch chosen := in.pick.given(); {
	case chosen == "":
		if s.Picked != "" {
			a.dimf("· rows, as they were chosen when the batch began: %s", s.Picked)
		}
	case s.Picked == "":
		return refuse("has %s, chosen without %s: leave it out to continue", count(s.Rows, "row"), chosen)
	case !in.pick.chose(s.Picked):
		return refuse("has other rows than %s chooses (%s): leave it out to continue", chosen, s.Picked)
	}
	return nil
}

// batchFile is the absolute path of the file that a batch is told to run.
func (a *app) batchFile(name string, isRequests bool) (string, error) {
	if !isRequests {
		var err error
		if name, err = a.chainFile(name); err != nil {
			return "", err
		}
	}
	return filepath.Abs(name)
}

// chose reports whether the flags choose the rows that were chosen, in the words of
// [batchRows.picked].
func (in *pickInput) chose(picked string) bool {
	rest := picked
	if in.where != "" {
		after, ok := strings.CutPrefix(picked, "where "+in.where)
		if !ok {
			return false
		}
		rest = strings.TrimPrefix(after, ", ")
	}
	switch {
	case in.limit > 0:
		return rest == firstText(in.limit)
	case in.sample > 0:
		var n, of int
		var seed int64
		_, err := fmt.Sscanf(strings.NewReplacer(" rows", "", " row", "").Replace(rest), sampleText, &n, &of, &seed)
		return err == nil && n == min(in.sample, of) && seed == in.seed
	}
	return rest == ""
}

// sampleText and firstText are how rows are chosen.
const sampleText = "%d chosen at random from %d (seed %d)"

func firstText(n int) string { return "the first " + count(n, "row") }

// sameGiven refuses other values of -p than a batch began with.
func (a *app) sameGiven(ctx context.Context, b *batchRun, spec *batch.Spec, params []string) error {
	given, err := a.params(ctx, b.chain, params)
	if err != nil {
		return err
	}
	for name, now := range given {
		was, had := spec.Given[name]
		switch {
		case !had:
			return usageError{fmt.Errorf("the batch %s began without -p %s; leave it out to continue, or start over with --overwrite", spec.ID, name)}
		case !sameJSON(was, now):
			return usageError{fmt.Errorf("the batch %s began with another -p %s; leave it out to continue, or start over with --overwrite", spec.ID, name)}
		}
	}
	return nil
}

// sameJSON reports whether a value is what was read from JSON.
func sameJSON(was, now any) bool {
	var again any
	return json.Unmarshal([]byte(jsonValue(now)), &again) == nil && jsonValue(was) == jsonValue(again)
}

func jsonValue(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(data)
}

func sameFile(one, other string) bool {
	a, errA := os.Stat(one)
	b, errB := os.Stat(other)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// sameInputs refuses a changed chain that needs other inputs than are stored.
func (a *app) sameInputs(b *batchRun, spec *batch.Spec) error {
	for _, name := range b.chain.Inputs() {
		in, _ := b.chain.Input(name)
		if _, given := spec.Given[name]; !given && in.Default == nil && !in.Optional && !slices.Contains(spec.Columns, name) {
			return usageError{fmt.Errorf("the chain now has an input %s, which the stored rows do not have; start over with another --out", name)}
		}
	}
	return nil
}
