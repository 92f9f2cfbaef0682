
# The words before the cursor: which command is it, and does an option wait for its value?
_rctr_images() { rctr images --noheading --format '{{.Repository}}:{{.Tag}}' 2>/dev/null; }

_rctr_containers() { rctr ps -a --noheading --format '{{.Names}}' 2>/dev/null; }
_rctr_volumes() { rctr volume ls -q 2>/dev/null; }

_rctr() {
    local words=() cur command='' operands=0 i last word value='' kind

    # readline splits words at colons, an image's name is one word
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]} last=$((${#words[@]} - 1))
        if ((i > 1)) && [[ $word == : || ${words[last]} == *: ]]; then
            words[last]+=$word
        else
            words+=("$word")
        fi
    done
    last=$((${#words[@]} - 1)) cur=${words[last]}
    for ((i = 1; i < last; i++)); do
        word=${words[i]}
        case $word in
        -*)
            value=$(_rctr_value "$command $word")
            [[ -n $value ]] || continue
            ((i++))
            [[ ${words[i]} == = ]] && ((i++)) # readline splits "--name=value" in three
            ((i < last)) && value=''
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
    file) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    volume) mapfile -t COMPREPLY < <(compgen -f -- "$cur"; compgen -W "$(_rctr_volumes)" -- "$cur") ;;
    container)
        mapfile -t COMPREPLY < <(compgen -W "$(_rctr_containers)" -- "$cur"
            ((operands == 0)) || compgen -f -- "$cur")
        ;;
    image)
        if ((operands == 0)); then
            mapfile -t COMPREPLY < <(compgen -W "$(_rctr_images)" -- "$cur")
            COMPREPLY=("${COMPREPLY[@]#"${cur%"${cur##*:}"}"}") # only what follows the last colon
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        fi
        ;;
    esac
    compopt -o filenames 2>/dev/null
}
complete -F _rctr rctr
