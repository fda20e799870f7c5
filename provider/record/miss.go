package record

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Miss is why a replay has no answer: nothing like it was recorded. It is the
// cause of an Unavailable error.
type Miss struct {
	Dir   string
	Asked string // the request, in a few words
	// Nearest is the file of the recording that differs in the fewest fields,
	// and of several the one that differs the latest. Field is the first of
	// them, such as "messages[0].text"; Want is what was asked there, and Have
	// what was recorded.
	Nearest, Field, Want, Have string
	// Unreadable is why the first of the recordings that cannot be read cannot;
	// nil: all can.
	Unreadable error
}

// Error says what was asked, and how the nearest recording differs, on one line.
func (m *Miss) Error() string {
	text := fmt.Sprintf("%s has no recording of %s", m.Dir, m.Asked)
	if m.Nearest != "" {
		text += fmt.Sprintf("; the closest, %s, differs in %s: asked %s, recorded %s", m.Nearest, m.Field, m.Want, m.Have)
	}
	if m.Unreadable != nil {
		text += "; " + m.Unreadable.Error()
	}
	return text
}

// NoRecordings is why a directory cannot be replayed: it has no recordings, or
// does not exist.
type NoRecordings struct {
	Dir string
	Err error // an [fs.ErrNotExist], or nil
}

// Error names the directory.
func (e *NoRecordings) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("there is no directory %s to replay", e.Dir)
	}
	return "there are no recordings in " + e.Dir
}

// Unwrap returns Err.
func (e *NoRecordings) Unwrap() error { return e.Err }

// nearestMiss looks for the recording that is nearest to r, until ctx ends. What cannot
// be read is not near.
func (p *Player) nearestMiss(ctx context.Context, r question) *Miss {
	r = newScrubber(nil, nil).request(r) // as the files are
	m := &Miss{Dir: p.cfg.Dir, Asked: describe(r)}
	asked, err := flatten(r)
	if err != nil {
		return m
	}
	all, err := names(p.cfg.Dir, "")
	if err != nil {
		return m
	}
	least, alike := -1, 0
	for _, file := range all {
		if ctx.Err() != nil {
			return m
		}
		c, err := load(p.cfg.Dir, file)
		if err != nil {
			m.Unreadable = cmp.Or(m.Unreadable, err)
			continue
		}
		recorded, err := flatten(c.Request)
		if err != nil {
			continue
		}
		differ := difference(asked, recorded)
		if len(differ) == 0 {
			continue
		}
		f := differ[0]
		same := commonPrefix(asked[f], recorded[f])
		if least < 0 || len(differ) < least || len(differ) == least && same > alike {
			least, alike = len(differ), same
			m.Nearest, m.Field = file, f
			from := max(0, same-20)
			m.Want, m.Have = excerpt(asked[f], from), excerpt(recorded[f], from)
		}
	}
	return m
}

// describe is a request in a few words.
func describe(r question) string {
	text := ""
	for _, m := range slices.Backward(r.Messages) {
		if text = m.Text; text != "" {
			break
		}
	}
	out := excerpt(text, 0)
	var with []string
	model := r.Model
	if len(r.Targets) > 0 && model == "" {
		model = r.Targets[0].Model
	}
	if model != "" {
		with = append(with, "model "+model)
	}
	if r.Temperature != nil {
		with = append(with, fmt.Sprintf("temperature %v", *r.Temperature))
	}
	if r.Seed != nil {
		with = append(with, fmt.Sprintf("seed %d", *r.Seed))
	}
	if len(with) > 0 {
		out += " (" + strings.Join(with, ", ") + ")"
	}
	return out
}

// flatten is r's fields by their paths, as JSON.
func flatten(r question) (map[string]string, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	return out, walk("", data, out)
}

func walk(path string, data json.RawMessage, out map[string]string) error {
	switch data[0] {
	case '{':
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(data, &fields); err != nil {
			return err
		}
		for name, v := range fields {
			if path != "" {
				name = path + "." + name
			}
			if err := walk(name, v, out); err != nil {
				return err
			}
		}
	case '[':
		var items []json.RawMessage
		if err := json.Unmarshal(data, &items); err != nil {
			return err
		}
		for i, v := range items {
			if err := walk(path+"["+strconv.Itoa(i)+"]", v, out); err != nil {
				return err
			}
		}
	case '"':
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		out[path] = s
	default:
		out[path] = string(data)
	}
	return nil
}

// difference lists the paths whose values differ, in order.
func difference(a, b map[string]string) []string {
	var out []string
	for path, v := range a {
		if w, ok := b[path]; !ok || v != w {
			out = append(out, path)
		}
	}
	for path := range b {
		if _, ok := a[path]; !ok {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

// commonPrefix is how many bytes two texts have in common at their start.
func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// excerpt is at most 60 bytes of a text, from a place on, quoted; nothing is
// "nothing".
func excerpt(text string, from int) string {
	const length = 60
	if text == "" {
		return "nothing"
	}
	from = min(from, len(text))
	cut := strings.ToValidUTF8(text[from:min(len(text), from+length)], "")
	if from > 0 {
		cut = "…" + cut
	}
	if from+length < len(text) {
		cut += "…"
	}
	return strconv.Quote(cut)
}
