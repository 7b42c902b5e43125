package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// watchParent takes "--parent-pid PID" off the arguments and ends this process when that parent is gone, however it died.
func watchParent(args []string) []string {
	if len(args) < 2 || args[0] != "--parent-pid" {
		return args
	}
	parent, err := strconv.Atoi(args[1])
	if err != nil {
		fail("--parent-pid takes a process id")
	}
	go func() {
		for os.Getppid() == parent {
			time.Sleep(300 * time.Millisecond)
		}
		orphaned()
	}()
	return args[2:]
}

var watched *os.Process

func orphaned() {
	if watched != nil {
		_ = watched.Kill()
	}
	os.Exit(1)
}

// runWatched runs a program that knows nothing of the watch, passes signals on to it, and gives back its exit code.
func runWatched(args []string) int {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	child := exec.Command(args[0], args[1:]...)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	runtime.LockOSThread()
	endWithUs(child)
	if err := child.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 127
	}
	watched = child.Process
	go func() {
		for received := range signals {
			_ = child.Process.Signal(received)
		}
	}()
	if err := child.Wait(); err != nil && child.ProcessState.ExitCode() < 0 {
		return 1
	}
	return child.ProcessState.ExitCode()
}
