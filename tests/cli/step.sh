#!/usr/bin/env bash
# cli.step: `nika step`: forwards and backwards by commands from a script. Usage: step.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
silent=(scenarios/pbft/silent-primary.json --seed 3)
# walk "commands" arguments...: what it prints is in $work/out.
walk() {
    local commands=$1
    shift
    # shellcheck disable=SC2059 # The newlines are meant.
    printf "$commands" | "$nika" step "$@" >"$work/out" 2>"$work/err" || fail "exit $?: step: $commands: $(cat "$work/err")"
}
says() { grep -qE -- "$1" "$work/out" || fail "no \"$1\": $(cat "$work/out")"; }
refused() {
    local words=$1 commands=$2
    printf '%b' "$commands" | "$nika" step "$fair" >"$work/out" 2>&1
    [[ $? -eq 64 ]] || fail "not refused: $commands"
    grep -qF -- "$words" "$work/out" || fail "no \"$words\": $(cat "$work/out")"
}

# Forwards, backwards, and forwards again is the same state, with and without a mark on the way; and it is the state of `run --until`.
walk 'goto 700\njson\nback 650\njson\nnext 650\njson\nstart\njson\ngoto 700\njson\n' "$fair"
mapfile -t states < <(grep '^{' "$work/out")
[[ ${#states[@]} -eq 5 ]] || fail "not five states"
for ((i = 0; i < 5; i++)); do
    echo "${states[i]}" >"$work/state.json"
    well docs/schemas/state.schema.json "$work/state.json"
done
[[ "${states[0]}" == "${states[2]}" && "${states[0]}" == "${states[4]}" ]] || fail "another state after going back and forth"
[[ "${states[0]}" != "${states[1]}" && "$(jq .events <<<"${states[1]}")" == 51 && "$(jq .events <<<"${states[3]}")" == 0 ]] || fail "back leads elsewhere"
"$nika" run "$fair" --until 700 --json | jq -cS '.replicas' | cmp -s - <(jq -cS .replicas <<<"${states[0]}") || fail "another state than run --until"

# The end is the end of the run: its digest of states is what a whole run leaves.
walk 'end\njson\nnext\nback\nnext\nwhere\n' "$fair"
says 'the run is over'
executed=$(grep '^{' "$work/out" | jq -c '[.replicas[] | {view, executed, stable: .stable_checkpoint}]')
[[ "$executed" == "$("$nika" run "$fair" --json | jq -c '[.replicas[] | {view, executed, stable}]')" ]] || fail "the end is another: $executed"

# Places: on a message type with its numbers, a view, a sequence number, an oracle; forwards and backwards find the same ones.
walk 'break sent:PREPARE,seq=2,replica=1\nbreak leaves,view=1\nbreak view=1,replica=2\nbreak\nrun\nrun\nrun\nrun-back\nrb\ndelete 1\nstart\nrun\nbreak\n' "${silent[@]}"
says '^place 2: leaves,view=1$'
[[ $(grep -cE '^event [0-9]+.*; place 2: leaves,view=1' "$work/out") -ge 3 ]] || fail "places are not found: $(cat "$work/out")"
hits=($(grep -oE '^event [0-9]+' "$work/out" | cut -d' ' -f2))
[[ ${hits[0]} -lt ${hits[1]} && ${hits[1]} -lt ${hits[2]} && ${hits[3]} -eq ${hits[1]} && ${hits[4]} -eq ${hits[0]} && ${hits[5]} -eq ${hits[0]} ]] || fail "the ways differ: ${hits[*]}"
walk 'break executed,seq=5,replica=1\nrun\nstate 1\n' "$fair"
says '^ .* r1  has executed 5$'
says '^replica 1 .* executed 5 '
walk 'break violated:O1\nrun\nback\nwhere\ngoto sent:PRE-PREPARE\nrun\n' scenarios/pbft/two-equivocators.json --seed 7
[[ $(grep -c '^  violated O1: ' "$work/out") -eq 2 ]] || fail "the violation is not told twice: $(cat "$work/out")"

# Times, state of one replica, remarks, an empty line, --until, a log.
walk 'goto 20ms # a remark\n\nnext\n\n\nstate 2\nquit\nnonsense\n' "$fair"
says '^event [0-9]+, (19|20)\.'
[[ $(grep -c '^event' "$work/out") -eq 4 ]] || fail "an empty line does not repeat: $(cat "$work/out")"
[[ $(grep -c '^replica' "$work/out") -eq 1 ]] || fail "more than one replica"
"$nika" run "${silent[@]}" --log "$work/run.log" >/dev/null
walk 'json\n' "$work/run.log" --until enters,view=1
grep '^{' "$work/out" | jq -e '.replicas | any(.view == 1 and .active)' >/dev/null || fail "--until of a log"
walk '' "$fair"
walk 'help\n' "$fair"
says '^  back \[N\]'

# A wrong command of a script ends it, with its number and what was meant.
refused 'command 2: no command "strt"; did you mean "start"?' 'next\nstrt\n'
refused 'expected a number, got "x"' 'next x\n'
refused "takes nothing" 'run 5\n'
refused "no place 7" 'delete 7\n'
refused "this run has 4 replicas" 'state 4\n'
refused 'did you mean "PREPARE"?' 'break sent:PREPAR\n'
refused "goto 120" 'break 120\n'
refused "no module handled the last event" 'gdb\n'
refused "at most 32 places" "$(printf 'break crashed\\n%.0s' {1..33})"
refused "more characters than any" "$(printf 'x%.0s' {1..2000})\\n"
refused "zero byte" 'next\0\n'
expect 64 "needs --until" "$nika" step "$fair" --gdb
expect 64 'did you mean "silent-primary"?' "$nika" step silent-primry
if command -v gdb >/dev/null; then
    printf 'goto sent:PRE-PREPARE\ngdb\n' | "$nika" step "$fair" >"$work/out" 2>&1
    grep -qE "common_step \(r=|ptrace: Operation not permitted" "$work/out" || fail "gdb is not in the handler: $(tail -5 "$work/out")"
fi
exit "$failed"
