package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tandem-llm/tandem/internal/batch"
)

// checkOut refuses a file that is there, or that another batch is to write.
func (a *app) checkOut(ctx context.Context, in *batchInput) (string, error) {
	if in.dry || in.out == stdinPath {
		return in.out, nil
	}
	out, err := filepath.Abs(in.out)
	if err != nil {
		return "", err
	}
	st, err := os.Stat(filepath.Dir(out))
	if err != nil || !st.IsDir() {
		return "", usageError{fmt.Errorf("--out: the directory %s does not exist", filepath.Dir(in.out))}
	}
	unfinished, err := a.batchOf(ctx, out)
	if err != nil {
		return "", err
	}
	switch {
	case in.overwrite && unfinished != nil && unfinished.State == batch.Running:
		return "", usageError{fmt.Errorf("the batch %s is running and writes to %s; stop it with `tandem batch cancel %[1]s`", unfinished.ID, in.out)}
	case !in.overwrite && unfinished != nil:
		return "", usageError{fmt.Errorf("the batch %s writes to %s and has not finished; add --resume to continue it, or --overwrite to start over", unfinished.ID, in.out)}
	}
	if err := checkPlace(in.out, in.overwrite); err != nil {
		return "", usageError{err}
	}
	return out, nil
}

// batchOf is the newest batch that writes to a file and has rows left; nil: none.
func (a *app) batchOf(ctx context.Context, out string) (*batch.Status, error) {
	id, err := a.batchWriting(ctx, out)
	if err != nil || id == "" {
		return nil, err
	}
	s, err := a.batchStatusOf(ctx, id)
	if err != nil || s.Over {
		return nil, err
	}
	return &s, nil
}

// batchWriting is the newest batch that writes to a file; "": none that can be read.
func (a *app) batchWriting(ctx context.Context, out string) (string, error) {
	ids, err := batch.List(a.stateDir())
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		v, err := batch.Look(a.stateDir(), id)
		if err != nil {
			continue
		}
		spec, err := v.Spec(ctx)
		_ = v.Close() // it was only read
		if err == nil && spec.Out == out {
			return id, nil
		}
	}
	return "", ctx.Err()
}

func (a *app) batchStatusOf(ctx context.Context, id string) (batch.Status, error) {
	v, err := batch.Look(a.stateDir(), id)
	if err != nil {
		return batch.Status{}, err
	}
	defer v.Close()
	return v.Status(ctx)
}
