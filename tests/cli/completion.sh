#!/usr/bin/env bash
# cli.completion: what `nika completion` prints is taken by the shells and offers what --help lists. Usage: completion.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
"$nika" completion bash >"$work/nika.bash" || fail "completion bash"
# offers WORD... : what bash offers for the last of them.
offers() {
    bash -c 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _nika; printf "%s\n" "${COMPREPLY[@]}"' - "$work/nika.bash" "$@"
}
[[ "$(offers nika camp)" == campaign ]] || fail "bash offers for camp: $(offers nika camp)"
for command in $(offers nika "" | grep -vE '^(help|--)'); do
    "$nika" "$command" --help >"$work/help" || fail "$command is offered and is no command"
    offers nika "$command" -- | sed 's/=$//' >"$work/offered"
    for option in $(grep -oE '^ +(-[a-zA-Z0-9?], |    )--[a-z][a-z-]*' "$work/help" | grep -oE -- '--[a-z-]+'); do
        [[ "$option" == --usage || "$option" == --version ]] || grep -qxF -- "$option" "$work/offered" || fail "bash does not offer $command $option"
    done
    [[ -s "$work/offered" ]] || fail "bash offers no options of $command"
done
[[ "$(offers nika run --see)" == --seed= ]] || fail "bash offers for --see: $(offers nika run --see)"
for line in 'completion z zsh' 'bench cl cluster' 'bench pat pattern' 'list beh behaviours' 'testnet sta start status' 'client tr transfer' 'man expla explain'; do
    read -r command word words <<<"$line"
    [[ "$(offers nika "$command" "$word" | xargs)" == "$words" ]] || fail "bash offers for $command $word: $(offers nika "$command" "$word")"
done
offers "$nika" run fault-f | grep -qx fault-free || fail "bash offers no scenario: $(offers "$nika" run fault-f)"
for shell in zsh fish; do
    "$nika" completion "$shell" >"$work/nika.$shell" || fail "completion $shell"
    grep -q seed "$work/nika.$shell" || fail "no --seed for $shell"
    ! command -v "$shell" >/dev/null || "$shell" -n "$work/nika.$shell" || fail "$shell does not read it"
done
if command -v fish >/dev/null; then
    mkdir "$work/bin" && ln -s "$nika" "$work/bin/nika"
    asked() { HOME="$work" PATH="$work/bin:$PATH" fish -c "source '$work/nika.fish'; complete -C 'nika $1'" | cut -f1; }
    [[ "$(asked camp)" == campaign && "$(asked 'bench clu')" == cluster && "$(asked 'run --see')" == --seed ]] && asked 'run fault-f' | grep -qx fault-free ||
        fail "fish offers: $(asked camp) $(asked 'run --see') $(asked 'run fault-f')"
fi
expect 64 'did you mean "bash"' "$nika" completion bsh

# Words that are not options: names of strategies, suites, protocols, applications, formats, oracles, faults, keys, commands.
while read -r near line; do
    # shellcheck disable=SC2086 # Words are meant to be parted.
    expect 64 "did you mean" "$nika" $line
    grep -qF -- "$near" "$work/out" || fail "not $near: $line: $(head -1 "$work/out")"
done <<'WORDS'
"swarm" campaign --strategy swurm fault-free
"ed25519" bench sim --suite ed2551
"pbft" bench sim --protocol pbtf
"null" bench cluster --app nul
"pbft" testnet --dir /nonexistent --protocol pbtf
"ed25519" keygen --node replica:0 --suite ed2551 --out /nonexistent/key
"pbft" wire pbtf
"html" report fault-free -f htlm
"fault-free" run fault-freee
loss_ppm run fault-free --set network.los_ppm=1
equivocate run fault-free --set faults=[{"name":"equivocat"}]
O1 run fault-free --set expect.properties.agrement=held
O9 run fault-free --set expect.properties.O99=held
"agreement" explain agrement
"O1" explain O14
"faults" list falts
"run" rnu
"run" man rn
WORDS
expect 64 "for which shell: bash, zsh or fish?" "$nika" completion

# Misspelt options are answered with the near one; what has no near one is left to the parser; prefixes work.
expect 64 "unrecognized option '--sede'; did you mean --seed? (nika run --help)" "$nika" run fault-free --sede 3
expect 64 "unrecognized option '--xyzzyfoo'" "$nika" run fault-free --xyzzyfoo
expect 0 "seed      3" "$nika" run fault-free --see=3

# Everything that the reference page, the lists and the exit codes name has an explanation.
for id in $("$nika" explain --markdown | grep -oE '^\| [A-Za-z0-9_.-]+ \|' | tr -d '| ' | grep -vxE 'code|id'); do
    "$nika" explain "$id" >"$work/out" 2>&1 && [[ -s "$work/out" ]] || fail "nika explain $id: $(head -1 "$work/out")"
done
exit "$failed"
