package table

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding"

	"github.com/tandem-llm/tandem/internal/textx"
)

// Format is how a file is written, as its name and its bytes tell.
type Format struct {
	Kind        string // csv, tsv, jsonl, json, txt or parquet
	Compression string // gzip, zstd; empty: none
	Encoding    string // as WHATWG names it: utf-8, utf-16le, windows-1252, …
	Separator   byte   // between the fields of a csv or tsv file; 0: of no other
	guessed     bool   // the encoding
	declared    bool   // the file's first line is sep=, as Excel writes it
	encoding    encoding.Encoding
}

// Remarkable says what a reader would not expect of such a file: another
// encoding, another separator. Empty: nothing.
func (f Format) Remarkable() string {
	var parts []string
	if usual := map[string]byte{"csv": ',', "tsv": '\t'}[f.Kind]; f.Separator != usual {
		parts = append(parts, "fields separated by "+separatorName(f.Separator))
	}
	if f.encoding != nil {
		text := "encoded as " + f.Encoding
		if f.guessed {
			text += " (a guess; name another with --encoding)"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func separatorName(b byte) string {
	switch b {
	case '\t':
		return "tabs"
	case ';':
		return "semicolons"
	case '|':
		return "vertical bars"
	}
	return "commas"
}

// sampleSize is how much of a file its separator is recognised by, in bytes.
const sampleSize = 64 << 10

// Format recognises how the file is written. It reads a file whose name says csv,
// tsv or txt whole, to know its encoding, and of any other its beginning. It does
// so once.
func (f *File) Format() (Format, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.format != nil {
		return *f.format, nil
	}
	format, err := f.recognise()
	if err == nil {
		f.format = &format
	}
	return format, err
}

// headerLine is the line that names the columns; 0: there is none.
func (f *File) headerLine() int {
	if format, err := f.Format(); err == nil && format.Separator != 0 {
		return 1
	}
	return 0
}

func (f *File) recognise() (Format, error) {
	name := strings.ToLower(f.name)
	suffix := filepath.Ext(name)
	if suffix == ".gz" || suffix == ".zst" {
		name = strings.TrimSuffix(name, suffix)
	}
	format := Format{Encoding: "utf-8"}
	switch ext := filepath.Ext(name); ext {
	case ".csv", ".tsv", ".jsonl", ".json", ".txt", ".parquet":
		format.Kind = ext[1:]
	case ".ndjson":
		format.Kind = "jsonl"
	default:
		return format, f.unknownFormat()
	}
	r, err := f.open()
	if err != nil {
		return format, f.unreadable(err)
	}
	defer func() { _ = r.Close() }() // it was only read
	raw := bufio.NewReaderSize(r, sampleSize)
	start, _ := raw.Peek(4) // an error comes again when it is read
	switch {
	case format.Kind == "parquet":
		if suffix == ".gz" || suffix == ".zst" {
			return format, f.errorAt(0, 0, "a Parquet file is compressed within", "decompress it first")
		}
		return format, nil
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		format.Compression = "gzip"
	case bytes.HasPrefix(start, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		format.Compression = "zstd"
	case suffix == ".gz" && len(start) > 0, suffix == ".zst" && len(start) > 0:
		return format, f.errorAt(0, 0, "it is not compressed as its name says", "name it without "+suffix)
	}
	text, done, err := f.decompressed(raw, format.Compression)
	if err != nil {
		return format, err
	}
	defer done()
	return format, f.recogniseText(text, &format)
}

// decompressed is r without its compression.
func (f *File) decompressed(r io.Reader, compression string) (_ io.Reader, done func(), err error) {
	switch compression {
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, nil, f.unreadable(err)
		}
		return z, func() {}, nil
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, nil, f.unreadable(err)
		}
		return z, z.Close, nil
	}
	return r, func() {}, nil
}

// recogniseText finds the encoding and the separator.
func (f *File) recogniseText(r io.Reader, format *Format) error {
	sample := make([]byte, sampleSize)
	n, err := io.ReadFull(r, sample)
	sample = sample[:n]
	whole := err == io.EOF || err == io.ErrUnexpectedEOF
	if err != nil && !whole {
		return f.unreadable(err)
	}
	table := format.Kind == "csv" || format.Kind == "tsv"
	switch name, err := f.encodingOf(sample, r, !f.strict && (table || format.Kind == "txt")); {
	case err != nil:
		return err
	case name != "utf-8":
		format.Encoding, format.guessed = name, name == guessed && f.encoding == ""
		if format.encoding, err = encodingNamed(name); err != nil {
			return err
		}
		// A part of a character at the end is of no interest here.
		sample, _ = format.encoding.NewDecoder().Bytes(sample)
	}
	if !table {
		return nil
	}
	usual := map[string]byte{"csv": ',', "tsv": '\t'}[format.Kind]
	format.Separator, format.declared = separatorOf(textx.TrimBOM(sample), usual, whole)
	if f.strict && !format.declared && format.Separator != usual {
		return f.errorAt(1, 1, "the fields are separated by "+separatorName(format.Separator)+", not by "+separatorName(usual), "save it with "+separatorName(usual)+", or use `tandem batch`, which reads both")
	}
	return nil
}

func ignoreEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// Strict returns the same file, of which nothing is guessed: neither the separator
// of its fields, nor that it is in windows-1252.
func (f *File) Strict() *File {
	return &File{name: f.name, open: f.open, encoding: f.encoding, strict: true}
}

// separatorOf is what separates the fields of a table that begins with sample:
// the usual one, unless another one makes more fields of the first record, and the
// same number of most others. Excel's first line sep=; is believed.
func separatorOf(sample []byte, usual byte, whole bool) (separator byte, declared bool) {
	first, _, _ := strings.Cut(string(sample), "\n")
	if rest, ok := strings.CutPrefix(strings.TrimRight(first, "\r"), "sep="); ok && len(rest) == 1 {
		return rest[0], true
	}
	best, most := usual, max(1, fieldsOf(sample, usual, whole))
	for _, other := range []byte{',', ';', '\t', '|'} {
		if n := fieldsOf(sample, other, whole); n > most {
			best, most = other, n
		}
	}
	return best, false
}

// fieldsOf is how many fields the first record of the sample has if they are
// separated by comma; 0: most records do not have as many.
func fieldsOf(sample []byte, comma byte, whole bool) int {
	const enough = 50 // records
	r := &csvReader{source: &source{file: Text("", ""), r: bytes.NewReader(sample)}, comma: comma, at: cell{1, 1}}
	var counts []int
	for len(counts) < enough {
		record, err := r.record()
		if err != nil {
			if !whole && len(counts) > 1 {
				counts = counts[:len(counts)-1] // it may be cut
			}
			break
		}
		counts = append(counts, len(record))
	}
	same := 0
	for _, n := range counts {
		if n == counts[0] {
			same++
		}
	}
	if same == 0 || same*2 < len(counts) {
		return 0
	}
	return counts[0]
}
