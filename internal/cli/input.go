package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// maxInput is the most text that a prompt may have from standard input or a
// file, in bytes: far more than any model's window holds.
const maxInput = 16 << 20

// readPrompt joins what was piped in and the words of the command line: the
// piped text first, then an empty line, then the words. A lone "-" stands for
// standard input alone.
func readPrompt(ctx context.Context, t *terminal.Terminal, words []string) (string, error) {
	return readPromptAfter(ctx, t, "", words)
}

// readPromptAfter is [readPrompt] behind the text of files, which alone is a prompt
// too.
func readPromptAfter(ctx context.Context, t *terminal.Terminal, files string, words []string) (string, error) {
	prompt := strings.Join(words, " ")
	if prompt == "-" {
		if t.InIsTTY {
			t.Noticef("reading the prompt from the terminal; end it with Ctrl-D")
		}
		piped, err := readText(ctx, "standard input", t.In)
		if err != nil {
			return "", err
		}
		return checkPrompt(files + piped)
	}
	prompt, err := cleanText("the prompt", []byte(prompt))
	if err != nil {
		return "", err
	}
	if t.InPiped {
		piped, err := readText(ctx, "standard input", t.In)
		if err != nil {
			return "", err
		}
		switch {
		case piped != "" && prompt != "":
			prompt = strings.TrimRight(piped, "\r\n") + "\n\n" + prompt
		case piped != "":
			prompt = piped
		}
	}
	return checkPrompt(files + prompt)
}

func checkPrompt(prompt string) (string, error) {
	if strings.TrimSpace(prompt) == "" {
		return "", usageError{fmt.Errorf("the prompt is empty; give it as an argument or on standard input: tandem ask \"Why is the sky blue?\"")}
	}
	return prompt, nil
}

// readText reads UTF-8 text to its end, or until ctx ends.
func readText(ctx context.Context, name string, r io.Reader) (string, error) {
	data, err := readBytes(ctx, name, r)
	if err != nil {
		return "", err
	}
	return cleanText(name, data)
}

// readBytes reads to the end, or until ctx ends.
func readBytes(ctx context.Context, name string, r io.Reader) ([]byte, error) {
	data, err := until(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(r, maxInput+1)) })
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", name, err)
	case len(data) > maxInput:
		return nil, usageError{fmt.Errorf("%s is larger than %d MiB, more than any model reads; send a part of it", name, maxInput>>20)}
	}
	return data, nil
}

// until returns what read does, or ctx's error as soon as that ends. To open a
// pipe, or to read from one, cannot be interrupted: read goes on then, and the
// process is about to end.
func until(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := read()
		done <- result{data, err}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case res := <-done:
		return res.data, res.err
	}
}

// cleanText returns data without a byte order mark. What is not UTF-8 text is an
// error with the place.
func cleanText(name string, data []byte) (string, error) {
	return string(textx.TrimBOM(data)), checkText(name, data)
}

// checkText refuses what is not UTF-8 text, with the place.
func checkText(name string, data []byte) error {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return usageError{fmt.Errorf("%s is a binary file (a NUL byte at offset %d); give it text", name, i)}
	}
	if utf8.Valid(data) {
		return nil
	}
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			line := 1 + bytes.Count(data[:i], []byte{'\n'})
			return usageError{fmt.Errorf("%s is not UTF-8 text (line %d: byte 0x%02x at offset %d); convert it first: iconv -f LATIN1 -t UTF-8", name, line, data[i], i)}
		}
		i += n
	}
	return nil
}

// readFile reads a file that the user named, at most limit bytes. It may be a
// pipe, as <(…) makes one in a shell, whose writer lets it wait until ctx ends.
func readFile(ctx context.Context, path string, limit int64) ([]byte, error) {
	data, err := until(ctx, func() ([]byte, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return io.ReadAll(io.LimitReader(f, limit+1)) // a pipe or a device tells no size
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, usageError{fmt.Errorf("cannot read %s: %w", path, cause(err))}
	case int64(len(data)) > limit:
		return nil, usageError{fmt.Errorf("%s is larger than %d MiB; send a part of it", path, limit>>20)}
	}
	return data, nil
}

// isPipe reports whether a path names a pipe, which brings its text once.
func isPipe(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode()&os.ModeNamedPipe != 0
}

// readPipe reads a pipe in place of a file of YAML or JSON.
func readPipe(ctx context.Context, path string) ([]byte, error) {
	data, err := readFile(ctx, path, yamlx.MaxSize)
	if err != nil {
		return nil, err
	}
	return yamlx.Text(path, data)
}

// cause drops the path that an *os.PathError repeats.
func cause(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
