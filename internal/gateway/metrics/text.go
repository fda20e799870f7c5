package metrics

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// mostLabels is how many labels a family has at most.
const mostLabels = 5

// key is the values of a family's labels, in their order.
type key [mostLabels]string

// kind is a type of Prometheus'.
type kind string

const (
	counter   kind = "counter"
	gauge     kind = "gauge"
	histogram kind = "histogram"
)

// family is the series of one name. One without bounds holds a sum for each.
type family struct {
	kind       kind
	name, help string
	labels     []string
	bounds     []float64 // of a histogram's buckets, rising

	mu     sync.Mutex
	series map[key]*series
}

type series struct {
	sum     float64
	count   uint64
	buckets []uint64 // those of the bounds, each without the ones below it
}

// add adds to the series of those values. What a counter cannot take is left out: a
// price may be below nothing in a configuration.
func (f *family) add(v float64, values ...string) {
	if f.kind == counter && !(v >= 0) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.of(values)
	s.sum += v
}

// observe adds an observation to a histogram.
func (f *family) observe(v float64, values ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.of(values)
	s.sum += v
	s.count++
	if i, _ := slices.BinarySearch(f.bounds, v); i < len(f.bounds) {
		s.buckets[i]++
	}
}

// of is the series of those values. The caller holds mu.
func (f *family) of(values []string) *series {
	var k key
	copy(k[:], values)
	s := f.series[k]
	if s == nil {
		s = &series{buckets: make([]uint64, len(f.bounds))}
		if f.series == nil {
			f.series = map[key]*series{}
		}
		f.series[k] = s
	}
	return s
}

// write writes the family in Prometheus' text format. One without series is left out.
func (f *family) write(w io.Writer) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.series) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString("# HELP " + f.name + " " + escapeHelp.Replace(f.help) + "\n# TYPE " + f.name + " " + string(f.kind) + "\n")
	keys := slices.SortedFunc(maps.Keys(f.series), func(a, b key) int { return slices.Compare(a[:], b[:]) })
	for _, k := range keys {
		f.writeSeries(&b, k, f.series[k])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (f *family) writeSeries(b *strings.Builder, k key, s *series) {
	sample := func(suffix, bound string, v float64) {
		b.WriteString(f.name + suffix)
		sep := "{"
		label := func(name, value string) {
			if value == "" { // as good as none
				return
			}
			b.WriteString(sep + name + `="` + escapeValue.Replace(value) + `"`)
			sep = ","
		}
		for i, name := range f.labels {
			label(name, k[i])
		}
		if bound != "" {
			label("le", bound)
		}
		if sep == "," {
			b.WriteByte('}')
		}
		b.WriteString(" " + number(v) + "\n")
	}
	if f.kind != histogram {
		sample("", "", s.sum)
		return
	}
	below := uint64(0)
	for i, bound := range f.bounds {
		below += s.buckets[i]
		sample("_bucket", number(bound), float64(below))
	}
	sample("_bucket", "+Inf", float64(s.count))
	sample("_sum", "", s.sum)
	sample("_count", "", float64(s.count))
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

var (
	escapeHelp  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	escapeValue = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

// byName is the order in which families are written.
func byName(a, b *family) int { return cmp.Compare(a.name, b.name) }
