package store

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/provider"
)

var credentials = regexp.MustCompile(`sk-[a-z0-9]{4,}|://[^\s/@:]+:[^\s/@]+@|1234567890123`)

// secretless takes out what looks like a key, or like a password in a URL. Over
// raw JSON it would take quotes and braces along.
func secretless(text string) string { return credentials.ReplaceAllString(text, "[redacted]") }

func TestRedactionInJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{"page":{"url":"https://example.com"},"to":"bob@example.org"}`: `{"page":{"url":"https://example.com"},"to":"bob@example.org"}`,
		`{"u":"http://me:secret@h/"}`:                                   `{"u":"http[redacted]h/"}`,
		`{"sk-abcd":1,"b":["sk-abcd",null,true,-1.5e3]}`:                `{"[redacted]":1,"b":["[redacted]",null,true,-1.5e3]}`,
		`{"n":1234567890123,"a":"\u0073k-abcd","q":"\"sk-abcd\\"}`:      `{"n":"[redacted]","a":"[redacted]","q":"\"[redacted]\\"}`,
		`"sk-abcd"`:                      `"[redacted]"`,
		`{"a":1,"a":"sk-abcd" , "b" :2}`: `{"a":1,"a":"[redacted]" , "b" :2}`,
		// What a string holds as JSON, as arguments, stays JSON.
		`{"arguments":"{\"url\":\"https://example.com\",\"to\":\"bob@example.org\",\"key\":\"sk-abcd\"}"}`: `{"arguments":"{\"url\":\"https://example.com\",\"to\":\"bob@example.org\",\"key\":\"[redacted]\"}"}`,
		`{"a":"{not json sk-abcd"}`: `{"a":"{not json [redacted]"}`,
		``:                          ``,
	} {
		if got := string(redact.Within([]byte(in), secretless)); got != want {
			t.Errorf("%s\n is %s\nwant %s", in, got, want)
		}
	}
}

// Whatever a record holds, redaction leaves valid JSON of the same structure,
// and no secret.
func FuzzRedaction(f *testing.F) {
	for _, s := range []string{
		`{"page":{"url":"https://example.com"},"to":"bob@example.org"}`, `{"a":"sk-abcd"}`, `[1234567890123]`, `{"a":`, "\xff", `"\ud800"`, `{"\u0000":"\\"}`,
		`{"sk-abcd":{"sk-abcd":"://a:b@"}}`,
	} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, args, text string) {
		c := anyCall("1")
		c.Answer, c.Asked.Messages[0].Text, c.Asked.ToolChoice = text, text, text
		c.ToolCalls = []provider.ToolCall{{Name: text, Arguments: json.RawMessage(args)}}
		c.Asked.Tools = []provider.Tool{{Description: text, Parameters: json.RawMessage(args)}}
		c.Asked.Options = map[string]any{text: text}
		plain, err := rowOf(Run{ID: "1"}, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		clean, err := rowOf(Run{ID: "1"}, c, secretless)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid([]byte(clean.record)) {
			t.Fatalf("%q: no JSON: %s", args, clean.record)
		}
		if a, b := structure(t, plain.record), structure(t, clean.record); !reflect.DeepEqual(a, b) {
			t.Errorf("%q: %v became %v", args, a, b)
		}
		for _, said := range says(clean.record) {
			if secretless(said) != said {
				t.Errorf("%q is left in %s", said, clean.record)
			}
		}
	})
}

// says are the strings in a JSON text, and those in a string that is an object
// or a list itself.
func says(text string) (out []string) {
	dec := json.NewDecoder(strings.NewReader(text))
	for {
		tok, err := dec.Token()
		if err != nil {
			return out
		}
		if said, ok := tok.(string); ok {
			if begins := strings.TrimLeft(said, " \t\r\n"); json.Valid([]byte(said)) && strings.IndexAny(begins, "{[") == 0 {
				out = append(out, says(said)...)
			} else {
				out = append(out, said)
			}
		}
	}
}

// structure are a text's JSON tokens without what strings and numbers say.
func structure(t *testing.T, text string) (out []string) {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	for {
		tok, err := dec.Token()
		if err != nil {
			return out
		}
		switch v := tok.(type) {
		case json.Delim:
			out = append(out, v.String())
		case nil, bool:
			out = append(out, "literal")
		default:
			out = append(out, "value")
		}
	}
}

// A key that happens to be one of our own words takes none of them out.
func TestAKeyThatIsAWordOfOursBreaksNoRecord(t *testing.T) {
	for _, key := range []string{"messages", "assistant", "tool_calls", "first_token_ns"} {
		w := writer(t)
		c := anyCall("1")
		c.Asked.Messages = []provider.Message{provider.User("say " + key), provider.Assistant("no")}
		w.add(record{call: c, run: Run{ID: "1"}, redact: func(text string) string { return strings.ReplaceAll(text, key, "[redacted]") }})
		asked := newest(t, w).Calls[0].Asked
		if len(asked.Messages) != 2 || asked.Messages[0].Text != "say [redacted]" || asked.Messages[1].Role != provider.RoleAssistant {
			t.Errorf("with the key %q: %+v", key, asked)
		}
	}
}
