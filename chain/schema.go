package chain

import _ "embed" // of the schema

//go:embed schema.json
var fileSchema string

// FileSchema returns the JSON Schema (draft 2020-12) of chain files, with which
// editors complete and check them. It knows the shapes of a file's keys; only
// [Load] checks names and expressions.
func FileSchema() string { return fileSchema }
