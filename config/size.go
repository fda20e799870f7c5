package config

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// Size is a number of bytes that prints as it is written in a file: 64MiB.
type Size int64

// Bounds of a size in a configuration.
const (
	leastSize Size = 1 << 10
	mostSize  Size = 1 << 30
)

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

// readSize reads a size from 1 KiB to 1 GiB: a number of bytes, or one with a
// unit.
func readSize(_ reader, m yamlx.Map, name string) any {
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
	if err != nil || size > mostSize/unit || size < 0 || size*unit < leastSize {
		m.Fail(name, "expected a size from 1KiB to 1GiB, such as 64MiB, found "+diag.Quote(m.Value(name).Value), "")
		return nil
	}
	return size * unit
}
