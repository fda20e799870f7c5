package chatui

import (
	"bytes"
	"slices"
	"strings"

	"github.com/rivo/uniseg"
)

// Bounds of what of a table is held back: its rows are laid out together. Further rows
// get the columns of those before, and a longer line is text.
const (
	mostTableRows  = 200
	mostTableBytes = 64 << 10
	mostRowBytes   = 8 << 10
)

const (
	cellGap   = 2 // columns between columns
	leastCell = 8 // columns of one whose cells wrap, if they have as many
	mostFolds = 4 // lines of a cell that wraps, before a list reads better
)

// grid is a table of Markdown, in a terminal's width: its columns are aligned, cells
// wrap between words, and where that does not do, each row is a list of `heading:
// value`.
type grid struct {
	indent []byte
	head   []cell
	align  []byte // of each column: l, r or c
	rows   [][]cell
	ends   []bool // a newline is behind the row
	held   int    // bytes of the rows
	widths []int  // as laid out; nil: it is not yet
	asList bool
	more   bool // a row has been printed
}

// cell is a cell's text, in words that stay whole.
type cell []word

type word struct {
	text  []span
	w     int
	gap   bool // white space is before it, in the style that space has
	space style
	fresh bool // it begins a line
}

// what becomes of a line that may be a table's
const (
	noRow = iota
	rowTaken
	rowUnclear
)

// table takes the line that rest begins with, if it is a table's, and returns how much of
// rest it took.
func (m *Markdown) table(rest []byte, end bool) (n, what int) {
	line, after, whole := bytes.Cut(rest, []byte{'\n'})
	known := whole || end
	text := bytes.TrimLeft(line, " ")
	switch {
	case len(text) == 0 && !known && m.grid != nil, len(text) > 0 && text[0] == '|' && !known && len(line) <= mostRowBytes:
		return 0, rowUnclear
	case len(text) == 0 || text[0] != '|' || len(line) > mostRowBytes:
		m.endTable()
		return 0, noRow
	case m.grid == nil:
		second, _, secondWhole := bytes.Cut(after, []byte{'\n'})
		if mayRule := len(bytes.Trim(second, "|-: ")) == 0 && len(second) <= mostRowBytes; mayRule && !secondWhole && !end {
			return 0, rowUnclear
		}
		align := rule(second)
		if align == nil || len(line) > len(text)+3 && !m.list {
			return 0, noRow
		}
		m.grid = &grid{indent: bytes.Clone(line[:len(line)-len(text)]), align: align, ends: []bool{secondWhole}}
		m.grid.head = m.cells(text, bold)
		m.blank = false
		n = len(line) + 1 + len(second)
		whole = secondWhole
	default:
		m.grid.rows, m.grid.ends = append(m.grid.rows, m.cells(text, 0)), append(m.grid.ends, whole)
		m.grid.held += len(line)
		n = len(line)
	}
	if whole {
		n++
	}
	if g := m.grid; g.widths != nil || g.asList || len(g.rows) >= mostTableRows || g.held >= mostTableBytes {
		m.layOut()
	}
	return n, rowTaken
}

// endTable prints what is held of a table, which ends.
func (m *Markdown) endTable() {
	if m.grid != nil {
		m.layOut()
		m.grid = nil
	}
}

// rule are the alignments that the line below a table's headings says; nil: it is none.
func rule(line []byte) (align []byte) {
	if !bytes.Contains(line, []byte{'|'}) {
		return nil
	}
	for _, c := range splitRow(bytes.TrimSpace(line)) {
		left, right := bytes.HasPrefix(c, []byte{':'}), bytes.HasSuffix(c, []byte{':'})
		if dashes := bytes.Trim(c, ":"); len(dashes) == 0 || len(bytes.Trim(dashes, "-")) > 0 {
			return nil
		}
		switch {
		case left && right:
			align = append(align, 'c')
		case right:
			align = append(align, 'r')
		default:
			align = append(align, 'l')
		}
	}
	return align
}

// splitRow are the texts of a row's cells. A bar behind a backslash is text.
func splitRow(row []byte) (cells [][]byte) {
	row = bytes.TrimPrefix(bytes.TrimRight(row, " \t"), []byte{'|'})
	from := 0
	for i := 0; i < len(row); i++ {
		switch row[i] {
		case '\\':
			i++
		case '|':
			cells = append(cells, bytes.TrimSpace(row[from:i]))
			from = i + 1
		}
	}
	if from < len(row) || len(cells) == 0 {
		cells = append(cells, bytes.TrimSpace(row[from:]))
	}
	return cells
}

