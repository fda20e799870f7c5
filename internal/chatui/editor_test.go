package chatui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// screen is a terminal of which so much is played as the editor uses. It shows
// what a user would see.
type screen struct {
	width     int
	rows      [][]rune
	x, y      int
	seen      strings.Builder // all that was written
	invisible int             // sequences that it does not play
}

func (s *screen) Write(p []byte) (int, error) {
	s.seen.Write(p)
	for r := []rune(string(p)); len(r) > 0; {
		r = s.play(r)
	}
	return len(p), nil
}

func (s *screen) play(r []rune) []rune {
	switch {
	case r[0] == '\r':
		s.x = 0
	case r[0] == '\n':
		s.y++
	case r[0] == 0x1b:
		n := 2
		for r[n] < 0x40 || r[n] > 0x7e {
			n++
		}
		s.move(r[n], string(r[2:n]))
		return r[n+1:]
	default:
		s.row(s.y)
		for len(s.rows[s.y]) <= s.x {
			s.rows[s.y] = append(s.rows[s.y], ' ')
		}
		s.rows[s.y][s.x] = r[0]
		if s.x++; r[0] >= 0x1100 { // wide
			s.rows[s.y] = append(s.rows[s.y][:s.x], 0)
			s.x++
		}
	}
	return r[1:]
}

func (s *screen) row(y int) {
	for len(s.rows) <= y {
		s.rows = append(s.rows, nil)
	}
}

func (s *screen) move(c rune, arg string) {
	n := 0
	for _, d := range arg {
		n = n*10 + int(d-'0')
	}
	switch c {
	case 'A':
		s.y -= n
	case 'C':
		s.x += n
	case 'J':
		s.row(s.y)
		s.rows = s.rows[:s.y+1]
		s.rows[s.y] = s.rows[s.y][:min(s.x, len(s.rows[s.y]))]
	default:
		s.invisible++
	}
}

func (s *screen) text() string {
	var out []string
	for _, row := range s.rows {
		out = append(out, strings.TrimRight(strings.ReplaceAll(string(row), "\x00", ""), " "))
	}
	return strings.TrimRight(strings.Join(out, "\n"), "\n")
}

