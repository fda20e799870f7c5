package chains

import (
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
)

// filter is which runs a client wants to be told of, by their names and types. Runs here
// have no tags.
type filter struct {
	includeNames, includeTypes, includeTags []string
	excludeNames, excludeTypes              []string
}

func filterOf(o body.Object) (f filter, err error) {
	for name, list := range map[string]*[]string{
		"include_names": &f.includeNames, "include_types": &f.includeTypes, "include_tags": &f.includeTags,
		"exclude_names": &f.excludeNames, "exclude_types": &f.excludeTypes, "exclude_tags": new([]string),
	} {
		v := o.Value(name)
		if v == nil {
			continue
		}
		values, ok := v.([]any)
		*list = []string{}
		for _, one := range values {
			text, isText := one.(string)
			ok = ok && isText
			*list = append(*list, text)
		}
		if !ok {
			return f, exchange.Refuse(name, name+" has to be an array of strings")
		}
	}
	return f, nil
}

// drops reports whether an event is one of a run that the client does not want.
func (f *filter) drops(event any) bool {
	switch e := event.(type) {
	case runEvent:
		kind, _, _ := strings.Cut(strings.TrimPrefix(e.Event, "on_"), "_")
		if len(e.Parents) > 0 {
			kind = typeModel
		}
		return !f.wants(e.Name, kind)
	case patch:
		return e.step != "" && !f.wants(e.step, typeModel)
	}
	return false
}

func (f *filter) wants(name, kind string) bool {
	all := f.includeNames == nil && f.includeTypes == nil && f.includeTags == nil
	included := all || slices.Contains(f.includeNames, name) || slices.Contains(f.includeTypes, kind)
	return included && !slices.Contains(f.excludeNames, name) && !slices.Contains(f.excludeTypes, kind)
}
