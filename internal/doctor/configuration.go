package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// configuration reports the files that were read, every mistake in them with
// its place, and what they mean.
func configuration(cfg *config.Loaded, err error) []Check {
	var checks []Check
	bad := mistakes(err)
	for _, f := range cfg.Files {
		if f.Exists && !named(bad, f.Path) {
			checks = append(checks, fileCheck(f))
		}
	}
	if cfg.Skipped != "" {
		checks = append(checks, Check{Name: "config", Status: OK, Detail: cfg.Skipped + " is not a Tandem configuration and is ignored"})
	}
	checks = append(checks, bad...)
	if len(checks) == 0 {
		checks = append(checks, Check{Name: "config", Status: OK, Detail: "no file; using defaults"})
	}
	for _, w := range cfg.Warnings {
		what, remedy, _ := strings.Cut(w, "; ")
		checks = append(checks, Check{Name: "config", Status: Warn, Detail: what, Remedy: remedy})
	}
	if len(bad) > 0 {
		return checks
	}
	detail := strings.Join(cfg.Use, ", ")
	if cfg.Privacy == config.PrivacyLocal {
		detail += "; prompts do not leave this machine"
	}
	if cfg.Offline {
		detail += "; offline"
	}
	return append(checks, Check{Name: "config: use", Status: OK, Detail: detail})
}

// fileCheck looks at who else may change a file. What the user's own file lacks
// is among the configuration's warnings already.
func fileCheck(f config.File) Check {
	c := Check{Name: "config: " + string(f.Role), Status: OK, Detail: f.Path}
	st, err := os.Stat(f.Path)
	if err != nil || windows {
		return c
	}
	c.Detail = fmt.Sprintf("%s, mode %04o", f.Path, st.Mode().Perm())
	if f.Role != config.RoleUser && st.Mode().Perm()&0o002 != 0 {
		c.Status, c.Detail = Warn, fmt.Sprintf("%s can be changed by any user (mode %04o)", f.Path, st.Mode().Perm())
		c.Remedy = "chmod o-w " + f.Path
	}
	return c
}

// mistakes are the checks that an error of loading stands for.
func mistakes(err error) (bad []Check) {
	for _, e := range diag.Split(err) {
		bad = append(bad, mistake(e))
	}
	return bad
}

// untrusted is the check of a provider that is not asked until the project's file is
// trusted.
func untrusted(t stack.Configured) Check {
	why := t.Untrusted
	if e := new(provider.Error); errors.As(why, &e) {
		why = e.Err
	}
	c := mistake(diag.Split(why)[0])
	c.Name = t.Config.Name + ": trust"
	return c
}

func mistake(err error) Check {
	c := Check{Name: "config", Status: Fail, Detail: err.Error(), Remedy: "see `tandem config check`"}
	var at *diag.Error
	if errors.As(err, &at) {
		bare := *at
		bare.Remedy = ""
		c.Detail = bare.Error()
		if at.Remedy != "" {
			c.Remedy = at.Remedy
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		c.Remedy = "name a file that exists, or remove --config and TANDEM_CONFIG"
	}
	return c
}

// named reports whether one of the mistakes is in the file.
func named(bad []Check, path string) bool {
	for _, c := range bad {
		file, _, _ := strings.Cut(c.Detail, ":")
		if abs, err := filepath.Abs(file); err == nil && abs == path {
			return true
		}
	}
	return false
}
