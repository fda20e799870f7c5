package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// maxSimilar is the most passages that are found at a time: they are held in
// memory.
const maxSimilar = 1000

// similarInput is what `tandem similar` was told.
type similarInput struct {
	name  string
	words []string
	k     int
	mmr   bool
	json  bool
}

func (a *app) similarCommand() *cobra.Command {
	var in similarInput
	cmd := &cobra.Command{
		Use:   "similar [flags] NAME QUERY",
		Short: "Search a collection by meaning",
		Long: `Print the passages of the collection NAME that are nearest in meaning to QUERY,
nearest first, each with its similarity (1: the same) and its source. If QUERY is
-, it is read from standard input.`,
		Example: `  tandem similar notes "when do we harvest?"
  tandem similar notes "when do we harvest?" -k 3 --json | jq -r '.passages[].source'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usageError{fmt.Errorf("`%s` needs a collection name and a query; see `%[1]s --help`", cmd.CommandPath())}
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.name, in.words = args[0], args[1:]
			return a.similar(cmd.Context(), in)
		},
	}
	f := cmd.Flags()
	f.IntVarP(&in.k, "count", "k", 5, "how `many` passages")
	f.BoolVar(&in.mmr, "mmr", false, "prefer passages that differ from each other (maximal marginal relevance)")
	f.BoolVar(&in.json, "json", false, "print one JSON object: passages, route, error")
	return cmd
}

// similarJSON is what `tandem similar --json` prints.
type similarJSON struct {
	OK         bool             `json:"ok"`
	Collection string           `json:"collection"`
	Passages   []runner.Passage `json:"passages"`
	Route      *provider.Route  `json:"route,omitempty"` // of the question's vector
	Error      *runner.Error    `json:"error,omitempty"`
}

func (a *app) similar(ctx context.Context, in similarInput) error {
	began := time.Now()
	found, route, err := a.findSimilar(ctx, in)
	if in.json {
		out := similarJSON{OK: err == nil, Collection: in.name, Passages: runner.Passages(found), Route: route}
		if err != nil {
			out.Error = a.errorOf(err)
		}
		return errors.Join(terminal.WriteJSON(a.term.Out, out), reported(err))
	}
	if err != nil {
		return err
	}
	out := a.term.ModelWriter(a.term.Out, a.term.OutIsTTY)
	for _, p := range found {
		indented := strings.ReplaceAll(p.Text, "\n", "\n    ")
		if _, err := out.WriteString(fmt.Sprintf("%.3f  %s\n    %s\n\n", p.Score, p.Place(), indented)); err != nil {
			return err
		}
	}
	a.sayVectors(route, time.Since(began), nil)
	return nil
}

func (a *app) findSimilar(ctx context.Context, in similarInput) ([]retrieve.Passage, *provider.Route, error) {
	if in.k < 1 || in.k > maxSimilar {
		return nil, nil, usageError{fmt.Errorf("-k %d: must be between 1 and %d", in.k, maxSimilar)}
	}
	query, err := a.query(ctx, in.words)
	if err != nil {
		return nil, nil, err
	}
	stack, err := a.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer stack.Close()
	c, err := stack.Collections.Collection(ctx, in.name)
	if err != nil {
		return nil, nil, err
	}
	return c.Find(begin(ctx, store.Run{Command: "similar"}), query, in.k, retrieve.Search{MMR: in.mmr})
}

func (a *app) query(ctx context.Context, words []string) (string, error) {
	query := strings.Join(words, " ")
	if query == "-" {
		return readText(ctx, "standard input", a.term.In)
	}
	return cleanText("the query", []byte(query))
}
