package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
)

func (a *app) collectionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "collections",
		Short: "List and remove collections of texts",
	}
	var asJSON bool
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List collections and their embedding models",
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.collectionsList(cmd.Context(), asJSON) },
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print one JSON array")
	rm := &cobra.Command{
		Use: "rm NAME", Short: "Remove a collection; its source files stay",
		Args: exactArgs("a collection's name"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.collectionsRemove(cmd.Context(), args[0]) },
	}
	cmd.AddCommand(list, rm)
	return cmd
}

// collectionJSON is one object of what `tandem collections list --json` prints.
type collectionJSON struct {
	Name       string    `json:"name"`
	Made       time.Time `json:"made"`
	Provider   string    `json:"provider"`
	Model      string    `json:"model"`
	Digest     string    `json:"digest,omitempty"`
	Dimensions int       `json:"dimensions"`
	Privacy    string    `json:"privacy,omitempty"`
	Documents  int       `json:"documents"`
	Passages   int       `json:"passages"`
}

func (a *app) collectionsList(ctx context.Context, asJSON bool) error {
	s := store.New(a.stateDir())
	defer s.Close()
	all, err := s.Collections(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		out := []collectionJSON{}
		for _, c := range all {
			out = append(out, collectionJSON{c.Name, c.Made, c.Provider, c.Model, c.Digest, c.Dimensions, string(c.Privacy), c.Documents, c.Passages})
		}
		return terminal.WriteJSON(a.term.Out, out)
	}
	if len(all) == 0 {
		a.infof("there are no collections; make one with `tandem embed NAME FILE`")
		return nil
	}
	w := a.term.Table("NAME", "DOCUMENTS", "PASSAGES", "PROVIDER", "MODEL", "PRIVACY")
	for _, c := range all {
		privacy := string(c.Privacy)
		if privacy == "" {
			privacy = "any"
		}
		w.Row(c.Name, c.Documents, c.Passages, c.Provider, terminal.StripControls(c.Model), privacy)
	}
	return w.Flush()
}

func (a *app) collectionsRemove(ctx context.Context, name string) error {
	s := store.New(a.stateDir())
	defer s.Close()
	c, ok, err := s.Collection(ctx, name)
	if err != nil {
		return err
	}
	if !ok {
		return usageError{fmt.Errorf("there is no collection %q; see `tandem collections list`", name)}
	}
	unlock, err := s.LockCollections(ctx, func() { a.progress("another tandem process is changing collections; waiting for it") })
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := s.DropCollection(ctx, name); err != nil {
		return err
	}
	a.term.Noticef("removed the collection %s (%s, %s)", name, count(c.Documents, "document"), count(c.Passages, "passage"))
	return nil
}
