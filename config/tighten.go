package config

import (
	"fmt"
	"slices"
)

// tightness says of a key that can only be tightened whether value b would
// loosen what a says, and for which layers that holds: nil is all of them.
type tightness struct {
	loosens func(a, b any) bool
	only    []Role
}

func tightnesses() map[key]tightness {
	is := func(tight any) func(a, b any) bool { return func(a, b any) bool { return a == tight && b != tight } }
	more := func(a, b any) bool { return b.(float64) > a.(float64) }
	longer := func(a, b any) bool { return b.(Size) > a.(Size) }
	said := func(a, b any) bool { return a == LogOff && b != LogOff || a == LogMeta && b == LogFull }
	stranger := []Role{RoleProject}
	return map[key]tightness{
		{field: "privacy"}:            {is(PrivacyLocal), nil},
		{field: "offline"}:            {is(true), nil},
		{field: "budget.per_day_usd"}: {more, stranger},
		{field: "budget.per_run_usd"}: {more, stranger},
		{field: "retry_paid"}:         {func(_, b any) bool { return b == true }, stranger},
		{field: "max_answer"}:         {longer, stranger},
		{field: "log"}:                {said, stranger},
	}
}

// tighten takes out values that would loosen what an earlier layer has
// tightened, with a warning each.
func (l *Loaded) tighten() {
	for k, t := range tightnesses() {
		var by *entry
		for _, layer := range l.layers {
			e, ok := layer.values[k]
			switch {
			case !ok:
			case by != nil && t.loosens(by.value, e.value) && (t.only == nil || slices.Contains(t.only, layer.role)):
				delete(layer.values, k)
				why := fmt.Sprintf("%s sets %v, which can only be tightened", by.origin(), by.value)
				if t.only != nil {
					why += " by a project"
				}
				e.ignored = "no effect: " + why
				layer.lost[k] = e
				l.Warnings = append(l.Warnings, e.at(fmt.Sprintf("%s: %v has no effect", k, e.value), why).Error())
			default:
				by = &e
			}
		}
	}
	l.keepNothing()
	slices.Sort(l.Warnings)
}

// keepNothing takes a project's `cache: on` out where the log has no texts,
// whoever says so: the cache would keep them.
func (l *Loaded) keepNothing() {
	logKey, cacheKey := key{field: "log"}, key{field: "cache"}
	var by *entry
	for _, layer := range l.layers {
		if e, ok := layer.values[logKey]; ok {
			by = &e
		}
	}
	if by == nil || by.value != LogOff && by.value != LogMeta {
		return
	}
	for _, layer := range l.layers {
		e, ok := layer.values[cacheKey]
		if !ok || layer.role != RoleProject || e.value != CacheOn {
			continue
		}
		delete(layer.values, cacheKey)
		why := fmt.Sprintf("%s sets log: %v, so a project cannot have answers cached", by.origin(), by.value)
		e.ignored = "no effect: " + why
		layer.lost[cacheKey] = e
		l.Warnings = append(l.Warnings, e.at(fmt.Sprintf("%s: %v has no effect", cacheKey, e.value), why).Error())
	}
}
