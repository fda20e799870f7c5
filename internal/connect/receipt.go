package connect

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/files"
)

// formatName names a format in receipts.
type formatName string

const (
	inJSON  formatName = "json"
	inJSONC formatName = "jsonc"
	inTOML  formatName = "toml"
	inYAML  formatName = "yaml"
)

func formats() map[formatName]format {
	return map[formatName]format{inJSON: plainJSON, inJSONC: laxJSON, inTOML: tomlFile, inYAML: yamlFile}
}

// receipt is what was written for a client, so that it can be taken back.
type receipt struct {
	Files []record `json:"files"`
}

// record is what was written to one file.
type record struct {
	Path      string     `json:"path"`
	Format    formatName `json:"format"`
	Existed   bool       `json:"existed"`        // before the first write
	Made      []string   `json:"made,omitempty"` // directories, innermost first
	Sum       string     `json:"sum"`            // of the file as it was written
	Backup    string     `json:"backup,omitempty"`
	BackupSum string     `json:"backup_sum,omitempty"`
	Clean     bool       `json:"clean"` // the backup has nothing of ours
	Entries   []entry    `json:"entries"`
}

func (r receipt) find(path string) (record, bool) {
	for _, f := range r.Files {
		if f.Path == path {
			return f, true
		}
	}
	return record{}, false
}

func (r *receipt) put(f record) {
	r.Files = append(slices.DeleteFunc(r.Files, func(o record) bool { return o.Path == f.Path }), f)
}

func (s *System) receiptPath(c *Client) string {
	return filepath.Join(s.State, "connect", c.Name+".json")
}

func (s *System) receipt(c *Client) (r receipt, err error) {
	path := s.receiptPath(c)
	data, err := files.Read(path, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		return r, &diag.Error{File: path, Message: "the record of what was written cannot be read", Remedy: "remove it to forget what was written", Err: err}
	}
	return r, nil
}

func (s *System) keep(c *Client, r receipt) error {
	path := s.receiptPath(c)
	if len(r.Files) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return files.Replace(path, append(data, '\n'), 0o600)
}
