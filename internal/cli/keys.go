package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/catalog"
	"github.com/tandem-llm/tandem/internal/chatui"
	"github.com/tandem-llm/tandem/internal/keys"
	"github.com/tandem-llm/tandem/internal/terminal"
)

// keyStore is where the keys of keyring: references are. It is not read until
// a key is needed.
func (a *app) keyStore() *keys.Store {
	return keys.New(config.DataDir(a.lookupEnv), keys.System(a.lookupEnv))
}

func (a *app) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "keys", Short: "Store API keys in the system's keyring",
		Long: `Store API keys by name, in the system's keyring or, if there is none, in files
that only you can read. The provider of that name uses a stored key if its
api_key is an environment variable that is not set, and any provider if the
configuration says ` + "`api_key: keyring:NAME`" + `.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && !config.ValidName(args[0]) { // it may be a key
				return usageError{errors.New("`tandem keys` takes set, list or rm; see `tandem keys --help`")}
			}
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	// What a mistyped command line holds may be a key: no error shows it.
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, _ error) error {
		return usageError{fmt.Errorf("`%s` has no such flag, and takes no key as an argument; see `%[1]s --help`", cmd.CommandPath())}
	})
	cmd.AddCommand(a.keysSetCommand(), a.keysListCommand(), a.keysRemoveCommand())
	return cmd
}

func (a *app) keysSetCommand() *cobra.Command {
	return &cobra.Command{
		Use: "set NAME", Short: "Store a key, typed at a prompt or read from standard input",
		Long: `Store a key under a name. Tandem asks for the key without showing it, or reads it
