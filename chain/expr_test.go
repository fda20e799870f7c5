package chain

import (
	"strings"
	"testing"
)

func TestExpressionsThatAreTooDeep(t *testing.T) {
	for _, open := range []string{"(", "[", "-", "not ", "{a:", "x[", "len("} {
		for _, n := range []int{8_000, 900_000} {
			_, err := Parse("x.yaml", []byte("transform: '"+strings.Repeat(open, n/len(open))+"'\n"))
			if err == nil || !strings.HasPrefix(err.Error(), "x.yaml:1:") {
				t.Errorf("%d bytes of %q: %v", n, open, err)
			}
		}
	}
	_, err := Parse("x.yaml", []byte("transform: '"+strings.Repeat("1+", 10_000)+"1'\n"))
	if err == nil || err.Error() != "x.yaml:1:12: the expression has more than 16384 bytes; split it into steps" {
		t.Errorf("got %v", err)
	}
}
