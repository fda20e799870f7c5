package connect

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/files"
	"github.com/tandem-llm/tandem/internal/textx"
)

// Undo takes out of the client's files what [System.Write] put there. A file that was
// not edited since is as it was before, byte for byte; in another, only our entries go,
// and those of the client's own settings that were changed since stay. The result is
// empty where nothing was written.
func (s *System) Undo(c *Client) ([]Change, error) {
	receipt, err := s.receipt(c)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(receipt.Files)
	var changes []Change
	defer func() {
		for _, r := range slices.Backward(all) { // the first one made the directories
			for _, dir := range r.Made {
				if os.Remove(dir) != nil { // it holds something else
					break
				}
			}
		}
	}()
	for _, r := range all {
		change, err := r.undo()
		if err != nil {
			return changes, err
		}
		changes = append(changes, change)
		receipt.Files = slices.DeleteFunc(receipt.Files, func(o record) bool { return o.Path == r.Path })
		if err := s.keep(c, receipt); err != nil {
			return changes, err
		}
	}
	return changes, nil
}

func (r record) undo() (Change, error) {
	change := Change{Path: r.Path, Backup: r.Backup}
	text, exists, mode, err := load(r.Path)
	if err != nil {
		return change, err
	}
	if !exists {
		change.Did = Gone
		return change, nil
	}
	clean, exact, left, err := r.undone(text)
	if err != nil {
		return change, err
	}
	change.Left = left
	_, bare := withoutBOM(clean)
	switch {
	case !r.Existed && blank(bare):
		change.Did, change.Backup = Removed, ""
		if err := os.Remove(r.Path); err != nil {
			return change, fmt.Errorf("removing %s: %w", r.Path, err)
		}
		return change, nil
	case clean == text:
		change.Did = Nothing
		return change, nil
	}
	if err := files.Replace(r.Path, []byte(clean), mode); err != nil {
		return change, err
	}
	change.Did = TakenOut
	if exact {
		change.Did, change.Backup = Restored, ""
		_ = os.Remove(r.Backup) // the file is the same
	}
	return change, nil
}

// blank reports whether a text of any format holds nothing.
func blank(text string) bool {
	text = strings.Join(strings.Fields(text), "")
	return text == "" || text == "{}" || text == "[]"
}

// undone is a file's text without what was written: the backup, which is exact, where
// nobody has changed the file since.
func (r record) undone(text string) (clean string, exact bool, left []string, err error) {
	if sum(text) == r.Sum {
		if !r.Existed {
			return "", true, nil, nil
		}
		if before, there, _, err := load(r.Backup); r.Clean && err == nil && there && sum(before) == r.BackupSum {
			return before, true, nil, nil
		}
	}
	bom, rest := withoutBOM(text)
	rest, left, err = r.takeOut(rest)
	return bom + rest, false, left, err
}

// takeOut is a text without the entries of the record. An entry of the client's own
// settings that was changed since is left, and named with its place.
func (r record) takeOut(text string) (string, []string, error) {
	var left []string
	for _, kind := range []entryKind{own, shared, base} {
		if kind == base && !r.onlyBase(text) {
			continue
		}
		for _, e := range slices.Backward(r.Entries) {
			if e.Kind != kind {
				continue
			}
			doc, err := r.Format.parse(r.Path, text)
			if err != nil {
				return "", nil, err
			}
			value, at, ok := doc.find(e)
			switch {
			case !ok:
				continue
			case kind != own && !same(value, e.Value):
				p := textx.PositionOf(text, at)
				left = append(left, fmt.Sprintf("%s:%d:%d: %s", r.Path, p.Line, p.Column, e.name()))
				continue
			}
			if text, err = doc.remove(e); err != nil {
				return "", nil, err
			}
		}
	}
	return text, left, nil
}

// onlyBase reports whether a file holds only what it must, as it was written.
func (r record) onlyBase(text string) bool {
	doc, err := r.Format.parse(r.Path, text)
	if err != nil || r.Existed {
		return false
	}
	want := map[string]any{}
	for _, e := range r.Entries {
		if e.Kind == base {
			want[e.Path[0]] = plainOf(e.Value)
		}
	}
	return len(want) > 0 && reflect.DeepEqual(doc.plain(), any(want))
}
