package terminal

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/tandem-llm/tandem/internal/chatui"
)

// Table is rows in columns, for standard output. A terminal gets it in its
// width: columns that may be cut are cut, columns that may be dropped are left out,
// cells wrap, and where that does not do, each row is a block of lines `name: value`. What is not a terminal gets every
// cell whole, a line for each row, aligned with spaces.
//
// A cell is on one line, and without control characters where it is shown.
type Table struct {
	w     io.Writer
	width int // of the terminal; 0: it is none
	head  []string
	cut   []bool
	drop  []string // headings that may be left out, the least important first
	rows  [][]string
}

const (
	tableGap    = 2  // columns between columns
	leastCut    = 12 // columns that are left of a cell that is cut
	leastColumn = 8  // of one that wraps, if it has as many
	mostLines   = 3  // of a cell that wraps, before a block reads better
)

var oneLine = strings.NewReplacer("\n", " ", "\t", " ", "\v", " ", "\f", " ")

// Table returns a table with a line of headings; none: it has no such line. The
// heading "" over the first column says that it names the row.
func (t *Terminal) Table(headings ...string) *Table {
	return &Table{w: t.Out, width: t.OutWidth(), head: headings, cut: make([]bool, len(headings))}
}

// MayCut says which columns end with an ellipsis where the terminal is too
// narrow: of those, a reader needs the beginning.
func (b *Table) MayCut(headings ...string) *Table {
	for i, h := range b.head {
		b.cut[i] = b.cut[i] || slices.Contains(headings, h)
	}
	return b
}

// MayDrop says which columns are left out where the terminal is too narrow, the least
// important first. The rows of such a table are one line each: no cell wraps.
func (b *Table) MayDrop(headings ...string) *Table {
	b.drop = append(b.drop, headings...)
	return b
}

// Row adds a row, with a value for each column.
func (b *Table) Row(cells ...any) {
	row := make([]string, len(cells))
	for i, c := range cells {
		text := fmt.Sprint(c)
		if b.width > 0 {
			text = StripControls(text)
		}
		row[i] = oneLine.Replace(text)
	}
	b.rows = append(b.rows, row)
}

// Len is how many rows there are.
func (b *Table) Len() int { return len(b.rows) }

// Flush writes the table. One without rows is nothing.
func (b *Table) Flush() error {
	if len(b.rows) == 0 {
		return nil
	}
	var out strings.Builder
	if b.width == 0 {
		b.align(&out)
	} else if t, widths := b.fitted(); t != nil {
		t.columns(&out, widths)
	} else {
		b.blocks(&out)
	}
	_, err := io.WriteString(b.w, out.String())
	return err
}

// all are the rows, the headings first.
func (b *Table) all() [][]string {
	if len(b.head) == 0 {
		return b.rows
	}
	return append([][]string{b.head}, b.rows...)
}

