#!/usr/bin/env bash
# Runs a campaign in shards with GNU parallel: on this machine, or over ssh on those that $NIKA_PARALLEL names.
#   scale/parallel.sh SHARDS OUT ARGUMENTS OF nika campaign...
#   NIKA_PARALLEL="--sshlogin 8/a,8/b --workdir $PWD" scale/parallel.sh 48 out scenarios --seeds 1..100000
# OUT must be on storage that all machines share. Run again it goes on with what is missing, then merges. $NIKA is the program.
set -uo pipefail
if [[ $# -lt 3 || ! "$1" =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: scale/parallel.sh SHARDS OUT ARGUMENTS OF nika campaign..." >&2
    exit 64
fi
shards=$1
mkdir -p "$2" || exit
out=$(realpath "$2")
shift 2
nika=${NIKA:-nika}
read -ra more <<<"${NIKA_PARALLEL:-}"
one_shard() { # SHARD ARGUMENTS...: a shard that is done is not run again; findings (1 to 5) are results.
    local shard=$1 folder=$NIKA_OUT/shard-$1 resume=() status
    shift
    [[ -e "$folder/done" ]] && return 0
    [[ -e "$folder/results.jsonl" ]] && resume=(--resume)
    "$NIKA" campaign "$@" --shard "$shard/$NIKA_SHARDS" --jobs 1 "${resume[@]}" --out "$folder"
    status=$?
    [[ $status -ge 6 ]] && return $status
    touch "$folder/done"
}
export -f one_shard
export NIKA=$nika NIKA_OUT=$out NIKA_SHARDS=$shards
parallel "${more[@]}" --env one_shard --env NIKA --env NIKA_OUT --env NIKA_SHARDS --quote --joblog "$out/joblog" --resume-failed --retries 3 \
    --results "$out/logs/{}" one_shard {} "$@" ::: $(seq "$shards") >/dev/null
"$nika" merge "$out"/shard-[0-9]* --out "$out/all"
