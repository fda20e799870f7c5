package structured

import "testing"

func TestTakeApart(t *testing.T) {
	for text, want := range map[string][2]string{
		`{"a":1}`:                                {"", `{"a":1}`},
		"<think>\nhm\n</think>\n{\"a\":1}":       {"hm", `{"a":1}`},
		"<thinking>hm</thinking>{}":              {"hm", "{}"},
		"hm</think>{}":                           {"hm", "{}"},
		"<think>hm":                              {"hm", ""},
		"[THINK]hm[/THINK]{}":                    {"hm", "{}"},
		"so it is . </think> {}":                 {"so it is .", "{}"},
		"<think>a</think><think>b</think>{}":     {"a\n\nb", "{}"},
		`{"a":"</think>"}`:                       {"", `{"a":"</think>"}`},
		"```json\n{}\n```":                       {"", "{}"},
		"Here:\n```\n[1]\n```\nYours":            {"", "[1]"},
		"```json\n{\"a\":\"```\"}\n```":          {"", "{\"a\":\"```\"}"},
		"```json\n{}\n```\nor\n```json\n[]\n```": {"", "```json\n{}\n```\nor\n```json\n[]\n```"},
		"```json\n{}":                            {"", "{}"},
		"\"a </think> b\"":                       {"", "\"a </think> b\""},
		"```\n{\"a\":\"</think>\"}\n```":         {"", "{\"a\":\"</think>\"}"},
		"is {a} it?</think>\n```json\n[]\n```":   {"is {a} it?", "[]"},
		"Sure! {}":                               {"", "Sure! {}"},
		// Line ends and tabs that stand in texts as they are.
		"{\"a\":\"x\ny\",\n\t\"b\":1}":                 {"", "{\"a\":\"x\\ny\",\n\t\"b\":1}"},
		"{\"a\":\"x\r\ny\tz\x01\"}":                    {"", `{"a":"x\r\ny\tz\u0001"}`},
		"{\"a\nb\":\"\\\"\n\"}":                        {"", `{"a\nb":"\"\n"}`},
		"```json\n{\"a\":\"x\ny\"}\n```":               {"", `{"a":"x\ny"}`},
		"<think>so \"it\nis\"</think>{\"a\":\"x\ny\"}": {"so \"it\nis\"", `{"a":"x\ny"}`},
		"Here:\n```\n[\"x\n\n\"]\n```":                 {"", `["x\n\n"]`},
		"{\"a\":\"x\ny":                                {"", "{\"a\":\"x\ny"},
		"\"x\ny\"":                                     {"", `"x\ny"`},
		"":                                             {"", ""},
	} {
		if thought, answer := takeApart(text); [2]string{thought, answer} != want {
			t.Errorf("%q: %q, %q; want %q", text, thought, answer, want)
		}
	}
}
