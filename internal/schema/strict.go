package schema

// Strict is the schema as OpenAI's strict mode takes it: objects closed, each
// property required and what is optional nullable, what the mode does not know
// left out. [Schema.WithoutNulls] takes those nulls away again. Errors are
// *[Error]: strict mode cannot say it.
func (s *Schema) Strict() ([]byte, error) { return s.strict() }

func (s *Schema) strictly() ([]byte, error) {
	n, err := s.lowerRoot()
	if err != nil {
		return nil, err
	}
	if n.str("type") != "object" {
		return nil, schemaError(nil, "strict mode requires an object as the answer; remove strict, or put the answer into a property")
	}
	out, err := strictly(n, nil)
	if err != nil {
		return nil, err
	}
	if defs := n.get("$defs"); defs != nil {
		strictDefs := object()
		for i, name := range defs.keys {
			d, err := strictly(defs.kids[i], []string{"$defs", name})
			if err != nil {
				return nil, err
			}
			strictDefs.set(name, d)
		}
		out.set("$defs", strictDefs)
	}
	return out.encode(), nil
}

// strictly is a lowered schema in the strict form.
func strictly(n *node, at []string) (*node, error) {
	switch {
	case n.has("$ref"):
		return object().set("$ref", n.get("$ref")), nil
	case n.has("anyOf"):
		alts := array()
		for _, alt := range n.get("anyOf").kids {
			a, err := strictly(alt, append(at[:len(at):len(at)], "anyOf"))
			if err != nil {
				return nil, err
			}
			alts.kids = append(alts.kids, a)
		}
		return describe(object().set("anyOf", alts), n), nil
	case n.has("enum"):
		return describe(strictEnum(n), n), nil
	case isAny(n), n.get("type").isArray() && (contains(n.get("type"), text("object")) || contains(n.get("type"), text("array"))):
		return nil, schemaError(at, "strict mode requires a type for everything; add it, or remove strict")
	}
	out := object().set("type", n.get("type"))
	switch n.str("type") {
	case "object":
		return strictObject(n, out, at)
	case "array":
		return strictArray(n, out, at)
	}
	for _, key := range append(numeric(), "pattern", "format") {
		if v := n.get(key); v != nil {
			out.set(key, v)
		}
	}
	return describe(out, n), nil
}

func strictEnum(n *node) *node {
	kinds := array()
	for _, v := range n.get("enum").kids {
		if t := text(typeOf(v)); !contains(kinds, t) {
			kinds.kids = append(kinds.kids, t)
		}
	}
	out := object().set("type", kinds)
	if len(kinds.kids) == 1 {
		out.set("type", kinds.kids[0])
	}
	return out.set("enum", n.get("enum"))
}

func strictObject(n, out *node, at []string) (*node, error) {
	props := n.get("properties")
	if more := n.get("additionalProperties"); props == nil && !more.is(false) {
		return nil, schemaError(at, "strict mode does not allow unlisted properties; list them, or remove strict")
	}
	required := n.get("required").strings()
	list, names := object(), array()
	if props != nil {
		for i, name := range props.keys {
			v, err := strictly(props.kids[i], append(at[:len(at):len(at)], "properties", name))
			if err != nil {
				return nil, err
			}
			if !contains(array(texts(required)...), text(name)) {
				v = orNull(v)
			}
			list.set(name, v)
			names.kids = append(names.kids, text(name))
		}
	}
	out.set("properties", list).set("required", names).set("additionalProperties", boolean(false))
	return describe(out, n), nil
}

func texts(list []string) []*node {
	out := make([]*node, len(list))
	for i, s := range list {
		out[i] = text(s)
	}
	return out
}

func strictArray(n, out *node, at []string) (*node, error) {
	if n.has("prefixItems") || !n.has("items") {
		return nil, schemaError(at, "strict mode requires one schema for all items of an array; add `items`, or remove strict")
	}
	items, err := strictly(n.get("items"), append(at[:len(at):len(at)], "items"))
	if err != nil {
		return nil, err
	}
	out.set("items", items)
	for _, key := range []string{"minItems", "maxItems"} {
		if v := n.get(key); v != nil {
			out.set(key, v)
		}
	}
	return describe(out, n), nil
}

// orNull lets null in, for what may be left out.
func orNull(n *node) *node {
	null := text("null")
	switch t := n.get("type"); {
	case n.has("$ref"):
		return object().set("anyOf", array(n, object().set("type", null)))
	case n.has("anyOf"):
		alts := n.get("anyOf").clone()
		alts.kids = append(alts.kids, object().set("type", null))
		return n.clone().set("anyOf", alts)
	case t.isArray():
		if !contains(t, null) {
			n = n.clone().set("type", array(append(t.clone().kids, null)...))
		}
	case t.scalar != "null":
		n = n.clone().set("type", array(t, null))
	}
	if e := n.get("enum"); e != nil && !contains(e, &node{}) {
		n = n.clone().set("enum", array(append(e.clone().kids, &node{})...))
	}
	return n
}
