package chain

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/provider"
)

// multiplied are files each of which runs the next one n times.
func multiplied(files, n int, how func(next string, i int) string, last string) map[string]string {
	texts := map[string]string{fmt.Sprintf("c%d.yaml", files-1): last}
	for f := range files - 1 {
		text := "steps:\n"
		for i := range n {
			text += fmt.Sprintf("- {name: s%d, %s}\n", i, how(fmt.Sprintf("c%d.yaml", f+1), i))
		}
		texts[fmt.Sprintf("c%d.yaml", f)] = text
	}
	return texts
}

// Files that run each other again and again are read once each, and refused
// where their steps would be too many.
func TestFilesThatMultiplyEachOther(t *testing.T) {
	plain := func(next string, _ int) string { return "chain: " + next }
	for name, texts := range map[string]map[string]string{
		"as steps": multiplied(10, 10, plain, "text: x\n"),
		"in the most files that may lie in each other": multiplied(31, 2, plain, "text: x\n"),
		"as fallbacks": multiplied(12, 5, func(next string, _ int) string { return "text: x, fallback: {chain: " + next + "}" }, "text: x\n"),
		"as branches": multiplied(12, 5, func(next string, i int) string {
			return fmt.Sprintf("parallel: {a%d: {chain: %s}, b%d: {chain: %s}}", i, next, i, next)
		}, "text: x\n"),
		"as branches of a route": multiplied(12, 5, func(next string, _ int) string {
			return "route: {by: '\"a\"', branches: {a: {chain: " + next + "}}}"
		}, "text: x\n"),
		"in groups":      multiplied(12, 5, func(next string, _ int) string { return "steps: [{chain: " + next + "}]" }, "text: x\n"),
		"by other paths": multiplied(12, 5, func(next string, i int) string { return "chain: " + strings.Repeat("./", i) + next }, "text: x\n"),
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, texts)
			start := time.Now()
			_, err := Load(filepath.Join(dir, "c0.yaml"))
			e := diag.Split(err)
			if len(e) != 1 || !strings.Contains(err.Error(), "more than 10000 steps") || time.Since(start) > 5*time.Minute {
				t.Fatalf("%d errors after %v: %.500v", len(e), time.Since(start), err)
			}
			at, ok := e[0].(*diag.Error)
			if !ok || at.Line < 2 || at.Column == 0 || !strings.HasPrefix(at.File, dir) {
				t.Errorf("%#v", e[0])
			}
		})
	}
}

// A link is no other file, and one that leads back ends.
func TestFilesByLinks(t *testing.T) {
	texts := multiplied(12, 6, func(next string, i int) string { return "chain: " + strings.Repeat("d/", i) + next }, "text: x\n")
	texts["loop.yaml"] = "chain: d/loop.yaml\n"
	texts["old.yaml"] = "{_type: sequential_chain, input_variables: [x], chains: [d/old.yaml]}\n"
	dir := write(t, texts)
	if err := os.Symlink(".", filepath.Join(dir, "d")); err != nil {
		t.Skip(err)
	}
	for name, want := range map[string]string{
		"c0.yaml": "more than 10000 steps", "loop.yaml": "a chain cannot run itself", "old.yaml": "a chain cannot run itself",
	} {
		if _, err := Load(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %.300v", name, err)
		}
	}
}

