// Package yamlx reads YAML strictly. Every problem is a [diag.Error] with file,
// line and column, what was expected and what was found. It is the one way that
// configuration and chain files are read.
//
// [Read] returns a file's bytes, [Parse] makes nodes of them, and a [Decoder]
// turns nodes into values and collects every problem before it gives up.
package yamlx
