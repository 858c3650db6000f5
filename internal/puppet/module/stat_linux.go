package module

import (
	"os"
	"syscall"
)

func statOf(info os.FileInfo) stat {
	st := stat{size: info.Size(), mtime: info.ModTime(), mode: info.Mode()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		st.inode, st.ctime = sys.Ino, sys.Ctim.Nano()
	}
	return st
}