// What is named often is one chain, and its mistakes are told once.
func TestAFileIsReadOnce(t *testing.T) {
	dir := write(t, map[string]string{
		"a.yaml":     "steps:\n- {name: x, chain: b.yaml}\n- {name: y, chain: b.yaml}\n- {name: p, file: p.yaml}\n- {name: q, file: p.yaml}\n- {name: z, text: '{x} {y} {p} {q}'}\n",
		"b.yaml":     "text: b\n",
		"p.yaml":     "{_type: prompt, template: p, input_variables: []}\n",
		"bad.yaml":   "steps:\n- {name: x, chain: wrong.yaml}\n- {name: y, chain: wrong.yaml}\n- {name: p, file: open.yaml}\n- {name: q, file: open.yaml}\n- {name: z, text: '{x} {y} {p} {q}'}\n",
		"wrong.yaml": "promt: x\n",
		"open.yaml":  "{_type: prompt, template: '{x', input_variables: [x]}\n",
	})
	c, err := Load(filepath.Join(dir, "a.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml"), filepath.Join(dir, "p.yaml")}
	if got := c.Files(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	out, err := c.Output(t.Context(), answers(map[string]string{"p": "P"}), nil)
	if err != nil || out.Text != "b b P P" {
		t.Errorf("%q, %v", out.Text, err)
	}
	_, err = Load(filepath.Join(dir, "bad.yaml"))
	if all := diag.Split(err); len(all) != 2 || !strings.Contains(err.Error(), `unknown key "promt"`) || !strings.Contains(err.Error(), "never closed") {
		t.Errorf("%v", err)
	}
}

// Files are bounded in number and in their bytes, whatever they are.
func TestTheFilesOfAChainAreBounded(t *testing.T) {
	many, large, old := map[string]string{}, map[string]string{}, map[string]string{}
	all, big := "", ""
	for i := range maxFiles + 1 {
		many[fmt.Sprintf("p%d.yaml", i)] = "text: x\n"
		all += fmt.Sprintf("- {name: s%d, chain: p%d.yaml}\n", i, i)
	}
	many["c.yaml"] = "steps:\n" + all
	for i := range 70 {
		big += fmt.Sprintf("- {name: s%d, prompt: x, schema: s.json}\n", i)
	}
	large["s.json"] = `{"type": "object"` + strings.Repeat(" ", 1<<20-100) + "}"
	large["c.yaml"] = "steps:\n" + big
	for f := range 10 {
		next := strings.Repeat(fmt.Sprintf("o%d.yaml, ", f+1), 10)
		old[fmt.Sprintf("o%d.yaml", f)] = "{_type: sequential_chain, input_variables: [x], chains: [" + next + "]}"
	}
	old["o10.yaml"] = "{_type: llm_chain, prompt: {_type: prompt, template: '{x}', input_variables: [x]}}"
	old["c.yaml"] = "chain: o0.yaml\n"
	for want, texts := range map[string]map[string]string{"more than 1000 files": many, "more than 64 MiB": large, "reads more than 1000 files": old} {
		dir := write(t, texts)
		start := time.Now()
		_, err := Load(filepath.Join(dir, "c.yaml"))
		e := new(diag.Error)
		if all := diag.Split(err); len(all) == 0 || !errors.As(all[0], &e) || e.Line == 0 || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %.300v", want, err)
		}
		if took := time.Since(start); took > 5*time.Minute {
			t.Errorf("%s: it took %v", want, took)
		}
	}
}

// In Go the same holds, where no files are.
func TestChainsThatMultiplyInGo(t *testing.T) {
	c := mustNew(t, Step{Name: "a", Text: "x"})
	for range 20 {
		next, err := New(Step{Name: "a", Chain: c}, Step{Name: "b", Chain: c}, Step{Name: "c", Text: "{a}{b}"})
		if err != nil {
			if !strings.Contains(err.Error(), "more than 10000 steps") {
				t.Error(err)
			}
			return
		}
		c = next
	}
	t.Error("a chain of a million steps was made")
}

// A plan holds the inputs once for each request, and not without bounds.
func TestAPlanIsBounded(t *testing.T) {
	c := mustNew(t, Step{Name: "a", Prompt: strings.Repeat("{q}", 9)})
	for range 3 {
		c = mustNew(t, Step{Name: "a", Chain: c}, Step{Name: "b", Chain: c}, Step{Name: "c", Chain: c}, Step{Name: "d", Chain: c})
	}
	plan, err := c.Plan(t.Context(), map[string]any{"q": strings.Repeat("x", 1<<20)})
	if provider.KindOf(err) != provider.Invalid || !strings.Contains(err.Error(), "exceed 256 MiB") || len(plan) == 0 || len(plan) > 30 {
		t.Errorf("%d planned: %v", len(plan), err)
	}
	if plan, err := c.Plan(t.Context(), map[string]any{"q": "x"}); err != nil || len(plan) != 64 {
		t.Errorf("%d planned: %v", len(plan), err)
	}
}
