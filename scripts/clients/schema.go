package main

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// schema is as much of a JSON Schema as the engine goes by.
type schema struct {
	Type       schemaType
	Properties map[string]*schema
	Items      *schema
	Enum       []any
	AnyOf      []*schema          `json:"anyOf"`
	AllOf      []*schema          `json:"allOf"`
	Ref        string             `json:"$ref"`
	Defs       map[string]*schema `json:"$defs"`
	Old        map[string]*schema `json:"definitions"`
}

// schemaType is a type, the first of a list of them.
type schemaType string

// UnmarshalJSON takes a string or a list.
func (s *schemaType) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*s = schemaType(one)
		return nil
	}
	var many []string
	if err := json.Unmarshal(data, &many); err != nil {
		return err
	}
	if len(many) > 0 {
		*s = schemaType(many[0])
	}
	return nil
}

var (
	numberPattern = regexp.MustCompile(`-?\d+`)
	quotedPattern = regexp.MustCompile(`'([^']+)'|"([^"]+)"`)
)

// example is a value of the schema as JSON, made of the numbers and the quoted texts in
// text, in their order.
func (s *schema) example(text string) string {
	v := &values{root: s, numbers: numberPattern.FindAllString(text, -1), quoted: quoted(text)}
	var value any = map[string]any{}
	if s != nil {
		value = v.of(s, "")
	}
	data, _ := json.Marshal(value)
	return string(data)
}

func quoted(text string) (list []string) {
	for _, m := range quotedPattern.FindAllStringSubmatch(text, -1) {
		list = append(list, m[1]+m[2])
	}
	return list
}

// values are what is left to fill a schema with.
type values struct {
	root            *schema
	numbers, quoted []string
}

func (v *values) of(s *schema, name string) any {
	if s.Ref != "" {
		key := s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
		if to := v.root.Defs[key]; to != nil {
			return v.of(to, name)
		}
		if to := v.root.Old[key]; to != nil {
			return v.of(to, name)
		}
		return nil
	}
	for _, one := range append(s.AnyOf, s.AllOf...) {
		return v.of(one, name)
	}
	if len(s.Enum) > 0 {
		return s.Enum[0]
	}
	switch {
	case s.Type == "object", s.Properties != nil:
		object := map[string]any{}
		if len(s.Properties) == 0 { // any: the names that the text quotes
			for _, key := range v.quoted {
				object[key] = "the " + key
			}
		}
		for _, key := range slices.Sorted(maps.Keys(s.Properties)) {
			object[key] = v.of(s.Properties[key], key)
		}
		return object
	case s.Type == "array":
		if s.Items == nil {
			return []any{}
		}
		return []any{v.of(s.Items, name)}
	case s.Type == "integer", s.Type == "number":
		if len(v.numbers) == 0 {
			return 1
		}
		n, _ := strconv.Atoi(v.numbers[0])
		v.numbers = v.numbers[1:]
		return n
	case s.Type == "boolean":
		return true
	case s.Type == "null":
		return nil
	}
	if len(v.quoted) == 0 {
		return "the " + name
	}
	text := v.quoted[0]
	v.quoted = v.quoted[1:]
	return text
}
