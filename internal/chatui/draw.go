package chatui

import (
	"fmt"
	"strings"

	"github.com/rivo/uniseg"
)

// drawing is what stands on the screen, from the row where the prompt begins.
type drawing struct {
	row int // the cursor's
}

// layout is a text as the rows of a terminal of that width, and where in them
// the cursor stands. The first row begins with prompt, a new line with more.
func layout(text string, at int, prompt, more string, width int) (rows []string, row, column int) {
	var b strings.Builder
	used := 0
	begin := func(mark string) {
		b.WriteString(mark)
		used = uniseg.StringWidth(mark)
	}
	next := func() {
		rows = append(rows, b.String())
		b.Reset()
		used = 0
	}
	here := func(i int) {
		if i == at {
			row, column = len(rows), used
		}
	}
	begin(prompt)
	for i := 0; i < len(text); {
		cluster, _, w, _ := uniseg.FirstGraphemeClusterInString(text[i:], -1)
		if cluster == "\n" {
			here(i)
			next()
			begin(more)
			i++
			continue
		}
		shown := cluster
		switch {
		case cluster == "\t":
			w = 4
			shown = "    "
		case strings.ContainsFunc(cluster, Hidden): // typed or pasted: it is sent, and does nothing here
			var f Filter
			shown = string(f.Append(nil, []byte(cluster)))
			w = uniseg.StringWidth(shown)
		}
		if used+w > width && used > 0 {
			next()
		}
		here(i)
		b.WriteString(shown)
		used += w
		i += len(cluster)
	}
	if used >= width {
		next()
	}
	here(len(text))
	return append(rows, b.String()), row, column
}

// draw is what makes the screen show rows, of which no more than height fit,
// with the cursor in its place.
func (d *drawing) draw(rows []string, row, column, height int) string {
	if height = max(height, 1); len(rows) > height {
		from := min(max(0, row-height/2), len(rows)-height)
		rows, row = rows[from:from+height], row-from
	}
	var b strings.Builder
	b.WriteString(d.eraseDrawing())
	b.WriteString(strings.Join(rows, "\r\n"))
	if up := len(rows) - 1 - row; up > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", up)
	}
	b.WriteString("\r")
	if column > 0 {
		fmt.Fprintf(&b, "\x1b[%dC", column)
	}
	d.row = row
	return b.String()
}

// eraseDrawing goes to the first row, and clears it and what is below.
func (d *drawing) eraseDrawing() string {
	up := ""
	if d.row > 0 {
		up = fmt.Sprintf("\x1b[%dA", d.row)
	}
	d.row = 0
	return up + "\r\x1b[J"
}
