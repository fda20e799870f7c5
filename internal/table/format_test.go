package table

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/htmlindex"
)

// encoded is text in an encoding that the web knows.
func encoded(t *testing.T, name, text string) string {
	t.Helper()
	e, err := htmlindex.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// How a file is written is recognised, and said where it is not the usual way.
func TestFormatsAreRecognised(t *testing.T) {
	long := strings.Repeat("Zürich;1,5;\"a, b\"\n", 10_000) // more than a sample
	for _, tt := range []struct{ name, file, text, column, want, said string }{
		{"commas", "a.csv", "a,b\n1,2\n", "b", "2", ""},
		{"semicolons, as Excel writes where the comma is decimal", "a.csv", "a;b\n1,5;2,5\n", "b", "2,5", "fields separated by semicolons"},
		{"more semicolons than commas", "a.csv", "name;size, cm;n\na;1,5;3\n", "n", "3", "fields separated by semicolons"},
		{"tabs in .csv", "a.csv", "a\tb\n1\t2\n", "b", "2", "fields separated by tabs"},
		{"bars", "a.csv", "a|b\n1|2\n", "b", "2", "fields separated by vertical bars"},
		{"commas in .tsv", "a.tsv", "a,b\n1,2\n", "b", "2", "fields separated by commas"},
		{"sep= of Excel", "a.csv", "sep=;\r\na,x;b\r\n1;2\r\n", "b", "2", "fields separated by semicolons"},
		{"a semicolon in a text of the only column", "a.csv", "a\nx; y\nz\n", "a", "x; y", ""},
		{"a semicolon in each text of two columns", "a.csv", "id,a\n1,\"x; y\"\n2,\"z; w\"\n", "a", "x; y", ""},
		{"one column", "a.csv", "a\n1\n", "a", "1", ""},
		{"Windows", "a.csv", encoded(t, "windows-1252", "a,b\nCafé “Zoë” €5,2\n"), "a", "Café “Zoë” €5", "encoded as windows-1252 (a guess; name another with --encoding)"},
		{"Windows behind much ASCII", "a.csv", "a,b\n" + strings.Repeat("x,y\n", 50_000) + encoded(t, "windows-1252", "ü,2\n"), "a", "x", "encoded as windows-1252 (a guess; name another with --encoding)"},
		{"Windows, and semicolons", "a.csv", encoded(t, "windows-1252", "a;b;c\n"+long), "a", "Zürich", "fields separated by semicolons, encoded as windows-1252 (a guess; name another with --encoding)"},
		{"UTF-16 with a mark", "a.csv", "\xff\xfe" + encoded(t, "utf-16le", "a;b\né;2\n"), "a", "é", "fields separated by semicolons, encoded as utf-16le"},
		{"UTF-16, the other order", "a.csv", "\xfe\xff" + encoded(t, "utf-16be", "a,b\né😀,2\n"), "a", "é😀", "encoded as utf-16be"},
		{"UTF-16 without a mark", "a.csv", encoded(t, "utf-16le", "a,b\né,2\n"), "a", "é", "encoded as utf-16le"},
		{"UTF-16 of PowerShell", "a.jsonl", "\xff\xfe" + encoded(t, "utf-16le", "{\"a\": \"é\"}\r\n"), "a", "é", "encoded as utf-16le"},
	} {
		for compression, compress := range map[string]func(string) string{"": func(s string) string { return s }, ".gz": gzipped, ".zst": zstded} {
			for how, f := range map[string]*File{"at once": Text(tt.file+compression, compress(tt.text)), "slowly": slowly(tt.file+compression, compress(tt.text))} {
				format, err := f.Format()
				if err != nil || format.Remarkable() != tt.said {
					t.Errorf("%s%s, %s: said %q, want %q (%v)", tt.name, compression, how, format.Remarkable(), tt.said, err)
				}
				rows, err := all(f)
				if err != nil || len(rows) == 0 || rows[0].Value.(map[string]any)[tt.column] != tt.want {
					t.Errorf("%s%s, %s: %v, %d rows", tt.name, compression, how, err, len(rows))
				}
			}
		}
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

func zstded(text string) string {
	w, _ := zstd.NewWriter(nil)
	return string(w.EncodeAll([]byte(text), nil))
}

// A guess is made only where it can hardly be wrong, and a damaged file is never
// read as if it were whole.
func TestWhatCannotBeRecognised(t *testing.T) {
	long := "a\n" + strings.Repeat("line of text\n", 20_000)
	for _, tt := range []struct{ name, file, text, want string }{
		{"UTF-8 with a broken character", "a.csv", "a\né\n\xff\n", "a.csv:3: byte 0xff at offset 5 is not UTF-8"},
		{"Chinese in GBK", "a.csv", encoded(t, "gbk", "a\n这是一个测试\n"), "a.csv:2: byte"},
		{"Russian in windows-1251", "a.csv", encoded(t, "windows-1251", "a\nПривет, мир\n"), "a.csv:2: byte"},
		{"Polish in windows-1250", "a.csv", encoded(t, "windows-1250", "a\nmałpa, źdźbło\n"), "a.csv:2: byte"},
		{"Japanese in Shift JIS", "a.csv", encoded(t, "shift_jis", "a\nテスト\n"), "a.csv:2: byte"},
		{"JSON is not guessed", "a.jsonl", "{\"a\": \"\xe9\"}\n", "a.jsonl:1: byte 0xe9"},
		{"UTF-16 with half a character", "a.csv", "\xff\xfea\x00\n\x00\x00\xd8\n\x00", "a.csv:2: something here is not a character in utf-16le"},
		{"gzip that is cut", "a.csv.gz", gzipped(long)[:200], "a.csv.gz: cannot be read: unexpected EOF"},
		{"gzip by name only", "a.csv.gz", "a\n1\n", "a.csv.gz: it is not compressed as its name says"},
		{"zstd that is cut", "a.csv.zst", zstded(long)[:20], "a.csv.zst: cannot be read: "},
		{"ragged in every way", "a.csv", "a,b\n1\n", "a.csv:2: 1 field, but there are 2 columns"},
		{"ragged with semicolons", "a.csv", "a;b;c\n1;2;3\n1;2\n" + strings.Repeat("1;2;3\n", 20_000), "a.csv:3: "},
		{"Parquet by name only", "a.parquet", "a\n1\n", "a.parquet: a Parquet file cannot be read from a pipe"},
	} {
		for how, f := range map[string]*File{"at once": Text(tt.file, tt.text), "slowly": slowly(tt.file, tt.text)} {
			if rows, err := all(f); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%s, %s: %v after %d rows, want %s", tt.name, how, err, len(rows), tt.want)
			}
		}
	}
}

// Who wants nothing guessed is told what it would have been, and gets what is sure.
func TestStrictFiles(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a.csv", "a;b\n1;2\n", "a.csv:1:1: the fields are separated by semicolons, not by commas; save it with commas"},
		{"a.tsv", "a,b\n1,2\n", "a.tsv:1:1: the fields are separated by commas, not by tabs; save it with tabs"},
		{"a.csv", encoded(t, "windows-1252", "a\nJosé\n"), "a.csv:2: byte 0xe9 at offset 5 is not UTF-8; convert it (iconv -f WINDOWS-1252 -t UTF-8), or name its encoding with --encoding"},
		{"a.csv", "sep=;\na;b\n1;2\n", ""},
		{"a.csv", "a,b\nJosé,2\n", ""},
		{"a.csv", "\xff\xfe" + encoded(t, "utf-16le", "a\né\n"), ""},
		{"a.csv.gz", gzipped("a\né\n"), ""},
	} {
		if _, err := all(Text(tt.name, tt.text).Strict()); tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) {
			t.Errorf("%q: %v, want %q", tt.text, err, tt.want)
		}
	}
	f, err := Text("a.csv", encoded(t, "windows-1252", "a\nJosé\n")).Strict().WithEncoding("latin1")
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := all(f); err != nil || rows[0].Value.(map[string]any)["a"] != "José" {
		t.Errorf("a named encoding: %v, %v", rows, err)
	}
}

