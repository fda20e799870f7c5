package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/internal/yamlx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/structured"
)

// readSchema reads a JSON Schema from a file, JSON or YAML, and says what of it
// is not checked. Its errors have the place in it. Where there is no such file, path
// may be the schema itself; see [inlineSchema].
func (a *app) readSchema(ctx context.Context, path string) (*provider.Schema, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if raw, ok, err := inlineSchema(path); ok {
			return &provider.Schema{JSON: raw}, err
		}
	}
	read := yamlx.Read
	if isPipe(path) {
		read = func(path string) ([]byte, error) { return readPipe(ctx, path) }
	}
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	root, err := yamlx.Parse(path, data)
	if err != nil {
		return nil, err
	}
	if root == nil {
		return nil, &diag.Error{File: path, Message: "is empty", Remedy: "write a JSON Schema into it, as JSON or YAML"}
	}
	raw := yamlx.JSON(root)
	var wrong *schema.Error
	compiled, err := schema.Compile(raw)
	switch {
	case errors.As(err, &wrong):
		at := yamlx.Find(root, wrong.At)
		return nil, &diag.Error{File: path, Line: at.Line, Column: at.Column, Message: "the schema: " + wrong.Err.Error(), Err: wrong}
	case err != nil:
		return nil, err
	}
	for _, note := range compiled.Notes() {
		a.sayNotes([]error{&diag.Error{File: path, Message: note}})
	}
	return &provider.Schema{JSON: raw}, nil
}

// bestAnswer is what came nearest to the schema that was asked for, where
// nothing did.
func bestAnswer(err error) string {
	var e *structured.Error
	if errors.As(err, &e) {
		return e.Text
	}
	return ""
}
