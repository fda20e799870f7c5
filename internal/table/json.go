package table

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/textx"
)

// lines reads a file line by line.
type lines struct {
	*source
	r      *bufio.Reader
	number int // of the last line
	offset int64
}

// line is the next line that is not blank.
func (l *lines) line() (string, error) {
	if l.r == nil {
		l.r = bufio.NewReader(l.source)
	}
	for {
		l.startRow(l.offset)
		text, err := l.r.ReadString('\n')
		l.offset += int64(len(text))
		if err != nil && err != io.EOF {
			return "", err
		}
		l.number++
		if strings.TrimSpace(text) != "" {
			return text, nil
		}
		if err != nil {
			return "", err
		}
	}
}

// plainLines reads a text a line.
type plainLines struct{ lines }

func (*plainLines) columns() []string { return nil }

func (p *plainLines) next() (Row, error) {
	text, err := p.line()
	return Row{Line: p.number, Value: strings.TrimSpace(text)}, err
}

// jsonLines reads a JSON value a line.
type jsonLines struct {
	lines
	names []string
}

func (j *jsonLines) columns() []string { return j.names }

func (j *jsonLines) next() (Row, error) {
	text, err := j.line()
	if err != nil {
		return Row{}, err
	}
	value, at, err := textx.DecodeJSON(text)
	if err != nil {
		return Row{}, j.file.errorAt(j.number, 1+utf8.RuneCountInString(text[:at]), "this is not one JSON value: "+err.Error(), "write one per line")
	}
	j.names = keys(j.names, value)
	return Row{Line: j.number, Value: value}, nil
}

// jsonList reads one JSON list.
type jsonList struct {
	*source
	dec      *json.Decoder
	elements int // read
	names    []string
}

func (j *jsonList) columns() []string { return j.names }

func (j *jsonList) next() (Row, error) {
	if j.dec == nil {
		if err := j.begin(); err != nil {
			return Row{}, err
		}
	}
	if !j.dec.More() {
		return Row{}, j.end()
	}
	j.startRow(j.dec.InputOffset())
	var value any
	if err := j.dec.Decode(&value); err != nil {
		return Row{}, j.badElement(err)
	}
	j.elements++
	value = textx.Numbers(value)
	j.names = keys(j.names, value)
	return Row{Value: value}, nil
}

// begin reads the list's bracket.
func (j *jsonList) begin() error {
	j.dec = json.NewDecoder(j.source)
	j.dec.UseNumber()
	first, err := j.dec.Token()
	switch {
	case err != nil:
		return j.notJSON(err, j.dec.InputOffset())
	case first != json.Delim('['):
		return j.file.errorAt(1, 1, "it contains no list", `write [{"country": "India"}, …]`)
	}
	return nil
}

// end reads the bracket after the last element, and returns io.EOF where nothing
// follows it.
func (j *jsonList) end() error {
	if _, err := j.dec.Token(); err != nil {
		return j.notJSON(err, j.dec.InputOffset())
	}
	end := j.dec.InputOffset()
	_, err := j.dec.Token()
	switch {
	case err == io.EOF:
		return err
	case j.readError(err) == nil:
		err = errors.New("there is more after the JSON")
	}
	return j.notJSON(err, end)
}

// badElement is an error in the element that begins with the row. A decoder of a
// stream does not tell where it is; decoding the element alone does.
func (j *jsonList) badElement(err error) error {
	text := string(j.row)
	element := strings.TrimLeft(text, " \t\r\n")
	if j.elements > 0 {
		rest, ok := strings.CutPrefix(element, ",")
		if !ok && j.readError(err) == nil && element != "" {
			return j.notJSON(err, j.rowAt+int64(len(text)-len(element)))
		}
		element = strings.TrimLeft(rest, " \t\r\n")
	}
	if _, at, again := textx.DecodeJSON(element); errors.As(again, new(*json.SyntaxError)) {
		return j.notJSON(err, j.rowAt+int64(len(text)-len(element)+at))
	}
	return j.notJSON(err, j.dec.InputOffset())
}

func (j *jsonList) notJSON(err error, offset int64) error {
	if own := j.readError(err); own != nil {
		return own
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	line, column := j.place(offset)
	return j.file.errorAt(line, column, "this is not JSON: "+err.Error(), "")
}
