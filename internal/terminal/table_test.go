package terminal

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/chatui"
)

// a table as a terminal of that width gets it; 0: a pipe.
func drawn(t *testing.T, width int, b *Table, rows ...[]any) string {
	t.Helper()
	var out strings.Builder
	b.w, b.width = &out, width
	for _, r := range rows {
		b.Row(r...)
	}
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func headed(headings ...string) *Table { return New(nil, nil, nil).Table(headings...) }

func TestTable(t *testing.T) {
	models := func() *Table { return headed("PROVIDER", "MODEL", "SIZE", "RUNS") }
	logs := func() *Table { return headed("RUN", "WHEN", "PROMPT").MayCut("PROMPT") }
	runs := func() *Table {
		return headed("RUN", "WHEN", "ANSWERED BY", "TOOK", "COST", "END", "PROMPT").MayCut("ANSWERED BY", "END", "PROMPT").
			MayDrop("COST", "TOOK", "ANSWERED BY", "WHEN")
	}
	manyRuns := [][]any{
		{"1m8kd03fj2aa", "2026-11-29 14:05", "local/qwen3:8b", "3.2 s", "$0", "ok", "Who is the Prime Minister of India?"},
		{"1m8kd03fj2ab", "2026-11-29 14:07", "nobody", "2 min", "$0.0004", "175 of 251 failed (unavailable)", "Capital?"},
	}
	for _, c := range []struct {
		name  string
		width int
		table *Table
		rows  [][]any
		want  string
	}{
		{"a pipe gets all, aligned", 0, models(), [][]any{{"local", "qwen3:8b", "4.9 GiB", ""}, {"openai", "gpt-4o-mini", "", "at https://example.com"}}, "" +
			"PROVIDER  MODEL        SIZE     RUNS\n" +
			"local     qwen3:8b     4.9 GiB  \n" +
			"openai    gpt-4o-mini           at https://example.com\n"},
		{"it fits", 40, models(), [][]any{{"local", "qwen3:8b", "4.9 GiB", ""}}, "" +
			"PROVIDER  MODEL     SIZE     RUNS\n" +
			"local     qwen3:8b  4.9 GiB\n"},
		{"cells wrap", 40, headed("TOOL", "DOES"), [][]any{{"mine/repeat", "repeats the text that it is given, as often as asked"}}, "" +
			"TOOL         DOES\n" +
			"mine/repeat  repeats the text that it is\n" +
			"             given, as often as asked\n"},
		{"what may be cut is cut first", 40, logs(), [][]any{{"3f2a", "2026-11-29", "Who is the Prime Minister of India, and since when?"}}, "" +
			"RUN   WHEN        PROMPT\n" +
			"3f2a  2026-11-29  Who is the Prime Mini…\n"},
		{"what may be dropped goes, the least important first", 40, runs(), manyRuns, "" +
			"RUN           END           PROMPT\n" +
			"1m8kd03fj2aa  ok            Who is the…\n" +
			"1m8kd03fj2ab  175 of 251…   Capital?\n"},
		{"dropped in 80 columns", 80, runs(), manyRuns, "" +
			"RUN           WHEN              ANSWERED BY   TOOK   END           PROMPT\n" +
			"1m8kd03fj2aa  2026-11-29 14:05  local/qwen3…  3.2 s  ok            Who is the P…\n" +
			"1m8kd03fj2ab  2026-11-29 14:07  nobody        2 min  175 of 251…   Capital?\n"},
		{"all fit in a wide terminal", 140, runs(), manyRuns, "" +
			"RUN           WHEN              ANSWERED BY     TOOK   COST     END                              PROMPT\n" +
			"1m8kd03fj2aa  2026-11-29 14:05  local/qwen3:8b  3.2 s  $0       ok                               Who is the Prime Minister of India?\n" +
			"1m8kd03fj2ab  2026-11-29 14:07  nobody          2 min  $0.0004  175 of 251 failed (unavailable)  Capital?\n"},
		{"a pipe gets what a terminal drops", 0, runs(), manyRuns[:1], "" +
			"RUN           WHEN              ANSWERED BY     TOOK   COST  END  PROMPT\n" +
			"1m8kd03fj2aa  2026-11-29 14:05  local/qwen3:8b  3.2 s  $0    ok   Who is the Prime Minister of India?\n"},
		{"too narrow even so: blocks, with all", 30, runs(), manyRuns[:1], "" +
			"run: 1m8kd03fj2aa\nwhen: 2026-11-29 14:05\nanswered by: local/qwen3:8b\ntook: 3.2 s\ncost: $0\nend: ok\n" +
			"prompt: Who is the Prime\n  Minister of India?\n"},
		{"too narrow: blocks", 40, models(), [][]any{{"local", "qwen3:8b", "4.9 GiB", ""}, {"openai", "gpt-4o-mini", "", "at https://a-long-name.example.com/v1"}}, "" +
			"provider: local\nmodel: qwen3:8b\nsize: 4.9 GiB\n\n" +
			"provider: openai\nmodel: gpt-4o-mini\nruns: at\n  https://a-long-name.example.com/v1\n"},
		{"a row that is named", 30, headed("", "CALLS", "TOKENS IN", "TOKENS OUT", "COST"), [][]any{{"today", 3, 1200, 300, "$0.0004"}, {"  local/qwen3:8b", 2, 12, 3, "$0"}}, "" +
			"today\n  calls: 3\n  tokens in: 1200\n  tokens out: 300\n  cost: $0.0004\n\n" +
			"local/qwen3:8b\n  calls: 2\n  tokens in: 12\n  tokens out: 3\n  cost: $0\n"},
		{"names and values", 40, headed(), [][]any{{"model", "qwen3:8b"}, {"capabilities", "completion, tools, thinking, vision, embedding and more of it than fits on three lines of this column"}}, "" +
			"model         qwen3:8b\n" +
			"capabilities  completion, tools,\n" +
			"              thinking, vision,\n" +
			"              embedding and more of it\n" +
			"              than fits on three lines\n" +
			"              of this column\n"},
		{"wide letters", 22, headed("NAME", "TITLE").MayCut("TITLE"), [][]any{{"一二", "三四五六七八九十三四五六七"}, {"e\u0301", "x"}}, "" +
			"NAME  TITLE\n" +
			"一二  三四五六七八九…\n" +
			"e\u0301     x\n"},
		{"a word wider than the terminal stays whole", 20, headed("NAME", "FILE"), [][]any{{"a", "/home/somebody/.config/tandem/chains/summary.yaml"}}, "" +
			"name: a\nfile:\n  /home/somebody/.config/tandem/chains/summary.yaml\n"},
		{"control characters, and lines", 60, headed("NAME", "TITLE"), [][]any{{"a\tb", "x\x1b]0;owned\x07\ny"}}, "" +
			"NAME  TITLE\n" +
			"a b   x y\n"},
		{"no rows, no table", 40, models(), nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := drawn(t, c.width, c.table, c.rows...); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

// TestTableLosesNothing: at any width, each word is there and no line is wider
// than the terminal, but for one word.
func TestTableLosesNothing(t *testing.T) {
	rows := [][]any{
		{"local", "hf.co/somebody/a-model-GGUF:Q4_K_M", "4.9 GiB", "ask", "~1200 tokens + answers of 32768", "free", "http://127.0.0.1:11434"},
		{"openai", "gpt-4o-mini", "", "skip", "1200 tokens", "$0.000180 + answer, per element", "needs a key, and OPENAI_API_KEY is not set"},
	}
	for width := 1; width <= 200; width++ {
		got := drawn(t, width, headed("PROVIDER", "MODEL", "SIZE", "PLAN", "PROMPT", "COST", "REASON"), rows...)
		words := strings.Fields(got)
		have := map[string]int{}
		for _, w := range words {
			have[w]++
		}
		for _, row := range rows {
			for _, cell := range row {
				for _, w := range strings.Fields(cell.(string)) {
					if have[w]--; have[w] < 0 {
						t.Fatalf("at %d columns %q is missing:\n%s", width, w, got)
					}
				}
			}
		}
		for _, line := range strings.Split(got, "\n") {
			if chatui.Width(line) > width && len(strings.Fields(line)) > 1 {
				t.Errorf("at %d columns a line has %d: %q", width, chatui.Width(line), line)
			}
		}
	}
}
