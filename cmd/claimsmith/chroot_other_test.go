//go:build !linux

package main

import (
	"syscall"
	"testing"
)

func chrooted(*testing.T, string) *syscall.SysProcAttr { return nil }
