package config

import (
	"bytes"
	_ "embed"
	"errors"
	"io/fs"
	"os"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// template is what a new user's file starts from.
//
//go:embed template.yaml
var template []byte

// Draft is the user's file while it is edited.
type Draft struct {
	Path string // of the user's file
	Text []byte // what it holds, or the commented template
	New  bool   // there is no such file yet

	env lookup
}

// NewDraft reads the user's file: the one that UserFile or TANDEM_CONFIG names,
// or else the one at [UserPath]. It may have mistakes.
func NewDraft(o LoadOptions) (*Draft, error) {
	env := lookup(o.Env)
	if env == nil {
		env = os.LookupEnv
	}
	d := &Draft{Path: o.UserFile, env: env}
	if d.Path == "" {
		d.Path = env.or("TANDEM_CONFIG", UserPath(env))
	}
	if d.Path == NoFile || d.Path == "" {
		return nil, &diag.Error{Message: "there is no configuration file to edit", Remedy: "name one with --config FILE"}
	}
	data, err := readDraft(d.Path)
	if errors.Is(err, fs.ErrNotExist) {
		d.New, data, err = true, template, nil
	}
	d.Text = data
	return d, err
}

// readDraft reads a file whose text may be broken in any way but its size.
func readDraft(path string) ([]byte, error) {
	data, err := yamlx.Read(path)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	info, statErr := os.Stat(path)
	if statErr != nil || !info.Mode().IsRegular() || info.Size() > yamlx.MaxSize {
		return nil, err
	}
	if data, readErr := os.ReadFile(path); readErr == nil {
		return data, nil
	}
	return nil, err
}

// Check returns the warnings about a text, and every mistake in it.
func (d *Draft) Check(text []byte) (warnings []string, err error) {
	return CheckText(d.Path, text, d.env)
}

// Save makes a text the user's file, unless it has a mistake or the file has
// changed meanwhile.
func (d *Draft) Save(text []byte) error {
	if _, err := d.Check(text); err != nil {
		return err
	}
	now, err := readDraft(d.Path)
	switch missing := errors.Is(err, fs.ErrNotExist); {
	case err != nil && !missing:
		return err
	case missing != d.New, !missing && !bytes.Equal(now, d.Text):
		return &diag.Error{File: d.Path, Message: "has changed since it was read", Remedy: "run `tandem config edit` again"}
	}
	return WriteFile(d.Path, likeLines(text, d.Text))
}

// likeLines is text with the line ends of the file that it takes the place of, where
// those are all CRLF.
func likeLines(text, before []byte) []byte {
	lf, crlf := []byte("\n"), []byte("\r\n")
	if n := bytes.Count(before, crlf); n == 0 || n != bytes.Count(before, lf) {
		return text
	}
	return bytes.ReplaceAll(bytes.ReplaceAll(text, crlf, lf), lf, crlf)
}
