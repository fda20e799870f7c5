package record

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

const canary = "canary-0123456789-canary"

// fill puts the canary into every string below v.
func fill(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		return
	case json.RawMessage:
		v.SetBytes([]byte(`{"` + canary + `":"` + canary + `"}`))
		return
	}
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() { // others are words of the program's own
			v.SetString(canary)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Interface:
		v.Set(reflect.ValueOf(canary))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.SetMapIndex(key, value)
	}
}

// Every string of a recording is scrubbed, also one of a field that is new.
func TestEveryFieldIsScrubbed(t *testing.T) {
	var c call
	fill(reflect.ValueOf(&c).Elem())
	before, err := encode(&c)
	if err != nil || strings.Count(string(before), canary) < 30 {
		t.Fatalf("%v: not every field is filled in\n%s", err, before)
	}
	newScrubber([]string{canary}, nil).call(&c)
	after, err := encode(&c)
	if err != nil || strings.Contains(string(after), "canary") || c.Redacted == 0 {
		t.Errorf("%v, %d taken out:\n%s", err, c.Redacted, after)
	}
}
