package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/terminal"
)

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestCommandsPage holds docs/commands.md to the program: every command has a
// section, which names all of its flags and no other.
func TestCommandsPage(t *testing.T) {
	text := page(t, "commands.md")
	text, _, _ = strings.Cut(text, "\n## Exit codes")
	sections := map[string]string{}
	parts := strings.Split(text, "\n### ")
	for _, part := range parts[1:] {
		title, body, _ := strings.Cut(part, "\n")
		sections[title] = body
	}
	root := (&app{term: terminal.New(nil, nil, nil)}).root()
	compareFlags(t, "every command", parts[0], root.PersistentFlags())
	documented := []string{}
	eachCommand(root, func(c *cobra.Command) {
		body, ok := sections[c.CommandPath()]
		if !ok {
			t.Errorf("commands.md has no section %q", c.CommandPath())
			return
		}
		documented = append(documented, c.CommandPath())
		if c.Name() != "completion" { // cobra's own
			compareFlags(t, c.CommandPath(), body, c.LocalNonPersistentFlags())
		}
	})
	for title := range sections {
		if !slices.Contains(documented, title) {
			t.Errorf("commands.md tells of %q, which is no command", title)
		}
	}
}

// eachCommand visits the commands below c that users see. Those below
// completion are its arguments.
func eachCommand(c *cobra.Command, visit func(*cobra.Command)) {
	for _, sub := range c.Commands() {
		if sub.Hidden || sub.Name() == "help" {
			continue
		}
		visit(sub)
		if sub.Name() != "completion" {
			eachCommand(sub, visit)
		}
	}
}

var flagName = regexp.MustCompile("`(--?[a-z0-9-]+)[ `]")

func compareFlags(t *testing.T, where, body string, flags *pflag.FlagSet) {
	t.Helper()
	want := []string{}
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			want = append(want, "--"+f.Name)
		}
		if f.Shorthand != "" && f.Name != "help" {
			want = append(want, "-"+f.Shorthand)
		}
	})
	got := []string{}
	for _, m := range flagName.FindAllStringSubmatch(body, -1) {
		if name := m[1]; name != "--help" && name != "-h" && name != "-" && !slices.Contains(got, name) {
			got = append(got, name)
		}
	}
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("commands.md, %s: the flag %s is missing", where, name)
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("commands.md, %s: there is no flag %s", where, name)
		}
	}
}

func TestExitCodesOnTheCommandsPage(t *testing.T) {
	_, table, ok := strings.Cut(page(t, "commands.md"), "\n## Exit codes")
	if !ok {
		t.Fatal("commands.md has no table of exit codes")
	}
	for _, code := range []int{
		exitOK, exitError, exitUsage, exitRows, exitDenied, exitNoTarget, exitOverBudget, exitPrivate,
		exitModelNotFound, exitIncomplete, exitBadAnswer, exitInterrupted, exitUnread,
		(&interruption{syscall.SIGHUP}).ExitCode(), (&interruption{syscall.SIGTERM}).ExitCode(),
	} {
		if strings.Count(table, fmt.Sprintf("\n| %d | ", code)) != 1 {
			t.Errorf("commands.md does not tell of exit code %d once", code)
		}
	}
}

// TestJSONPage holds docs/json.md to a result's fields, all the way down.
func TestJSONPage(t *testing.T) {
	text := page(t, "json.md")
	for _, name := range fieldNames(reflect.TypeFor[runner.Result](), nil) {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("json.md does not tell of the field %q", name)
		}
	}
}

// fieldNames are the JSON names of a type's fields and of those inside them.
func fieldNames(typ reflect.Type, seen []reflect.Type) (names []string) {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || slices.Contains(seen, typ) {
		return nil
	}
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		names = append(names, name)
		names = append(names, fieldNames(f.Type, append(seen, typ))...)
	}
	return names
}

// TestChainsPage loads every chain on the page about chains, and holds the page
// to the keys of chain files.
func TestChainsPage(t *testing.T) {
	text := page(t, "chains.md")
	blocks := strings.Split(text, "```yaml\n")[1:]
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "about.yaml"), []byte("prompt: About {place}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, block := range blocks {
		file := filepath.Join(dir, fmt.Sprintf("block%d.yaml", i+1))
		if err := os.WriteFile(file, []byte(strings.Split(block, "```")[0]), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := chain.Load(file)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if w := c.Warnings(); len(w) > 0 {
			t.Errorf("%v", w)
		}
	}
	if len(blocks) < 8 {
		t.Errorf("%d chains on the page", len(blocks))
	}
	var schema struct {
		Defs map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(chain.FileSchema()), &schema); err != nil {
		t.Fatal(err)
	}
	for _, def := range []string{"chain", "step"} {
		for key := range schema.Defs[def].Properties {
			if !strings.Contains(text, "`"+key) {
				t.Errorf("chains.md does not tell of %q", key)
			}
		}
	}
}
