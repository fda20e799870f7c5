package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/internal/collection"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// embedInput is what `tandem embed` was told.
type embedInput struct {
	name    string
	files   []string
	model   string
	lines   bool
	size    int
	overlap int
	sized   bool // size or overlap were given
	prune   bool
	json    bool
}

func (a *app) embedCommand() *cobra.Command {
	var in embedInput
	cmd := &cobra.Command{
		Use:   "embed [flags] NAME FILE...",
		Short: "Index texts for search by meaning, as a collection",
		Long: `Split texts into passages, embed them with an embedding model, and store them as
the collection NAME, for ` + "`tandem similar`" + ` and for chains that retrieve.
FILE is a text file, a directory, a pattern in quotes, or - for standard input.
Unchanged files are skipped. An interrupted run resumes when it is started again.`,
		Example: `  tandem embed notes -m all-minilm notes/
  tandem embed notes notes/ --prune
  tandem embed faq -m all-minilm faq.txt --lines`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{fmt.Errorf("`%s` needs a collection name and files; see `%[1]s --help`", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			in.name, in.files = args[0], args[1:]
			in.sized = cmd.Flags().Changed("chunk") || cmd.Flags().Changed("overlap")
			return a.embed(cmd.Context(), in)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&in.model, "model", "m", "", "embedding `model`, provider, or provider/model; needed once, for a new collection")
	f.BoolVar(&in.lines, "lines", false, "make every line a passage")
	f.IntVar(&in.size, "chunk", retrieve.DefaultSize, "most `characters` in a passage")
	f.IntVar(&in.overlap, "overlap", retrieve.DefaultOverlap, "most `characters` that a passage repeats from the end of the one before")
	f.BoolVar(&in.prune, "prune", false, "remove the passages of files that no longer exist")
	f.BoolVar(&in.json, "json", false, "print one JSON object: what was done, and what the collection contains")
	return cmd
}

// embedJSON is what `tandem embed --json` prints.
type embedJSON struct {
	OK         bool            `json:"ok"`
	Collection string          `json:"collection"`
	Provider   string          `json:"provider,omitempty"`
	Model      string          `json:"model,omitempty"`
	Privacy    string          `json:"privacy,omitempty"`
	Documents  int             `json:"documents"` // that the collection holds now
	Passages   int             `json:"passages"`
	Embedded   int             `json:"embedded"`  // documents of which this run made vectors
	Unchanged  int             `json:"unchanged"` // documents
	Resumed    int             `json:"resumed"`   // passages that an interrupted run had made
	Pruned     []string        `json:"pruned"`
	Skipped    []skippedJSON   `json:"skipped"`
	Usage      *provider.Usage `json:"usage,omitempty"`
	Tokens     int             `json:"tokens"` // that the server counted, of the vectors that this run made
	// CostUSD is what they cost, US dollars; nil: a part of it is not known.
	CostUSD *float64      `json:"cost_usd"`
	Seconds float64       `json:"seconds"`
	Error   *runner.Error `json:"error,omitempty"`

	route    *provider.Route
	usd      float64
	unpriced bool // the cost of some vectors is not known
}

// skippedJSON is a file below a directory that was left out.
type skippedJSON struct {
	Source string `json:"source"`
	Reason string `json:"reason"`
}

func (in *embedInput) splitter() (retrieve.Splitter, error) {
	s := retrieve.Splitter{Size: in.size, Overlap: in.overlap}
	switch {
	case in.lines && in.sized:
		return s, usageError{errors.New("--lines makes every line a passage; it cannot be combined with --chunk or --overlap")}
	case in.lines:
		return retrieve.Splitter{Lines: true}, nil
	case in.size < 1:
		return s, usageError{fmt.Errorf("--chunk %d: must be at least 1", in.size)}
	}
	if in.overlap > in.size && in.overlap == retrieve.DefaultOverlap { // nobody said so
		s.Overlap = in.size / 10
	}
	if err := s.Check(); err != nil {
		return s, usageError{err}
	}
	return s, nil
}

// embed runs the command, and shows what came of it however it ends.
func (a *app) embed(ctx context.Context, in embedInput) error {
	began := time.Now()
	done := embedJSON{Collection: in.name, Pruned: []string{}, Skipped: []skippedJSON{}}
	a.wait.open(a)
	err := a.embedAll(a.wait.follows(ctx), in, &done)
	a.wait.close()
	done.OK, done.Seconds = err == nil, time.Since(began).Seconds()
	if in.json {
		if done.Usage != nil {
			done.Tokens = done.Usage.InputTokens
		}
		if !done.unpriced {
			done.CostUSD = &done.usd
		}
		if err != nil {
			done.Error = a.errorOf(err)
		}
		return errors.Join(terminal.WriteJSON(a.term.Out, done), reported(err))
	}
	if err != nil {
		if ctx.Err() != nil {
			a.infof("the finished part is stored; run it again to resume")
		}
		return err
	}
	line := fmt.Sprintf("%s: %s, %s", in.name, count(done.Documents, "document"), count(done.Passages, "passage"))
	line += fmt.Sprintf(" (%d embedded, %d unchanged", done.Embedded, done.Unchanged)
	if in.prune {
		line += fmt.Sprintf(", %d dropped", len(done.Pruned))
	}
	if _, err := fmt.Fprintln(a.term.Out, line+")"); err != nil {
		return err
	}
	a.sayVectors(done.route, time.Since(began), done.spent())
	return nil
}

// spent is what the vectors took: tokens, and the cost if there is one or it is
// not known.
func (e *embedJSON) spent() []string {
	var parts []string
	if e.Usage != nil {
		parts = append(parts, count(e.Usage.InputTokens, "token"))
	}
	switch {
	case e.unpriced && e.usd > 0:
		parts = append(parts, atLeast(e.usd))
	case e.unpriced:
		parts = append(parts, "cost unknown")
	case e.usd > 0:
		parts = append(parts, ledger.Dollars(e.usd))
	}
	return parts
}

// sayVectors tells who made vectors, and what they took.
func (a *app) sayVectors(r *provider.Route, took time.Duration, spent []string) {
	if r == nil {
		return
	}
	a.infof("%s", a.term.Dim(vectorsLine(r, took, spent)))
}

func (a *app) embedAll(ctx context.Context, in embedInput, done *embedJSON) error {
	splitter, err := in.splitter()
	if err != nil {
		return err
	}
	files, err := textFiles(in.files, func(name, reason string) { a.skip(done, name, reason) })
	if err != nil {
		return err
	}
	if len(files) == 0 && !in.prune {
		return usageError{errors.New("nothing to embed: name text files, a directory, or - for standard input")}
	}
	st, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	n := collection.New{Name: in.name}
	if in.model != "" {
		use, model := st.SplitModel(in.model)
		if n.Model = model; len(use) == 1 {
			n.Provider = use[0]
			if err := checkAllowed("-m "+in.model, n.Provider, a.allowed(st)); err != nil {
				return err
			}
		}
	}
	ctx = begin(ctx, store.Run{Command: "embed"})
	c, err := st.Collections.MakeCollection(ctx, n)
	if err != nil {
		return err
	}
	done.Provider, done.Model, done.Privacy = c.Provider, c.Model, string(c.Privacy)
	into, err := c.Ingest(ctx, func() { a.progress("another tandem process is changing collections; waiting for it") })
	if err != nil {
		return err
	}
	defer into.Close()
	err = a.embedFiles(ctx, into, files, splitter, done)
	if err == nil && in.prune {
		done.Pruned, err = into.Prune(ctx, gone)
	}
	if now, ok, e := st.Collections.Kept(context.WithoutCancel(ctx), in.name); e == nil && ok {
		done.Documents, done.Passages = now.Documents, now.Passages
	}
	return err
}

// embedFiles puts each file into the collection. A file with a passage that is
// too long for the model is told about, and the others are still done.
func (a *app) embedFiles(ctx context.Context, into *collection.Ingest, files []textFile, splitter retrieve.Splitter, done *embedJSON) error {
	view := newEmbedView(a, len(files))
	var tooLong []error
	for i, f := range files {
		if f.path == stdinPath {
			a.term.SetStatus("") // the user may be typing
		}
		text, err := f.read(ctx, a.term)
		if err != nil && f.found && ctx.Err() == nil {
			a.skip(done, f.name, cause(err).Error())
			continue
		}
		if err != nil {
			return err
		}
		view.file(i, f.name)
		p, err := into.Put(ctx, f.path, f.name, text, splitter, view.passages)
		if p.Route != nil {
			done.route = p.Route
		}
		if p.Usage.InputTokens > 0 {
			if done.Usage == nil {
				done.Usage = &provider.Usage{}
			}
			done.Usage.InputTokens += p.Usage.InputTokens
		}
		done.usd, done.unpriced = done.usd+p.USD, done.unpriced || p.Unpriced
		done.Resumed += p.Resumed
		var long *retrieve.TooLongError
		switch {
		case errors.As(err, &long):
			next := fmt.Sprintf("split it into smaller passages with `tandem embed --chunk %d`", max(1, utf8.RuneCountInString(long.Passage.Text)/2))
			if splitter.Lines {
				next = "run `tandem embed` without --lines, which splits it"
			}
			tooLong = append(tooLong, &advised{err, next})
		case err != nil:
			return err
		case p.Unchanged:
			done.Unchanged++
		default:
			done.Embedded++
		}
	}
	return errors.Join(tooLong...)
}

func (a *app) skip(done *embedJSON, name, reason string) {
	done.Skipped = append(done.Skipped, skippedJSON{name, reason})
	a.infof("%s %s", a.term.Yellow("skipped:"), terminal.StripControls(name+": "+reason))
}

// gone reports whether a file is not there any more. One that cannot be looked
// at is there.
func gone(path string) bool {
	if path == stdinPath {
		return false
	}
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}
