package cli

import "testing"

func TestLastBlock(t *testing.T) {
	for name, tc := range map[string]struct {
		text, want string
		none       bool
	}{
		"none":                       {text: "Just words, with `code`.", none: true},
		"one":                        {text: "Run this:\n```sh\nls -l\n```\nDone.", want: "ls -l\n"},
		"the last of two":            {text: "```\na\n```\n\n```go\nb\n\nc\n```", want: "b\n\nc\n"},
		"tildes":                     {text: "~~~\na\n```\nb\n~~~\n", want: "a\n```\nb\n"},
		"a longer fence holds one":   {text: "````md\n```\na\n```\n````\n", want: "```\na\n```\n"},
		"an info is no end":          {text: "```\na\n```go\nb\n```\n", want: "a\n```go\nb\n"},
		"in a list":                  {text: "1. Do:\n   ```sh\n   if x; then\n     y\n   fi\n   ```\n", want: "if x; then\n  y\nfi\n"},
		"CRLF":                       {text: "```\r\na\r\n```\r\n", want: "a\n"},
		"it ends the answer":         {text: "```\na", want: "a\n"},
		"empty":                      {text: "```\n```\n", want: ""},
		"code in one line":           {text: "```ls``` lists", none: true},
		"two backticks are no fence": {text: "``\na\n``", none: true},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := lastBlock(tc.text); got != tc.want || ok == tc.none {
				t.Errorf("%q, %v; want %q, %v", got, ok, tc.want, !tc.none)
			}
		})
	}
}
