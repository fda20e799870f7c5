# fish completion for tandem. Tab asks tandem, and runs nothing of what is on the line.

function __tandem_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    type -q -- $program
    or set program tandem
    set -l last (commandline -ct)
    set -l plain (string unescape -- "$last" 2>/dev/null)
    and set last $plain
    set -l lines ($program __complete $words[2..-1] "$last" 2>/dev/null)
    or return
    # Behind --flag= the flag is a part of the word.
    set -l flag (string match -r -- '^-[-a-z]+=' "$last")
    for line in $lines[1..-2]
        printf '%s%s\n' "$flag" "$line"
    end
end

complete -c tandem -e
complete -c tandem -f -k -a '(__tandem_complete)'
