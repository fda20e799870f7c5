package engine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// ErrNoBinary: there is no ollama program on this machine.
var ErrNoBinary = errors.New("Ollama is not installed")

// FindBinary returns the ollama program: the configured one, else the one on
// PATH, else the one in the places that its installers use, else the one that
// tandem's own set-up built. Errors: ErrNoBinary, or a configured one that
// cannot run.
func FindBinary(configured string) (string, error) {
	if configured != "" {
		path, err := exec.LookPath(configured)
		if err != nil {
			return "", fmt.Errorf("binary %s cannot be run (%w); set `binary` to the ollama program", configured, cause(err))
		}
		return path, nil
	}
	if path, err := exec.LookPath("ollama"); err == nil {
		return path, nil
	}
	for _, path := range usualPlaces() {
		if path, err := exec.LookPath(path); err == nil {
			return path, nil
		}
	}
	return "", ErrNoBinary
}

func cause(err error) error {
	var e *exec.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

func usualPlaces() []string {
	name := "ollama"
	if runtime.GOOS == "windows" {
		name = "ollama.exe"
	}
	places := []string{
		"/usr/local/bin/ollama", "/usr/bin/ollama", "/opt/homebrew/bin/ollama",
		"/Applications/Ollama.app/Contents/Resources/ollama",
	}
	if local := os.Getenv("LOCALAPPDATA"); local != "" {
		places = append(places, filepath.Join(local, "Programs", "Ollama", name))
	}
	return append(places, filepath.Join(CacheDir(), "bin", name))
}

// CacheDir is where set-up keeps what it built: TANDEM_CACHE, else tandem
// below XDG_CACHE_HOME, else ~/.cache/tandem.
func CacheDir() string {
	if dir := os.Getenv("TANDEM_CACHE"); dir != "" {
		return dir
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "tandem")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "tandem")
	}
	return filepath.Join(home, ".cache", "tandem")
}
