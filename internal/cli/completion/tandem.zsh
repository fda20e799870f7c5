#compdef tandem
compdef _tandem tandem

# zsh completion for tandem. Tab asks tandem, and runs nothing of what is on the line.
_tandem() {
    local program=${(Q)words[1]/#\~\//$HOME/} line word tab=$'\t' directive
    local -a lines completions options order
    if ! (( $+commands[$program] || $+functions[$program] )) && [[ ! -x $program ]]; then
        program=tandem # an alias of it
    fi
    lines=("${(@f)$("$program" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    directive=${lines[-1]#:}
    [[ $directive == <-> ]] || return 1

    for line in "${(@)lines[1,-2]}"; do
        [[ -n $line ]] || continue
        word=${line%%$tab*}
        completions+=("${word//:/\\:}${${line#"$word"}/$tab/:}")
    done
    [[ $words[CURRENT] =~ '^-[-a-z]+=' ]] && options+=(-P "$MATCH")
    (( directive & 2 )) && options+=(-S '')
    (( directive & 32 )) && order=(-V)
    _describe $order completions completions "${(@)options}"
}

# don't run the completion function when being sourced or evaluated
if [ "$funcstack[1]" = "_tandem" ]; then
    _tandem
fi
