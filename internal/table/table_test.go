package table

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/diag"
)

func all(f *File) (rows []Row, err error) {
	for row, err := range f.Rows() {
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// slowly is the same file in reads of one byte.
func slowly(name, text string) *File {
	return New(name, func() (io.ReadCloser, error) { return io.NopCloser(iotest.OneByteReader(strings.NewReader(text))), nil })
}

func FuzzRows(f *testing.F) {
	for _, ext := range []string{"csv", "tsv", "jsonl", "json", "txt"} {
		for _, text := range []string{"a,b\n1,2\n", "\ufeffa\n\"x\ny\"\n", "a\n\"", "{\"a\": 1}\n\n[2]\n", "[{\"a\": 1e999}, 3]", "a;b", "é\"x,", "", "{", "[1] 2", "[1,", "[1 2]", "a\n\xff", "a\x00", "\xef\xbb"} {
			f.Add(ext, text)
		}
	}
	f.Fuzz(func(t *testing.T, ext, text string) {
		file := Text("f."+ext, text)
		rows, err := all(file)
		again, err2 := all(slowly("f."+ext, text))
		if fmt.Sprint(err) != fmt.Sprint(err2) || len(rows) != len(again) {
			t.Fatalf("%d rows and %v, read slowly %d rows and %v", len(rows), err, len(again), err2)
		}
		if err != nil {
			if at := new(diag.Error); !errors.As(err, &at) || at.File != "f."+ext || at.Message == "" || at.Line < 0 || at.Line > 2+strings.Count(text, "\n")+strings.Count(text, "\r") {
				t.Fatalf("%T %v has no place", err, err)
			}
		}
		for i, r := range rows {
			if values, _ := r.Value.(map[string]any); r.Number != i+1 || ext == "csv" && len(values) == 0 {
				t.Fatalf("row %d is %+v", i+1, r)
			}
		}
	})
}

// A byte order mark, quotes and line ends of every kind.
func TestRowsOfTables(t *testing.T) {
	for _, tt := range []struct{ name, file, text, column, want string }{
		{"byte order mark", "a.csv", "\ufeffa,b\n1,2\n", "a", "1"},
		{"windows", "a.csv", "a,b\r\n1,2\r\n", "b", "2"},
		{"no newline at the end", "a.csv", "a,b\n1,2", "b", "2"},
		{"quotes, a comma and a line end", "a.csv", "a,b\n\"x, \"\"y\"\"\nz\",2\n", "a", "x, \"y\"\nz"},
		{"spaces around a column's name", "a.csv", "a , b\n1,2\n", "b", "2"},
		{"tabs", "a.TSV", "a\tb\n1,5\t2\n", "a", "1,5"},
		{"an empty cell", "a.csv", "a,b\n,2\n", "a", ""},
		{"a character cut between reads", "a.csv", "a\né€😀\n", "a", "é€😀"},
		{"JSON lines", "a.jsonl", "\n{\"a\": \"x\"}\n\n", "a", "x"},
		{"a JSON list", "a.json", "\ufeff [ {\"a\": \"x\"} ] ", "a", "x"},
	} {
		for _, f := range []*File{Text(tt.file, tt.text), slowly(tt.file, tt.text)} {
			rows, err := all(f)
			if err != nil || len(rows) != 1 {
				t.Errorf("%s: %v, %v", tt.name, rows, err)
				continue
			}
			if got := rows[0].Value.(map[string]any)[tt.column]; got != tt.want {
				t.Errorf("%s: %s is %q, want %q", tt.name, tt.column, got, tt.want)
			}
		}
	}
}

// numbered is a chain that takes a number and a text.
func numbered(t *testing.T) *chain.Chain {
	t.Helper()
	c, err := chain.Parse("c.yaml", []byte("inputs: {n: number, t: text}\ntransform: string(n) + t\n"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// An error has its place, however long the file before it is, and is found before
// the first row runs.
func TestErrorsHaveTheirPlace(t *testing.T) {
	const before = 3000
	table := "é,n,t\n" + strings.Repeat("€,1,\"two\nlines 😀\"\r\n", before)
	values := strings.Repeat("{\"n\": 1, \"t\": \"é\"}\n\n", before)
	list := "[" + strings.Repeat("{\"n\": 1, \"t\": \"é\"},\n", before)
	line, listed := 2+2*before, 1+before
	for _, tt := range []struct{ name, file, text, want string }{
		{"a cell of another type", "a.csv", table + "éé,x,t", fmt.Sprintf(`a.csv:%d:4: the input "n" is a number, but "x" is not JSON`, line)},
		{"a cell behind a line end", "a.csv", table + "\"é\né\",x,t", fmt.Sprintf(`a.csv:%d:4: the input "n"`, line+1)},
		{"too many fields", "a.csv", table + "a,1,t,t", fmt.Sprintf("a.csv:%d:7: 4 fields, but there are 3 columns", line)},
		{"an open quote", "a.csv", table + "a,1,\"t\n\n", fmt.Sprintf("a.csv:%d:5: a quoted field is never closed", line)},
		{"not UTF-8", "a.csv", table + "a,1,\xff", fmt.Sprintf("a.csv:%d: byte 0xff at offset %d is not UTF-8", line, len(table)+4)},
		{"binary", "a.csv", table + "a,1,\x00", fmt.Sprintf("a.csv:%d: it is a binary file", line)},
		{"no column", "a.csv", "n\n1\n", `a.csv:1: no column for the input "t"`},
		{"no JSON", "a.jsonl", values + "{\"é\": x", fmt.Sprintf("a.jsonl:%d:7: this is not one JSON value", 1+2*before)},
		{"no object", "a.jsonl", values + "3\n", fmt.Sprintf("a.jsonl:%d: row %d is not a JSON object", 1+2*before, before+1)},
		{"no value", "a.jsonl", values + "{\"n\": 2}\n", fmt.Sprintf(`a.jsonl:%d: row %d: missing input "t"`, 1+2*before, before+1)},
		{"another type", "a.jsonl", values + "{\"n\": true, \"t\": \"\"}\n", fmt.Sprintf("a.jsonl:%d: the input \"n\" is a number, but in row %d it is a bool", 1+2*before, before+1)},
		{"not JSON in a list", "a.json", list + "{\"é\": x", fmt.Sprintf("a.json:%d:7: this is not JSON", listed)},
		{"a list that does not end", "a.json", list[:len(list)-2], fmt.Sprintf("a.json:%d:19: this is not JSON", listed-1)},
		{"more after a list", "a.json", list + "{}] é x", fmt.Sprintf("a.json:%d:4: this is not JSON: there is more after the JSON", listed)},
		{"not JSON in the second element of a line", "a.json", "[{\"é\": 1}, {\"é\": x}]", "a.json:1:18: this is not JSON"},
		{"no comma between elements", "a.json", "[{\"n\": 1} {\"n\": 2}]", "a.json:1:11: this is not JSON"},
		{"no list", "a.json", "{}", "a.json:1:1: it contains no list"},
		{"no rows", "a.json", "[]", "a.json: it has no rows"},
		{"nothing", "a.csv", "", "a.csv: the file is empty"},
		{"plain lines", "a.txt", "x\n", "a.txt: its format is unknown"},
	} {
		for how, f := range map[string]*File{"at once": Text(tt.file, tt.text), "slowly": slowly(tt.file, tt.text)} {
			_, err := f.Bind(numbered(t), nil)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%s, read %s: %v, want %s", tt.name, how, err, tt.want)
			}
		}
	}
}

// A row that never ends is refused before it fills the memory.
func TestARowIsBounded(t *testing.T) {
	for _, text := range []string{"a\n\"", "{\"a\": \""} {
		name := map[byte]string{'a': "a.csv", '{': "a.jsonl"}[text[0]]
		f := New(name, func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader(text), io.LimitReader(endless{}, 2*MaxRow))), nil
		})
		if _, err := all(f); err == nil || !strings.Contains(err.Error(), "a row is larger than 64 MiB") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// What a file of any length takes does not grow with it.
func TestRowsTakeNoMemory(t *testing.T) {
	const rows = 30_000
	for _, tt := range []struct{ name, head, row, end string }{
		{"a.csv", "n,t\n", "1," + strings.Repeat("x", 1000) + "\n", ""},
		{"a.jsonl", "", `{"n": 1, "t": "` + strings.Repeat("x", 1000) + "\"}\n", ""},
		{"a.json", `[{"n": 1, "t": ""}`, `, {"n": 1, "t": "` + strings.Repeat("x", 1000) + `"}`, "]"},
	} {
		f := New(tt.name, func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader(tt.head), &repeated{text: tt.row, times: rows}, strings.NewReader(tt.end))), nil
		})
		bound, err := f.Bind(numbered(t), nil)
		if err != nil || bound.Len < rows {
			t.Fatalf("%s: %v", tt.name, err)
		}
		heap := func() uint64 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		before, most := heap(), uint64(0)
		for row, err := range bound.Rows() {
			if err != nil {
				t.Fatal(err)
			}
			if row.Number%(rows/4) == 0 {
				most = max(most, heap())
			}
		}
		if most > before+4<<20 {
			t.Errorf("%s: %d bytes more, of a file of 30 MB", tt.name, most-before)
		}
	}
}

type repeated struct {
	text  string
	times int
	rest  string
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.rest == "" {
		if r.times == 0 {
			return 0, io.EOF
		}
		r.times, r.rest = r.times-1, r.text
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
