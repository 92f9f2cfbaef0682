
_rctr_images() { rctr images --noheading --format '{{.Repository}}:{{.Tag}}' 2>/dev/null }

_rctr() {
    local command='' word value='' kind i
    local -i operands=0
    for ((i = 2; i < CURRENT; i++)); do
        word=${words[i]}
        case $word in
        -*=*) value='' ;;
        -*)
            value=$(_rctr_value "$command $word")
            if [[ -n $value ]] && ((i + 1 < CURRENT)); then
                ((i++))
                value=''
            fi
            ;;
        *)
            value=''
            if [[ -n $(_rctr_flags "${command:+$command }$word") ]] ||
                [[ -z $command && -n $(_rctr_words "$word") ]]; then
                command=${command:+$command }$word
            else
                ((operands++))
            fi
            ;;
        esac
    done
    kind=$value
    if [[ -z $kind && ${words[CURRENT]} == --*=* ]]; then
        kind=$(_rctr_value "$command ${words[CURRENT]%%=*}")
        compset -P '*='
    elif [[ -z $kind && ${words[CURRENT]} == -* && $operands == 0 ]]; then
        kind="words $(_rctr_flags "$command")"
    elif [[ -z $kind && -n $(_rctr_words "$command") && -z $(_rctr_value "$command") ]]; then
        kind="words $(_rctr_words "$command")"
    elif [[ -z $kind ]]; then
        kind=$(_rctr_value "$command")
    fi
    case $kind in
    'words '*) compadd -- ${=kind#words } ;;
    command) compadd -- ${=$(_rctr_words '')} ;;
    folder) _files -/ ;;
    file) _files ;;
    volume) compadd -- ${(f)"$(rctr volume ls -q 2>/dev/null)"}; _files ;;
    container)
        compadd -- ${(f)"$(rctr ps -a --noheading --format '{{.Names}}' 2>/dev/null)"}
        if ((operands)); then _files; fi
        ;;
    image) if ((operands == 0)); then compadd -- ${(f)"$(_rctr_images)"}; else _files; fi ;;
    esac
}
compdef _rctr rctr
