package system

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// AsUser runs f with a user's rights on files, so that links which the user made lead nowhere that the user could not
// go alone. The identity is that of one thread, which ends with the call; the rest of the process keeps its own. Without
// root's rights f simply runs. f must not start goroutines that touch files.
func AsUser(id *Identity, f func() error) error {
	if os.Geteuid() != 0 || id == nil || id.UID == 0 {
		return f()
	}
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the runtime ends a thread whose goroutine ends while it is locked to it.
		runtime.LockOSThread()
		if err := assume(id); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

// assume changes the groups and the file system identity of this thread alone; the functions of package syscall would
// change those of all threads.
func assume(id *Identity) error {
	groups := make([]uint32, 0, len(id.Groups)+1)
	groups = append(groups, uint32(id.GID))
	for _, g := range id.Groups {
		groups = append(groups, uint32(g))
	}
	if _, _, errno := syscall.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&groups[0])), 0); errno != 0 {
		return fmt.Errorf("take the groups of user %d: %w", id.UID, errno)
	}
	for _, set := range []struct {
		call func(int) (int, error)
		id   int
	}{{unix.SetfsgidRetGid, id.GID}, {unix.SetfsuidRetUid, id.UID}} {
		if _, err := set.call(set.id); err != nil {
			return fmt.Errorf("take the identity of user %d: %w", id.UID, err)
		}
		if now, err := set.call(-1); err != nil || now != set.id {
			return fmt.Errorf("take the identity of user %d: the kernel gave %d", id.UID, now)
		}
	}
	return nil
}
