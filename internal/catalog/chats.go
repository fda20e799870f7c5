package catalog

import (
	"regexp"
	"strings"
)

// Chats reports whether a model whose server tells its name alone may chat, as far as
// the name tells: models that make embeddings, rank texts or hear speech do not.
func Chats(name string) bool { return !other.MatchString(strings.ToLower(name)) }

// other finds the families of such models, as words of a name.
var other = regexp.MustCompile(`embed|rerank|minilm|(^|[^a-z])(bge|e5|gte|whisper|paraphrase|sentence-transformers)([^a-z]|$)`)
