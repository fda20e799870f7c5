package table

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// answers are columns of each type, not in the order of the alphabet.
var answers = []Column{{"row", Integer}, {"text", Any}, {"cost", Number}, {"ok", Bool}, {"inputs", Any}}

// writtenFile writes rows into a file of that name, and opens it.
func writtenFile(t *testing.T, name string, o WriteOptions, rows ...[]any) *File {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := NewWriter(name, f, answers, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return New(path, func() (io.ReadCloser, error) { return os.Open(path) })
}

// What is written is read again as it was, in every format.
func TestWrittenRowsAreRead(t *testing.T) {
	text := "a \"quoted\", é😀\nand\ttwo lines; ='x'"
	row := []any{1, text, 0.25, true, map[string]any{"n": 1}}
	empty := []any{int64(2), nil, nil, nil, nil}
	flat := map[string]any{"row": "1", "text": text, "cost": "0.25", "ok": "true", "inputs": `{"n":1}`}
	for _, tt := range []struct {
		name        string
		want, blank map[string]any
	}{
		{"a.jsonl", map[string]any{"row": 1, "text": text, "cost": 0.25, "ok": true, "inputs": map[string]any{"n": 1}}, map[string]any{"row": 2}},
		{"a.csv", flat, map[string]any{"row": "2", "text": "", "cost": "", "ok": "", "inputs": ""}},
		{"a.tsv", flat, map[string]any{"row": "2", "text": "", "cost": "", "ok": "", "inputs": ""}},
		{"a.parquet", map[string]any{"row": 1, "text": text, "cost": 0.25, "ok": true, "inputs": `{"n":1}`}, map[string]any{"row": 2, "text": nil, "cost": nil, "ok": nil, "inputs": nil}},
	} {
		for _, compression := range []string{"", ".gz", ".zst"} {
			if compression != "" && tt.name == "a.parquet" {
				continue // TestNamesThatCannotBeWritten
			}
			rows, err := all(writtenFile(t, tt.name+compression, WriteOptions{}, row, empty))
			if err != nil || len(rows) != 2 {
				t.Errorf("%s%s: %d rows, %v", tt.name, compression, len(rows), err)
				continue
			}
			for i, want := range []map[string]any{tt.want, tt.blank} {
				if fmt.Sprint(rows[i].Value) != fmt.Sprint(want) {
					t.Errorf("%s%s, row %d: %v, want %v", tt.name, compression, i+1, rows[i].Value, want)
				}
			}
		}
	}
}

// The columns of a Parquet file stay in their order.
func TestColumnsOfParquetKeepTheirOrder(t *testing.T) {
	r, _, err := writtenFile(t, "a.parquet", WriteOptions{}, []any{1, "x", 0.5, false, "y"}).reader()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, field := range r.(*parquetRows).schema.Fields() {
		names = append(names, field.Name())
	}
	if want := []string{"row", "text", "cost", "ok", "inputs"}; !reflect.DeepEqual(names, want) {
		t.Errorf("the columns are %v, want %v", names, want)
	}
}

// A text that a spreadsheet would run is one no more, and a number stays one.
func TestFormulasAreEscaped(t *testing.T) {
	for text, want := range map[string]string{"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1", "1=1": "1=1", "": ""} {
		for _, name := range []string{"a.csv", "a.tsv"} {
			rows, err := all(writtenFile(t, name, WriteOptions{EscapeFormulas: true}, []any{-1, text, -0.5, true, nil}))
			if err != nil || len(rows) != 1 {
				t.Fatalf("%q: %v, %v", text, rows, err)
			}
			value := rows[0].Value.(map[string]any)
			if value["text"] != want || value["row"] != "-1" || value["cost"] != "-0.5" {
				t.Errorf("%s, %q: %v, want %q", name, text, value, want)
			}
		}
		rows, err := all(writtenFile(t, "a.jsonl", WriteOptions{EscapeFormulas: true}, []any{1, text, nil, nil, nil}))
		if err != nil || rows[0].Value.(map[string]any)["text"] != text {
			t.Errorf("JSON runs no formulas, and has %v (%v), want %q", rows, err, text)
		}
	}
}

func TestNamesThatCannotBeWritten(t *testing.T) {
	for name, want := range map[string]string{
		"a.xlsx":       "the format of a.xlsx is unknown; name it .jsonl, .csv, .tsv or .parquet (.gz or .zst may follow)",
		"a":            "the format of a is unknown",
		"a.gz":         "the format of a.gz is unknown",
		"a.parquet.gz": "a.parquet.gz: a Parquet file is compressed within; name it without .gz",
	} {
		_, err := NewWriter(name, io.Discard, answers, WriteOptions{})
		if err == nil || !strings.HasPrefix(err.Error(), want) || Writable(name) == nil {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	for _, name := range []string{"a.CSV", "a.b.jsonl", "a.ndjson.zst", "a.tsv.GZ", "a.parquet"} {
		if err := Writable(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A disk that is full while the file is written is an error, at the latest at its end.
func TestWritingFails(t *testing.T) {
	for _, name := range []string{"a.jsonl", "a.csv", "a.csv.gz", "a.jsonl.zst", "a.parquet"} {
		var failed error
		w, err := NewWriter(name, full{}, answers, WriteOptions{})
		if err != nil {
			continue // it was found at once
		}
		for range 3 {
			failed = w.Write([]any{1, "x", 0.5, true, nil})
		}
		if closing := w.Close(); failed == nil && closing == nil {
			t.Errorf("%s: nothing was written, and no error says so", name)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// A file of any length is written in the same memory.
func TestWritingParquetTakesLittleMemory(t *testing.T) {
	var out counter
	w, err := NewWriter("a.parquet", &out, answers, WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("x", 1000)
	for i := range 30_000 {
		unique, _ := json.Marshal(i)
		if err := w.Write([]any{i, text + string(unique), 0.5, true, nil}); err != nil {
			t.Fatal(err)
		}
	}
	if out.n == 0 {
		t.Error("30 MB of rows are all in memory")
	}
	if err := w.Close(); err != nil || !bytes.Equal(out.start, []byte("PAR1")) {
		t.Errorf("the file begins with %q (%v)", out.start, err)
	}
}

type counter struct {
	n     int
	start []byte
}

func (c *counter) Write(p []byte) (int, error) {
	if c.n < 4 {
		c.start = append(c.start, p[:min(len(p), 4-c.n)]...)
	}
	c.n += len(p)
	return len(p), nil
}
