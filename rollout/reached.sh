# reached STEP: here a test ends the run, or halts it, by a signal. STOP, a step and the name of a signal, is empty else.
# ROLLOUT is the shell of rollout.sh, which starts others.
reached() {
    case $STOP in
        "$1 "*)
            [ "$ROLLOUT" = $$ ] || kill -s "${STOP#* }" "$ROLLOUT"
            kill -s "${STOP#* }" $$
            ;;
    esac
}

