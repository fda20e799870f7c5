package template

func parseJinja2(text string) (*Template, error) {
	return nil, errorAt(text, 0, "jinja2 is not there yet", "write it as mustache")
}
