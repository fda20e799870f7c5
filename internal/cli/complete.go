package cli

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/internal/catalog"
	"github.com/tandem-llm/tandem/internal/chatui"
	"github.com/tandem-llm/tandem/internal/gateway/chains"
	"github.com/tandem-llm/tandem/internal/terminal"
)

// completionTime is how long the shell waits for completions at most.
const completionTime = 300 * time.Millisecond

// completion is what a shell asks to be completed. Its app writes to nobody, and
// asks only servers on this machine.
type completion struct {
	*app
	cmd    *cobra.Command
	args   []string // the arguments before
	prefix string   // what is written of the word
}

// completer returns what a word can be. It returns what it has when ctx ends, and
// nothing instead of an error.
type completer func(ctx context.Context, c *completion) []cobra.Completion

// complete is a completer as cobra calls it: bounded in time, silent, and without
// what does not begin as the word does or would change the terminal.
func (a *app) complete(of completer) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(context.Background(), completionTime)
		defer cancel()
		silent := &app{term: terminal.New(strings.NewReader(""), io.Discard, io.Discard), environ: a.environ, flags: a.flags}
		silent.flags.offline, silent.flags.quiet, silent.flags.verbose = true, true, false
		found := make(chan []cobra.Completion, 1)
		go func() {
			var list []cobra.Completion
			defer func() {
				if recover() != nil { // a completion is no place for it
					list = nil
				}
				found <- list
			}()
			list = of(ctx, &completion{silent, cmd, args, prefix})
		}()
		select {
		case list := <-found:
			return fitting(list, prefix)
		case <-ctx.Done():
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
}

