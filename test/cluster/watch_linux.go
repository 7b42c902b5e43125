package main

import (
	"os/exec"
	"syscall"
)

// endWithUs has the kernel kill the child when this process dies without a chance to do it.
func endWithUs(child *exec.Cmd) {
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
