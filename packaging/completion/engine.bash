
# The words before the cursor: which command is it, and does an option wait for its value?
_rctr_images() { rctr images 2>/dev/null | awk 'NR > 1 { print $1 ":" $2 }'; }

_rctr() {
    local cur=${COMP_WORDS[COMP_CWORD]} command='' operands=0 i word value='' kind
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
        -*)
            value=$(_rctr_value "$command $word")
            [[ -n $value ]] || continue
            ((i++))
            [[ ${COMP_WORDS[i]} == = ]] && ((i++)) # readline splits "--name=value" in three
            ((i < COMP_CWORD)) && value=''
            ;;
        *)
            if [[ -n $(_rctr_flags "${command:+$command }$word") || -n $(_rctr_words "$word") && -z $command ]]; then
                command=${command:+$command }$word
            else
                ((operands++))
            fi
            ;;
        esac
    done
    [[ $cur == = ]] && cur=''
    kind=$value
    if [[ -z $kind && $cur == -* && $operands == 0 ]]; then
        kind="words $(_rctr_flags "$command")"
    elif [[ -z $kind && -n $(_rctr_words "$command") && -z $(_rctr_value "$command") ]]; then
        kind="words $(_rctr_words "$command")"
    elif [[ -z $kind ]]; then
        kind=$(_rctr_value "$command")
    fi
    COMPREPLY=()
    case $kind in
    'words '*) mapfile -t COMPREPLY < <(compgen -W "${kind#words }" -- "$cur") ;;
    command) mapfile -t COMPREPLY < <(compgen -W "$(_rctr_words '')" -- "$cur") ;;
    folder) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    file | volume) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    image)
        if ((operands == 0)); then
            mapfile -t COMPREPLY < <(compgen -W "$(_rctr_images)" -- "$cur")
            # readline splits words at colons: offer only what follows the last one
            [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]] && COMPREPLY=("${COMPREPLY[@]#"${cur%"${cur##*:}"}"}")
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        fi
        ;;
    esac
    compopt -o filenames 2>/dev/null
}
complete -F _rctr rctr