// fitting are the completions that begin with prefix, each once. A space follows
// one unless all of them go on, as folders and name= do.
func fitting(list []cobra.Completion, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var out []cobra.Completion
	var seen []string
	goesOn := true
	for _, c := range list {
		word, text, _ := strings.Cut(c, "\t")
		if !strings.HasPrefix(word, prefix) || strings.ContainsFunc(word, unprintable) || slices.Contains(seen, word) {
			continue
		}
		seen = append(seen, word)
		goesOn = goesOn && strings.ContainsAny(word[len(word)-1:], "/=")
		if text = excerpt(terminal.StripControls(text), 60); text != "" {
			word = cobra.CompletionWithDesc(word, text)
		}
		out = append(out, word)
	}
	directive := cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	if goesOn && len(out) > 0 {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return out, directive
}

func unprintable(r rune) bool { return unicode.IsControl(r) || chatui.Hidden(r) }

// completions gives every command and flag below root its completer. Flags whose
// value is free text or a number complete to nothing, and so do arguments of
// commands that are not here: a file is offered only where one is meant.
func (a *app) completions(root *cobra.Command) {
	arguments := a.argumentCompletions()
	flags := a.flagCompletions()
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		if f, ok := arguments[cmd.CommandPath()]; ok {
			cmd.ValidArgsFunction = f
		} else if cmd.ValidArgsFunction == nil && cmd.Runnable() {
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
		each := func(f *pflag.Flag) {
			if f.NoOptDefVal != "" { // it takes no value
				return
			}
			if _, there := cmd.GetFlagCompletionFunc(f.Name); there {
				return
			}
			complete, ok := flags[f.Name]
			if !ok {
				complete = cobra.NoFileCompletions
			}
			_ = cmd.RegisterFlagCompletionFunc(f.Name, complete) // the flag is there, and has none
		}
		cmd.LocalNonPersistentFlags().VisitAll(each)
		cmd.PersistentFlags().VisitAll(each)
		for _, sub := range cmd.Commands() {
			if sub.Name() != "completion" && sub.Name() != "help" {
				visit(sub)
			}
		}
	}
	visit(root)
}

// flagCompletions are the values of flags, by their names.
func (a *app) flagCompletions() map[string]cobra.CompletionFunc {
	return map[string]cobra.CompletionFunc{
		"model":        a.complete(models),
		"use":          a.complete(listOf(providers)),
		"provider":     a.complete(providers),
		"param":        a.complete(inputs),
		"tool":         a.complete(toolPatterns),
		"allow-tools":  a.complete(listOf(toolPatterns)),
		"conversation": a.complete(chats),
		"option":       a.complete(engineOptions),
		"color":        fixed("auto", "always", "never"),
		"think":        fixed("off", "on", "low", "medium", "high"),
		"status":       fixed(runStatuses()...),
		"by":           fixed(byDay, byModel, byProvider),
		"since":        fixed("today", "yesterday", "24h", "7d", "30d"),
		"until":        fixed("now", "today", "yesterday"),
		"older-than":   fixed("7d", "30d", "90d"),
		"preset":       fixed(catalog.ServerNames()...),
		"fallback":     fixed(append(catalog.ServerNames(), "none")...),
		"config":       a.complete(filesNamed(".yaml", ".yml")),
		"schema":       a.complete(filesNamed(".json")),
		"role":         a.complete(roles),
		"with":         a.complete(listOf(models)),
		"prompt":       a.complete(listOf(filesNamed(chains.Extensions()...))),
		"checks":       a.complete(filesNamed(".yaml", ".yml", ".json")),
		"json-schema":  a.complete(filesNamed(".json")),
		"judge-model":  a.complete(models),
		"token-file":   a.complete(filesNamed()),
		"labels":       a.complete(filesNamed(".jsonl")),
		"rescore":      a.complete(batches),
		"html":         a.complete(filesNamed(".html")),
		"csv":          a.complete(filesNamed(".csv")),
		"junit":        a.complete(filesNamed(".xml")),
		"md":           a.complete(filesNamed(".md")),
		"each":         a.complete(filesNamed(rowExtensions()...)),
		"in":           a.complete(filesNamed(rowExtensions()...)),
		"out":          a.complete(filesNamed(".jsonl", ".csv", ".tsv", ".parquet", ".gz", ".zst")),
		"only":         a.complete(providers),
		"record":       a.complete(folders),
		"replay":       a.complete(folders),
		"file":         a.complete(filesNamed()),
		"image":        a.complete(filesNamed(".png", ".jpg", ".jpeg", ".gif", ".webp")),
		"output":       a.complete(filesNamed()),
		"args":         a.complete(atFiles),
	}
}

// rowExtensions are those of files of rows, and of compressed ones.
func rowExtensions() []string {
	return []string{".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".gz", ".zst"}
}

// argumentCompletions are the arguments of commands, by their paths.
func (a *app) argumentCompletions() map[string]cobra.CompletionFunc {
	first := func(of completer) cobra.CompletionFunc { return a.complete(only(0, of)) }
	chainFiles := a.complete(filesNamed(chains.Extensions()...))
	out := map[string]cobra.CompletionFunc{
		"tandem ask":                  a.complete(atFiles),
		"tandem chat":                 a.complete(atFiles),
		"tandem run":                  first(either(savedChains, filesNamed(chains.Extensions()...), installedModels)),
		"tandem batch":                first(either(savedChains, filesNamed(chains.Extensions()...))),
		"tandem batch score":          first(batches),
		"tandem batch status":         first(batches),
		"tandem batch watch":          first(batches),
		"tandem batch resume":         first(batches),
		"tandem batch cancel":         first(batches),
		"tandem batch export":         first(batches),
		"tandem batch rm":             first(batches),
		"tandem compare":              first(either(savedChains, filesNamed(chains.Extensions()...))),
		"tandem use":                  first(listOf(providers)),
		"tandem chain check":          chainFiles,
		"tandem prompt render":        chainFiles,
		"tandem prompt check":         chainFiles,
		"tandem prompt convert":       chainFiles,
		"tandem chats show":           first(chats),
		"tandem chats rm":             a.complete(chats),
		"tandem collections rm":       first(collections),
		"tandem role show":            first(roles),
		"tandem similar":              first(collections),
		"tandem embed":                a.complete(either(only(0, collections), after(1, filesNamed()))),
		"tandem config check":         first(filesNamed(".yaml", ".yml")),
		"tandem config explain":       first(configKeys),
		"tandem keys set":             first(keyedProviders),
		"tandem keys rm":              first(storedKeys),
		"tandem logs show":            first(runs),
		"tandem logs replay":          first(runs),
		"tandem models list":          first(providers),
		"tandem models ps":            first(ollamas),
		"tandem models hosts list":    first(pools),
		"tandem models hosts drain":   first(hostNames),
		"tandem models hosts undrain": first(hostNames),
		"tandem models show":          first(installedModels),
		"tandem models load":          first(installedModels),
		"tandem models alias":         a.complete(only(1, models)),
		"tandem models default":       first(models),
		"tandem tools list":           first(toolServers),
		"tandem tools call":           first(offeredTools),
		"tandem list":                 first(providers),
		"tandem ps":                   first(ollamas),
		"tandem show":                 first(installedModels),
		"tandem engine start":         first(ollamas),
		"tandem connect":              first(clients),
		"tandem engine stop":          first(ollamas),
		"tandem engine status":        first(ollamas),
		"tandem engine logs":          first(ollamas),
	}
	return out
}

// only completes the argument with that number, from 0.
func only(n int, of completer) completer {
	return func(ctx context.Context, c *completion) []cobra.Completion {
		if len(c.args) != n {
			return nil
		}
		return of(ctx, c)
	}
}

// after completes the argument with that number, and those behind it.
func after(n int, of completer) completer {
	return func(ctx context.Context, c *completion) []cobra.Completion {
		if len(c.args) < n {
			return nil
		}
		return of(ctx, c)
	}
}

// either completes to what any of them does.
func either(all ...completer) completer {
	return func(ctx context.Context, c *completion) (out []cobra.Completion) {
		for _, of := range all {
			out = append(out, of(ctx, c)...)
		}
		return out
	}
}

// listOf completes the last of several names with commas between them.
func listOf(of completer) completer {
	return func(ctx context.Context, c *completion) (out []cobra.Completion) {
		before := c.prefix[:strings.LastIndex(c.prefix, ",")+1]
		named := strings.Split(before, ",")
		for _, one := range of(ctx, c) {
			if word, _, _ := strings.Cut(one, "\t"); !slices.Contains(named, word) {
				out = append(out, before+one)
			}
		}
		return out
	}
}

func fixed(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveKeepOrder)
}
