package jinja

// expr is an expression. eval throws a failure.
type expr interface {
	eval(r *renderer) any
	place() int
	children() []expr
}

// pos is the place of a node, in bytes.
type pos int

func (p pos) place() int { return int(p) }

type (
	constant struct {
		pos
		value any
	}
	name struct {
		pos
		name string
	}
	listOf struct {
		pos
		items []expr
		tuple bool
	}
	dictOf struct {
		pos
		keys, values []expr
	}
	unary struct {
		pos
		op string // not, -, +
		x  expr
	}
	binary struct {
		pos
		op   string // and, or, + - * / // % **, ~
		x, y expr
	}
	compare struct {
		pos
		first expr
		ops   []string
		rest  []expr
	}
	conditional struct {
		pos
		test, yes, no expr // no may be nil
	}
	attribute struct {
		pos
		x    expr
		name string
	}
	item struct {
		pos
		x, index expr
	}
	slice struct {
		pos
		x, from, to, step expr // the last three may be nil
	}
	call struct {
		pos
		x expr
		a arguments
	}
	filtered struct {
		pos
		x      expr // nil: the body of a filter block
		name   string
		a      arguments
		filter filter
	}
	tested struct {
		pos
		x    expr
		name string
		a    arguments
		test test
	}
)

// arguments are those of a call.
type arguments struct {
	values []expr
	names  []string // of the last values; the first have none
	list   expr     // *list
	dict   expr     // **dict
}

func (a arguments) children() []expr {
	out := a.values[:len(a.values):len(a.values)]
	if a.list != nil {
		out = append(out, a.list)
	}
	if a.dict != nil {
		out = append(out, a.dict)
	}
	return out
}

func some(xs ...expr) []expr {
	out := xs[:0:0]
	for _, x := range xs {
		if x != nil {
			out = append(out, x)
		}
	}
	return out
}

func (*constant) children() []expr      { return nil }
func (*name) children() []expr          { return nil }
func (x *listOf) children() []expr      { return x.items }
func (x *dictOf) children() []expr      { return append(x.keys[:len(x.keys):len(x.keys)], x.values...) }
func (x *unary) children() []expr       { return []expr{x.x} }
func (x *binary) children() []expr      { return []expr{x.x, x.y} }
func (x *compare) children() []expr     { return append([]expr{x.first}, x.rest...) }
func (x *conditional) children() []expr { return some(x.test, x.yes, x.no) }
func (x *attribute) children() []expr   { return []expr{x.x} }
func (x *item) children() []expr        { return []expr{x.x, x.index} }
func (x *slice) children() []expr       { return some(x.x, x.from, x.to, x.step) }
func (x *call) children() []expr        { return append(x.a.children(), x.x) }
func (x *filtered) children() []expr    { return append(x.a.children(), some(x.x)...) }
func (x *tested) children() []expr      { return append(x.a.children(), x.x) }

// statement is a part of the text. exec writes to r.out and throws a failure.
type statement interface {
	exec(r *renderer)
}

type (
	text   string
	output struct{ x expr }
	ifElse struct {
		tests  []expr
		bodies [][]statement // one more than tests where there is an else
	}
	forLoop struct {
		pos
		targets   target
		list      expr
		filter    expr // may be nil
		body      []statement
		otherwise []statement
	}
	assign struct {
		pos
		targets target
		x       expr
		body    []statement // where x is nil, or a filter of nothing
	}
	withBlock struct {
		targets []target
		values  []expr
		body    []statement
	}
	filterBlock struct {
		x    expr
		body []statement
	}
	macroBlock struct{ macro }
	callBlock  struct {
		pos
		call expr
		macro
	}
)

// target is what a value is assigned to: a name, a name's attribute, or
// targets for a value's items.
type target struct {
	pos
	name, attr string
	parts      []target
}

func (t target) names() []string {
	if t.parts == nil {
		return []string{t.name}
	}
	var out []string
	for _, p := range t.parts {
		out = append(out, p.names()...)
	}
	return out
}

// macro is a macro as it is written.
type macro struct {
	name     string
	params   []string
	defaults []expr // of the last params
	body     []statement
}
