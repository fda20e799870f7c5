package pyval

import (
	"math/big"
	"strings"
)

// Equal reports whether Python's == holds. The meter pays for each pair.
func Equal(a, b any, m *Meter) (bool, error) {
	if err := m.Take(8); err != nil {
		return false, err
	}
	if c, ok := compareNumbers(a, b); ok {
		return c == 0, nil
	}
	switch a := a.(type) {
	case nil:
		return b == nil, nil
	case string:
		b, ok := b.(string)
		if !ok || len(a) != len(b) {
			return false, nil
		}
		return a == b, m.Take(len(a) / 8)
	case []any:
		b, ok := b.([]any)
		return equalItems(a, b, ok, m)
	case Tuple:
		b, ok := b.(Tuple)
		return equalItems(a, b, ok, m)
	case *Dict:
		b, ok := b.(*Dict)
		if !ok || a.Len() != b.Len() {
			return false, nil
		}
		for i, k := range a.keys {
			x, ok := b.Get(k)
			if !ok {
				return false, nil
			}
			if same, err := Equal(a.values[i], x, m); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	}
	return false, nil
}

func equalItems(a, b []any, ok bool, m *Meter) (bool, error) {
	if !ok || len(a) != len(b) {
		return false, nil
	}
	for i := range a {
		if same, err := Equal(a[i], b[i], m); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

// compareNumbers returns -1, 0 or 1, 2 where one is no number at all (NaN);
// ok is false where a or b is something else.
func compareNumbers(a, b any) (c int, ok bool) {
	if a, ok := a.(int64); ok {
		if b, ok := b.(int64); ok {
			return compare(a < b, a > b), true
		}
	}
	x, okX := a.(float64)
	y, okY := b.(float64)
	i, intA := Big(a)
	j, intB := Big(b)
	switch {
	case okX && okY:
		if x != x || y != y {
			return 2, true
		}
		return compare(x < y, x > y), true
	case intA && intB:
		return i.Cmp(j), true
	case okX && intB:
		return compareFloat(x, j), true
	case intA && okY:
		c := compareFloat(y, i)
		if c == 2 {
			return c, true
		}
		return -c, true
	}
	return 0, false
}

func compareFloat(x float64, j *big.Int) int {
	switch {
	case x != x:
		return 2
	case x-x != 0: // infinite
		return compare(x < 0, x > 0)
	}
	return new(big.Float).SetFloat64(x).Cmp(new(big.Float).SetInt(j))
}

func compare(less, more bool) int {
	switch {
	case less:
		return -1
	case more:
		return 1
	}
	return 0
}

// Compare returns how a and b are ordered, -1, 0 or 1, and 2 where a float is
// no number. ok is false where Python has no order for them.
func Compare(a, b any, m *Meter) (c int, ok bool, err error) {
	if err := m.Take(8); err != nil {
		return 0, false, err
	}
	if c, ok := compareNumbers(a, b); ok {
		return c, true, nil
	}
	switch a := a.(type) {
	case string:
		if b, ok := b.(string); ok {
			return strings.Compare(a, b), true, m.Take(min(len(a), len(b)) / 8)
		}
	case []any:
		if b, ok := b.([]any); ok {
			return compareItems(a, b, m)
		}
	case Tuple:
		if b, ok := b.(Tuple); ok {
			return compareItems(a, b, m)
		}
	}
	return 0, false, nil
}

func compareItems(a, b []any, m *Meter) (c int, ok bool, err error) {
	for i := range min(len(a), len(b)) {
		same, err := Equal(a[i], b[i], m)
		if err != nil {
			return 0, false, err
		}
		if !same {
			return Compare(a[i], b[i], m)
		}
	}
	return compare(len(a) < len(b), len(a) > len(b)), true, nil
}
