#include "core/monitor/life.h"

#include "core/base/auto.h"

#define WORD(name, word) [name] = word,
static const char *const state_words[] = {LIFE_STATES(WORD)};
static const char *const event_words[] = {LIFE_EVENTS(WORD)};
static const char *const action_words[] = {LIFE_ACTIONS(WORD)};

/* One line for each cell, so that none is forgotten: [state][event] = {next state, action}.
 *
 * What may come late is ignored, not impossible: a timer and the end of the program can be due in
 * the same round, and a command writes the record while we write it, too. */
#define ON(event, next, action) [LIFE_##event] = {LIFE_##next, LIFE_##action}
static const struct life_step table[][LIFE_EVENT_COUNT] =
    {
        [LIFE_STARTING] =
            {
                ON(READY, HELD, HOLD),
                ON(GO, STARTING, IGNORE),
                ON(STARTED, RUNNING, SERVE),
                ON(FAILED_AGAIN, WAITING, REST),
                ON(FAILED_LAST, OVER, FAIL),
                ON(EXITED_AGAIN, STARTING, NEVER),
                ON(EXITED_LAST, STARTING, NEVER),
                ON(DUE, STARTING, NEVER),
                ON(TOLD_STOP, STARTING, IGNORE), /* seen when the record says "running" */
                ON(STOP, STARTING, IGNORE),
                ON(GRACE_OVER, STARTING, NEVER),
                ON(TIMEOUT, STARTING, NEVER),
                ON(PAUSE, STARTING, NEVER),
                ON(RESUME, STARTING, NEVER),
                ON(KILL, STARTING, NEVER),
            },
        /* A held process is process 1 of its namespace without handlers: only SIGKILL ends it. Its
         * end is then told as a start that failed. */
        [LIFE_HELD] =
            {
                ON(READY, HELD, NEVER),
                ON(GO, STARTING, LET_GO),
                ON(STARTED, HELD, NEVER),
                ON(FAILED_AGAIN, WAITING, NEVER),
                ON(FAILED_LAST, OVER, FAIL),
                ON(EXITED_AGAIN, HELD, NEVER),
                ON(EXITED_LAST, HELD, NEVER),
                ON(DUE, HELD, NEVER),
                ON(TOLD_STOP, HELD, SLAY),
                ON(STOP, HELD, SLAY),
                ON(GRACE_OVER, HELD, NEVER),
                ON(TIMEOUT, HELD, NEVER),
                ON(PAUSE, HELD, IGNORE),
                ON(RESUME, HELD, IGNORE),
                ON(KILL, HELD, SLAY),
            },
        [LIFE_RUNNING] =
            {
                ON(READY, RUNNING, NEVER),
                ON(GO, RUNNING, IGNORE), /* two `rctr start` at once */
                ON(STARTED, RUNNING, NEVER),
                ON(FAILED_AGAIN, RUNNING, NEVER),
                ON(FAILED_LAST, RUNNING, NEVER),
                ON(EXITED_AGAIN, WAITING, REST),
                ON(EXITED_LAST, OVER, END),
                ON(DUE, RUNNING, NEVER),
                ON(TOLD_STOP, RUNNING, IGNORE), /* the command sends the signals itself */
                ON(STOP, STOPPING, ASK),
                ON(GRACE_OVER, RUNNING, IGNORE),
                ON(TIMEOUT, RUNNING, SLAY),
                ON(PAUSE, PAUSED, HUSH),
                ON(RESUME, RUNNING, IGNORE),
                ON(KILL, RUNNING, SLAY),
            },
        /* What stands still cannot take leave. */
        [LIFE_PAUSED] =
            {
                ON(READY, PAUSED, NEVER),
                ON(GO, PAUSED, IGNORE),
                ON(STARTED, PAUSED, NEVER),
                ON(FAILED_AGAIN, PAUSED, NEVER),
                ON(FAILED_LAST, PAUSED, NEVER),
                ON(EXITED_AGAIN, WAITING, REST),
                ON(EXITED_LAST, OVER, END),
                ON(DUE, PAUSED, NEVER),
                ON(TOLD_STOP, PAUSED, IGNORE),
                ON(STOP, STOPPING, SLAY),
                ON(GRACE_OVER, PAUSED, IGNORE),
                ON(TIMEOUT, PAUSED, SLAY),
                ON(PAUSE, PAUSED, IGNORE),
                ON(RESUME, RUNNING, WAKE),
                ON(KILL, PAUSED, SLAY),
            },
        [LIFE_STOPPING] =
            {
                ON(READY, STOPPING, NEVER),
                ON(GO, STOPPING, IGNORE),
                ON(STARTED, STOPPING, NEVER),
                ON(FAILED_AGAIN, STOPPING, NEVER),
                ON(FAILED_LAST, STOPPING, NEVER),
                ON(EXITED_AGAIN, OVER, END), /* no policy starts again what was to stop */
                ON(EXITED_LAST, OVER, END),
                ON(DUE, STOPPING, NEVER),
                ON(TOLD_STOP, STOPPING, IGNORE),
                ON(STOP, STOPPING, IGNORE),
                ON(GRACE_OVER, STOPPING, SLAY),
                ON(TIMEOUT, STOPPING, SLAY),
                ON(PAUSE, STOPPING, IGNORE),
                ON(RESUME, STOPPING, IGNORE),
                ON(KILL, STOPPING, SLAY),
            },
        [LIFE_WAITING] =
            {
                ON(READY, WAITING, NEVER),
                ON(GO, WAITING, IGNORE),
                ON(STARTED, WAITING, NEVER),
                ON(FAILED_AGAIN, WAITING, NEVER),
                ON(FAILED_LAST, WAITING, NEVER),
                ON(EXITED_AGAIN, WAITING, NEVER),
                ON(EXITED_LAST, WAITING, NEVER),
                ON(DUE, STARTING, BEGIN),
                ON(TOLD_STOP, OVER, END),
                ON(STOP, OVER, END),
                ON(GRACE_OVER, WAITING, IGNORE),
                ON(TIMEOUT, WAITING, IGNORE),
                ON(PAUSE, WAITING, IGNORE),
                ON(RESUME, WAITING, IGNORE),
                ON(KILL, WAITING, IGNORE),
            },
        [LIFE_OVER] =
            {
                ON(READY, OVER, NEVER),
                ON(GO, OVER, IGNORE),
                ON(STARTED, OVER, NEVER),
                ON(FAILED_AGAIN, OVER, NEVER),
                ON(FAILED_LAST, OVER, NEVER),
                ON(EXITED_AGAIN, OVER, NEVER),
                ON(EXITED_LAST, OVER, NEVER),
                ON(DUE, OVER, IGNORE),
                ON(TOLD_STOP, OVER, IGNORE),
                ON(STOP, OVER, IGNORE),
                ON(GRACE_OVER, OVER, IGNORE),
                ON(TIMEOUT, OVER, IGNORE),
                ON(PAUSE, OVER, IGNORE),
                ON(RESUME, OVER, IGNORE),
                ON(KILL, OVER, IGNORE),
            },
};
#undef ON

_Static_assert(ARRAY_SIZE(table) == LIFE_STATE_COUNT, "a state without a row");
_Static_assert(ARRAY_SIZE(state_words) == LIFE_STATE_COUNT, "a state without a word");
_Static_assert(ARRAY_SIZE(event_words) == LIFE_EVENT_COUNT, "an event without a word");
_Static_assert(ARRAY_SIZE(action_words) == LIFE_ACTION_COUNT, "an action without a word");

struct life_step life_step(enum life_state state, enum life_event event)
{
    return table[state][event];
}

const char *life_state_word(enum life_state s)
{
    return state_words[s];
}

const char *life_event_word(enum life_event e)
{
    return event_words[e];
}

const char *life_action_word(enum life_action a)
{
    return action_words[a];
}
