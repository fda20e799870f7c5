package cli

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/engine"
	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// Every command that an error or a check says to run is one that there is, with its
// flags; every setting is one that the configuration has.
func TestRemediesExist(t *testing.T) {
	quoted := regexp.MustCompile("`([^`]+)`")
	setting := regexp.MustCompile(`^([a-z_]+)(?:$|: )`)
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md")) // it has every key
	if err != nil {
		t.Fatal(err)
	}
	commands, settings := 0, 0
	for _, pattern := range []string{"explain.go", "exit.go", "setup*.go", "models*.go", filepath.Join("..", "doctor", "*.go")} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, text := range literals(t, file) {
				for _, m := range quoted.FindAllStringSubmatch(text, -1) {
					if words := strings.Fields(m[1]); len(words) > 1 && words[0] == "tandem" {
						commands++
						checkCommand(t, file, words[1:])
						continue
					}
					key := setting.FindStringSubmatch(m[1])
					if key == nil || m[1] == "x" || strings.HasPrefix(filepath.Base(file), "setup") || strings.HasPrefix(file, "models") { // there, the words of flags
						continue
					}
					settings++
					if !regexp.MustCompile("`" + key[1] + "\\b").Match(page) {
						t.Errorf("%s: `%s` is no setting", file, m[1])
					}
				}
			}
		}
	}
	if commands < 20 || settings < 8 {
		t.Errorf("only %d commands and %d settings were found", commands, settings)
	}
}

// literals are the texts in a file, %s and the like replaced.
func literals(t *testing.T, file string) (texts []string) {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	verb := regexp.MustCompile(`%(\[\d\])?[a-z]`)
	ast.Inspect(tree, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && strings.HasPrefix(lit.Value, `"`) {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				texts = append(texts, verb.ReplaceAllString(text, "x"))
			}
		}
		return true
	})
	return texts
}

// checkCommand parses a command line as cobra does.
func checkCommand(t *testing.T, file string, words []string) {
	t.Helper()
	if words[0] == "…" { // any command that takes what follows
		words[0] = "ask"
	}
	root := Command()
	cmd, rest, err := root.Find(words)
	if err != nil || cmd == root {
		t.Errorf("%s: `tandem %s` is no command: %v", file, strings.Join(words, " "), err)
		return
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Errorf("%s: `tandem %s`: %v", file, strings.Join(words, " "), err)
		return
	}
	if args := cmd.Flags().Args(); cmd.HasSubCommands() && len(args) > 0 && !cmd.Runnable() {
		t.Errorf("%s: `tandem %s`: %s has no command %s", file, strings.Join(words, " "), cmd.CommandPath(), args[0])
	}
}

// Each kind of failure of each kind of provider: num_ctx and models pull are for Ollama
// only, and doctor is named only where it looks at what failed.
func TestRemediesFitTheProvider(t *testing.T) {
	cfg := stacktest.Load(t, "use: [local, hosted]\nproviders:\n  - {name: local, model: small}\n  - {name: hosted, kind: openai, base_url: 'http://127.0.0.1:1/v1', model: big}\n", nil, nil)
	kinds := []provider.Kind{
		provider.Unavailable, provider.RateLimited, provider.QuotaExhausted, provider.Denied, provider.ModelNotFound, provider.ContextOverflow,
		provider.OutOfMemory, provider.Unsupported, provider.Invalid, provider.Filtered, provider.Truncated, provider.BadAnswer, provider.Timeout,
		provider.Offline, provider.OverBudget, provider.Private,
	}
	for _, kind := range kinds {
		for _, name := range []string{"local", "hosted"} {
			for _, status := range []int{0, 400, 404, 429, 500, 503} {
				one := &provider.Error{Kind: kind, Provider: name, Model: "m", Status: status, Err: errors.New("tandem is not to blame")}
				if name == "local" && kind == provider.ModelNotFound {
					one.Err = failure.Mark(one.Err, failure.ErrNotPulled)
				}
				got := explain(one, cfg)
				if name == "hosted" && (strings.Contains(got, "num_ctx") || strings.Contains(got, "models pull")) {
					t.Errorf("%s of %s: %s", kind, name, got)
				}
				if strings.Contains(got, "tandem doctor") && (kind != provider.Unavailable || status >= 500) {
					t.Errorf("%s (%d) of %s: doctor does not show it: %s", kind, status, name, got)
				}
				if kind == provider.Denied && !strings.Contains(got, "tandem keys set") {
					t.Errorf("what the server says has kept the remedy away: %s", got)
				}
			}
		}
	}
	for _, kind := range []provider.Kind{provider.RateLimited, provider.QuotaExhausted, provider.Timeout, provider.OverBudget, provider.Filtered} {
		both := &router.Failure{Attempts: []provider.Attempt{{Provider: "local", Kind: kind}, {Provider: "hosted", Kind: kind}}}
		if got := explain(provider.Errorf(kind, "", "", "%w", both), cfg); strings.Contains(got, "tandem doctor") {
			t.Errorf("%s of both: %s", kind, got)
		}
	}
}

// The first error on a fresh machine leads to the setup.
func TestNoOllamaLeadsToSetup(t *testing.T) {
	if got := explain(provider.Errorf(provider.Unavailable, "local", "", "%w", engine.ErrNoBinary), nil); !strings.Contains(got, "run `tandem setup`") || strings.Contains(got, "doctor") {
		t.Error(got)
	}
}

// An error that says what to do gets no second remedy.
func TestOneRemedyIsEnough(t *testing.T) {
	for _, err := range []error{
		provider.Errorf(provider.Denied, "hosted", "", "%w", config.ErrNoKey),
		&advised{provider.Errorf(provider.Unavailable, "local", "", "refused"), "do this"},
	} {
		if got := explain(err, nil); got != err.Error() {
			t.Errorf("got %q, want it as it is: %q", got, err)
		}
	}
}
