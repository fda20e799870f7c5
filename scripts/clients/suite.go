package main

import (
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// suitePatience is how long a suite may take.
const suitePatience = 5 * time.Minute

// suite is LangChain's standard tests of one of its packages.
type suite struct {
	name      string // of -only
	label, of string // as a client's
	file      string // in scripts/clients/suites
}

var suites = []suite{
	{"suite-openai", "`ChatOpenAI`, chat completions, langchain-openai %", "pip langchain-openai", "test_openai.py"},
	{"suite-responses", "`ChatOpenAI`, responses, langchain-openai %", "pip langchain-openai", "test_responses.py"},
	{"suite-anthropic", "`ChatAnthropic`, langchain-anthropic %", "pip langchain-anthropic", "test_anthropic.py"},
	{"suite-ollama", "`ChatOllama`, langchain-ollama %", "pip langchain-ollama", "test_ollama.py"},
}

// suiteColumns are the columns of the page's table.
var suiteColumns = []string{"passed", "failed", "does not apply"}

type suiteOutcome struct {
	outcome
	passed, failed, skipped int
}

func (o *suiteOutcome) cells() []string {
	return []string{strconv.Itoa(o.passed), strconv.Itoa(o.failed), strconv.Itoa(o.skipped)}
}

// trySuite runs a suite against a gateway.
func (r *runner) trySuite(s *suite) (o suiteOutcome) {
	home, err := os.MkdirTemp("", "clients-*")
	if err != nil {
		o.problem = err.Error()
		return o
	}
	defer func() { _ = os.RemoveAll(home) }()
	ctx, cancel := context.WithTimeout(context.Background(), suitePatience)
	defer cancel()
	_, base, stop, err := r.start(ctx, home)
	if err != nil {
		o.problem = err.Error()
		return o
	}
	defer stop()
	file, results := absolute(filepath.Join(r.scripts, "clients/suites", s.file)), filepath.Join(home, "results.xml")
	cmd := exec.Command("python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--asyncio-mode=auto", "-o", "asyncio_default_test_loop_scope=session", "--tb=short", "-rs", "--junitxml="+results, file)
	cmd.Dir, cmd.Env = home, r.pythonEnvironment(home, "BASE="+base)
	began := time.Now()
	out, err := runWithin(ctx, cmd)
	o.seconds, o.said = time.Since(began).Seconds(), string(out)
	if readErr := o.read(results); readErr != nil {
		o.problem = readErr.Error()
	} else if err != nil {
		o.problem = fmt.Sprintf("%d tests failed", o.failed)
	}
	return o
}

// read reads what pytest has written.
func (o *suiteOutcome) read(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var in struct {
		Suites []struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Errors   int `xml:"errors,attr"`
			Skipped  int `xml:"skipped,attr"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(data, &in); err != nil {
		return err
	}
	for _, s := range in.Suites {
		o.failed += s.Failures + s.Errors
		o.skipped += s.Skipped
		o.passed += s.Tests - s.Failures - s.Errors - s.Skipped
	}
	return nil
}
