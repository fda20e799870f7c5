// Package examples_test runs the lesson: what it shows must load, build and,
// where the real engines are, answer.
package examples_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/testengine"
)

// row is one line of the table in README.md.
var row = regexp.MustCompile(`(?m)^\| \d \| \[(\S+\.yaml)\]\((\S+)\) \| (\w*) ?\| \[go/(\w+)\]`)

// shape is one line of the table of shapes.
var shape = regexp.MustCompile(`(?m)^\| \[(\S+\.yaml)\]\((\S+)\) \| ([\w ]*) \|`)

// shapes returns the inputs of the chain files beyond the lesson, as README.md
// says them.
func shapes(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	inputs := map[string][]string{}
	for _, m := range shape.FindAllStringSubmatch(string(text), -1) {
		inputs[m[1]] = strings.Fields(m[3])
	}
	return inputs
}

// values are what the inputs of the shapes are given.
var values = map[string]string{
	"topic": "tea", "countries": `["India", "Kenya"]`, "message": "Why is the sky blue?", "formal": "true", "country": "India",
	"start": "A fox sat by the road.", "land": "Kenya",
}

// lesson returns the inputs of each chain file, as README.md says them.
func lesson(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	inputs := map[string][]string{}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		inputs[m[1]] = strings.Fields(m[3])
	}
	return inputs
}

func TestEveryFileLoadsAndTakesWhatREADMESays(t *testing.T) {
	inputs := lesson(t)
	maps.Copy(inputs, shapes(t))
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) != len(inputs) {
		t.Fatalf("files %q (%v), and README.md tells of %v", files, err, inputs)
	}
	for _, file := range files {
		want, ok := inputs[file]
		if !ok {
			t.Errorf("README.md does not tell of %s", file)
		}
		c, err := chain.Load(file)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if !slices.Equal(c.Inputs(), want) {
			t.Errorf("%s takes %q, and README.md says %q", file, c.Inputs(), want)
		}
		if w := c.Warnings(); len(w) > 0 {
			t.Errorf("%s: %v", file, w)
		}
		if c.Name()+".yaml" != file {
			t.Errorf("%s calls itself %q", file, c.Name())
		}
	}
}

// The prompts are the lesson's own words; settings around them may change.
func TestThePresidentChainKeepsItsWords(t *testing.T) {
	for _, file := range []string{"president.yaml", "simple-sequential.yaml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, words := range []string{
			"prompt: Tell me the president of {country}\n",
			"prompt: Give me the list of changes made by the {president}\n",
		} {
			if strings.Count(string(text), words) != 1 {
				t.Errorf("%s does not say %q once", file, words)
			}
		}
	}
}

// build compiles packages of this module into a new folder.
func build(t *testing.T, packages ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"build", "-o", dir + string(filepath.Separator)}, packages...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", packages, err, out)
	}
	return dir
}

// outcome is how a program ended.
type outcome struct {
	stdout, stderr string
	code           int
}

