#!/usr/bin/env bash
# cluster.slurm: a campaign of 48 shards as a Slurm job array on three virtual nodes; one node and the controller are killed with
# kill -9 in the middle; what the shards merge to is what one process gives, byte for byte. Everything is private: a munged, a
# slurmctld and three slurmd of its own, below a scratch folder, on ports of their own. Needs root. The campaign is small: that a task
# is killed in its middle is arranged, not left to how long it takes. Usage: slurm.sh NIKA
set -uo pipefail
nika=$(realpath "$1")
for tool in munged slurmctld slurmd sbatch squeue; do
    command -v "$tool" >/dev/null || { echo "SKIP: no $tool (scripts/setup --cluster)"; exit 77; }
done
[[ $(id -u) -eq 0 ]] || { echo "SKIP: slurmd must be root"; exit 77; }
work=$(mktemp -d)
chmod 755 "$work"
declare -A daemon # Name -> process id.
failed=0
fail() {
    echo "FAIL: $*"
    failed=1
}
# Processes of ours that carry WORD in their environment.
ours() {
    local file
    for file in /proc/[0-9]*/environ; do
        tr '\0' '\n' 2>/dev/null <"$file" | grep -qxF -- "$1" && basename "$(dirname "$file")"
    done
}
finish() {
    local pid
    for pid in "${daemon[@]}" $(ours "NIKA_SLURM_TEST=$work"); do
        [[ $pid == $$ ]] || kill -9 "$pid" 2>/dev/null
    done
    rm -rf "$work"
}
trap finish EXIT

# ---- a cluster ----
port=$((20000 + $$ % 20000))
mkdir -p "$work/state" "$work/out"
mkdir -p -m 700 "$work/munge"
dd if=/dev/urandom of="$work/munge/key" bs=1024 count=1 status=none && chmod 600 "$work/munge/key"
cat >"$work/slurm.conf" <<END
ClusterName=nika
SlurmctldHost=$(hostname)(127.0.0.1)
SlurmctldPort=$port
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket,cred_expire=5
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool.%n
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.%n.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
SlurmdTimeout=20
SchedulerParameters=batch_sched_delay=0,sched_interval=2
KillWait=2
JobRequeue=1
NodeName=n1 NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=2 State=UNKNOWN
NodeName=n2 NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=2 State=UNKNOWN
NodeName=n3 NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=$((port + 3)) CPUs=2 State=UNKNOWN
PartitionName=all Nodes=n1,n2,n3 Default=YES MaxTime=INFINITE State=UP
END
export SLURM_CONF=$work/slurm.conf
start_controller() {
    NIKA_SLURM_TEST=$work slurmctld -D >"$work/slurmctld.out" 2>&1 &
    daemon[controller]=$!
}
start_node() {
    mkdir -p "$work/spool.$1"
    NIKA_SLURM_TEST=$work NIKA_SLURM_NODE=$work/$1 slurmd -D -N "$1" >"$work/slurmd.$1.out" 2>&1 &
    daemon[$1]=$!
}
NIKA_SLURM_TEST=$work munged --foreground --force --key-file="$work/munge/key" --socket="$work/munge.socket" --pid-file="$work/munge/pid" \
    --log-file="$work/munge/log" --seed-file="$work/munge/seed" >"$work/munge/out" 2>&1 &
daemon[munged]=$!
start_controller
for node in n1 n2 n3; do start_node $node; done
for _ in $(seq 300); do
    [[ $(sinfo -h -N -t idle -o %N 2>/dev/null | wc -l) -eq 3 ]] && break
    sleep 0.2
