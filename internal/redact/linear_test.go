package redact

import (
	"strings"
	"testing"
)

// What is looked for stays little, and a text is looked at so many times at most,
// however a secret and the text repeat themselves. It is the work that counts
// here, not the time.
func TestWorkGrowsWithTheTextOnly(t *testing.T) {
	const length = 4000
	for name, unit := range map[string]string{
		"one letter": "a", "two letters": "ab", "escaped percent signs": "25", "percent signs": "%", "backslashes": `\`, "quotes": "'",
		"ampersands": "amp;", "dots": ".", "ellipses": "…", "escapes": `\u0061`, "HTML": "&#97;", "URL": "%61",
	} {
		for _, lead := range []string{"", "%", "&", `\`, "12345678"} {
			secret := lead + strings.Repeat(unit, length/len(unit)) + "!"
			r := &Redactor{}
			r.Add(secret)
			table := r.compiled()
			if most := 2*(deepest+1) + 7; len(table.patterns) > most {
				t.Errorf("%s after %q: %d patterns, and %d are enough", name, lead, len(table.patterns), most)
			}
			for _, text := range []string{
				strings.Repeat(unit, 100_000/len(unit)), strings.Repeat(secret[:len(secret)-1]+"?", 25), strings.Repeat(secret, 25),
			} {
				s := search{table: table, view: view{text, true, true}}
				s.all()
				if most := (2*len(table.patterns) + 2*mostAlike) * len(text); s.compared > most {
					t.Errorf("%s after %q: %d bytes of a text of %d were compared, and %d are enough", name, lead, s.compared, len(text), most)
				}
			}
			if clean := r.Text("it is " + secret + " there"); clean != "it is "+Mask+" there" {
				t.Errorf("%s after %q: %.60q", name, lead, clean)
			}
		}
	}
}

// A secret is found also where it begins within what looks like one, or like a
// part of one.
func TestSecretsThatOverlap(t *testing.T) {
	for _, secret := range []string{"abababababab1", "aaaaaaaaaaaa1", "abcabcabcabcabcabcabd2", "1111111111111112", "ab12345678abZZ", "ab-12345678-ab"} {
		r := &Redactor{}
		r.Add(secret)
		for cut := range secret {
			texts := []string{secret[:cut] + secret[:cut] + secret, secret[:cut] + secret}
			if strings.HasSuffix(secret, secret[:cut]) {
				texts = append(texts, secret+secret[cut:])
			}
			for _, text := range texts {
				if clean := r.Text("- " + text + " -"); strings.HasSuffix(clean, secret[len(secret)-2:]+" -") {
					t.Errorf("%q became %q", text, clean)
				}
			}
		}
	}
}
