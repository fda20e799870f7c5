package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// Size is a number of bytes that prints as it is written in a file: 64MiB.
type Size int64

// leastSize is the smallest size in a configuration.
const leastSize Size = 1 << 10

// units are the units of a size, the largest first.
var units = []struct {
	name  string
	bytes Size
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// String is the spelling in the largest unit that it is a multiple of.
func (s Size) String() string {
	for _, u := range units {
		if s != 0 && s%u.bytes == 0 {
			return fmt.Sprintf("%d%s", s/u.bytes, u.name)
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText makes JSON and YAML show what String shows.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// readSize reads a size from 1 KiB to most: a number of bytes, or one with a
// unit.
func readSize(most Size) func(reader, yamlx.Map, string) any {
	return func(_ reader, m yamlx.Map, name string) any {
		text := m.Value(name).Value
		unit := Size(1)
		for _, u := range units {
			if n, ok := strings.CutSuffix(text, u.name); ok {
				text, unit = strings.TrimSpace(n), u.bytes
				break
			}
		}
		n, err := strconv.ParseInt(text, 10, 64)
		size := Size(n)
		if err != nil || size > most/unit || size < 0 || size*unit < leastSize {
			m.Fail(name, fmt.Sprintf("expected a size from %s to %s, such as 64MiB, found %s", leastSize, most, diag.Quote(m.Value(name).Value)), "")
			return nil
		}
		return size * unit
	}
}

// Age is a time span of an hour or more that prints in days where it is whole
// days: 90d.
type Age time.Duration

const aDay = Age(24 * time.Hour)

// String is the age as a file has it.
func (a Age) String() string {
	if a >= aDay && a%aDay == 0 {
		return fmt.Sprintf("%dd", a/aDay)
	}
	return Duration(a).String()
}

// MarshalText makes JSON and YAML show what String shows.
func (a Age) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// readAge reads a number of days such as 90d, or a duration, from an hour to a
// hundred years.
func readAge(_ reader, m yamlx.Map, name string) any {
	text := m.Value(name).Value
	var age Age
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil && n <= 36500 {
			age = Age(n) * aDay
		}
	} else if d, err := time.ParseDuration(text); err == nil {
		age = Age(d)
	}
	if age < Age(time.Hour) || age > 36500*aDay {
		m.Fail(name, "expected an age from 1h to 36500d, such as 90d, found "+diag.Quote(text), "")
		return nil
	}
	return age
}
