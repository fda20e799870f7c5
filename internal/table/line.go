package table

import (
	"bufio"
	"errors"
)

// ReadLine is the next line with its end; io.EOF comes with the last one. The error of a
// line that is larger than [MaxRow] is tooLong.
func ReadLine(r *bufio.Reader, tooLong error) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if line = append(line, part...); len(line) > MaxRow {
			return nil, tooLong
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}
