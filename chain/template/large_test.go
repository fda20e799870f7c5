package template

import (
	"fmt"
	"strings"
	"testing"
)

// A file of 1 MiB, the most that is read, must not take minutes to compile.
func TestLargeTextsOfManyVariables(t *testing.T) {
	for format, field := range map[Format]string{FString: "{v%d}\n", Mustache: "{{v%d}}\n", Jinja2: "{{v%d}}\n"} {
		var b strings.Builder
		n := 0
		for ; b.Len() < 1<<20; n++ {
			fmt.Fprintf(&b, field, n)
		}
		tmpl, err := ParseWith(format, b.String(), Options{AllowJinja2: true})
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		if vars := tmpl.Vars(); len(vars) != n || vars[n-1].Line != n {
			t.Errorf("%s: %d variables of %d, the last %+v", format, len(vars), n, vars[len(vars)-1])
		}
	}
}
