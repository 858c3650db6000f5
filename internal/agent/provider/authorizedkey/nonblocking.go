package authorizedkey

import "syscall"

// nonBlocking keeps a named pipe in place of the file from holding up the run.
const nonBlocking = syscall.O_NONBLOCK
