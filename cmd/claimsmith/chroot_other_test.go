//go:build !linux

package main

import (
	"syscall"
	"testing"
)

func chrooted(*testing.T, string, uint32) *syscall.SysProcAttr { return nil }
