package providertest

import (
	"reflect"

	"github.com/tandem-llm/tandem/provider"
)

// Unset names the fields of provider.Request, and of the structs inside it,
// that none of the requests sets, such as "Image.MIME". A test of how requests
// are converted gives it all that it converts, so that a field that is added
// to the contract later cannot be forgotten.
func Unset(requests ...provider.Request) []string {
	f := fields{set: map[string]bool{}}
	f.enumerate(reflect.TypeFor[provider.Request]())
	for _, r := range requests {
		f.visit(reflect.ValueOf(r))
	}
	var unset []string
	for _, name := range f.names {
		if !f.set[name] {
			unset = append(unset, name)
		}
	}
	return unset
}

type fields struct {
	names []string
	set   map[string]bool
}

// inner is the struct of package provider that a field holds, if it does.
func inner(t reflect.Type) (reflect.Type, bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t, t.Kind() == reflect.Struct
}

func (f *fields) enumerate(t reflect.Type) {
	for i := range t.NumField() {
		f.names = append(f.names, t.Name()+"."+t.Field(i).Name)
		if s, ok := inner(t.Field(i).Type); ok {
			f.enumerate(s)
		}
	}
}

func (f *fields) visit(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			f.visit(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			f.visit(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				f.set[v.Type().Name()+"."+v.Type().Field(i).Name] = true
			}
			f.visit(v.Field(i))
		}
	}
}
