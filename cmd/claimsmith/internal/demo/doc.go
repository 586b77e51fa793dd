// Package demo runs the whole chain on this machine and signs in to it as a person would:
//
//	the person's browser ─► a NAS (emulated DSM, as relying party) ─► Dex with the hook ─► a stand-in for Google (another Dex)
//	                                                                     │
//	                                                     sidecar ◄───────┘ before login and token
//	                                                        └─► the Synology plugin ─► the emulated DSM's account list
//
// Everything that can be real is: both Dex are the built binary in processes of their own, the sidecar is this program started
// again, and its plugin is a process below it. What cannot run here, a NAS and Google, is stood in for, and the output says so.
// A third Dex without the hook issues the token that the hooked one is compared with.
package demo
