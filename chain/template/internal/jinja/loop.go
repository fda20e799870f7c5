package jinja

import (
	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
)

// loop is the variable loop.
type loop struct {
	items   []any
	index   int
	changed any // the last arguments of loop.changed
}

func (*loop) String() string { return "<LoopContext>" }

func (l *loop) attr(name string) (any, bool) {
	n := len(l.items)
	switch name {
	case "index":
		return int64(l.index + 1), true
	case "index0":
		return int64(l.index), true
	case "revindex":
		return int64(n - l.index), true
	case "revindex0":
		return int64(n - l.index - 1), true
	case "first":
		return l.index == 0, true
	case "last":
		return l.index == n-1, true
	case "length":
		return int64(n), true
	case "depth":
		return int64(1), true // only recursive loops go deeper
	case "depth0":
		return int64(0), true
	case "previtem":
		if l.index == 0 {
			return undefined{"there is no previous item"}, true
		}
		return l.items[l.index-1], true
	case "nextitem":
		if l.index == n-1 {
			return undefined{"there is no next item"}, true
		}
		return l.items[l.index+1], true
	case "cycle":
		return function(func(_ *renderer, at int, a args) any {
			if len(a.list) == 0 {
				refuse(at, "there is nothing to cycle through")
			}
			return a.list[l.index%len(a.list)]
		}), true
	case "changed":
		return function(func(r *renderer, _ int, a args) any {
			now := pyval.Tuple(a.list)
			same, err := pyval.Equal(l.changed, now, &r.meter)
			r.must(err)
			l.changed = now
			return !same
		}), true
	}
	return nil, false
}
