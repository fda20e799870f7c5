package docs

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of servers in docs/compatibility.md")

// servers are those that compatibility.md has a line for, by the names that the
// tables of tests give them. really says what was tried with the server itself.
var servers = []struct{ name, named, really string }{
	{"OpenAI", `OpenAI`, ""},
	{"Azure OpenAI", `Azure`, ""},
	{"Anthropic (its errors, by gateways)", `Anthropic`, ""},
	{"Bedrock", `Bedrock|AWS`, ""},
	{"DeepSeek", `DeepSeek`, ""},
	{"Gemini, Vertex", `Gemini|Vertex|Gemma`, ""},
	{"Groq", `Groq`, ""},
	{"Mistral", `Mistral|mistral|Magistral`, ""},
	{"OpenRouter", `OpenRouter`, ""},
	{"Together", `Together`, ""},
	{"xAI", `xAI|Grok`, ""},
	{"LiteLLM", `LiteLLM|litellm`, "1.108.7, by hand (28 November 2026), see below"},
	{"LM Studio", `LM Studio|lmstudio`, ""},
	{"llama.cpp's server", `llama\.cpp`, "xllamacpp 2026.10.11549, in each `make test`"},
	{"llama-cpp-python", `llama-cpp-python`, ""},
	{"Ollama's /v1", `Ollama, /v1|Ollama, /api and /v1|ollama/ollama`, "0.17.4 and 0.33.3: its facts, in each `make test`"},
	{"SGLang", `SGLang|sglang`, ""},
	{"TGI", `TGI|Hugging Face`, ""},
	{"vLLM", `vLLM|vllm`, ""},
}

// areas are what is played, and the tables that play it.
var areas = []struct{ name, tables string }{
	{"errors", "../internal/apierror/{apierror,kinds}_test.go"},
	{"refused members", "../internal/apierror/refused_test.go"},
	{"forms of answers", "../internal/normalize/*_test.go"},
	{"tool calls", "../provider/openai/toolcalls_test.go"},
	{"thinking in the text", "../internal/thinking/thinking_test.go"},
}

// TestCompatibility holds the table of servers to the tables of tests: what the
// page says was played has a row there, by that server's name, and what has a
// row is on the page.
func TestCompatibility(t *testing.T) {
	const begin, end = "<!-- servers: go test ./docs -run TestCompatibility -update -->\n", "<!-- end of servers -->\n"
	page, err := os.ReadFile("compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), begin)
	got, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("compatibility.md lacks the lines %q and %q", begin, end)
	}
	want := serversTable(t)
	if got == want {
		return
	}
	if !*update {
		t.Errorf("docs/compatibility.md has\n%s\nand the tables of tests say\n%s\nwrite it with `go test ./docs -run TestCompatibility -update`", got, want)
		return
	}
	if err := os.WriteFile("compatibility.md", []byte(before+begin+want+end+after), 0o600); err != nil {
		t.Fatal(err)
	}
}

func serversTable(t *testing.T) string {
	rows := make([][]string, len(areas))
	for i, a := range areas {
		rows[i] = rowNames(t, a.tables)
	}
	var b strings.Builder
	b.WriteString("| server |")
	for _, a := range areas {
		b.WriteString(" " + a.name + " |")
	}
	b.WriteString(" the real one |\n|---|" + strings.Repeat("---|", len(areas)) + "---|\n")
	for _, s := range servers {
		named, played := regexp.MustCompile(`(?:^|[^\w-])(?:`+s.named+`)`), false
		fmt.Fprintf(&b, "| %s |", s.name)
		for _, names := range rows {
			cell := "–"
			for _, name := range names {
				if named.MatchString(name) {
					cell, played = "played", true
				}
			}
			b.WriteString(" " + cell + " |")
		}
		really := s.really
		if really == "" {
			really = "not tried"
		}
		b.WriteString(" " + really + " |\n")
		if !played && s.really == "" {
			t.Errorf("no table has a row of %s", s.name)
		}
	}
	return b.String()
}

// rowNames are the names of the rows in the tables of some files, each with its
// source where the row has one.
func rowNames(t *testing.T, pattern string) (names []string) {
	t.Helper()
	var files []string
	if before, rest, ok := strings.Cut(pattern, "{"); ok {
		list, after, _ := strings.Cut(rest, "}")
		for name := range strings.SplitSeq(list, ",") {
			files = append(files, before+name+after)
		}
	} else if files, _ = filepath.Glob(pattern); len(files) == 0 {
		t.Fatalf("there is no %s", pattern)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				names = append(names, short(n.Key))
			case *ast.CompositeLit:
				if len(n.Elts) > 1 {
					names = append(names, short(n.Elts[0])+" "+short(n.Elts[1]))
				}
			}
			return true
		})
	}
	return names
}

// short is a text literal that can be a row's name or source; "" if it is something else.
func short(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil || len(text) > 100 || strings.ContainsAny(text, "{<\n") {
		return ""
	}
	return text
}
