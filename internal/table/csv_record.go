package table

import "io"

// csvReader reads records as Python's csv module does: a quotation mark means
// something only at the beginning of a field and within such a field, what
// follows a quoted part belongs to the field, and a line ends with \n, \r or
// \r\n. Unlike there, a quoted field that never ends is an error: the rest of the
// file would be its text.
type csvReader struct {
	*source
	comma byte
	buf   [4 << 10]byte
	text  []byte // of buf, not used yet
	used  int64  // bytes before text
	at    cell   // text begins there
	last  byte   // before it

	field  []byte
	fields []string
	starts []cell // where the fields begin
}

// cell is a place in a table, in lines and characters from 1.
type cell struct{ line, column int }

// peek returns the next byte without using it.
func (c *csvReader) peek() (byte, error) {
	for len(c.text) == 0 {
		n, err := c.source.Read(c.buf[:])
		if c.text = c.buf[:n]; n == 0 && err != nil {
			return 0, err
		}
	}
	return c.text[0], nil
}

// skip uses the byte that peek returned.
func (c *csvReader) skip() {
	b := c.text[0]
	c.text = c.text[1:]
	c.used++
	switch {
	case b == '\n' && c.last == '\r': // one line end
	case b == '\n' || b == '\r':
		c.at = cell{c.at.line + 1, 1}
	case b&0xc0 != 0x80: // the first byte of a character
		c.at.column++
	}
	c.last = b
}

// record returns the next record that is no empty line; io.EOF: there is none.
func (c *csvReader) record() ([]string, error) {
	for {
		c.startRow(c.used)
		c.fields, c.starts = nil, c.starts[:0]
		empty, err := c.read()
		if err != nil || !empty {
			return c.fields, err
		}
	}
}

// read reads one line, or the lines of one record. empty: it was an empty line.
func (c *csvReader) read() (empty bool, err error) {
	const (
		plain = iota
		quoted
		afterQuote // a quotation mark within a quoted part: its end, or the first of two
	)
	state, begun := plain, false // begun: the field has something in it, if only a quote
	c.starts = append(c.starts, c.at)
	for {
		b, err := c.peek()
		switch {
		case err == io.EOF && state == quoted:
			at := c.starts[len(c.starts)-1]
			return false, c.file.errorAt(at.line, at.column, "a quoted field is never closed", `end it with ", and write a quotation mark inside it as ""`)
		case err == io.EOF && len(c.fields) == 0 && !begun:
			return false, io.EOF
		case err == io.EOF:
			c.save()
			return false, nil
		case err != nil:
			return false, err
		}
		c.skip()
		switch {
		case b == '"' && !begun:
			state, begun = quoted, true
		case state == quoted && b == '"':
			state = afterQuote
		case state == afterQuote && b == '"':
			c.field, state = append(c.field, b), quoted
		case state == quoted:
			c.field = append(c.field, b)
		case b == c.comma:
			c.save()
			c.starts = append(c.starts, c.at)
			state, begun = plain, false
		case b == '\n' || b == '\r':
			if after, err := c.peek(); b == '\r' && err == nil && after == '\n' {
				c.skip()
			}
			if len(c.fields) == 0 && !begun {
				return true, nil
			}
			c.save()
			return false, nil
		default:
			c.field, state, begun = append(c.field, b), plain, true
		}
	}
}

func (c *csvReader) save() {
	c.fields, c.field = append(c.fields, string(c.field)), c.field[:0]
}
