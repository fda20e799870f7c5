package redact

import (
	"encoding/json"
	"reflect"
)

// Strings returns v with clean applied to every string that it holds, however
// deep: in structs, lists, maps (their keys, too), behind pointers and in JSON.
// What v points to stays as it is; fields that are not exported are passed over.
// For types to which fields are added: none is forgotten.
func Strings[T any](v T, clean func(string) string) T {
	out := reflect.New(reflect.TypeFor[T]()).Elem()
	out.Set(cleaned(reflect.ValueOf(&v).Elem(), clean))
	return out.Interface().(T)
}

func cleaned(v reflect.Value, clean func(string) string) reflect.Value {
	if raw, ok := v.Interface().(json.RawMessage); ok {
		return reflect.ValueOf(json.RawMessage(cleanJSON(raw, clean)))
	}
	switch v.Kind() {
	case reflect.String:
		return reflect.ValueOf(clean(v.String())).Convert(v.Type())
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return v
		}
		inner := cleaned(v.Elem(), clean)
		out := reflect.New(v.Type()).Elem()
		if v.Kind() == reflect.Interface {
			out.Set(inner)
			return out
		}
		out.Set(reflect.New(v.Type().Elem()))
		out.Elem().Set(inner)
		return out
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(cleaned(v.Field(i), clean))
			}
		}
		return out
	case reflect.Slice:
		if v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8 {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(cleaned(v.Index(i), clean))
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for at := v.MapRange(); at.Next(); {
			out.SetMapIndex(cleaned(at.Key(), clean), cleaned(at.Value(), clean))
		}
		return out
	}
	return v
}

// cleanJSON cleans what the strings of a JSON text say; what is no JSON is a
// text.
func cleanJSON(data []byte, clean func(string) string) []byte {
	if len(data) == 0 {
		return data
	}
	if !json.Valid(data) {
		return []byte(clean(string(data)))
	}
	var out []byte
	for i := 0; i < len(data); {
		part := data[i : i+token(data[i:])]
		i += len(part)
		var said string
		if part[0] == '"' && json.Unmarshal(part, &said) == nil {
			if kept := clean(said); kept != said {
				part = quote(kept)
			}
		}
		out = append(out, part...)
	}
	return out
}
