package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/chatui"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
)

func (a *app) chatsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "chats", Short: "List, search, show and remove conversations",
		Long: `Conversations are saved in a file on this machine that only you can read.
` + "`tandem chat -c`" + ` resumes the last one, and ` + "`tandem chat --conversation ID`" + ` any other.`,
	}
	cmd.AddCommand(a.chatsListCommand(), a.chatsShowCommand(), a.chatsSearchCommand(), a.chatsRmCommand())
	return cmd
}

func (a *app) chatsListCommand() *cobra.Command {
	var n int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List conversations, newest first", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.chatLines(cmd.Context(), asJSON, func(ctx context.Context, c *store.Chats) ([]store.ChatLine, error) { return c.List(ctx, n) })
		},
	}
	chatLineFlags(cmd, &n, &asJSON)
	return cmd
}

func (a *app) chatsSearchCommand() *cobra.Command {
	var n int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "search WORD...", Short: "Search conversations",
		Long: `Find the conversations with a message that contains every word, ignoring case and
accents.`,
		Example: "  tandem chats search rivers india",
		Args: func(_ *cobra.Command, args []string) error {
			if strings.TrimSpace(strings.Join(args, "")) == "" {
				return usageError{errors.New("name the words to search for, such as `tandem chats search rivers`")}
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.chatLines(cmd.Context(), asJSON, func(ctx context.Context, c *store.Chats) ([]store.ChatLine, error) {
				return c.Search(ctx, strings.Join(args, " "), n)
			})
		},
	}
	chatLineFlags(cmd, &n, &asJSON)
	return cmd
}

func chatLineFlags(cmd *cobra.Command, n *int, asJSON *bool) {
	cmd.Flags().IntVarP(n, "number", "n", 20, "list at most this `many`, newest first (0: all)")
	cmd.Flags().BoolVar(asJSON, "json", false, "print one JSON array, an object for each conversation")
}

func (a *app) chatLines(ctx context.Context, asJSON bool, read func(context.Context, *store.Chats) ([]store.ChatLine, error)) error {
	s := store.New(a.stateDir())
	defer s.Close()
	found, err := read(ctx, store.NewChats(s, nil))
	if err != nil {
		return err
	}
	if asJSON {
		if found == nil {
			found = []store.ChatLine{}
		}
		return terminal.WriteJSON(a.term.Out, found)
	}
	if len(found) == 0 {
		a.term.Noticef("nothing found; start a conversation with `tandem chat`")
		return nil
	}
	w := a.term.Table("CONVERSATION", "LAST", "TURNS", "PRIVACY", "TITLE").MayCut("TITLE")
	for _, l := range found {
		privacy := l.Privacy
		if privacy == "" {
			privacy = "any"
		}
		w.Row(l.ID, l.Updated.Local().Format("2006-01-02 15:04"), l.Turns, privacy, excerpt(l.Title, 60))
	}
	return w.Flush()
}

func (a *app) chatsShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show [CONVERSATION]", Short: "Show a conversation, as Markdown",
		Long: `Show one conversation, or the newest. The first characters of an id are enough if
no other id starts with them.`,
		Args: atMostOne("a conversation's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := ""
			if len(args) == 1 {
				id = args[0]
			}
			return a.chatsShow(cmd.Context(), id, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object, with the route of each answer")
	return cmd
}

func (a *app) chatsShow(ctx context.Context, id string, asJSON bool) error {
	s := store.New(a.stateDir())
	defer s.Close()
	c, err := findChat(ctx, store.NewChats(s, nil), id)
	if err != nil {
		return err
	}
	if asJSON {
		return terminal.WriteJSON(a.term.Out, c)
	}
	return writeChat(a.term.Out, a.term.OutWidth(), a.term.Color, &c)
}

// meansChat reports whether the word behind `tandem chat -c` is a conversation's id
// and no message: it has the form of one, or a conversation's id begins with it.
func (a *app) meansChat(ctx context.Context, word string) bool {
	if store.LooksLikeID(word) {
		return true
	}
	if len(word) < 4 || word[0] < '0' || word[0] > '9' || strings.ContainsAny(word, " \t\n") {
		return false
	}
	s := store.New(a.stateDir())
	defer s.Close()
	_, err := store.NewChats(s, nil).Find(ctx, word)
	return err == nil
}

// findChat returns the conversation of that id, or the last.
func findChat(ctx context.Context, chats *store.Chats, id string) (store.Chat, error) {
	c, err := chats.Find(ctx, id)
	switch {
	case !errors.Is(err, store.ErrNoChat):
		return c, err
	case id == "":
		return c, usageError{errors.New("there is no conversation yet; start one with `tandem chat`")}
	}
	return c, usageError{fmt.Errorf("there is no conversation %q; see `tandem chats list`", id)}
}

func (a *app) chatsRmCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "rm CONVERSATION...", Short: "Remove conversations for good",
		Long: `Remove conversations for good. You are asked first. Their prompts and
answers stay in the log until ` + "`tandem logs clear`" + `.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("name a conversation; see `tandem chats list`")}
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.chatsRm(cmd.Context(), args, yes) },
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

func (a *app) chatsRm(ctx context.Context, ids []string, yes bool) error {
	if !yes && !a.term.Interactive() {
		return usageError{errors.New("there is no terminal to ask on; if you are sure, add --yes")}
	}
	s := store.New(a.stateDir())
	defer s.Close()
	chats := store.NewChats(s, nil)
	for _, id := range ids {
		if id == "" {
			return usageError{errors.New("an id is empty; see `tandem chats list`")}
		}
		c, err := findChat(ctx, chats, id)
		if err != nil {
			return err
		}
		if !yes {
			switch sure, err := a.term.Confirm(ctx, fmt.Sprintf("Remove %s, “%s”?", c.ID, chatui.Visible(excerpt(c.Title, 60)))); {
			case err != nil:
				return err
			case !sure:
				return usageError{fmt.Errorf("%s was not removed", c.ID)}
			}
		}
		if err := chats.Remove(ctx, c.ID); err != nil {
			return err
		}
		a.term.Noticef("removed %s; its prompts and answers stay in the log until `tandem logs clear`", c.ID)
	}
	return nil
}
