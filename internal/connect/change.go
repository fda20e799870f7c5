package connect

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/files"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// Change is what happened to one of a client's files.
type Change struct {
	Path   string
	Did    Did
	Backup string   // the file as it was before; empty where there is none
	Left   []string // entries that were changed since, with their places, and that were left
}

// Did is what happened to a file.
type Did string

// What happens to files.
const (
	Created   Did = "created"
	Changed   Did = "changed"
	Unchanged Did = "unchanged"
	Restored  Did = "restored"    // as it was before
	TakenOut  Did = "taken out"   // our entries are gone, the rest is as it was found
	Removed   Did = "removed"     // the file, which held nothing else
	Gone      Did = "not there"   // the file was removed by somebody else
	Nothing   Did = "not changed" // nothing of ours was there to take out
)

// draft is a file as it will be.
type draft struct {
	target target
	exists bool
	mode   os.FileMode
	before string // with its byte order mark, as is after
	after  string
	record record
}

// Write gives the client's files the gateway's settings. It writes none of them
// if one cannot be read, or has another value where the client knows only one. A second
// call changes nothing.
func (s *System) Write(c *Client, g Gateway) ([]Change, error) {
	receipt, err := s.receipt(c)
	if err != nil {
		return nil, err
	}
	var drafts []*draft
	for _, t := range c.targets(s, g) {
		d, err := s.draft(t, receipt)
		if err != nil {
			return nil, err
		}
		drafts = append(drafts, d)
	}
	var changes []Change
	for _, d := range drafts {
		if d.after == d.before {
			changes = append(changes, Change{Path: d.target.path, Did: Unchanged})
			continue
		}
		if err := d.save(); err != nil {
			return changes, err
		}
		receipt.put(d.record)
		if err := s.keep(c, receipt); err != nil {
			return changes, err
		}
		did := Changed
		if !d.exists {
			did = Created
		}
		changes = append(changes, Change{Path: d.target.path, Did: did, Backup: d.record.Backup})
	}
	return changes, nil
}

// load reads a file. One that is not there is empty.
func load(path string) (text string, exists bool, mode os.FileMode, err error) {
	data, err := files.Read(path, yamlx.MaxSize)
	if errors.Is(err, fs.ErrNotExist) {
		if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return "", false, 0, &diag.Error{File: path, Message: "is a link to a file that does not exist", Remedy: "create that file, or remove the link"}
		}
		return "", false, 0o600, nil
	}
	if err == nil {
		_, err = yamlx.Text(path, data)
	}
	if err != nil {
		var known *diag.Error
		if !errors.As(err, &known) {
			err = &diag.Error{File: path, Message: "cannot be read: " + strings.TrimPrefix(err.Error(), path+" "), Err: err}
		}
		return "", false, 0, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", false, 0, &diag.Error{File: path, Message: "cannot be read", Err: err}
	}
	return string(data), true, info.Mode().Perm(), nil
}

// withoutBOM separates a byte order mark from a text.
func withoutBOM(text string) (bom, rest string) {
	rest = textx.TrimBOM(text)
	return text[:len(text)-len(rest)], rest
}

// draft is a target's file with its entries.
func (s *System) draft(t target, receipt receipt) (*draft, error) {
	before, exists, mode, err := load(t.path)
	if err != nil {
		return nil, err
	}
	d := &draft{target: t, exists: exists, mode: mode, before: before, after: before}
	old, ours := receipt.find(t.path)
	bom, text := withoutBOM(before)
	if done, err := t.holds(text, old); err != nil || done {
		return d, err
	}
	d.record = record{Path: t.path, Format: t.format, Existed: exists, Clean: true}
	clean := before
	if ours && exists {
		d.record.Existed, d.record.Made = old.Existed, old.Made
		var exact bool
		if clean, exact, _, err = old.undone(before); err != nil {
			return nil, err
		}
		if exact {
			d.record.Backup, d.record.BackupSum, d.record.Clean = old.Backup, old.BackupSum, old.Clean
		} else {
			d.record.Clean = false
		}
		_, text = withoutBOM(clean)
	}
	start := text
	if text, err = t.apply(text, &d.record); err != nil {
		return nil, err
	}
	if text == start && clean == before {
		return d, nil
	}
	d.after = bom + text
	d.record.Sum = sum(d.after)
	return d, nil
}

