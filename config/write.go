package config

import (
	"os"
	"runtime"

	"github.com/tandem-llm/tandem/internal/files"
)

// WriteFile replaces a file that only its owner may read (0600) as a whole or
// not at all, and makes its directory (0700) if need be. A link is followed, and
// its target replaced. No error shows any of the data.
func WriteFile(path string, data []byte) error { return files.Replace(path, data, 0o600) }

// writableByOthers reports whether others than the owner may change the file;
// on Windows, whose modes don't tell, it is false.
func writableByOthers(path string) bool {
	info, err := os.Stat(path)
	return err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0
}
