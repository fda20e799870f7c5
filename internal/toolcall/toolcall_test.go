package toolcall_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/toolcall"
	"github.com/tandem-llm/tandem/provider"
)

var tools = []provider.Tool{{Name: "weather"}, {Name: "time"}, {Name: "get"}, {Name: "get_weather"}, {Name: "now"}}

// fragments are those that data says, in a form that a fuzzer can change: a line
// each, of an index, an id, a name and arguments.
func fragments(data string) (out []toolcall.Fragment) {
	for _, line := range strings.Split(data, "\n") {
		parts := strings.SplitN(line, " ", 4)
		if len(parts) < 4 {
			continue
		}
		f := toolcall.Fragment{ID: strings.Trim(parts[1], "-"), Name: strings.Trim(parts[2], "-"), Arguments: parts[3], Of: 1}
		var i int
		if _, err := fmt.Sscan(parts[0], &i); err == nil {
			f.Index = &i
		}
		out = append(out, f)
	}
	return out
}

// FuzzSequence: whatever comes, each call that goes out has a name and arguments
// that came, an id of its own, and arguments that are an object; there are not
// more calls than fragments.
func FuzzSequence(f *testing.F) {
	f.Add("0 a weather \n0 - - {\"city\":\n0 - - \"Oslo\"}\n1 b time {}")
	f.Add("- - weather {}\n- - time {}")
	f.Add("0 a weather {}\n0 a weather {\"a\":1}\n0 b weat \n0 - her {}")
	f.Add("-1 a now \n0 - - null\n0 c get \n0 - _weather {\"x\":\"}{\"}")
	f.Fuzz(func(t *testing.T, data string) {
		list := fragments(data)
		a := toolcall.Assembler{Tools: tools}
		names, args := "", ""
		for _, fr := range list {
			names, args = names+fr.Name, args+fr.Arguments
			if err := a.Add(fr); err != nil {
				return
			}
		}
		calls, err := a.Calls(nil)
		if err != nil {
			return
		}
		again, err := a.Calls(nil)
		if err != nil || len(again) != len(calls) || len(calls) > len(list) {
			t.Fatalf("%d calls, then %d, of %d fragments, %v", len(calls), len(again), len(list), err)
		}
		ids := map[string]bool{}
		size := 0
		for i, c := range calls {
			var object map[string]json.RawMessage
			if json.Unmarshal(c.Arguments, &object) != nil || object == nil {
				t.Errorf("the arguments %q", c.Arguments)
			}
			if c.Name == "" || !within(names, c.Name) || c.ID == "" || ids[c.ID] || again[i].ID != c.ID {
				t.Errorf("call %+v of %q", c, data)
			}
			ids[c.ID] = true
			if len(object) > 0 {
				size += len(c.Arguments)
			}
		}
		if size > len(args) {
			t.Errorf("%d bytes of arguments of %d", size, len(args))
		}
	})
}

// FuzzCut: calls that are sent as servers do, cut anywhere, come out as they were.
func FuzzCut(f *testing.F) {
	f.Add(`{"city":"Oslo","n":[1,{"a":"}\\\""}]}`, `{"city":"Rome"}`, uint64(0x5a5a))
	f.Add(`{}`, `{"a":{"a":{}}}`, uint64(1))
	f.Add(`{"a":"{\"a\":"}`, `{"a":1}`, ^uint64(0))
	f.Fuzz(func(t *testing.T, one, two string, cuts uint64) {
		if !object(one) || !object(two) {
			return
		}
		zero, first := 0, 1
		for form, at := range map[string][2]toolcall.Fragment{
			"indexes":                {{Index: &zero}, {Index: &first}},
			"ids":                    {{ID: "a"}, {ID: "b"}},
			"one index, two ids":     {{Index: &zero, ID: "a"}, {Index: &zero, ID: "b"}},
			"indexes, the same id":   {{Index: &zero, ID: "a"}, {Index: &first, ID: "a"}},
			"names in each fragment": {{Index: &zero, ID: "a", Name: "weather"}, {Index: &first, ID: "b", Name: "weather"}},
		} {
			a := toolcall.Assembler{Tools: tools}
			for i, args := range []string{one, two} {
				head := at[i]
				head.Name = []string{"weather", "time"}[i]
				if at[i].Name != "" {
					head.Name = at[i].Name
				}
				if err := a.Add(head); err != nil {
					t.Fatal(err)
				}
				for _, piece := range pieces(args, cuts>>(i*8)) {
					fr := at[i]
					fr.Arguments = piece
					if err := a.Add(fr); err != nil {
						t.Fatal(err)
					}
				}
			}
			calls, err := a.Calls(nil)
			if err != nil || len(calls) != 2 || !same(calls[0].Arguments, one) || !same(calls[1].Arguments, two) {
				t.Errorf("%s: %s and %s came out as %s, %v", form, one, two, calls, err)
			}
		}
	})
}

// within reports whether s has the bytes of part, in order.
func within(s, part string) bool {
	for i := range len(part) {
		at := strings.IndexByte(s, part[i])
		if at < 0 {
			return false
		}
		s = s[at+1:]
	}
	return true
}

func object(s string) bool {
	var o map[string]json.RawMessage
	return json.Unmarshal([]byte(s), &o) == nil && o != nil
}

func same(raw json.RawMessage, s string) bool {
	return strings.TrimSpace(string(raw)) == strings.TrimSpace(s)
}

// pieces cuts a text before each byte whose bit is set.
func pieces(s string, cuts uint64) (out []string) {
	begin := 0
	for i := 1; i < len(s); i++ {
		if cuts>>(i%64)&1 == 1 {
			out = append(out, s[begin:i])
			begin = i
		}
	}
	return append(out, s[begin:])
}

// TestBounds: neither calls nor their arguments take memory without bound, and a
// call in many fragments is not read again with each.
func TestBounds(t *testing.T) {
	var many toolcall.Assembler
	var err error
	for i := 0; err == nil && i < 1<<20; i++ {
		err = many.Add(toolcall.Fragment{Index: &i, Name: "f"})
	}
	if err == nil || many.Len() > 1<<10 {
		t.Errorf("%d calls, %v", many.Len(), err)
	}
	var long toolcall.Assembler
	if err := long.Add(toolcall.Fragment{ID: "a", Name: "f", Arguments: `{"a":"`}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for err = nil; err == nil && n < 1<<24; n += 64 {
		err = long.Add(toolcall.Fragment{ID: "a", Name: "f", Arguments: strings.Repeat("x", 64)})
	}
	if err == nil || n > 9<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
}