// holds reports whether a text has all entries of the target, and none that an earlier
// write made and that is not wanted any more.
func (t target) holds(text string, old record) (bool, error) {
	doc, err := t.format.parse(t.path, text)
	if err != nil {
		return false, err
	}
	for _, e := range t.entries {
		value, _, ok := doc.find(e)
		if !ok || e.Kind != base && !same(value, e.Value) {
			return false, nil
		}
	}
	for _, e := range old.Entries {
		if !slices.ContainsFunc(t.entries, func(w entry) bool {
			return w.Item == e.Item && slices.Equal(w.Path, e.Path) && (e.Item == "" || w.isItem(plainOf(e.Value)))
		}) {
			return false, nil
		}
	}
	return true, nil
}

// apply is the text with the target's entries, and notes in r which of them are new.
func (t target) apply(text string, r *record) (string, error) {
	for _, e := range t.entries {
		doc, err := t.format.parse(t.path, text)
		if err != nil {
			return "", err
		}
		value, at, there := doc.find(e)
		switch {
		case there && (e.Kind == base || same(value, e.Value)):
			continue
		case there && e.Kind == shared:
			return "", mistake(t.path, text, at, fmt.Sprintf("%s has another value already, which is not from `tandem connect`", e.name()), "remove it to use Tandem here, or set the environment variables instead")
		case there:
			if text, err = doc.remove(e); err != nil {
				return "", err
			}
			if doc, err = t.format.parse(t.path, text); err != nil {
				return "", err
			}
		}
		e.Depth = depthOf(doc.plain(), e.Path)
		next, err := doc.add(e)
		if err != nil {
			return "", err
		}
		if err := t.verify(doc, next, e); err != nil {
			return "", err
		}
		text = next
		r.Entries = append(r.Entries, e)
	}
	return text, nil
}

// depthOf is how many keys of a path are there.
func depthOf(v any, path []string) int {
	for i, key := range path {
		m, _ := v.(map[string]any)
		next, ok := m[key]
		if !ok {
			return i
		}
		v = next
	}
	return len(path)
}

// verify makes sure that the new text differs in the entry only.
func (t target) verify(before document, text string, e entry) error {
	after, err := t.format.parse(t.path, text)
	if err == nil && reflect.DeepEqual(after.plain(), with(before.plain(), e)) {
		return nil
	}
	return &diag.Error{File: t.path, Message: fmt.Sprintf("%s cannot be added without changing something else", e.name()), Remedy: "add it by hand; without --write, its text is printed", Err: err}
}

// save makes the draft the file, with a backup beside it.
func (d *draft) save() error {
	path := d.target.path
	now, exists, _, err := load(path)
	if err != nil {
		return err
	}
	if now != d.before || exists != d.exists {
		return &diag.Error{File: path, Message: "has changed since it was read", Remedy: "run the command again"}
	}
	if d.exists && d.record.Backup == "" {
		if d.record.Backup, err = backup(path, d.before, d.mode); err != nil {
			return err
		}
		d.record.BackupSum = sum(d.before)
	}
	if !d.exists {
		d.record.Made = missingDirs(path)
	}
	return files.Replace(path, []byte(d.after), d.mode)
}

// backup writes a file beside another, under a name that is free.
func backup(path, text string, mode os.FileMode) (string, error) {
	name := path + ".before-tandem"
	for i := 2; ; i++ {
		_, err := os.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("making a backup of %s: %w", path, err)
		}
		name = fmt.Sprintf("%s.before-tandem-%d", path, i)
	}
	return name, files.Replace(name, []byte(text), mode)
}

// missingDirs are the directories above a file that are not there, innermost first.
func missingDirs(path string) (dirs []string) {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dirs
		}
		dirs = append(dirs, dir)
	}
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

// parse reads a text of the format.
func (f formatName) parse(file, text string) (document, error) {
	return formats()[f](file, text)
}
