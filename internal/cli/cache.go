package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider/cache"
)

func (a *app) cacheCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "Show or clear cached answers",
		Long: `Answers are cached if "cache: on" is set or --cache is given. See
docs/record-replay.md.`,
	}
	var asJSON bool
	stats := &cobra.Command{
		Use:   "stats",
		Short: "Show how many answers are cached",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.cacheStats(cmd.Context(), asJSON)
		},
	}
	drop := &cobra.Command{
		Use:   "clear",
		Short: "Remove all cached answers",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.cacheClear(cmd.Context(), asJSON)
		},
	}
	for _, c := range []*cobra.Command{stats, drop} {
		c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	}
	cmd.AddCommand(stats, drop)
	return cmd
}

// cacheJSON is what `tandem cache … --json` prints.
type cacheJSON struct {
	Entries int       `json:"entries"` // kept; of clear: dropped
	Bytes   int64     `json:"bytes"`
	Oldest  time.Time `json:"oldest,omitzero"`
}

// cacheStats says what is kept.
func (a *app) cacheStats(ctx context.Context, asJSON bool) error {
	kept := stack.NewCache(a.stateDir())
	defer kept.Close()
	s, err := kept.Stats(ctx)
	if err != nil {
		return err
	}
	line := keptText(s.Entries, s.Bytes) + " kept"
	if !s.Oldest.IsZero() {
		line += ", the oldest of " + s.Oldest.Local().Format(time.DateTime)
	}
	return a.sayCache(asJSON, line, s)
}

// cacheClear drops everything, and says how much that was.
func (a *app) cacheClear(ctx context.Context, asJSON bool) error {
	kept := stack.NewCache(a.stateDir())
	defer kept.Close()
	s, err := kept.Stats(ctx)
	if err == nil {
		err = kept.Clear(ctx)
	}
	if err != nil {
		return err
	}
	return a.sayCache(asJSON, keptText(s.Entries, s.Bytes)+" dropped", s)
}

func (a *app) sayCache(asJSON bool, line string, s cache.Stats) error {
	if asJSON {
		return terminal.WriteJSON(a.term.Out, cacheJSON{Entries: s.Entries, Bytes: s.Bytes, Oldest: s.Oldest})
	}
	_, err := fmt.Fprintln(a.term.Out, line)
	return err
}

// keptText is such as "3 answers (12 KiB)".
func keptText(entries int, bytes int64) string {
	return fmt.Sprintf("%s (%s)", count(entries, "answer"), textx.Bytes(bytes))
}
