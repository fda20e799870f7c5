package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// role is a system message with settings, saved by a name.
type role struct {
	system string
	sample sampling
}

// roleExtensions are those of saved roles: the system message alone, or with settings.
func roleExtensions() []string { return []string{".md", ".txt", ".yaml", ".yml"} }

// rolesDir is where roles are: beside the user's own configuration. Empty: there is no
// home directory.
func (a *app) rolesDir() string {
	user := config.UserPath(a.lookupEnv)
	if user == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(user), "roles")
}

// roleFiles are the files of the saved roles, in order of their names.
func (a *app) roleFiles() ([]string, error) {
	dir := a.rolesDir()
	if dir == "" {
		return nil, usageError{errors.New("there is no home directory, so that no roles are saved")}
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read %s: %w", dir, cause(err))
	}
	var files []string
	for _, e := range entries {
		file := filepath.Join(dir, e.Name())
		if !hidden(e.Name()) && slices.Contains(roleExtensions(), filepath.Ext(file)) && isFile(file) {
			files = append(files, file)
		}
	}
	return files, nil
}

func roleName(file string) string { return strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)) }

// findRole is the file of a role; one without a file is an error with the nearest name.
func (a *app) findRole(name string) (string, error) {
	files, err := a.roleFiles()
	if err != nil {
		return "", err
	}
	var found, names []string
	for _, f := range files {
		names = append(names, roleName(f))
		if roleName(f) == name {
			found = append(found, f)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		remedy := "`tandem role list` lists those that there are"
		if near, ok := diag.Nearest(name, names); ok {
			remedy = "did you mean " + diag.Quote(near) + "?"
		}
		return "", usageError{fmt.Errorf("there is no role %q; %s", name, remedy)}
	}
	return "", usageError{fmt.Errorf("the role %q has two files, %s and %s; remove one", name, found[0], found[1])}
}

// readRole reads a role's file.
func readRole(file string) (role, error) {
	data, err := yamlx.Read(file)
	if err != nil {
		return role{}, err
	}
	var r role
	switch filepath.Ext(file) {
	case ".yaml", ".yml":
		root, err := yamlx.Parse(file, data)
		if err != nil {
			return r, err
		}
		d := yamlx.NewDecoder(file)
		m, _ := d.Mapping(root, "a role", []string{"system", "model", "temperature", "top_p", "seed", "max_tokens", "stop", "think"})
		r.system = m.String("system")
		r.sample.model = m.String("model")
		r.sample.temperature.value, r.sample.topP.value = m.Float("temperature", 0, 2), m.Float("top_p", 0, 1)
		const anySeed = -1 << 62
		r.sample.seed.value = m.Int("seed", anySeed)
		if n := m.Int("max_tokens", 1); n != nil {
			most := int(*n)
			r.sample.maxTokens.value = &most
		}
		if m.Has("stop") {
			r.sample.stop = m.Strings("stop")
		}
		r.sample.think = m.OneOf("think", "off", "on", "low", "medium", "high")
		if err := d.Err(); err != nil {
			return r, err
		}
	default:
		r.system = string(data)
	}
	if r.system = strings.TrimSpace(r.system); r.system == "" {
		return r, &diag.Error{File: file, Message: "the role has no system message", Remedy: "write one into it, in YAML as `system: …`"}
	}
	return r, nil
}

// takeRole gives a command the role's system message and settings, under its flags.
func (a *app) takeRole(name string, system *string, sample *sampling) error {
	if name == "" {
		return nil
	}
	if *system != "" {
		return usageError{errors.New("use only one of --role and --system: a role is a system message")}
	}
	file, err := a.findRole(name)
	if err != nil {
		return err
	}
	r, err := readRole(file)
	if err != nil {
		return err
	}
	*system = r.system
	sample.under(&r.sample)
	return nil
}

// under takes from other what is not set.
func (s *sampling) under(other *sampling) {
	if s.model == "" {
		s.model = other.model
	}
	if s.temperature.value == nil {
		s.temperature = other.temperature
	}
	if s.topP.value == nil {
		s.topP = other.topP
	}
	if s.seed.value == nil {
		s.seed = other.seed
	}
	if s.maxTokens.value == nil {
		s.maxTokens = other.maxTokens
	}
	if s.stop == nil {
		s.stop = other.stop
	}
	if s.think == "" {
		s.think = other.think
	}
}

func (a *app) roleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "role", Short: "List and show roles: saved system messages",
		Long: `A role is a system message that is saved by a name, with settings if you like: a
file in the folder roles, beside your configuration file. NAME.md is the message
alone; NAME.yaml has system, model, temperature, top_p, seed, max_tokens, stop and
think. tandem ask --role NAME and tandem chat --role NAME use it; flags override it.`,
	}
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the roles", Args: exactArgs(),
		RunE: func(*cobra.Command, []string) error { return a.roleList() },
	}
	show := &cobra.Command{
		Use: "show NAME", Short: "Print a role's file", Args: exactArgs("a role's name"),
		RunE: func(_ *cobra.Command, args []string) error { return a.roleShow(args[0]) },
	}
	cmd.AddCommand(list, show)
	return cmd
}

func (a *app) roleList() error {
	files, err := a.roleFiles()
	if err != nil {
		return err
	}
	for _, f := range files {
		r, err := readRole(f)
		text := r.system
		if err != nil {
			text = "has mistakes: " + err.Error()
		}
		const most = 60
		if _, err := fmt.Fprintf(a.term.Out, "%s\t%s\n", terminal.OneLine(roleName(f)), firstRunes(terminal.OneLine(text), most)); err != nil {
			return err
		}
	}
	if len(files) == 0 {
		a.infof("there are no roles; write a system message into %s", filepath.Join(a.rolesDir(), "NAME.md"))
	}
	return nil
}

func (a *app) roleShow(name string) error {
	file, err := a.findRole(name)
	if err != nil {
		return err
	}
	data, err := yamlx.Read(file)
	if err != nil {
		return err
	}
	_, err = a.term.Out.Write(data)
	return err
}
