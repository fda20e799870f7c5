package schema

// Shown is what a model is told about a schema, where the engine shows it
// none: a few words and the schema itself, which is JSON.
func Shown(schema []byte) string {
	return "Answer with JSON only, no other words, that conforms to this JSON Schema:\n" + string(schema)
}

// Longest is the most bytes that a schema has in any form in which it is sent.
// A schema that does not compile is sent in none, and has its own length.
func Longest(raw []byte) int {
	n := len(Shown(raw))
	s, err := Compile(raw)
	if err != nil {
		return n
	}
	if l, err := s.Lower(); err == nil {
		n = max(n, len(l))
	}
	if l, err := s.Strict(); err == nil {
		n = max(n, len(l))
	}
	return n
}