// start runs a program at the top of the checkout, with no settings of the
// user's own and env besides.
func start(t *testing.T, env []string, program string, args ...string) outcome {
	t.Helper()
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = ".."
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_STATE_HOME=" + home}, env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

func name(program string) string {
	if runtime.GOOS == "windows" {
		return program + ".exe"
	}
	return program
}

func TestEveryGoProgramBuildsAndAnswers(t *testing.T) {
	dir := build(t, "./go/...")
	sources, err := filepath.Glob("go/*/main.go")
	if err != nil || len(sources) < 7 {
		t.Fatalf("programs %q, %v", sources, err)
	}
	for _, source := range sources {
		program := filepath.Base(filepath.Dir(source))
		if _, err := os.Stat(filepath.Join(dir, name(program))); err != nil {
			t.Errorf("%s was not built: %v", program, err)
		}
		t.Run(program, func(t *testing.T) {
			var env []string
			switch program {
			case "tools":
				env = hosted(testengine.OpenAI(t))
			case "retrieval":
				env = []string{"OLLAMA_HOST=" + testengine.EmbeddingOllama(t).URL}
			default:
				env = []string{"OLLAMA_HOST=" + testengine.Ollama(t).URL}
			}
			o := start(t, env, filepath.Join(dir, name(program)))
			if o.code != 0 || strings.TrimSpace(o.stdout) == "" || o.stderr != "" {
				t.Errorf("exit code %d\nstdout: %s\nstderr: %s", o.code, o.stdout, o.stderr)
			}
		})
	}
	t.Run("switch on the hosted side", func(t *testing.T) {
		e := testengine.OpenAI(t)
		o := start(t, append(hosted(e), "USE=openai"), filepath.Join(dir, name("switch")))
		if o.code != 0 || !strings.Contains(o.stdout, "(openai "+e.Model) {
			t.Errorf("exit code %d\nstdout: %s\nstderr: %s", o.code, o.stdout, o.stderr)
		}
	})
	t.Run("tools on a model that calls one", func(t *testing.T) {
		var asked atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			n := asked.Add(1)
			choice := `{"message":{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Delhi\"}"}}]},"finish_reason":"tool_calls"}`
			if n > 1 {
				choice = `{"message":{"role":"assistant","content":"It is sunny."},"finish_reason":"stop"}`
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"model":"m","choices":[%s]}`, choice)
		}))
		defer server.Close()
		o := start(t, []string{"OPENAI_BASE_URL=" + server.URL, "OPENAI_API_KEY=k", "OPENAI_MODEL=m"}, filepath.Join(dir, name("tools")))
		want := "▸ weather {\"city\":\"Delhi\"} running\n▸ weather {\"city\":\"Delhi\"} done\nIt is sunny.\n"
		if o.code != 0 || o.stdout != want || o.stderr != "" {
			t.Errorf("exit code %d\nstdout: %s\nstderr: %s", o.code, o.stdout, o.stderr)
		}
	})
}

// hosted is where a program finds the hosted side.
func hosted(e testengine.OpenAIEngine) []string {
	return []string{"OPENAI_BASE_URL=" + e.BaseURL, "OPENAI_API_KEY=" + e.Key, "OPENAI_MODEL=" + e.Model}
}

func TestREADMETellsOfEveryGoProgram(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("go/*/main.go")
	if err != nil || len(sources) == 0 {
		t.Fatalf("programs %q, %v", sources, err)
	}
	for _, source := range sources {
		if !strings.Contains(string(text), "("+filepath.ToSlash(source)+")") {
			t.Errorf("README.md does not tell of %s", source)
		}
	}
}

// configuration has both engines; of the two that are made, one line differs.
const configuration = `use: %s
providers:
  - name: local
    kind: ollama
    host: %q
    model: %q
    managed: false
  - name: openai
    kind: openai
    base_url: %q
    model: %q
    api_key: env:OPENAI_API_KEY
    local: true
`

func TestEveryFileAnswersOnBothEngines(t *testing.T) {
	local, hosted := testengine.Ollama(t), testengine.OpenAI(t)
	tandem := filepath.Join(build(t, "../cmd/tandem"), name("tandem"))
	models := map[string]string{"local": local.Model, "openai": hosted.Model}
	inputs := lesson(t)
	for use, model := range models {
		config := filepath.Join(t.TempDir(), "config.yaml")
		text := fmt.Sprintf(configuration, use, local.URL, local.Model, hosted.BaseURL, hosted.Model)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		// So small a model may go on until its context is full; the seed keeps to an answer that ends.
		env := []string{"TANDEM_CONFIG=" + config, "OPENAI_API_KEY=" + hosted.Key, "TANDEM_SEED=1"}
		answered := fmt.Sprintf("· answered by %s (%s)", use, model)
		for file, names := range inputs {
			t.Run(use+"/"+file, func(t *testing.T) {
				args := []string{"run", "examples/" + file}
				for _, input := range names {
					args = append(args, "-p", input+"=United States of America")
				}
				o := start(t, env, tandem, args...)
				c, err := chain.Load(file)
				if err != nil {
					t.Fatal(err)
				}
				steps := len(c.Steps())
				if o.code != 0 || strings.TrimSpace(o.stdout) == "" || strings.Count(o.stderr, answered) != steps {
					t.Errorf("exit code %d, want 0 and %d times %q on standard error\nstdout: %s\nstderr: %s", o.code, steps, answered, o.stdout, o.stderr)
				}
				if strings.Contains(o.stdout+o.stderr, hosted.Key) {
					t.Error("the key is in what was printed")
				}
			})
		}
		for file, names := range shapes(t) {
			t.Run(use+"/"+file, func(t *testing.T) {
				args := []string{"run", "examples/" + file}
				for _, input := range names {
					args = append(args, "-p", input+"="+values[input])
				}
				o := start(t, env, tandem, args...)
				who := fmt.Sprintf("answered by %s (%s)", use, model)
				if o.code != 0 || strings.TrimSpace(o.stdout) == "" || !strings.Contains(o.stderr, who) {
					t.Errorf("exit code %d, want 0 and %q on standard error\nstdout: %s\nstderr: %s", o.code, who, o.stdout, o.stderr)
				}
			})
		}
		t.Run(use+"/ask", func(t *testing.T) {
			o := start(t, env, tandem, "ask", "Who is the Prime Minister of India?", "-s", "Answer in one short sentence.", "--temperature", "0.5", "--max-tokens", "300")
			if o.code != 0 || strings.TrimSpace(o.stdout) == "" || !strings.Contains(o.stderr, answered) {
				t.Errorf("exit code %d\nstdout: %s\nstderr: %s", o.code, o.stdout, o.stderr)
			}
		})
	}
}
