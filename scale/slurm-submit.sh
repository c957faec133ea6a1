#!/usr/bin/env bash
# Submits a campaign as a Slurm job array, and, when all of it is done, a job that merges the shards.
#   scale/slurm-submit.sh SHARDS OUT ARGUMENTS OF nika campaign...
#   scale/slurm-submit.sh 48 /shared/out scenarios --seeds 1..100000
# OUT must be on storage that all nodes share. Submitted again with the same arguments it runs only what is missing.
# $NIKA is the program (default: nika), $NIKA_SBATCH more options for sbatch, such as "--partition=long --time=2:00:00".
set -euo pipefail
if [[ $# -lt 3 || ! "$1" =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: scale/slurm-submit.sh SHARDS OUT ARGUMENTS OF nika campaign..." >&2
    exit 64
fi
here=$(realpath "$(dirname "$0")")
shards=$1
mkdir -p "$2"
out=$(realpath "$2")
shift 2
missing=()
for ((i = 1; i <= shards; i++)); do
    [[ -e "$out/shard-$i/done" ]] || missing+=("$i")
done
if [[ ${#missing[@]} -eq 0 ]]; then
    echo "all $shards shards are done: ${NIKA:-nika} merge $out/shard-* --out $out/all"
    exit 0
fi
read -ra more <<<"${NIKA_SBATCH:-}"
array=$(sbatch --parsable "${more[@]}" --array="$(IFS=,; echo "${missing[*]}")" --output="$out/slurm-%a.log" \
    --export=ALL,NIKA="${NIKA:-nika}",NIKA_SHARDS="$shards",NIKA_OUT="$out" "$here/slurm-array.sh" "$@")
merge=$(sbatch --parsable "${more[@]}" --dependency="afterany:$array" --job-name=nika-merge --output="$out/slurm-merge.log" \
    --wrap="'${NIKA:-nika}' merge '$out'/shard-* --out '$out/all'")
echo "array $array of ${#missing[@]} shards, then merge $merge: $out/all"
