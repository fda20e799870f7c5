package pyval

import "testing"

// A mapping is the same with few keys, which are looked at one by one, and with
// many, which have an index.
func TestDictWithFewKeysAndMany(t *testing.T) {
	for _, n := range []int{1, few, few + 1, 3 * few} {
		d := NewDict(0)
		for i := range n {
			if !d.Set(int64(i), "first") || !d.Set(float64(i), i) {
				t.Fatalf("%d cannot be a key", i)
			}
		}
		if d.Len() != n {
			t.Errorf("%d keys of %d: 1 and 1.0 are one", d.Len(), n)
		}
		for i := range n {
			if v, ok := d.Get(int64(i)); v != i || !ok {
				t.Errorf("%d of %d is %v, %v", i, n, v, ok)
			}
		}
		if _, ok := d.Get("0"); ok {
			t.Error("the text 0 is the number")
		}
		if v, ok := d.Get(false); v != 0 || !ok {
			t.Errorf("False is not 0: %v, %v", v, ok)
		}
		if d.Set([]any{}, 1) {
			t.Error("a list is a key")
		}
	}
}