// cells are the formatted cells of a row.
func (m *Markdown) cells(row []byte, s style) (cells []cell) {
	for _, text := range splitRow(row) {
		var spans []span
		m.cell = &spans
		m.inline(bytes.ReplaceAll(text, []byte(`\|`), []byte{'|'}), s, true)
		m.cell, m.prev = nil, 0
		cells = append(cells, wordsOf(spans))
	}
	return cells
}

var lineBreaks = strings.NewReplacer("<br>", "\v", "<br/>", "\v", "<br />", "\v")

// wordsOf takes text apart where a line may be broken.
func wordsOf(spans []span) (c cell) {
	var prev []byte // the letter before, of the same word
	var next word
	for _, s := range spans {
		text := lineBreaks.Replace(string(s.text))
		if s.style&code != 0 {
			text = string(s.text)
		}
		for len(text) > 0 {
			cluster, more, w, _ := uniseg.FirstGraphemeClusterInString(text, -1)
			text = more
			if cluster == " " || cluster == "\t" || cluster == "\v" {
				next = word{gap: true, space: s.style, fresh: next.fresh || cluster == "\v"}
				prev = nil
				continue
			}
			letter := []byte(cluster)
			if prev == nil || mayBreak(prev, letter) {
				c, next = append(c, next), word{}
			}
			last := &c[len(c)-1]
			last.text, last.w, prev = appendSpan(last.text, letter, s.style), last.w+w, letter
		}
	}
	return c
}

// width is how wide a cell is where it does not wrap, and least how wide its widest word.
func (c cell) width() (width, least int) {
	used := 0
	for i, w := range c {
		switch {
		case w.fresh && i > 0:
			used = 0
		case w.gap && i > 0:
			used++
		}
		used += w.w
		width, least = max(width, used), max(least, w.w)
	}
	return width, least
}

// textLine is text of one line and its width.
type textLine struct {
	text []span
	w    int
}

// fit is the cell with words of at most width columns: a row that comes after the
// columns were laid out may have wider ones.
func (c cell) fit(width int) (fits cell) {
	for _, w := range c {
		if w.w <= width {
			fits = append(fits, w)
			continue
		}
		at := word{gap: w.gap, space: w.space, fresh: w.fresh}
		for _, s := range w.text {
			for text := string(s.text); text != ""; {
				letter, rest, n, _ := uniseg.FirstGraphemeClusterInString(text, -1)
				if at.w > 0 && at.w+n > width {
					fits, at = append(fits, at), word{}
				}
				at.text, at.w, text = appendSpan(at.text, []byte(letter), s.style), at.w+n, rest
			}
		}
		fits = append(fits, at)
	}
	return fits
}

// fold breaks a cell into lines of at most width columns.
func (c cell) fold(width int) (lines []textLine) {
	var at textLine
	for i, w := range c.fit(width) {
		gap := 0
		if w.gap && at.w > 0 {
			gap = 1
		}
		if i > 0 && (w.fresh || at.w+gap+w.w > width) {
			lines = append(lines, at)
			at, gap = textLine{}, 0
		}
		if gap > 0 {
			at.text = appendSpan(at.text, []byte{' '}, w.space)
		}
		for _, s := range w.text {
			at.text = appendSpan(at.text, s.text, s.style)
		}
		at.w += gap + w.w
	}
	return append(lines, at)
}

// fit decides on the columns' widths.
func (g *grid) fit(cols int) {
	var least []int
	for _, row := range append([][]cell{g.head}, g.rows...) {
		for i, c := range row {
			if i == len(g.widths) {
				g.widths, least = append(g.widths, 1), append(least, 1)
			}
			w, l := c.width()
			g.widths[i], least[i] = max(g.widths[i], w), max(least[i], l, min(w, leastCell))
		}
	}
	if cols <= 0 {
		return
	}
	room := cols - len(g.indent) - cellGap*(len(g.widths)-1)
	for i := range g.widths {
		g.widths[i] = min(g.widths[i], max(room, 1))
	}
	if g.asList = !shrink(g.widths, room, least); g.asList {
		return
	}
	for _, row := range g.rows {
		for i, c := range row {
			g.asList = g.asList || len(c.fold(g.widths[i])) > mostFolds
		}
	}
}

