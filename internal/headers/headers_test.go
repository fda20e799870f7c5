package headers

import "testing"

func TestNames(t *testing.T) {
	for name, want := range map[string]struct{ name, reserved bool }{
		"X-Title": {true, false}, "x_team": {true, false}, "x.team": {true, false}, "api-key": {true, false}, "Authorization": {true, false},
		"Host": {true, true}, "hOsT": {true, true}, "te": {true, true}, "TE": {true, true}, "keep-alive": {true, true},
		"proxy-authorization": {true, true}, "content-length": {true, true}, "CONTENT-TYPE": {true, true}, "upgrade": {true, true},
		"": {}, "X Title": {}, "X-Title:": {}, "Ünder": {}, "a\r\nb": {}, "a\x00": {}, "(a)": {}, "a/b": {}, " Host": {}, "Host ": {},
	} {
		if IsName(name) != want.name {
			t.Errorf("IsName(%q) is %v", name, !want.name)
		}
		if Reserved(name) != want.reserved {
			t.Errorf("Reserved(%q) is %v", name, !want.reserved)
		}
	}
}
