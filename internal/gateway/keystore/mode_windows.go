package keystore

import (
	"errors"
	"os"
)

// private takes the file's folder for the user's alone.
func private(info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	return nil
}
