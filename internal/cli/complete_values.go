package cli

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/store"
)

// mostCompletions is how many runs or conversations are offered.
const mostCompletions = 50

func described(word, text string) cobra.Completion { return cobra.CompletionWithDesc(word, text) }

// providers are the configured providers.
func providers(_ context.Context, c *completion) (out []cobra.Completion) {
	cfg, _ := c.load()
	for _, p := range cfg.Providers {
		out = append(out, described(p.Name, p.Model+" at "+addressOf(p)))
	}
	return out
}

// ollamas are the configured providers that are Ollama's.
func ollamas(_ context.Context, c *completion) (out []cobra.Completion) {
	cfg, _ := c.load()
	for _, p := range cfg.Providers {
		if p.Kind == config.KindOllama {
			out = append(out, described(p.Name, addressOf(p)))
		}
	}
	return out
}

// keyedProviders are the providers that take a key.
func keyedProviders(_ context.Context, c *completion) (out []cobra.Completion) {
	cfg, _ := c.load()
	for _, p := range cfg.Providers {
		if p.Kind == config.KindOpenAI {
			out = append(out, described(p.Name, addressOf(p)))
		}
	}
	return out
}

func storedKeys(_ context.Context, c *completion) (out []cobra.Completion) {
	list, _ := c.keyStore().List()
	for _, k := range list {
		out = append(out, k.Name)
	}
	return out
}

// models are what -m takes: the configured models and providers, the models that
// are installed, and those that answered lately.
func models(ctx context.Context, c *completion) []cobra.Completion {
	cfg, _ := c.load()
	var out []cobra.Completion
	for _, name := range slices.Sorted(maps.Keys(cfg.Aliases)) {
		out = append(out, described(name, "alias of "+cfg.Aliases[name]))
	}
	out = append(out, installedModels(ctx, c)...)
	for _, p := range cfg.Providers {
		if p.Model != "" {
			out = append(out, described(p.Name+"/"+p.Model, "the model of "+p.Name))
		}
		out = append(out, described(p.Name, "the provider at "+addressOf(p)))
	}
	s := store.New(c.stateDir())
	defer s.Close()
	used, _ := s.SpentByModel(ctx, time.Now().AddDate(0, 0, -30), time.Time{})
	for _, m := range used {
		if slices.ContainsFunc(cfg.Providers, func(p config.Provider) bool { return p.Name == m.Provider }) {
			out = append(out, described(m.Provider+"/"+m.Model, "answered in the last 30 days"))
		}
	}
	return out
}

// installedModels are the models that servers on this machine list. Nothing is started,
// and no key is looked up.
func installedModels(ctx context.Context, c *completion) (out []cobra.Completion) {
	cfg, err := c.load()
	if err != nil {
		return nil
	}
	st, err := c.assemble(cfg)
	if err != nil {
		return nil
	}
	defer st.Close()
	for _, t := range st.Targets {
		if !t.Config.Loopback() || t.Config.APIKey != "" {
			continue
		}
		list, _ := st.Listed(ctx, t.Config.Name)
		for _, m := range list {
			word := t.Config.Name + "/" + m.Name
			if t.Config.Kind == config.KindOllama && firstOllama(st) == t.Config.Name {
				word = m.Name
			}
			out = append(out, described(word, strings.TrimSpace(m.Params+" "+bytesText(m.Size))))
		}
	}
	return out
}

// firstOllama is the Ollama that a model without a provider's name is asked at; "":
// none.
func firstOllama(st *stack.Stack) string {
	for _, name := range st.Config().Use {
		if t, ok := st.Target(name); ok && t.Config.Kind == config.KindOllama {
			return name
		}
	}
	return ""
}

// inputs are the -p of the chain that the line names.
func inputs(_ context.Context, c *completion) (out []cobra.Completion) {
	if len(c.args) == 0 {
		return nil
	}
	file, err := c.chainFile(c.args[0])
	if err != nil || file == stdinPath || isPipe(file) {
		return nil
	}
	loaded, err := chain.Load(file, chain.AllowJinja2())
	if err != nil {
		return nil
	}
	name, value, named := strings.Cut(c.prefix, "=")
	if named {
		in, _ := loaded.Input(name)
		if path, ok := strings.CutPrefix(value, "@"); ok {
			return prefixed(name+"=@", paths(path))
		}
		if in.Type == chain.TypeBool {
			return []cobra.Completion{name + "=true", name + "=false"}
		}
		return nil
	}
	given, _ := c.cmd.Flags().GetStringArray("param")
	for _, name := range loaded.Inputs() {
		in, _ := loaded.Input(name)
		if slices.ContainsFunc(given, func(p string) bool { return strings.HasPrefix(p, name+"=") }) {
			continue
		}
		out = append(out, described(name+"=", inputText(in)))
	}
	return out
}

