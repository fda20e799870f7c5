package testnodes

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// newDisk makes a disk of its own for a directory, where that is allowed; else processes
// are forbidden to write.
func newDisk(dir string) disk {
	if syscall.Mount("none", dir, "tmpfs", 0, "size=64m,mode=0700") == nil {
		return &smallDisk{dir}
	}
	return &limit{}
}

// smallDisk is a file system of some megabytes.
type smallDisk struct{ dir string }

func (d *smallDisk) String() string { return "a file system of 64 MiB" }

func (d *smallDisk) filler() string { return filepath.Join(d.dir, "filler") }

func (d *smallDisk) fill(*process) error {
	f, err := os.Create(d.filler())
	if err != nil {
		return err
	}
	defer f.Close()
	for block := make([]byte, 1<<20); err == nil; {
		if _, err = f.Write(block); err != nil && len(block) > 1 {
			block, err = block[:len(block)/2], nil
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return nil
}

func (d *smallDisk) free(*process) error { return os.Remove(d.filler()) }

func (d *smallDisk) close() { _ = syscall.Unmount(d.dir, syscall.MNT_DETACH) }

// limit is RLIMIT_FSIZE of the process.
type limit struct{}

func (*limit) String() string { return "a limit of the size of files" }

func (*limit) fill(p *process) error { return setFileSize(p, 1) }

func (*limit) free(p *process) error { return setFileSize(p, unix.RLIM_INFINITY) }

func (*limit) close() {}

func setFileSize(p *process, most uint64) error {
	return unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: most, Max: unix.RLIM_INFINITY}, nil)
}
