package jinja

func (p *parser) ifElse(at int) statement {
	s := &ifElse{}
	s.tests = append(s.tests, p.tuple(false))
	for {
		p.expectEnd(tokenBlockEnd, "%}")
		s.bodies = append(s.bodies, p.statements(at, "elif", "else", "endif"))
		switch word := p.next(); word.text {
		case "elif":
			s.tests = append(s.tests, p.tuple(false))
		case "else":
			p.expectEnd(tokenBlockEnd, "%}")
			s.bodies = append(s.bodies, p.statements(at, "endif"))
			p.endBlock()
			return s
		default:
			p.expectEnd(tokenBlockEnd, "%}")
			return s
		}
	}
}

func (p *parser) forLoop(at int) statement {
	s := &forLoop{pos: pos(at), targets: p.targets("in")}
	p.expect("in")
	s.list = p.tupleUntil("recursive", "if")
	if p.skip("if") {
		s.filter = p.expression()
	}
	if p.is("recursive") {
		fail(p.token().at, "recursive loops are not supported", "write a macro that calls itself")
	}
	p.expectEnd(tokenBlockEnd, "%}")
	s.body = p.statements(at, "else", "endfor")
	if p.next().text == "else" {
		p.expectEnd(tokenBlockEnd, "%}")
		s.otherwise = p.statements(at, "endfor")
		p.next()
	}
	p.expectEnd(tokenBlockEnd, "%}")
	return s
}

// targets takes names to assign to, up to a word or operator.
func (p *parser) targets(until string) target {
	at := p.token().at
	var parts []target
	comma := false
	for !p.is(until) && p.token().kind != tokenBlockEnd {
		if len(parts) > 0 && !comma {
			break
		}
		parts = append(parts, p.target())
		if comma = p.skip(","); !comma {
			break
		}
	}
	switch {
	case len(parts) == 0:
		p.unexpected("a name")
	case len(parts) == 1 && !comma:
		return parts[0]
	}
	return target{pos: pos(at), parts: parts}
}

func (p *parser) target() target {
	defer p.deeper()()
	if p.skip("(") {
		t := p.targets(")")
		p.expect(")")
		return t
	}
	n := p.expectName()
	if constants(n.text) || n.text == "loop" {
		fail(n.at, "nothing can be assigned to "+n.text, "use another name")
	}
	t := target{pos: pos(n.at), name: n.text}
	if p.skip(".") {
		t.attr = p.expectName().text
	}
	return t
}

func (p *parser) assign(at int) statement {
	s := &assign{pos: pos(at), targets: p.targets("=")}
	if p.skip("=") {
		s.x = p.tuple(true)
		p.expectEnd(tokenBlockEnd, "%}")
		return s
	}
	if p.is("|") {
		s.x = p.filters(nil)
	}
	p.expectEnd(tokenBlockEnd, "%}")
	s.body = p.statements(at, "endset")
	p.endBlock()
	if s.body == nil {
		s.body = []statement{}
	}
	return s
}

func (p *parser) with(at int) statement {
	s := &withBlock{}
	for p.token().kind != tokenBlockEnd {
		if len(s.targets) > 0 {
			p.expect(",")
		}
		s.targets = append(s.targets, p.target())
		p.expect("=")
		s.values = append(s.values, p.expression())
	}
	p.next()
	s.body = p.statements(at, "endwith")
	p.endBlock()
	return s
}

func (p *parser) macro(at int) statement {
	m := &macroBlock{}
	m.name = p.expectName().text
	p.signature(&m.macro)
	p.expectEnd(tokenBlockEnd, "%}")
	m.body = p.statements(at, "endmacro")
	p.endBlock()
	return m
}

func (p *parser) signature(m *macro) {
	p.expect("(")
	for !p.skip(")") {
		if len(m.params) > 0 {
			p.expect(",")
		}
		n := p.expectName()
		if constants(n.text) {
			fail(n.at, "nothing can be assigned to "+n.text, "use another name")
		}
		m.params = append(m.params, n.text)
		if p.skip("=") {
			m.defaults = append(m.defaults, p.expression())
		} else if len(m.defaults) > 0 {
			fail(n.at, "a parameter without a default follows one with a default", "turn them round")
		}
	}
}

func (p *parser) callBlock(at int) statement {
	s := &callBlock{pos: pos(at)}
	s.name = "caller"
	if p.is("(") {
		p.signature(&s.macro)
	}
	s.call = p.expression()
	if _, ok := s.call.(*call); !ok {
		fail(at, "{% call %} calls nothing", "write {% call name() %}")
	}
	p.expectEnd(tokenBlockEnd, "%}")
	s.body = p.statements(at, "endcall")
	p.endBlock()
	return s
}
