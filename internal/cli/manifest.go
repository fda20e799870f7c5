package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"time"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/store"
)

// begin gives a command's calls an id of their own, by which the log, the
// budget and traces know that they belong together.
func begin(ctx context.Context, r store.Run) context.Context {
	r.ID, r.Began = store.NewID(), time.Now()
	return store.WithRun(ctx, r)
}

// chainRun is the record of a run of a chain's file.
func chainRun(c *chain.Chain, file string) store.Run {
	if file == stdinPath {
		return store.Run{Command: "run", Chain: cmp.Or(c.Name(), "standard input")}
	}
	r := store.Run{Command: "run", Chain: c.Name(), File: file, SHA256: fileSum(file)}
	if r.Chain == "" {
		r.Chain = filepath.Base(file)
	}
	if abs, err := filepath.Abs(file); err == nil {
		r.File = abs
	}
	return r
}

// fileSum is the SHA-256 of a file's text, or "". What is not a plain file cannot
// be read twice.
func fileSum(file string) string {
	if st, err := os.Stat(file); err != nil || !st.Mode().IsRegular() {
		return ""
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
