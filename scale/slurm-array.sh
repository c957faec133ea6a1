#!/usr/bin/env bash
# One task of a Slurm job array: runs one shard of a campaign. Submit it with scale/slurm-submit.sh, or by hand:
#   sbatch --array=1-48 --export=ALL,NIKA_SHARDS=48,NIKA_OUT=/shared/out scale/slurm-array.sh scenarios --seeds 1..100000
# Each shard has a folder of its own below $NIKA_OUT on storage that all nodes share. A task that is killed with its node is put back
# into the queue and goes on where it was: what was finished is kept.
#SBATCH --job-name=nika
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
set -uo pipefail
: "${SLURM_ARRAY_TASK_ID:?this is a task of a Slurm job array: see scale/slurm-submit.sh}"
: "${NIKA_OUT:?the shared folder for the shards}"
: "${NIKA_SHARDS:?how many tasks the array has}"
nika=${NIKA:-nika}
out=$NIKA_OUT/shard-$SLURM_ARRAY_TASK_ID
resume=()
[[ -e "$out/results.jsonl" ]] && resume=(--resume)
"$nika" campaign "$@" --shard auto --jobs "${SLURM_CPUS_PER_TASK:-1}" "${resume[@]}" --out "$out"
status=$?
# Findings (1 to 5) are results, not a failure of the task: nika merge tells them. Incomplete (6) and wrong usage (64) are.
[[ $status -ge 6 ]] && exit $status
touch "$out/done"
