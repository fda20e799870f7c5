package redact

import (
	"encoding/json"
	"reflect"
)

// Strings returns v with clean applied to every string in it, however deep:
// fields, elements, keys of maps, and what the strings of raw JSON say. What v
// points to stays as it is. Strings of a named type stay, too: those are words
// of the program's own, such as a role. A value that holds itself has nothing
// where it does.
func Strings[T any](v T, clean func(string) string) T {
	c := cleaner{clean: clean, path: map[reference]bool{}}
	out := reflect.New(reflect.TypeFor[T]()).Elem()
	out.Set(c.value(reflect.ValueOf(&v).Elem()))
	return out.Interface().(T)
}

// cleaner walks a value.
type cleaner struct {
	clean func(string) string
	path  map[reference]bool // what the value under way lies in
}

type reference struct {
	kind reflect.Type
	at   uintptr
	size int
}

func (c *cleaner) value(v reflect.Value) reflect.Value {
	if raw, ok := v.Interface().(json.RawMessage); ok {
		return reflect.ValueOf(json.RawMessage(c.json(raw)))
	}
	switch v.Kind() {
	case reflect.String:
		if v.Type() != reflect.TypeFor[string]() {
			return v
		}
		return reflect.ValueOf(c.clean(v.String()))
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(c.value(v.Field(i)))
			}
		}
		return out
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type()).Elem()
		out.Set(c.value(v.Elem()))
		return out
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return c.shared(v)
	}
	return v
}

// shared is a value that others may hold, too.
func (c *cleaner) shared(v reflect.Value) reflect.Value {
	if v.IsNil() || v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		return v
	}
	here := reference{kind: v.Type(), at: v.Pointer()}
	if v.Kind() == reflect.Slice {
		here.size = v.Len()
	}
	if c.path[here] {
		return reflect.Zero(v.Type())
	}
	c.path[here] = true
	defer delete(c.path, here)
	switch v.Kind() {
	case reflect.Pointer:
		out := reflect.New(v.Type()).Elem()
		out.Set(reflect.New(v.Type().Elem()))
		out.Elem().Set(c.value(v.Elem()))
		return out
	case reflect.Slice:
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(c.value(v.Index(i)))
		}
		return out
	default:
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for at := v.MapRange(); at.Next(); {
			out.SetMapIndex(c.value(at.Key()), c.value(at.Value()))
		}
		return out
	}
}

// json cleans what the strings of a JSON text say; what is no JSON is a text.
func (c *cleaner) json(data []byte) []byte {
	if len(data) == 0 {
		return data
	}
	if !json.Valid(data) {
		return []byte(c.clean(string(data)))
	}
	return Within(data, c.clean)
}
