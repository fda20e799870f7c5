# bash completion for tandem. Tab asks tandem, and runs nothing of what is on the line.

# __tandem_unquote puts a word without its quoting into REPLY.
__tandem_unquote()
{
    local rest=$1 quote= c
    REPLY=$1
    [[ $rest == *[\'\"\\]* ]] || return 0
    REPLY=
    while [[ -n $rest ]]; do
        c=${rest:0:1} rest=${rest:1}
        if [[ $quote == "'" ]]; then
            if [[ $c == "'" ]]; then quote=; else REPLY+=$c; fi
        elif [[ $c == '\' && ( -z $quote || ${rest:0:1} == [\"\\\$\`] ) ]]; then
            REPLY+=${rest:0:1} rest=${rest:1}
        elif [[ $c == '"' ]]; then
            if [[ -n $quote ]]; then quote=; else quote='"'; fi
        elif [[ $c == "'" && -z $quote ]]; then
            quote="'"
        else
            REPLY+=$c
        fi
    done
}

# __tandem_quote puts a word into REPLY as the line takes it, behind an open quotation
# mark if there is one. It fails where the word cannot stand there.
__tandem_quote()
{
    local c rest=$1
    case $2 in
    "'")
        REPLY=$1
        [[ $1 != *"'"* ]]
        ;;
    '"')
        REPLY=
        [[ $1 != *'!'* ]] || return
        while [[ -n $rest ]]; do
            c=${rest:0:1} rest=${rest:1}
            [[ $c == [\"\\\$\`] ]] && REPLY+='\'
            REPLY+=$c
        done
        ;;
    *)
        printf -v REPLY %q "$1"
        REPLY=${REPLY//\\,/,}
        [[ $1 != '~/'* ]] || REPLY=${REPLY#'\'}
        ;;
    esac
}

# __tandem_words finds the words of the line: bash splits one at = and :, which names of
# models and inputs have.
__tandem_words()
{
    if declare -F _init_completion >/dev/null 2>&1; then
        _init_completion -n =:
        return
    fi
    local i word rest=$COMP_LINE
    words=()
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        if ((i > 0)) && [[ $rest != [[:space:]]* && ($word == [=:]* || ${COMP_WORDS[i-1]} == *[=:]) ]]; then
            words[${#words[@]}-1]+=$word
        else
            words+=("$word")
        fi
        rest=${rest#"${rest%%[![:space:]]*}"}
        rest=${rest#"$word"}
        ((i == COMP_CWORD)) && cword=$((${#words[@]} - 1))
    done
    cur=${words[cword]}
}

# __tandem_describe puts the descriptions into a column, as wide as the terminal.
__tandem_describe()
{
    local i word text tab=$'\t' width=$((COLUMNS - $1 - 4))
    for i in "${!COMPREPLY[@]}"; do
        [[ ${COMPREPLY[i]} == *$tab* ]] || continue
        word=${COMPREPLY[i]%%$tab*} text=${COMPREPLY[i]#*$tab}
        if ((width > 8)); then
            ((${#text} > width)) && text=${text:0:width-1}…
            printf -v word "%-*s  (%s)" "$1" "$word" "$text"
        fi
        COMPREPLY[i]=$word
    done
}

__start_tandem()
{
    local cur prev words cword split REPLY
    COMPREPLY=()
    __tandem_words || return
    local word args=() program out line directive quote= plain tab=$'\t' longest=0

    for word in "${words[@]:0:cword+1}"; do
        __tandem_unquote "$word"
        args+=("$REPLY")
    done
    program=${args[0]/#\~\//$HOME/}
    case $(type -t -- "$program") in
    file | function) ;;
    *) program=tandem ;; # an alias of it
    esac
    out=$("$program" __complete "${args[@]:1}" 2>/dev/null) || return
    directive=${out##*:}
    [[ -n $directive && $directive != *[!0-9]* ]] || return

    [[ $cur =~ ^-[-a-z]+= ]] && cur=${cur#*=}
    [[ $cur == [\'\"]* ]] && quote=${cur:0:1}
    __tandem_unquote "$cur"
    plain=$REPLY
    while IFS= read -r line; do
        word=${line%%$tab*}
        [[ -n $word && $word == "$plain"* ]] && __tandem_quote "$word" "$quote" || continue
        ((${#REPLY} > longest)) && longest=${#REPLY}
        COMPREPLY+=("$REPLY${line#"$word"}")
    done <<<"${out%:*}"

    if ((directive & 2)); then
        compopt -o nospace 2>/dev/null
    fi
    if ((directive & 32)); then
        compopt -o nosort 2>/dev/null
    fi
    # What is inserted has no description.
    if ((${#COMPREPLY[@]} == 1 || COMP_TYPE == 37 || COMP_TYPE == 42)); then
        COMPREPLY=("${COMPREPLY[@]%%$tab*}")
    else
        __tandem_describe "$longest"
    fi

    # Bash replaces what stands behind the last = or : of a word.
    local c i
    for c in : =; do
        [[ $cur == *$c* && $COMP_WORDBREAKS == *$c* ]] || continue
        word=${cur%"${cur##*$c}"}
        for i in "${!COMPREPLY[@]}"; do
            COMPREPLY[i]=${COMPREPLY[i]#"$word"}
        done
    done
}

complete -F __start_tandem tandem
