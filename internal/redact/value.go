package redact

import (
	"encoding/json"
	"reflect"
)

// Strings returns v with clean applied to every string in it, however deep:
// fields, elements, keys of maps, and what the strings of raw JSON say. What v
// points to stays as it is; the result shares with v what clean did not change.
// Strings of a named type stay, too: those are words of the program's own, such
// as a role. A value that holds itself has nothing where it does.
func Strings[T any](v T, clean func(string) string) T {
	c := cleaner{clean: clean}
	at := reflect.ValueOf(&v).Elem()
	if out, changed := c.value(at); changed {
		at.Set(out)
	}
	return v
}

// Pointed is [Strings] for what p points to, not nil: p itself if clean changed
// nothing, else a pointer to a changed copy.
func Pointed[T any](p *T, clean func(string) string) *T {
	c := cleaner{clean: clean}
	out, changed := c.value(reflect.ValueOf(p).Elem())
	if !changed {
		return p
	}
	cleaned := new(T)
	reflect.ValueOf(cleaned).Elem().Set(out)
	return cleaned
}

// cleaner walks a value. Its methods return a changed copy, or false: nothing
// has to change. So a value without secrets, as nearly all are, is not copied.
type cleaner struct {
	clean func(string) string
	path  map[reference]bool // what the value under way is inside
}

type reference struct {
	kind reflect.Type
	at   uintptr
	size int
}

func (c *cleaner) value(v reflect.Value) (out reflect.Value, changed bool) {
	switch v.Kind() {
	case reflect.String:
		if v.Type() != reflect.TypeFor[string]() {
			return v, false
		}
		text := v.String()
		if s := c.clean(text); s != text {
			return reflect.ValueOf(s), true
		}
	case reflect.Struct:
		return c.fields(v)
	case reflect.Interface:
		if v.IsNil() {
			return v, false
		}
		if e, changed := c.value(v.Elem()); changed {
			out := reflect.New(v.Type()).Elem()
			out.Set(e)
			return out, true
		}
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return c.shared(v)
	}
	return v, false
}

func (c *cleaner) fields(v reflect.Value) (out reflect.Value, changed bool) {
	out = v
	for i := range v.NumField() {
		field := v.Field(i)
		if !field.CanInterface() { // it is not exported
			continue
		}
		f, other := c.value(field)
		if !other {
			continue
		}
		if !changed {
			out, changed = reflect.New(v.Type()).Elem(), true
			out.Set(v)
		}
		out.Field(i).Set(f)
	}
	return out, changed
}

// shared is a value that others may hold, too.
func (c *cleaner) shared(v reflect.Value) (out reflect.Value, changed bool) {
	if v.IsNil() {
		return v, false
	}
	if v.Type() == reflect.TypeFor[json.RawMessage]() {
		raw := v.Bytes()
		cleaned := c.json(raw)
		return reflect.ValueOf(json.RawMessage(cleaned)), string(cleaned) != string(raw)
	}
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		return v, false
	}
	here := reference{kind: v.Type(), at: v.Pointer()}
	if v.Kind() == reflect.Slice {
		here.size = v.Len()
	}
	if c.path[here] {
		return reflect.Zero(v.Type()), true
	}
	if c.path == nil {
		c.path = map[reference]bool{}
	}
	c.path[here] = true
	defer delete(c.path, here)
	switch v.Kind() {
	case reflect.Pointer:
		to, changed := c.value(v.Elem())
		if !changed {
			return v, false
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(to)
		return out.Convert(v.Type()), true
	case reflect.Slice:
		return c.elements(v)
	default:
		return c.members(v)
	}
}

func (c *cleaner) elements(v reflect.Value) (out reflect.Value, changed bool) {
	out = v
	for i := range v.Len() {
		e, other := c.value(v.Index(i))
		if !other {
			continue
		}
		if !changed {
			out, changed = reflect.MakeSlice(v.Type(), v.Len(), v.Len()), true
			reflect.Copy(out, v)
		}
		out.Index(i).Set(e)
	}
	return out, changed
}

func (c *cleaner) members(v reflect.Value) (reflect.Value, bool) {
	out, changed := reflect.MakeMapWithSize(v.Type(), v.Len()), false
	for at := v.MapRange(); at.Next(); {
		key, otherKey := c.value(at.Key())
		member, otherMember := c.value(at.Value())
		changed = changed || otherKey || otherMember
		out.SetMapIndex(key, member)
	}
	if !changed {
		return v, false
	}
	return out, true
}

// json cleans what the strings of a JSON text say; what is not JSON is a text.
func (c *cleaner) json(data []byte) []byte {
	if len(data) == 0 {
		return data
	}
	if !json.Valid(data) {
		return []byte(c.clean(string(data)))
	}
	return Within(data, c.clean)
}