// An encoding that is named is the one that is used.
func TestANamedEncoding(t *testing.T) {
	for _, name := range []string{"gbk", "GB18030", "utf-16le", "UTF-8"} {
		f, err := Text("a.csv", encoded(t, name, "a\n这是\n")).WithEncoding(name)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := all(f)
		if err != nil || len(rows) != 1 || rows[0].Value.(map[string]any)["a"] != "这是" {
			t.Errorf("%s: %v, %v", name, rows, err)
		}
	}
	if _, err := Text("a.csv", "").WithEncoding("klingon"); err == nil || !strings.Contains(err.Error(), `unknown encoding "klingon"`) {
		t.Errorf("an encoding that is none: %v", err)
	}
	f, err := Text("a.csv", "a\n\x81\n").WithEncoding("shift_jis")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := all(f); err == nil || !strings.HasPrefix(err.Error(), "a.csv:2: something here is not a character in shift_jis") {
		t.Errorf("the wrong encoding: %v", err)
	}
}

func parquetFile(name string) *File {
	path := filepath.Join("testdata", name)
	return New(path, func() (io.ReadCloser, error) { return os.Open(path) })
}

// What pyarrow wrote, with each codec, is what JSON would say.
func TestParquet(t *testing.T) {
	want := []string{
		`{"bool":true,"category":"a","date":"2026-01-02","decimal":1.20,"float":1.5,"list":["a","b"],"lists":[[1,2],[3]],"local":"2026-01-02T03:04:05.678901","map":{"k":1},"n":1,"object":{"x":1,"y":"z"},"small":-1,"text":"é","time":"03:04:05","unsigned":1,"utc":"2026-01-02T03:04:05.678Z"}`,
		`{"bool":null,"category":"b","date":"2026-01-02","decimal":1.20,"float":null,"list":[],"lists":[],"local":null,"map":null,"n":null,"object":null,"small":2,"text":"","time":"03:04:05","unsigned":2,"utc":"2026-01-02T03:04:05.678Z"}`,
		`{"bool":false,"category":"a","date":"2026-01-02","decimal":1.20,"float":null,"list":null,"lists":null,"local":"1969-12-31T00:00:00","map":{},"n":1152921504606846976,"object":{"x":2,"y":null},"small":3,"text":null,"time":"03:04:05","unsigned":9223372036854775808,"utc":"2026-01-02T03:04:05.678Z"}`,
	}
	for _, codec := range []string{"snappy", "zstd", "gzip", "brotli", "lz4", "none"} {
		rows, err := all(parquetFile("parquet_" + codec + ".parquet"))
		if err != nil || len(rows) != len(want) {
			t.Errorf("%s: %d rows, %v", codec, len(rows), err)
			continue
		}
		for i, row := range rows {
			if got, err := json.Marshal(row.Value); err != nil || string(got) != want[i] {
				t.Errorf("%s, row %d:\n%s, want\n%s (%v)", codec, i+1, got, want[i], err)
			}
		}
	}
	rows, err := all(parquetFile("parquet_int96.parquet"))
	if err != nil || len(rows) != 1 || rows[0].Value.(map[string]any)["old"] != "2026-01-02T03:04:05.678901Z" {
		t.Errorf("times as Spark writes them: %v, %v", rows, err)
	}
	if _, err := all(parquetFile("parquet_bytes.parquet")); err == nil || !strings.HasSuffix(err.Error(), `row 2, column "bytes": these bytes are not a text in UTF-8`) {
		t.Errorf("bytes that are no text: %v", err)
	}
}

