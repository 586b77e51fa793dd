#!/bin/sh
# Writes the local accounts of this Synology NAS, with their addresses and groups, into a file that claimsmith reads with
# "source: snapshot". It holds no passwords.
#
#   snapshot.sh FILE [GROUP]
#
# Control Panel, Task Scheduler: a user-defined script, as root, daily or hourly. FILE is where claimsmith finds it, in a folder that
# only root can write. GROUP, a name or a number, may read FILE; without it only root may.
#
# The file is written beside FILE and takes its place when it is whole. A run that fails leaves FILE as it was.
set -eu
LC_ALL=C
PATH="$PATH:/usr/syno/sbin:/usr/syno/bin:/usr/sbin:/usr/bin:/sbin:/bin"
export LC_ALL PATH
umask 077

say() { echo "snapshot.sh: $*" >&2; }

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
	say "usage: snapshot.sh FILE [GROUP]"
	exit 2
fi
file=$1
new=$(mktemp "$(dirname "$file")/.snapshot.XXXXXX")
names="$new.names"
one="$new.one"
trap 'rm -f "$new" "$names" "$one"' EXIT
trap 'exit 1' HUP INT TERM

# The first line counts: "4 User Listed:".
synouser --enum local >"$one" || { say "synouser --enum local failed: is this a Synology NAS, and are you root?"; exit 1; }
sed '1{/User Listed:/d;}' "$one" | sed '/^$/d' >"$names"
if ! [ -s "$names" ]; then
	say "synouser --enum local lists nobody"
	exit 1
fi

printf '{"snapshot":1,"time":%s}\n' "$(date +%s)" >"$new"
count=0
while IFS= read -r name; do
	gids=$(id -G -- "$name") || { say "an account went away meanwhile, or cannot be read: the next run will tell"; exit 1; }
	synouser --get "$name" >"$one" || { say "synouser --get failed for an account that is listed"; exit 1; }
	awk -v gids="$gids" '
		function quoted(s,   i, c, out) {
			out = ""
			for (i = 1; i <= length(s); i++) {
				c = substr(s, i, 1)
				if (c == "\\" || c == "\"") out = out "\\" c
				else if (c ~ /[[:cntrl:]]/) out = out " "
				else out = out c
			}
			return "\"" out "\""
		}
		/^(User Name|User uid|Fullname|Expired|User Mail)[ \t]*:[ \t]*\[.*\][ \t\r]*$/ {
			key = $0; sub(/[ \t]*:.*/, "", key)
			value = $0; sub(/^[^[]*\[/, "", value); sub(/\][ \t\r]*$/, "", value)
			if (key in got) again = 1 # somebody made up lines of his own
			got[key] = value
			next
		}
		/^\([0-9]+\) / { group = $0; sub(/^\([0-9]+\) /, "", group); sub(/\r$/, "", group); groups = groups (groups == "" ? "" : ",") quoted(group) }
		END {
			if (again || got["User Name"] == "" || !("Expired" in got) || got["User uid"] !~ /^[0-9]+$/) exit 1
			expired = got["Expired"]
			if (expired == "false") expired = "normal"
			if (expired == "true") expired = "now"
			if (expired == "") expired = "unknown" # counts as switched off
			n = split(gids, id, " ")
			list = ""
			for (i = 1; i <= n; i++) if (id[i] ~ /^[0-9]+$/) list = list (list == "" ? "" : ",") id[i]
			printf "{\"user\":%s,\"uid\":%d,\"email\":%s,\"description\":%s,\"expired\":%s,\"groups\":[%s],\"gids\":[%s]}\n", \
				quoted(got["User Name"]), got["User uid"], quoted(got["User Mail"]), quoted(got["Fullname"]), quoted(expired), groups, list
		}' "$one" >>"$new" || { say "synouser --get answers in a form that is not known"; exit 1; }
	count=$((count + 1))
done <"$names"
printf '{"end":%d}\n' "$count" >>"$new"

if [ $# -eq 2 ]; then
	chgrp -- "$2" "$new"
	chmod 0640 "$new"
fi
mv -f "$new" "$file"