done
[[ $(sinfo -h -N -t idle -o %N | wc -l) -eq 3 ]] || {
    echo "FAIL: no three idle nodes: $(sinfo 2>&1)"
    tail -5 "$work"/*.log "$work"/*.out "$work/munge/log"
    exit 1
}

# ---- one process, and an array of 48 ----
some=(scenarios/pbft/lossy.json scenarios/pbft/two-equivocators.json)
seeds=1..1600
"$nika" campaign "${some[@]}" --seeds $seeds --jobs 1 --out "$work/whole" >"$work/whole.out" 2>&1 || fail "one process: $(tail -3 "$work/whole.out")"

# While $work/hold is there a campaign stands still once it has a record: the node is killed in the middle of its tasks, and the
# controller when it has saved what it knows. One that is killed within seconds of a start forgets it, gives its id to another job, and
# holds that one until somebody releases it.
cat >"$work/nika" <<END
#!/usr/bin/env bash
[[ -e "$work/hold" ]] || exec "$nika" "\$@"
"$nika" "\$@" &
pid=\$!
until [[ -s "\$NIKA_OUT/shard-\$SLURM_ARRAY_TASK_ID/results.jsonl" ]]; do
    kill -0 \$pid 2>/dev/null || break
    sleep 0.02
done
kill -STOP \$pid 2>/dev/null && what=held || what=over
touch "$work/\$what.\$SLURMD_NODENAME.\$SLURM_ARRAY_TASK_ID"
while [[ -e "$work/hold" ]]; do sleep 0.1; done
kill -CONT \$pid 2>/dev/null
wait \$pid
END
chmod 755 "$work/nika"
export NIKA=$work/nika
scale/slurm-submit.sh 48 "$work/out" "${some[@]}" --seeds $seeds >"$work/submit" 2>&1 || fail "not submitted: $(cat "$work/submit")"
wait_for() { # SHARDS: until so many are done.
    for _ in $(seq 600); do
        [[ $(find "$work/out" -name 'done' | wc -l) -ge $1 ]] && return 0
        sleep 0.2
    done
    fail "only $(find "$work/out" -name 'done' | wc -l) of $1 shards are done: $(squeue 2>&1 | head -20)"
    return 1
}
wait_for 6
touch "$work/hold"
for _ in $(seq 300); do
    [[ $(find "$work" -maxdepth 1 -name 'held.*' -o -maxdepth 1 -name 'over.*' | wc -l) -ge 6 ]] && break
    sleep 0.2
done
victims=$(compgen -G "$work/held.n2.*" | wc -l)
[[ $victims -ge 1 ]] || fail "nothing ran on n2 when it was to be killed"
sleep 8
# A node dies as a whole: who would tell the controller how a task ended goes first, in the same breath.
tasks=() steps=()
for pid in $(ours "SLURMD_NODENAME=n2"); do
    tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -qxF "SLURM_CONF=$SLURM_CONF" || continue
    tasks+=("$pid")
    parent=$(sed -n 's/^PPid:\t//p' "/proc/$pid/status")
    [[ $(cat "/proc/$parent/comm") == slurmstepd ]] && steps+=("$parent")
done
[[ ${#steps[@]} -ge 1 ]] || fail "no step runs on n2"
kill -9 "${daemon[n2]}" "${steps[@]}" "${tasks[@]}" "${daemon[controller]}" 2>/dev/null
wait "${daemon[n2]}" "${daemon[controller]}" 2>/dev/null
[[ $(find "$work/out" -name 'done' | wc -l) -lt 48 ]] || fail "the campaign was over before anything was killed"
start_controller
rm "$work/hold"
# The controller notices that the node is gone, and puts its tasks back into the queue; only then it comes back.
for _ in $(seq 450); do
    running=$(squeue -h -w n2 -t running -o %i 2>/dev/null) && [[ -z "$running" ]] && break
    sleep 0.2
done
start_node n2
wait_for 48
for _ in $(seq 600); do
    [[ -e "$work/out/all/junit.xml" && -z $(squeue -h 2>/dev/null) ]] && break
    sleep 0.2
done
for file in results.jsonl campaign.json junit.xml plan.json; do
    cmp "$work/whole/$file" "$work/out/all/$file" || fail "merged $file is not that of one process: $(tail -5 "$work/out/slurm-merge.log")"
done
[[ $(scale/slurm-submit.sh 48 "$work/out" "${some[@]}" --seeds $seeds) == "all 48 shards are done"* ]] || fail "what is done is run again"
ran=$(cat "$work/out"/slurm-*.log | grep -c '^verdict')
[[ $ran -ge 48 ]] || fail "only $ran shards ended"
[[ $failed -eq 0 ]] && echo "48 shards on 3 nodes, $victims tasks killed with node n2, controller killed: the same bytes as one process"
exit "$failed"
