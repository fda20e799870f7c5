package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/gateway/keystore"
	"github.com/tandem-llm/tandem/internal/keys"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// callerStore is where the keys of the gateway's callers are. It is not read until
// somebody asks.
func (a *app) callerStore() *keystore.Store { return keystore.New(config.DataDir(a.lookupEnv)) }

func (a *app) serveKeysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "keys", Short: "Make and remove the keys of programs that may ask `tandem serve`",
		Long: `Make and remove the keys of programs that may ask ` + "`tandem serve`" + `. Without any key,
every program on this machine may ask. Once there is one, every request needs a key.
A running server takes a change at once.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && !config.ValidName(args[0]) { // it may be a key
				return usageError{errors.New("`tandem serve keys` takes add, list or rm; see `tandem serve keys --help`")}
			}
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(a.serveKeysAddCommand(), a.serveKeysListCommand(), a.serveKeysRemoveCommand())
	return cmd
}

// callerName takes one argument, a caller's name, and shows none that may be a key.
func callerName(cmd *cobra.Command, args []string) error {
	for _, arg := range args {
		if err := keys.CheckName(arg); err != nil {
			return usageError{fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())}
		}
	}
	return exactArgs("a name, such as laptop")(cmd, args)
}

type serveKeyInput struct {
	rate   int
	budget optional[float64] // US dollars a day
	pull   bool
	// operator: it sees and cancels the calls of other keys
	operator bool
}

func (a *app) serveKeysAddCommand() *cobra.Command {
	var in serveKeyInput
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Make a key, and print it once",
		Long: `Make a key for a program or a person, and print it. It is shown this once: only a
hash of it is stored. What the flags say can only forbid what your configuration
allows. With --use, no other provider may answer. With --local-only, nothing that the
key asks leaves this machine. With --budget, calls that could cost more than is left of
the day are refused; local answers cost nothing.`,
		Example: `  tandem serve keys add laptop
  tandem serve keys add phone --local-only --rate 30
  tandem serve keys add agent --use local,openai --budget 0.50`,
		Args: callerName,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.serveKeysAdd(cmd.Context(), args[0], in)
		},
	}
	f := cmd.Flags()
	f.IntVar(&in.rate, "rate", 0, "`requests` that it may make in any minute; 0: no limit")
	f.Var(&in.budget, "budget", "most that its calls may cost from midnight to midnight, in US dollars")
	f.BoolVar(&in.pull, "pull", false, "it may download models")
	f.BoolVar(&in.operator, "operator", false, "it may see and cancel the calls of every key")
	return cmd
}

func (a *app) serveKeysAdd(ctx context.Context, name string, in serveKeyInput) error {
	if _, err := a.load(); err != nil { // it checks the names of --use
		return err
	}
	k := keystore.Key{Name: name, Use: a.flags.use, LocalOnly: a.flags.localOnly, BudgetUSD: in.budget.value, Rate: in.rate, Pull: in.pull, Operator: in.operator}
	if err := k.Check(); err != nil {
		return usageError{err}
	}
	store := a.callerStore()
	before, err := store.List()
	if err != nil {
		return err
	}
	key, err := store.Add(ctx, k)
	if errors.Is(err, keystore.ErrExists) {
		return usageError{fmt.Errorf("there is a key %q already; remove it with `tandem serve keys rm %[1]s`, or choose another name", name)}
	}
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(terminal.Raw(a.term.Out), key); err != nil {
		return err
	}
	a.term.Noticef("this is the key %q; it is shown once, and is not stored", name)
	if len(before) == 0 {
		a.term.Noticef("from now on, every request to `tandem serve` needs a key")
	}
	return nil
}

// servedKey is a key as the list shows it.
type servedKey struct {
	Name      string   `json:"name"`
	Created   string   `json:"created"` // RFC 3339
	Use       []string `json:"use,omitempty"`
	LocalOnly bool     `json:"local_only,omitempty"`
	BudgetUSD *float64 `json:"budget_usd_per_day,omitempty"`
	SpentUSD  *float64 `json:"spent_usd_today,omitempty"` // of a budget; with what is reserved
	Rate      int      `json:"rate_per_minute,omitempty"`
	Pull      bool     `json:"pull,omitempty"`
	Operator  bool     `json:"operator,omitempty"`
}

func (a *app) serveKeysListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the keys by name, and what each may do", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serveKeysList(cmd.Context(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON array")
	return cmd
}

func (a *app) serveKeysList(ctx context.Context, asJSON bool) error {
	stored, err := a.callerStore().List()
	if err != nil {
		return err
	}
	list := []servedKey{}
	book := store.New(a.stateDir())
	defer book.Close()
	for _, k := range stored {
		one := servedKey{k.Name, k.Created.Format("2006-01-02T15:04:05Z07:00"), k.Use, k.LocalOnly, k.BudgetUSD, nil, k.Rate, k.Pull, k.Operator}
		if k.BudgetUSD != nil {
			spent, err := book.CountedFor(ctx, k.Name)
			if err != nil {
				return err
			}
			one.SpentUSD = &spent
		}
		list = append(list, one)
	}
	if asJSON {
		return terminal.WriteJSON(a.term.Out, list)
	}
	if len(list) == 0 {
		a.term.Noticef("no keys, so every program on this machine may ask; make one with `tandem serve keys add NAME`")
		return nil
	}
	w := a.term.Table("NAME", "CREATED", "LIMITS")
	for _, k := range list {
		w.Row(k.Name, k.Created[:len("2006-01-02")], k.limits())
	}
	return w.Flush()
}

// limits is what the key may do, in a few words.
func (k servedKey) limits() string {
	var all []string
	if len(k.Use) > 0 {
		all = append(all, "only "+strings.Join(k.Use, ", "))
	}
	if k.LocalOnly {
		all = append(all, "local only")
	}
	if k.BudgetUSD != nil {
		all = append(all, fmt.Sprintf("%s a day, %s spent today", ledger.Dollars(*k.BudgetUSD), ledger.Dollars(*k.SpentUSD)))
	}
	if k.Rate > 0 {
		all = append(all, fmt.Sprintf("%d a minute", k.Rate))
	}
	if k.Pull {
		all = append(all, "may download models")
	}
	if k.Operator {
		all = append(all, "sees every key's calls")
	}
	if len(all) == 0 {
		return "-"
	}
	return strings.Join(all, "; ")
}

func (a *app) serveKeysRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Short: "Remove a key", Args: callerName,
		RunE: func(cmd *cobra.Command, args []string) error { return a.serveKeysRemove(cmd.Context(), args[0]) },
	}
}

func (a *app) serveKeysRemove(ctx context.Context, name string) error {
	store := a.callerStore()
	err := store.Remove(ctx, name)
	if errors.Is(err, keystore.ErrNoKey) {
		return usageError{fmt.Errorf("there is no key %q; see `tandem serve keys list`", name)}
	}
	if err != nil {
		return err
	}
	a.term.Noticef("removed the key %q", name)
	if left, err := store.List(); err == nil && len(left) == 0 {
		a.term.Noticef("no keys are left, so every program on this machine may ask")
	}
	return nil
}
