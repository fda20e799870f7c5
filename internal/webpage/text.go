package webpage

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
)

// readable is the text of a body: HTML's without its tags, and other text as it is.
func readable(contentType string, body []byte) (string, error) {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil || kind == "application/octet-stream" {
		contentType = http.DetectContentType(body)
		kind, _, _ = mime.ParseMediaType(contentType) //nolint:errcheck // the standard library's own
	}
	if !isText(kind) {
		return "", fmt.Errorf("it is %s, not text; download it, and attach what can be read of it", kind)
	}
	text, err := decode(body, contentType)
	if err != nil {
		return "", err
	}
	if kind == "text/html" || kind == "application/xhtml+xml" {
		text, err = htmlText(text)
	}
	if err == nil && strings.TrimSpace(text) == "" {
		err = fmt.Errorf("it has no text; a page that is made by a script in the browser has none here")
	}
	return text, err
}

func isText(kind string) bool {
	known := []string{
		"application/json", "application/xml", "application/yaml", "application/x-yaml", "application/toml",
		"application/javascript", "application/x-ndjson", "application/jsonl", "application/x-sh", "application/sql",
	}
	return strings.HasPrefix(kind, "text/") || slices.Contains(known, kind) ||
		strings.HasPrefix(kind, "application/") && (strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "+xml") || strings.HasSuffix(kind, "+yaml"))
}

// decode makes UTF-8 of a body in the character set that it says, or that it begins
// with. Binary data is an error.
func decode(body []byte, contentType string) (string, error) {
	encoding, _, certain := charset.DetermineEncoding(body, contentType)
	if certain || !utf8.Valid(body) {
		decoded, err := io.ReadAll(io.LimitReader(encoding.NewDecoder().Reader(bytes.NewReader(body)), 4*MaxSize))
		if err != nil {
			return "", fmt.Errorf("its character set cannot be read: %w", err)
		}
		body = decoded
	}
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	if bytes.IndexByte(body, 0) >= 0 {
		return "", fmt.Errorf("it is binary data, not text; download it, and attach what can be read of it")
	}
	return strings.ReplaceAll(strings.ToValidUTF8(string(body), "\ufffd"), "\r\n", "\n"), nil
}

// htmlText is what can be read of an HTML page: its main part if it marks one, headings
// and lists as in Markdown.
func htmlText(page string) (string, error) {
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return "", fmt.Errorf("its HTML cannot be read: %w", err)
	}
	w := &writer{}
	if title := find(root, atom.Title); title != nil {
		w.block()
		w.text(plainText(title))
		w.block()
	}
	body := root
	for _, part := range []atom.Atom{atom.Main, atom.Article, atom.Body} {
		if n := find(root, part); n != nil && len(strings.Fields(plainText(n))) > 0 {
			body = n
			break
		}
	}
	w.node(body)
	return strings.TrimSpace(w.out.String()) + "\n", nil
}

// find is the first element of that kind.
func find(n *html.Node, kind atom.Atom) *html.Node {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.DataAtom == kind && d.Namespace == "" {
			return d
		}
	}
	return nil
}

func plainText(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// writer writes a page's text: white space folds but in pre, and blocks have an empty
// line between them.
type writer struct {
	out   strings.Builder
	lines int  // line ends that are due
	space bool // a space is due
	pre   bool
}

// block ends a paragraph, and line a line.
func (w *writer) block() { w.lines, w.space = max(w.lines, 2), false }
func (w *writer) line()  { w.lines, w.space = max(w.lines, 1), false }

func (w *writer) text(s string) {
	if w.pre {
		w.due()
		w.out.WriteString(s)
		return
	}
	if s != "" && isSpace(rune(s[0])) {
		w.space = true
	}
	for i, word := range strings.FieldsFunc(s, isSpace) {
		w.space = w.space || i > 0
		w.due()
		w.out.WriteString(word)
	}
	if s != "" && isSpace(rune(s[len(s)-1])) {
		w.space = true
	}
}

// isSpace: HTML folds no other white space.
func isSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\f' }

// due writes what is due before a word.
func (w *writer) due() {
	switch {
	case w.out.Len() == 0:
	case w.lines > 0:
		w.out.WriteString(strings.Repeat("\n", w.lines))
	case w.space:
		w.out.WriteByte(' ')
	}
	w.lines, w.space = 0, false
}

func (w *writer) children(n *html.Node) {
	for c := range n.ChildNodes() {
		w.node(c)
	}
}

func (w *writer) node(n *html.Node) {
	if n.Type == html.TextNode {
		w.text(n.Data)
		return
	}
	if n.Type != html.ElementNode {
		w.children(n)
		return
	}
	if isHidden(n) {
		return
	}
	switch n.DataAtom {
	case atom.Br:
		w.line()
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		w.block()
		w.text(strings.Repeat("#", int(n.Data[1]-'0')) + " ")
		w.children(n)
		w.block()
	case atom.Li, atom.Dt, atom.Dd:
		w.line()
		w.text("- ")
		w.children(n)
		w.line()
	case atom.Tr:
		w.line()
		w.children(n)
		w.line()
	case atom.Td, atom.Th:
		if w.lines == 0 && w.out.Len() > 0 {
			w.text(" | ")
		}
		w.children(n)
	case atom.Pre:
		w.block()
		w.text("```\n")
		w.lines, w.space, w.pre = 0, false, true
		w.out.WriteByte('\n')
		w.children(n)
		w.pre = false
		w.line()
		w.text("```")
		w.block()
	case atom.Img:
		if alt := attribute(n, "alt"); alt != "" {
			w.text("[" + alt + "]")
		}
	case atom.P, atom.Div, atom.Section, atom.Article, atom.Main, atom.Blockquote, atom.Ul, atom.Ol, atom.Dl, atom.Table, atom.Figure, atom.Figcaption, atom.Hr, atom.Details, atom.Summary, atom.Address, atom.Header, atom.Form:
		w.block()
		w.children(n)
		w.block()
	default:
		w.children(n)
	}
}

// isHidden reports whether a reader sees nothing of an element: it is none of the
// page's text, or is hidden.
func isHidden(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Head, atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Svg, atom.Math, atom.Iframe, atom.Object, atom.Canvas,
		atom.Nav, atom.Footer, atom.Aside, atom.Button, atom.Select, atom.Textarea, atom.Dialog:
		return true
	}
	style := strings.ReplaceAll(strings.ToLower(attribute(n, "style")), " ", "")
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "hidden" }) ||
		attribute(n, "aria-hidden") == "true" || strings.Contains(style, "display:none") || strings.Contains(style, "visibility:hidden")
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