// typed is what comes of keys that are typed one piece after the other.
func typed(t *testing.T, e *Editor, keys ...string) (message, screenText string, err error) {
	t.Helper()
	r, w := io.Pipe()
	in := NewInput(r)
	defer in.Close()
	defer r.Close()
	s := &screen{width: 40}
	e.In, e.Out = in, s
	if e.Size == nil {
		e.Size = func() (int, int) { return s.width, 10 }
	}
	go func() {
		for _, k := range keys {
			if _, err := io.WriteString(w, k); err != nil {
				return
			}
		}
		w.Close()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	message, err = e.Read(ctx, "> ", ". ")
	return message, s.text(), err
}

const (
	up, down, right, left = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D"
	home, end, del        = "\x1b[H", "\x1bOF", "\x1b[3~"
	altEnter, back        = "\x1b\r", "\x7f"
)

func TestEditing(t *testing.T) {
	for _, c := range []struct {
		name   string
		keys   []string
		want   string
		screen string
	}{
		{"plain", []string{"hello\r"}, "hello", "> hello"},
		{"letter by letter", []string{"h", "i", "\r"}, "hi", "> hi"},
		{"a rune in pieces", []string{"gr\xc3", "\xbc", "n\r"}, "grün", "> grün"},
		{"insert", []string{"hllo", left + left + left, "e", "\r"}, "hello", "> hello"},
		{"an arrow in pieces", []string{"hllo", "\x1b", "[", "D\x1b[D" + left, "e", "\r"}, "hello", "> hello"},
		{"ends", []string{"b", home, "a", end, "c", "\x01", del, "\x05", "d\r"}, "bcd", "> bcd"},
		{"words", []string{"one two three", "\x1bb\x1bb", "\x17", "1 \x1bf!\r"}, "1 two! three", "> 1 two! three"},
		{"kill and yank", []string{"one two", "\x1bb\x0b\x01\x19 \r"}, "two one ", "> two one"},
		{"backspace", []string{"abc", back, back, "x\r"}, "ax", "> ax"},
		{"wide letters", []string{"日本語", left, "x", back, back, "\r"}, "日語", "> 日語"},
		{"a family is one letter", []string{"a👨‍👩‍👧b", left, back, "\r"}, "ab", "> ab"},
		{"a wide space", []string{"日\u3000本\r"}, "日\u3000本", "> 日\u3000本"},
		{"combined letters", []string{"e\u0301a", left + back + "\r"}, "a", "> a"},
		{"lines", []string{"one", altEnter, "two", "\n", "three\r"}, "one\ntwo\nthree", "> one\n. two\n. three"},
		{"up in lines", []string{"one", altEnter, "two", up, "1", down, "2\r"}, "one1\ntwo2", "> one1\n. two2"},
		{"backslash", []string{`one\`, "\r", "two\r"}, "one\ntwo", "> one\n. two"},
		{"quotes", []string{`"""one`, "\r", "two", "\r", `"""`, "\r"}, "\"\"\"one\ntwo\n\"\"\"", "> \"\"\"one\n. two\n. \"\"\""},
		{"paste", []string{"say: \x1b[200~a\r\nb\\\rc\x1b[20", "1~", "!\r"}, "say: a\nb\\\nc!", "> say: a\n. b\\\n. c!"},
		{"hostile paste", []string{"\x1b[200~a\x1b]0;x\x07\x03b\x1b[201~\r"}, "a]0;xb", "> a]0;xb"},
		{"long lines", []string{strings.Repeat("0123456789", 8), home, "x", "\r"}, "x" + strings.Repeat("0123456789", 8), "> x0123456789012345678901234567890123456\n7890123456789012345678901234567890123456\n789"},
		{"ctrl-c empties", []string{"no", "\x03", "yes\r"}, "yes", "> no^C\n> yes"},
		{"unknown keys", []string{"a\x1b[99;99~\x1bOP\x1bqb\x0f\r"}, "ab", "> ab"},
		{"clear", []string{"a\x0cb\r"}, "ab", "> ab"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, screen, err := typed(t, &Editor{Whole: func(text string) bool { _, whole := Message(text); return whole }}, c.keys...)
			if err != nil || got != c.want {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
			if screen != c.screen && c.name != "clear" {
				t.Errorf("the screen shows\n%s\nwant\n%s", screen, c.screen)
			}
		})
	}
}

func TestLeaving(t *testing.T) {
	for name, c := range map[string]struct {
		keys []string
		want error
	}{
		"ctrl-c":                 {[]string{"\x03"}, ErrInterrupted},
		"ctrl-c, ctrl-c":         {[]string{"text", "\x03", "\x03"}, ErrInterrupted},
		"ctrl-d":                 {[]string{"\x04"}, io.EOF},
		"ctrl-d in text deletes": {[]string{"a", home, "\x04", "\x04"}, io.EOF},
		"the input ends":         {[]string{"text"}, io.EOF},
	} {
		if got, _, err := typed(t, &Editor{}, c.keys...); !errors.Is(err, c.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestHistoryAndSearch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "history")
	h, err := OpenHistory(path, func(text string) bool { return !strings.Contains(text, "sk-") })
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"first question", "second\nof two lines", "my key is sk-1", "third question", "third question", " "} {
		if err := h.Add(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		keys []string
		want string
	}{
		{[]string{up, "\r"}, "third question"},
		{[]string{up, up, "\r"}, "my key is sk-1"}, // of this session
		{[]string{"draft", up, up, down, down, "!\r"}, "draft!"},
		{[]string{up, up, up, up, "\x10", "\x10", "\r"}, "first question"},
		{[]string{"\x12", "quest", "\r"}, "third question"},
		{[]string{"\x12", "QUEST", "\x12", "\x05", "?\r"}, "first question?"},
		{[]string{"draft", "\x12", "two", "\x03", "\r"}, "draft"},
	} {
		if got, _, err := typed(t, &Editor{History: h}, c.keys...); err != nil || got != c.want {
			t.Errorf("%q: %q, %v; want %q", c.keys, got, err, c.want)
		}
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", st, err)
	}
	again, err := OpenHistory(path, nil)
	if err != nil || again.Len() != 3 || again.Last(1) != "third question" || again.Last(2) != "second\nof two lines" {
		t.Errorf("what was kept: %q, %v", again.all, err)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	if err := os.WriteFile(path, []byte(strings.Repeat("\"a\"\n\"b\"\nbroken\n", most)), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := OpenHistory(path, nil)
	if err != nil || h.Len() != most {
		t.Fatal(h.Len(), err)
	}
	data, err := os.ReadFile(path)
	if n := strings.Count(string(data), "\n"); err != nil || n != most {
		t.Errorf("the file has %d lines, %v", n, err)
	}
	if err := h.Add(strings.Repeat("x", longest+1)); err != nil || h.Len() != most {
		t.Error("a giant message was taken")
	}
}

// Programs that read and add at the same time lose nothing of each other's, also where one
// of them makes the file shorter.
func TestHistoriesOfManyPrograms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	for range 10 {
		if err := os.WriteFile(path, []byte(strings.Repeat("\"old\"\n", 2*most+1)), 0o600); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for p := range 8 {
			wg.Go(func() {
				h, err := OpenHistory(path, nil)
				if err == nil {
					err = h.Add(fmt.Sprint("program ", p))
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for p := range 8 {
			if text := fmt.Sprintf("\"program %d\"\n", p); !strings.Contains(string(data), text) {
				t.Errorf("%s is lost", text)
			}
		}
	}
}

// A line that is too long hides nothing of what comes after it, and goes with the next
// rewrite.
func TestHistoryPassesOverALongLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	long := `"` + strings.Repeat("x", 9*longest) + "\"\n"
	for name, text := range map[string]string{"first": long + "\"a\"\n\"b\"\n", "between": "\"a\"\n" + long + "\"b\"\n", "last": "\"a\"\n\"b\"\n" + long, "cut": "\"a\"\n\"b\"\n" + long[:len(long)-1], "twice": long + "\"a\"\n" + long + "\"b\""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if h, err := OpenHistory(path, nil); err != nil || !slices.Equal(h.all, []string{"a", "b"}) {
			t.Errorf("%s: %d messages, %v", name, h.Len(), err)
		}
	}
}

// A paste whose end the terminal has lost ends when nothing more comes, and one of any
// length takes bounded memory.
func TestPasteWithoutAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		defer w.Close()
		in := NewInput(r)
		defer in.Close()
		go func() {
			_, _ = io.WriteString(w, "\x1b[200~lost\rpaste")
			time.Sleep(time.Minute)
			_, _ = io.WriteString(w, "x")
		}()
		if k, err := in.next(t.Context()); err != nil || k.name != "paste" || k.text != "lost\npaste" {
			t.Errorf("%+v, %v", k, err)
		}
		if k, err := in.next(t.Context()); err != nil || k.text != "x" {
			t.Errorf("what is typed then: %+v, %v", k, err)
		}
		go func() {
			_, _ = io.WriteString(w, "\x1b[200~"+strings.Repeat("y", mostPaste+100_000)+"\x1b[20")
			_, _ = io.WriteString(w, "1~z")
		}()
		if k, err := in.next(t.Context()); err != nil || k.name != "paste" || k.text != strings.Repeat("y", mostPaste) {
			t.Errorf("a giant paste: %d bytes, %v", len(k.text), err)
		}
		if k, err := in.next(t.Context()); err != nil || k.text != "z" {
			t.Errorf("what is typed behind it: %q, %v", k.text, err)
		}
	})
}

func TestCompletion(t *testing.T) {
	complete := func(line string) (out []string) {
		for _, c := range []string{"/save ", "/show", "/system "} {
			if strings.HasPrefix(c, line) {
				out = append(out, c)
			}
		}
		return out
	}
	got, screen, err := typed(t, &Editor{Complete: complete}, "/", "\t", "\t", "a\t", "x\r")
	if err != nil || got != "/save x" || !strings.Contains(screen, "/save   /show  /system") {
		t.Errorf("%q, %v:\n%s", got, err, screen)
	}
}

// A message taller than the terminal shows the part around the cursor.
func TestTallMessages(t *testing.T) {
	e := &Editor{Size: func() (int, int) { return 20, 4 }}
	keys := []string{}
	for range 12 {
		keys = append(keys, "line", altEnter)
	}
	got, _, err := typed(t, e, append(keys, "x\r")...)
	if err != nil || got != strings.Repeat("line\n", 12)+"x" {
		t.Errorf("%q, %v", got, err)
	}
	if e.row > 3 {
		t.Errorf("the cursor is thought to be in row %d of 4", e.row)
	}
}

// What is typed during an answer is the beginning of the next message, whatever
// ends the answer. After a Ctrl-C nothing is sent that was not sent anew.
func TestWatch(t *testing.T) {
	for _, c := range []struct {
		keys, want string
		interrupts int
	}{
		{"before", "beforewards", 0},
		{"before\x03after", "beforeafterwards", 1},
		{"one\x03two\x03", "onetwowards", 2},
		{"\x03", "wards", 1},
		{"sent\r\x03", "sentwards", 1},
		{"sent\rtoo\r\x03", "sent\ntoowards", 1},
		{"sent\r\x03after", "sent\nafterwards", 1},
		{"\x1b[200~a\r\nb\x1b[201~\r\x03", "a\nbwards", 1},
		{"one\x1b\rtwo\r\x03", "one\ntwowards", 1},
		{"日本\x7f\x03", "日wards", 1},
		{"sent\r", "sent", 0},
		{"\x03sent\rnext", "sent", 1},
	} {
		rest, w := io.Pipe()
		k := &keyboard{keys: []byte(c.keys), rest: rest, typed: make(chan struct{})}
		in := NewInput(k)
		hits := 0
		stop := in.Watch(func() { hits++ })
		<-k.typed
		stop()
		go func() { _, _ = io.WriteString(w, "wards\r") }()
		e := &Editor{In: in, Out: io.Discard}
		if got, err := e.Read(t.Context(), "> ", ""); err != nil || got != c.want || hits != c.interrupts {
			t.Errorf("%q: %q with %d interrupts, %v; want %q with %d", c.keys, got, hits, err, c.want, c.interrupts)
		}
		rest.Close()
		in.Close()
	}
}

// keyboard is a terminal at which keys are typed, one at a time. When typed is
// closed they have been handed on, and what follows comes from rest.
type keyboard struct {
	keys  []byte
	rest  io.Reader
	typed chan struct{}
	once  sync.Once
}

func (k *keyboard) Read(p []byte) (int, error) {
	if len(k.keys) > 0 {
		p[0], k.keys = k.keys[0], k.keys[1:]
		return 1, nil
	}
	k.once.Do(func() { close(k.typed) })
	return k.rest.Read(p)
}

func TestReadEndsWithItsContext(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	in := NewInput(r)
	defer in.Close()
	defer r.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (&Editor{In: in, Out: io.Discard}).Read(ctx, "> ", ""); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestLines(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"one\ntwo", "one|two"},
		{"one\\\ntwo\nthree", "one\ntwo|three"},
		{"\"\"\"one\ntwo\n\"\"\"\nthree", "one\ntwo|three"},
		{"\"\"\"one\"\"\"", "one"},
		{"\"\"\"a\\\nb\"\"\"", "a\\\nb"},
		{"\"\"\"one\ntwo", "rest: \"\"\"one\ntwo"},
		{"one\\", "rest: one"},
		{"say \"\"\"x", "say \"\"\"x"},
	} {
		var l Lines
		var got []string
		for line := range strings.SplitSeq(c.in, "\n") {
			if m, whole := l.Add(line); whole {
				got = append(got, m)
			}
		}
		if rest, there := l.Rest(); there {
			got = append(got, "rest: "+rest)
		}
		if text := strings.Join(got, "|"); text != c.want {
			t.Errorf("%q: %q, want %q", c.in, text, c.want)
		}
	}
}

// FuzzKeys: whatever is typed, the editor neither panics nor loses its place.
func FuzzKeys(f *testing.F) {
	for _, s := range []string{"hi\r", "a\x1b[D\x1b[Cb\x7f", "\x1b[200~x\ny\x1b[201~\x12x\r", "日本\x1b[D\x17\x19", "\x1b", "\x1b[\x1b[1;5D"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, keys string) {
		in := NewInput(strings.NewReader(strings.ReplaceAll(keys, "\x1a", "")))
		defer in.Close()
		h, _ := OpenHistory("", nil)
		_ = h.Add("old")
		e := &Editor{In: in, Out: io.Discard, History: h}
		for {
			text, err := e.Read(t.Context(), "> ", ". ")
			if e.at < 0 || e.at > len(e.text) {
				t.Fatalf("the cursor is at %d of %q", e.at, e.text)
			}
			if strings.ContainsAny(text, "\x1b\x03\r") {
				t.Fatalf("a control character got into %q", text)
			}
			if errors.Is(err, io.EOF) {
				return
			}
		}
	})
}
