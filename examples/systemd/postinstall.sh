#!/bin/sh
# The user of the service, where systemd makes users; the service itself is started by whoever wrote its configuration.
set -e
if command -v systemd-sysusers >/dev/null; then systemd-sysusers claimsmith.conf; fi
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
