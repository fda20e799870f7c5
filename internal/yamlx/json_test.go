package yamlx_test

import (
	"encoding/json"
	"testing"

	"github.com/tandem-llm/tandem/internal/yamlx"
)

func TestJSONKeepsOrderAndNumbers(t *testing.T) {
	const file = "z: 1.0\na: &x [0x10, 1_0, -2e3, .inf, true, ~, 2024-01-01, \"1\"]\nm:\n  \"q\\\"<\": *x\n"
	root, err := yamlx.Parse("f.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	list := `[16,10,-2e3,"not a number",true,null,"2024-01-01","1"]`
	want := `{"z":1.0,"a":` + list + `,"m":{"q\"<":` + list + `}}`
	if got := string(yamlx.JSON(root)); got != want || !json.Valid([]byte(got)) {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestFind(t *testing.T) {
	root, err := yamlx.Parse("f.yaml", []byte("a:\n  b/c:\n    - x\n    - y\n"))
	if err != nil {
		t.Fatal(err)
	}
	for pointer, line := range map[string]int{"/": 1, "": 1, "/a": 2, "/a/b~1c": 3, "/a/b~1c/1": 4, "/a/b~1c/7": 3, "/a/none/x": 2} {
		if n := yamlx.Find(root, pointer); n.Line != line {
			t.Errorf("%q is in line %d, want %d", pointer, n.Line, line)
		}
	}
}