// The inputs of a chain come from a Parquet file as from any other.
func TestParquetRowsAreInputs(t *testing.T) {
	c := numbered(t)
	if _, err := parquetFile("parquet_none.parquet").Bind(c, nil); err == nil || !strings.Contains(err.Error(), `no column for the input "t"`) {
		t.Errorf("a missing column: %v", err)
	}
	if _, err := parquetFile("parquet_none.parquet").Bind(c, map[string]any{"t": "x"}); err == nil || !strings.Contains(err.Error(), `row 2: missing input "n"`) {
		t.Errorf("a missing value: %v", err)
	}
}

// A damaged file is an error, wherever the damage is, and never a panic.
func TestDamagedParquet(t *testing.T) {
	whole, err := os.ReadFile("testdata/parquet_snappy.parquet")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "d.parquet")
	f := New(path, func() (io.ReadCloser, error) { return os.Open(path) })
	cut := 0
	for n := 0; n < len(whole); n += 97 {
		damaged := bytes.Clone(whole)
		damaged[n] ^= 0x55
		files := [][]byte{whole[:n], damaged}
		if pointersAreChecked { // at some damage the library reads what is not there: no panic then, but the end of the program
			files = files[:1]
		}
		for _, data := range files {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			rows, err := all(f)
			if len(data) < len(whole) && err == nil {
				t.Errorf("a file cut at %d gave %d rows", n, len(rows))
			}
			if err != nil {
				cut++
			}
		}
	}
	if cut < len(whole)/97 {
		t.Errorf("only %d of the damaged files were refused", cut)
	}
}
