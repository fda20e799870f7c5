package config

import (
	"os"
	"os/user"
	"path/filepath"
	"runtime"
)

// lookup finds an environment variable, as os.LookupEnv does.
type lookup func(name string) (string, bool)

// or returns the variable, or else the fallback; empty counts as unset.
func (env lookup) or(name, fallback string) string {
	if v, ok := env(name); ok && v != "" {
		return v
	}
	return fallback
}

// home is the user's home directory, or empty when there is none to be found.
func (env lookup) home() string {
	name := "HOME"
	if runtime.GOOS == "windows" {
		name = "USERPROFILE"
	}
	if home := env.or(name, ""); filepath.IsAbs(home) {
		return home
	}
	if u, err := user.Current(); err == nil && filepath.IsAbs(u.HomeDir) {
		return u.HomeDir
	}
	return ""
}

// UserPath is where the user's own file is: $XDG_CONFIG_HOME/tandem/config.yaml,
// else ~/.config/tandem/config.yaml, on Windows %AppData%\tandem\config.yaml.
// A nil env is the process's. Like the directories below, it is absolute, or
// empty where there is no home directory: what is in the working directory
// is never the user's own.
func UserPath(env func(string) (string, bool)) string {
	dir := userDir(env, "XDG_CONFIG_HOME", ".config")
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "config.yaml")
}

// StateDir is where Tandem keeps what it remembers between calls:
// $XDG_STATE_HOME/tandem, else ~/.local/state/tandem, on Windows
// %AppData%\tandem. A nil env is the process's.
func StateDir(env func(string) (string, bool)) string {
	return userDir(env, "XDG_STATE_HOME", filepath.Join(".local", "state"))
}

// DataDir is where Tandem keeps the user's data: $XDG_DATA_HOME/tandem, else
// ~/.local/share/tandem, on Windows %AppData%\tandem. A nil env is the
// process's.
func DataDir(env func(string) (string, bool)) string {
	return userDir(env, "XDG_DATA_HOME", filepath.Join(".local", "share"))
}

func userDir(env lookup, variable, belowHome string) string {
	if env == nil {
		env = os.LookupEnv
	}
	base := env.or(variable, "")
	if !filepath.IsAbs(base) && runtime.GOOS == "windows" {
		base = env.or("AppData", "")
	}
	if !filepath.IsAbs(base) {
		home := env.home()
		if home == "" {
			return ""
		}
		base = filepath.Join(home, belowHome)
	}
	return filepath.Join(base, "tandem")
}
