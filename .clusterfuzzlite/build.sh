#!/bin/bash -eu
# One build for both.
exec bash -eu "$SRC/nika/fuzz/oss-fuzz/build.sh"