from standard input. A key is never an argument, which others could see.`,
		Example: `  tandem keys set openai
  pass show openai | tandem keys set openai`,
		Args: keyName,
		RunE: func(cmd *cobra.Command, args []string) error { return a.keysSet(cmd.Context(), args[0]) },
	}
}

// keyName takes one argument, a key's name, and shows none that is not.
func keyName(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usageError{fmt.Errorf("`%s` takes only a name: it asks for the key, or reads it from standard input. "+
			"A key on a command line stays in the shell's history: if you typed one, replace it", cmd.CommandPath())}
	}
	if err := exactArgs("a name, such as openai")(cmd, args); err != nil {
		return err
	}
	if err := keys.CheckName(args[0]); err != nil {
		return usageError{fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())}
	}
	return nil
}

func (a *app) keysSet(ctx context.Context, name string) error {
	text, err := a.readSecret(ctx, "Key "+terminal.StripControls(name), "the key")
	a.term.Secrets.Add(strings.Fields(text)...) // first of all: from here on nothing shows it
	if err != nil {
		return err
	}
	secret, err := config.NewSecret(text)
	if err != nil {
		return usageError{fmt.Errorf("%w; nothing was stored", err)}
	}
	kept, err := a.keyStore().Set(name, secret.Reveal())
	if err != nil {
		return err
	}
	a.term.Noticef("stored the key %q %s", name, where(kept))
	if list, err := a.keyStore().List(); err == nil && slices.Contains(list, keys.Key{Name: name, Place: keys.InKeyring}) && kept.Place == keys.InFile {
		a.term.Noticef("an older key %q is still in the system keyring, which cannot remove it now; tandem uses the new one", name)
	}
	a.adviseKey(name)
	return nil
}

// where says where a key lies.
func where(k keys.Key) string {
	if k.Place == keys.InKeyring {
		return "in the system keyring"
	}
	return fmt.Sprintf("in %s, which only you can read, because no system keyring is available", k.Path)
}

// placeOf names the place where a key lies.
func placeOf(k keys.Key) string {
	if k.Place == keys.InKeyring {
		return "the system keyring"
	}
	return k.Path
}

// adviseKey says what to write into the configuration, unless it is there.
func (a *app) adviseKey(name string) {
	cfg, _ := a.load() // with a mistake in it, it names no providers
	if len(keyUsers(cfg, name)) > 0 || a.flags.quiet {
		return
	}
	p, ok := cfg.Provider(name)
	if variable, found := strings.CutPrefix(string(p.APIKey), "env:"); found && a.getenv(variable) != "" {
		a.term.Noticef("%s is set, and %s uses that; unset it to use the stored key, or write `api_key: keyring:%[2]s`", variable, name)
		return
	}
	if preset, known := catalog.FindServer(name); known && !ok && !preset.Local {
		a.term.Noticef("no provider uses it yet; add %s with `tandem setup --preset %s`", preset.Title, name)
		return
	}
	server := "" // a key goes to the server of its name, and to no other
	if name != config.OpenAIName && (!ok || p.Kind != config.KindOpenAI) {
		server = "    kind: openai\n    base_url: https://HOST/v1\n    model: MODEL\n"
	}
	a.term.Noticef("no provider uses it yet; run `tandem config edit` and write:")
	a.term.Verbatimf("\nproviders:\n  - name: %s\n%s    api_key: keyring:%[1]s\n", name, server)
}

// keyUsers are the providers that use a key.
func keyUsers(cfg *config.Loaded, name string) (users []string) {
	for _, p := range cfg.Providers {
		if string(cfg.KeyRef(p.Name)) == "keyring:"+name {
			users = append(users, p.Name)
		}
	}
	return users
}

// maxKeyInput is the most bytes of standard input that are read for a key.
const maxKeyInput = 64 << 10

// readSecret asks for a secret on a terminal, which does not show it, or reads it from a
// pipe. Errors say what it is.
func (a *app) readSecret(ctx context.Context, prompt, what string) (string, error) {
	read := func() (string, error) {
		data, err := io.ReadAll(io.LimitReader(a.term.In, maxKeyInput))
		return string(data), err
	}
	if f, ok := a.term.In.(*os.File); ok && a.term.InIsTTY {
		state, err := term.MakeRaw(int(f.Fd())) // before anything is asked, and not by the reader that may be left behind
		if err != nil {
			return "", fmt.Errorf("asking for %s: %w", what, hungUp(err))
		}
		defer func() { _ = term.Restore(int(f.Fd()), state) }()
		if err := chatui.DropTyped(f); err != nil { // what was typed before is not a key
			return "", fmt.Errorf("asking for %s: %w", what, hungUp(err))
		}
		read = func() (string, error) {
			asked := term.NewTerminal(struct {
				io.Reader
				io.Writer
			}{f, terminal.Raw(a.term.Err)}, "")
			text, err := asked.ReadPassword(prompt + " (not shown): ")
			if errors.Is(err, io.EOF) { // Ctrl-C, which is not a signal here, or Ctrl-D
				err = context.Canceled
			}
			return text, hungUp(err)
		}
	}
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := read()
		done <- result{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case r := <-done:
		if r.err != nil {
			return "", fmt.Errorf("reading %s: %w", what, r.err)
		}
		return r.text, nil
	}
}

// hungUp is err, or that the user is gone where a terminal has been closed: its signal may
// come later than the error of the read.
func hungUp(err error) error {
	if errors.Is(err, syscall.EIO) {
		return context.Canceled
	}
	return err
}

func (a *app) keysListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the names of stored keys, and where each is stored", Args: exactArgs(),
		RunE: func(*cobra.Command, []string) error { return a.keysList(asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON array")
	return cmd
}

func (a *app) keysList(asJSON bool) error {
	list, err := a.keyStore().List()
	if err != nil {
		return err
	}
	if asJSON {
		return terminal.WriteJSON(a.term.Out, list)
	}
	if len(list) == 0 {
		a.term.Noticef("no keys stored; add one with `tandem keys set NAME`")
		return nil
	}
	cfg, _ := a.load()
	w := a.term.Table("NAME", "WHERE", "USED BY")
	for _, k := range list {
		users := strings.Join(keyUsers(cfg, k.Name), ", ")
		if users == "" {
			users = "-"
		}
		w.Row(k.Name, strings.TrimPrefix(placeOf(k), "the "), users)
	}
	return w.Flush()
}

func (a *app) keysRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Short: "Remove a key", Args: keyName,
		RunE: func(_ *cobra.Command, args []string) error { return a.keysRemove(args[0]) },
	}
}

func (a *app) keysRemove(name string) error {
	removed, err := a.keyStore().Delete(name)
	if errors.Is(err, config.ErrNoKey) {
		return usageError{fmt.Errorf("there is no key %q; see `tandem keys list`", name)}
	}
	var from []string
	for _, k := range removed {
		from = append(from, placeOf(k))
	}
	if len(from) > 0 {
		a.term.Noticef("removed the key %q from %s", name, strings.Join(from, " and "))
	}
	if err != nil {
		return err
	}
	cfg, _ := a.load()
	if users := keyUsers(cfg, name); len(users) > 0 {
		a.term.Noticef("%s still uses it: see api_key in the configuration", strings.Join(users, ", "))
	}
	return nil
}
