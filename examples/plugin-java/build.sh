#!/bin/sh
# Makes build/plugin.jar, with the libraries of Debian. The driver of the database is the first argument: hsqldb.jar, postgresql.jar ...
set -eu
cd "$(dirname "$0")"
jars=/usr/share/java
libraries="grpc-api grpc-context grpc-core grpc-netty grpc-protobuf grpc-protobuf-lite grpc-stub guava perfmark-api protobuf
	netty-buffer netty-codec netty-codec-http netty-codec-http2 netty-common netty-handler netty-resolver netty-transport
	jackson-core jackson-annotations jackson-databind bcprov bcpkix bcutil"
path=$(for name in $libraries; do printf '%s/%s.jar:' "$jars" "$name"; done)
rm -rf build
mkdir -p build/java build/classes
protoc --java_out=build/java lookup.proto
javac -XDignore.symbol.file -source 17 -target 17 -encoding UTF-8 -d build/classes -cp "$path" src/*.java build/java/claimsmith/plugin/v1/*.java
{
	echo "Main-Class: Plugin"
	printf 'Class-Path:'
	for jar in $(echo "$path" | tr : ' ') "$@"; do printf ' %s\n ' "$jar"; done
	echo
} >build/manifest
jar --create --file build/plugin.jar --manifest build/manifest -C build/classes .
