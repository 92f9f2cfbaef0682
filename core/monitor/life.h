/* life - what a monitor does next: its states and what may happen, as one table.
 *
 * Pure data: the monitor turns the world (signals, timers, the record, the end of a process) into
 * events, asks here, and does the one action that it is told. */
#ifndef RCTR_LIFE_H
#define RCTR_LIFE_H

/* value, word for the trace */
#define LIFE_STATES(X) \
    X(LIFE_STARTING, "starting") /* the container is being set up */ \
    X(LIFE_HELD, "held")         /* set up; its program waits for the word (`rctr init`) */ \
    X(LIFE_RUNNING, "running") \
    X(LIFE_PAUSED, "paused") \
    X(LIFE_STOPPING, "stopping") /* we asked it to end, and the grace runs */ \
    X(LIFE_WAITING, "waiting")   /* until it is started again */ \
    X(LIFE_OVER, "over")

#define LIFE_EVENTS(X) \
    X(LIFE_READY, "ready")                /* set up, and asked to hold it there */ \
    X(LIFE_GO, "go")                      /* the word for a held one */ \
    X(LIFE_STARTED, "started")            /* the program runs */ \
    X(LIFE_FAILED_AGAIN, "failed, again") /* it could not start; another try is due */ \
    X(LIFE_FAILED_LAST, "failed") \
    X(LIFE_EXITED_AGAIN, "exited, again") /* it ended, and the policy wants it started again */ \
    X(LIFE_EXITED_LAST, "exited") \
    X(LIFE_DUE, "due")             /* the pause before the next start is over */ \
    X(LIFE_TOLD_STOP, "told stop") /* the record says that a command is stopping it */ \
    X(LIFE_STOP, "stop")           /* we are to stop it: the host goes down */ \
    X(LIFE_GRACE_OVER, "grace over") \
    X(LIFE_TIMEOUT, "timeout") /* it has run for as long as it may */ \
    X(LIFE_PAUSE, "pause")     /* the record says so; a command did it */ \
    X(LIFE_RESUME, "resume") \
    X(LIFE_KILL, "kill") /* its health is given up */

#define LIFE_ACTIONS(X) \
    X(LIFE_IGNORE, "ignore") \
    X(LIFE_NEVER, "never")   /* cannot happen: ignored, and a mistake of the monitor's */ \
    X(LIFE_HOLD, "hold")     /* write the record "initialized", tell who started it, wait */ \
    X(LIFE_LET_GO, "let go") /* of the program that is held */ \
    X(LIFE_SERVE, "serve")   /* write "running", begin all that goes on beside the program */ \
    X(LIFE_ASK, "ask")       /* send the stop signal, begin the grace */ \
    X(LIFE_SLAY, "slay")     /* SIGKILL */ \
    X(LIFE_HUSH, "hush")     /* no health checks while it is paused */ \
    X(LIFE_WAKE, "wake") \
    X(LIFE_REST, "rest")   /* write "restarting", begin the pause */ \
    X(LIFE_BEGIN, "begin") /* start it again */ \
    X(LIFE_END, "end")     /* write the end, tell everybody, go */ \
    X(LIFE_FAIL, "fail")   /* it never ran: say why, go */

#define LIFE_ENUM(name, word) name,
enum life_state { LIFE_STATES(LIFE_ENUM) LIFE_STATE_COUNT };
enum life_event { LIFE_EVENTS(LIFE_ENUM) LIFE_EVENT_COUNT };
enum life_action { LIFE_ACTIONS(LIFE_ENUM) LIFE_ACTION_COUNT };
#undef LIFE_ENUM

struct life_step {
    enum life_state next;
    enum life_action action;
};

struct life_step life_step(enum life_state state, enum life_event event);

const char *life_state_word(enum life_state s);
const char *life_event_word(enum life_event e);
const char *life_action_word(enum life_action a);

#endif