// inputText says what an input is.
func inputText(in chain.Input) string {
	text := in.Description
	if in.Type != chain.TypeAny {
		text = strings.TrimSpace(text + " (" + string(in.Type) + ")")
	}
	if in.Default != nil {
		text = strings.TrimSpace(fmt.Sprintf("%s default %v", text, in.Default))
	}
	return text
}

func savedChains(_ context.Context, c *completion) (out []cobra.Completion) {
	for _, name := range chainNames(c.chainsDir()) {
		out = append(out, described(strings.TrimSuffix(name, filepath.Ext(name)), "saved chain"))
	}
	return out
}

func roles(_ context.Context, c *completion) (out []cobra.Completion) {
	found, _ := c.roleFiles()
	for _, file := range found {
		out = append(out, described(roleName(file), "role"))
	}
	return out
}

func chats(ctx context.Context, c *completion) (out []cobra.Completion) {
	s := store.New(c.stateDir())
	defer s.Close()
	list, _ := store.NewChats(s, nil).List(ctx, mostCompletions)
	for _, l := range list {
		if !slices.Contains(c.args, l.ID) {
			out = append(out, described(l.ID, l.Title))
		}
	}
	return out
}

func runs(ctx context.Context, c *completion) (out []cobra.Completion) {
	s := store.New(c.stateDir())
	defer s.Close()
	for l, err := range s.Lines(ctx, store.Filter{Limit: mostCompletions}) {
		if err != nil {
			break
		}
		text := l.Chain
		if text == "" {
			text = l.Prompt
		}
		out = append(out, described(l.ID, strings.TrimSpace(l.Command+" "+text)))
	}
	return out
}

func collections(ctx context.Context, c *completion) (out []cobra.Completion) {
	s := store.New(c.stateDir())
	defer s.Close()
	list, _ := s.Collections(ctx)
	for _, one := range list {
		out = append(out, described(one.Name, fmt.Sprintf("%s, %s", count(one.Documents, "document"), one.Model)))
	}
	return out
}

func configKeys(_ context.Context, c *completion) (out []cobra.Completion) {
	cfg, _ := c.load()
	for _, v := range cfg.Show() {
		out = append(out, described(v.Key, "from "+v.Origin))
	}
	return out
}

// engineOptions are -o key=value.
func engineOptions(_ context.Context, c *completion) (out []cobra.Completion) {
	types := optionTypes()
	name, _, named := strings.Cut(c.prefix, "=")
	if named && types[name] == optionBool {
		return []cobra.Completion{name + "=true", name + "=false"}
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		out = append(out, described(name+"=", string(types[name])))
	}
	return out
}

func toolServers(_ context.Context, c *completion) (out []cobra.Completion) {
	cfg, _ := c.load()
	for _, s := range cfg.MCPServers {
		out = append(out, s.Name)
	}
	return out
}

// toolPatterns are what --tool takes: all tools of a server, and those that were
// offered to models lately. No server is started.
func toolPatterns(ctx context.Context, c *completion) (out []cobra.Completion) {
	for _, s := range toolServers(ctx, c) {
		out = append(out, described(s+"/*", "all tools of "+s))
	}
	return append(out, offeredTools(ctx, c)...)
}

func offeredTools(ctx context.Context, c *completion) (out []cobra.Completion) {
	s := store.New(c.stateDir())
	defer s.Close()
	names, _ := s.RecentTools(ctx)
	for _, server := range toolServers(ctx, c) {
		for _, name := range names {
			if tool, ok := strings.CutPrefix(name, server+"__"); ok {
				out = append(out, server+"/"+tool)
			}
		}
	}
	return out
}

func batches(ctx context.Context, c *completion) (out []cobra.Completion) {
	ids, _ := batch.List(c.stateDir())
	for _, id := range ids[:min(len(ids), mostCompletions)] {
		if s, err := c.batchStatusOf(ctx, id); err == nil {
			out = append(out, described(id, fmt.Sprintf("%s, %d/%d, %s", s.State, s.Done+s.Failed, s.Total, filepath.Base(chainOrRequests(&s.Spec)))))
		}
	}
	return out
}
