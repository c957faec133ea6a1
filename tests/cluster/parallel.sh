#!/usr/bin/env bash
# cluster.parallel: the same campaign through GNU parallel, killed in the middle and started again: the bytes of one process. And the
# files for schedulers that are not run here say what they should. Usage: parallel.sh NIKA
set -uo pipefail
nika=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
fail() {
    echo "FAIL: $*"
    failed=1
}
unset SLURM_ARRAY_TASK_ID JOB_COMPLETION_INDEX CI_NODE_INDEX PARALLEL_SEQ NIKA_SHARDS
export NIKA=$nika

# ---- files that are shipped, not run ----
for script in scale/*.sh; do bash -n "$script" || fail "$script does not parse"; done
job=scale/kubernetes-job.yaml
completions=$(sed -n 's/^  completions: //p' $job)
shards=$(sed -n '/name: NIKA_SHARDS/{n;s/.*value: "\(.*\)"/\1/p}' $job)
[[ -n "$completions" && "$completions" == "$shards" ]] || fail "$job: $completions completions, $shards shards"
grep -q "completionMode: Indexed" $job || fail "$job: not indexed"
matrix=$(sed -n 's/^ *shard: \[\(.*\)\]/\1/p' scale/ci-matrix.yaml | tr ',' '\n' | wc -l)
total=$(sed -n 's/^ *CI_NODE_TOTAL: //p' scale/ci-matrix.yaml)
[[ "$matrix" == "$total" ]] || fail "ci-matrix.yaml: $matrix shards of $total"
# Every option that they use is one of the program, and the shell in them is shell.
help=$("$nika" campaign --help; "$nika" merge --help)
for option in $(grep -ohE -- '(nika|NIKA:-nika\}"?) (campaign|merge) .*' scale/* | grep -oE -- ' --[a-z-]+' | sort -u); do
    [[ "$help" == *"$option"* ]] || fail "scale/: no option $option"
done
if python3 -c 'import yaml' 2>/dev/null; then
    python3 - $job scale/ci-matrix.yaml <<'END' || fail "the files are not what they should be"
import subprocess, sys, yaml
job = yaml.safe_load(open(sys.argv[1]))
assert job["kind"] == "Job" and job["apiVersion"] == "batch/v1"
shell = [job["spec"]["template"]["spec"]["containers"][0]["command"][2]]
ci = yaml.safe_load(open(sys.argv[2]))
assert set(ci["jobs"]) == {"shard", "merge"} and ci["jobs"]["merge"]["needs"] == "shard"
shell += [s["run"] for j in ci["jobs"].values() for s in j["steps"] if "run" in s]
for text in shell:
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)
END
fi
for arguments in "" "0 x y" "x y z"; do
    for script in scale/parallel.sh scale/slurm-submit.sh; do
        "$script" $arguments >/dev/null 2>&1
        [[ $? -eq 64 ]] || fail "$script $arguments is not refused"
    done
done

# ---- for real ----
command -v parallel >/dev/null || { echo "SKIP: no GNU parallel (scripts/setup --cluster)"; exit $((failed == 1 ? 1 : 77)); }
some=(scenarios/pbft/lossy.json scenarios/pbft/two-equivocators.json)
"$nika" campaign "${some[@]}" --seeds 1..1600 --jobs 1 --out "$work/whole" >/dev/null 2>&1 || fail "one process"
set -m
NIKA_PARALLEL="--jobs 2" scale/parallel.sh 12 "$work/out" "${some[@]}" --seeds 1..1600 >"$work/log" 2>&1 &
group=$!
for _ in $(seq 500); do
    [[ $(find "$work/out" -name 'done' 2>/dev/null | wc -l) -ge 2 ]] && break
    sleep 0.05
done
kill -9 -- -$group
wait $group 2>/dev/null
[[ $(find "$work/out" -name 'done' | wc -l) -lt 12 ]] || fail "it was over before it was killed"
NIKA_PARALLEL="--jobs 2" scale/parallel.sh 12 "$work/out" "${some[@]}" --seeds 1..1600 >"$work/log" 2>&1 || fail "the second time: $(tail -5 "$work/log")"
for file in results.jsonl campaign.json junit.xml plan.json; do
    cmp "$work/whole/$file" "$work/out/all/$file" || fail "merged $file is not that of one process"
done
exit "$failed"
