package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/chatui"
	"github.com/tandem-llm/tandem/internal/store"
)

// completeTime is how long Tab waits for what has to be asked for.
const completeTime = 2 * time.Second

// complete is what Tab may make of a line that begins with a slash.
func (s *chatSession) complete(line string) (out []string) {
	name, arg, more := strings.Cut(line, " ")
	if !strings.HasPrefix(name, "/") || strings.Contains(line, "\n") {
		return nil
	}
	for _, c := range chatCommands() {
		whole := "/" + c.name
		switch {
		case more && whole == name && c.complete != nil:
			for _, a := range c.complete(s, arg) {
				out = append(out, name+" "+a)
			}
		case !more && strings.HasPrefix(whole, name) && c.does != "":
			if c.args != "" {
				whole += " "
			}
			out = append(out, whole)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// words completes an argument to one of these.
func words(all ...string) func(*chatSession, string) []string {
	return func(_ *chatSession, arg string) []string { return beginning(all, arg) }
}

func beginning(all []string, with string) (out []string) {
	for _, a := range all {
		if strings.HasPrefix(a, with) {
			out = append(out, a)
		}
	}
	return out
}

// completePath completes the name of a file or folder. Hidden ones come where a
// dot asks for them.
func completePath(_ *chatSession, arg string) (out []string) {
	shown := arg[:strings.LastIndexAny(arg, pathSeparators())+1] // as it was typed
	dir, part := localPath(shown), arg[len(shown):]
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, part) || hidden(name) && part == "" || chatui.Visible(name) != name {
			continue
		}
		if st, err := os.Stat(filepath.Join(dir, name)); err == nil && st.IsDir() {
			name += "/"
		}
		out = append(out, shown+name)
	}
	return out
}

func pathSeparators() string {
	if filepath.Separator == '\\' {
		return `/\`
	}
	return "/"
}

func (s *chatSession) completeCollection(arg string) []string {
	ctx, cancel := context.WithTimeout(context.Background(), completeTime)
	defer cancel()
	return beginning(append(s.collectionNames(ctx), "off"), arg)
}

// completeTool completes the tools that were listed or used, and the servers.
func (s *chatSession) completeTool(arg string) []string {
	all := []string{"off"}
	for _, m := range s.stack.Config().MCPServers {
		all = append(all, m.Name+"/")
	}
	all = append(all, s.tools.seen...)
	return beginning(append(all, s.chat.Tools...), arg)
}

// completeChat completes the ids of the newest conversations.
func (s *chatSession) completeChat(arg string) (out []string) {
	ctx, cancel := context.WithTimeout(context.Background(), completeTime)
	defer cancel()
	kept := store.New(s.app.stateDir())
	defer kept.Close()
	lines, err := store.NewChats(kept, nil).List(ctx, mostListed)
	if err != nil {
		return nil
	}
	for _, l := range lines {
		out = append(out, l.ID)
	}
	return beginning(out, arg)
}

// completeModel completes models and providers. Of models it knows those that are
// configured, those that /models listed, and what an engine on this machine has that
// is running: Tab starts nothing, and asks nobody elsewhere.
func (s *chatSession) completeModel(arg string) []string {
	ctx, cancel := context.WithTimeout(context.Background(), completeTime)
	defer cancel()
	all := []string{"-"}
	for _, t := range s.choosable() {
		name := t.Config.Name
		if s.listed[name] == nil && s.stack.Here(ctx, t) && !asleep(ctx, t) {
			if models, err := t.Provider.Models(ctx); err == nil {
				s.remember(name, models)
			}
		}
		all = append(all, name)
		for _, m := range append(slices.Clone(s.listed[name]), t.Config.Model) {
			if m != "" && chatui.Visible(m) == m {
				all = append(all, name+"/"+m)
				if strings.HasPrefix(m, arg) && arg != "" && slices.Contains(s.stack.Config().Use, name) {
					all = append(all, m)
				}
			}
		}
	}
	return beginning(all, arg)
}