// shrink makes the widest columns narrower until all have room, none beyond its least
// width, and reports whether they have.
func shrink(widths []int, room int, least []int) bool {
	sum := 0
	for _, w := range widths {
		sum += w
	}
	for ; sum > room; sum-- {
		widest := -1
		for i, w := range widths {
			if w > least[i] && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return false
		}
		widths[widest]--
	}
	for i, w := range widths {
		if w < least[i] {
			return false
		}
	}
	return true
}

// layOut prints the rows that are held.
func (m *Markdown) layOut() {
	g, first := m.grid, 0
	if g.widths == nil {
		cols := 0
		if m.look.Width != nil {
			cols = m.look.Width()
		}
		g.fit(cols)
		if first = 1; !g.asList {
			m.rowLines(g.head)
			m.flow.newLine()
			m.ruleLine()
			if g.ends[0] {
				m.flow.newLine()
			}
		} else if len(g.rows) == 0 {
			g.rows, g.ends, g.head = append(g.rows, g.head), append(g.ends, g.ends[0]), nil
		}
	}
	for i, row := range g.rows {
		if g.asList {
			m.rowList(row)
		} else {
			m.rowLines(row)
		}
		if g.ends[first+i] {
			m.flow.newLine()
		}
	}
	g.rows, g.ends, g.held = nil, nil, 0
}

// rowLines prints a row side by side.
func (m *Markdown) rowLines(row []cell) {
	g := m.grid
	for len(g.widths) < len(row) { // it has more cells than those that were laid out
		g.widths = append(g.widths, leastCell)
	}
	folded, height := make([][]textLine, len(row)), 1
	for i, c := range row {
		folded[i] = c.fold(g.widths[i])
		height = max(height, len(folded[i]))
	}
	for n := range height {
		if n > 0 {
			m.flow.newLine()
		}
		m.flow.asIs = true
		m.printStyled(g.indent, 0)
		blank := 0 // columns before the next text
		for i, lines := range folded {
			if i > 0 {
				blank += cellGap
			}
			var at textLine
			if n < len(lines) {
				at = lines[n]
			}
			room := max(0, g.widths[i]-at.w)
			before := 0
			switch {
			case i < len(g.align) && g.align[i] == 'r':
				before = room
			case i < len(g.align) && g.align[i] == 'c':
				before = room / 2
			}
			if blank += before; at.w > 0 {
				m.printStyled(bytes.Repeat([]byte{' '}, blank), 0)
				blank = 0
			}
			for _, s := range at.text {
				m.printStyled(s.text, s.style)
			}
			blank += room - before
		}
	}
}

// ruleLine prints the line below the headings.
func (m *Markdown) ruleLine() {
	m.flow.asIs = true
	m.printStyled(m.grid.indent, 0)
	var rules []string
	for _, w := range m.grid.widths {
		rules = append(rules, strings.Repeat("─", w))
	}
	m.printStyled([]byte(strings.Join(rules, strings.Repeat(" ", cellGap))), dim)
}

// rowList prints a row as a list, with an empty line before the next one. Cells without
// text are left out, unless there are no others.
func (m *Markdown) rowList(row []cell) {
	g, some := m.grid, false
	if g.more {
		m.flow.newLine()
	}
	g.more = true
	text := slices.ContainsFunc(row, func(c cell) bool { return len(c) > 0 })
	for i := range max(len(row), len(g.head)) {
		var c cell
		if i < len(row) {
			c = row[i]
		}
		if len(c) == 0 && text {
			continue
		}
		if some {
			m.flow.newLine()
		}
		some = true
		m.flow.indent(span{append(bytes.Clone(g.indent), "  "...), 0})
		m.printStyled(g.indent, 0)
		if i < len(g.head) && len(g.head[i]) > 0 {
			m.printWords(g.head[i])
			m.printStyled([]byte(": "), bold)
		}
		m.printWords(c)
	}
}

// printWords prints a cell as text.
func (m *Markdown) printWords(c cell) {
	for i, w := range c {
		if w.gap && i > 0 {
			m.printStyled([]byte{' '}, w.space)
		}
		for _, s := range w.text {
			m.printStyled(s.text, s.style)
		}
	}
}