func (b *Table) align(out *strings.Builder) {
	w := tabwriter.NewWriter(out, 0, 4, tableGap, ' ', 0)
	for _, row := range b.all() {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // a strings.Builder does not fail
}

// fitted is the table, without as many of its columns as have no room, and their
// widths; nil: it cannot be read that way.
func (b *Table) fitted() (*Table, []int) {
	t := b
	for n := 0; ; n++ {
		if widths, ok := t.fit(); ok {
			return t, widths
		}
		if n == len(b.drop) {
			return nil, nil
		}
		t = t.without(b.drop[n])
	}
}

// without is the table without a column.
func (b *Table) without(heading string) *Table {
	i := slices.Index(b.head, heading)
	if i < 0 {
		return b
	}
	t := *b
	t.head, t.cut, t.rows = omit(b.head, i), omit(b.cut, i), make([][]string, len(b.rows))
	for n, row := range b.rows {
		t.rows[n] = omit(row, i)
	}
	return &t
}

// omit is a copy of a list without one of its values.
func omit[T any](list []T, i int) []T {
	return slices.Delete(slices.Clone(list), i, i+1)
}

// fit decides on the columns' widths, and reports whether the table can be read
// in them.
func (b *Table) fit() (widths []int, ok bool) {
	var least []int
	for _, row := range b.all() {
		for i, cell := range row {
			if i == len(widths) {
				widths, least = append(widths, 0), append(least, 0)
			}
			w := chatui.Width(cell)
			widths[i] = max(widths[i], w)
			least[i] = max(least[i], b.narrowest(i, cell, w))
		}
	}
	room := b.width - tableGap*(len(widths)-1)
	shrink(widths, room, func(i int) int {
		if i < len(b.cut) && b.cut[i] {
			return min(leastCut, widths[i])
		}
		return widths[i]
	})
	if !shrink(widths, room, func(i int) int { return min(least[i], widths[i]) }) {
		return nil, false
	}
	for _, row := range b.rows {
		for i, cell := range row {
			if !b.cuts(i) && !b.pairs() && len(chatui.Fold(cell, widths[i])) > mostLines {
				return nil, false
			}
		}
	}
	return widths, true
}

// narrowest is how many columns a cell of that width needs.
func (b *Table) narrowest(i int, cell string, width int) int {
	if b.cuts(i) {
		return min(leastCut, width)
	}
	if i == 0 || len(b.drop) > 0 { // what names the row stays on its line
		return width
	}
	longest := min(leastColumn, width)
	for _, word := range strings.Fields(cell) {
		longest = max(longest, chatui.Width(word))
	}
	return longest
}

func (b *Table) cuts(i int) bool { return i < len(b.cut) && b.cut[i] }

// pairs reports whether rows are a name and what it stands for.
func (b *Table) pairs() bool { return len(b.head) == 0 && len(b.rows[0]) == 2 }

// shrink makes the widest columns narrower until all have room, none beyond its
// least width, and reports whether they have.
func shrink(widths []int, room int, least func(int) int) bool {
	sum := 0
	for _, w := range widths {
		sum += w
	}
	for ; sum > room; sum-- {
		widest := -1
		for i, w := range widths {
			if w > least(i) && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return false
		}
		widths[widest]--
	}
	return true
}

// columns writes rows side by side.
func (b *Table) columns(out *strings.Builder, widths []int) {
	for _, row := range b.all() {
		cells := make([][]string, len(row))
		lines := 1
		for i, cell := range row {
			switch {
			case b.cuts(i):
				cells[i] = []string{chatui.Cut(cell, widths[i])}
			case chatui.Width(cell) <= widths[i]:
				cells[i] = []string{cell}
			default:
				cells[i] = chatui.Fold(cell, widths[i])
			}
			lines = max(lines, len(cells[i]))
		}
		for n := range lines {
			var line strings.Builder
			for i, cell := range cells {
				text := ""
				if n < len(cell) {
					text = cell[n]
				}
				line.WriteString(text)
				line.WriteString(strings.Repeat(" ", max(0, widths[i]-chatui.Width(text))+tableGap))
			}
			out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
		}
	}
}

// blocks writes each row as lines, a blank one between two rows. Values that are
// not there are left out.
func (b *Table) blocks(out *strings.Builder) {
	for n, row := range b.rows {
		if n > 0 && !b.pairs() {
			out.WriteByte('\n')
		}
		for i, cell := range row {
			name := ""
			if i < len(b.head) {
				name = b.head[i]
			}
			switch cell = strings.TrimSpace(cell); {
			case i == 0 && name == "":
				out.WriteString(strings.Join(chatui.Fold(cell, b.width), "\n") + "\n")
			case cell == "":
			case name == "":
				out.WriteString(Hang("  ", cell, b.width) + "\n")
			default:
				b.value(out, strings.ToLower(name)+":", cell)
			}
		}
	}
}

// value writes a value behind its name.
func (b *Table) value(out *strings.Builder, name, cell string) {
	indent := ""
	if b.head[0] == "" {
		indent = "  "
	}
	lines := chatui.Fold(name+" "+cell, b.width-len(indent))
	if len(lines) > 1 { // what follows is told from a name
		rest := strings.TrimPrefix(strings.Join(lines[1:], " "), " ")
		lines = append(lines[:1], chatui.Fold(rest, b.width-len(indent)-2)...)
	}
	for i, line := range lines {
		if i > 0 {
			line = "  " + line
		}
		out.WriteString(indent + line + "\n")
	}
}
