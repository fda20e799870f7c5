package pyval

import (
	"math/big"
	"slices"
)

// Dict is a mapping that keeps the order of its keys.
type Dict struct {
	keys   []any
	values []any
	hashes []any       // of the keys
	index  map[any]int // by the hashes; nil while they are few
}

// few keys are searched faster than looked up.
const few = 8

// NewDict returns an empty mapping with room for n keys.
func NewDict(n int) *Dict {
	room := make([]any, 3*n)
	return &Dict{keys: room[0:0:n], values: room[n : n : 2*n], hashes: room[2*n : 2*n]}
}

// Len returns the number of keys.
func (d *Dict) Len() int { return len(d.keys) }

// Keys returns the keys in order. The caller must not change them.
func (d *Dict) Keys() []any { return d.keys }

// At returns the key and the value at an index.
func (d *Dict) At(i int) (key, value any) { return d.keys[i], d.values[i] }

// indexOfHash returns the index of a key's hash, or -1.
func (d *Dict) indexOfHash(h any) int {
	if d.index == nil {
		return slices.Index(d.hashes, h)
	}
	if i, ok := d.index[h]; ok {
		return i
	}
	return -1
}

// Get returns the value of a key.
func (d *Dict) Get(key any) (any, bool) {
	if h, ok := hash(key); ok {
		if i := d.indexOfHash(h); i >= 0 {
			return d.values[i], true
		}
	}
	return nil, false
}

// Set gives a key a value. It returns false for a key that Python cannot hash.
func (d *Dict) Set(key, value any) bool {
	h, ok := hash(key)
	if !ok {
		return false
	}
	if i := d.indexOfHash(h); i >= 0 {
		d.values[i] = value
		return true
	}
	d.keys, d.values, d.hashes = append(d.keys, key), append(d.values, value), append(d.hashes, h)
	switch {
	case d.index != nil:
		d.index[h] = len(d.keys) - 1
	case len(d.keys) > few:
		d.index = make(map[any]int, 2*len(d.keys))
		for i, h := range d.hashes {
			d.index[h] = i
		}
	}
	return true
}

// hash returns one Go value for all keys that are one key in Python: 1, 1.0
// and True are.
func hash(key any) (any, bool) {
	switch k := key.(type) {
	case nil, string, int64:
		return k, true
	case bool:
		return number(k), true
	case float64:
		if i := int64(k); float64(i) == k {
			return i, true
		}
		return k, true
	case *big.Int:
		return bigKey(k.String()), true
	}
	return nil, false
}

type bigKey string // apart from texts
