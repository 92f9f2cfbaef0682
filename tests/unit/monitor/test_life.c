#include "core/base/auto.h"
#include "core/monitor/life.h"
#include "core/monitor/restart.h"
#include "tests/unit/unit.h"

/* What is true of every cell, whatever it says. */
static void every_cell_keeps_the_rules(void **state)
{
    (void)state;
    for (int s = 0; s < LIFE_STATE_COUNT; s++)
        for (int e = 0; e < LIFE_EVENT_COUNT; e++) {
            struct life_step step = life_step((enum life_state)s, (enum life_event)e);
            bool nothing = step.action == LIFE_IGNORE || step.action == LIFE_NEVER;
            bool ends = step.action == LIFE_END || step.action == LIFE_FAIL;
            bool has_process =
                s == LIFE_HELD || s == LIFE_RUNNING || s == LIFE_PAUSED || s == LIFE_STOPPING;
            const char *why = NULL;

            if (step.next < 0 || step.next >= LIFE_STATE_COUNT)
                why = "leads to no state";
            else if (s == LIFE_OVER && (step.next != LIFE_OVER || !nothing))
                why = "leaves the end";
            else if (s != LIFE_OVER && (step.next == LIFE_OVER) != ends)
                why = "ends without telling, or tells without ending";
            else if (nothing && (int)step.next != s && step.action == LIFE_IGNORE)
                why = "goes on without doing anything";
            else if (step.action == LIFE_SLAY && !has_process)
                why = "kills where nothing runs";
            else if ((step.action == LIFE_REST) !=
                     (step.next == LIFE_WAITING && s != LIFE_WAITING && step.action != LIFE_NEVER))
                why = "waits without a pause, or pauses without waiting";
            else if (step.next == LIFE_RUNNING && s == LIFE_STARTING && step.action != LIFE_SERVE)
                why = "runs without being served";
            if (why)
                fail_msg("%s, %s: %s %s", life_state_word((enum life_state)s),
                         life_event_word((enum life_event)e), life_action_word(step.action), why);
        }
}

/* Lives as sentences: events, and the actions that they bring. */
static void lives_go_as_they_should(void **state)
{
    static const struct {
        enum life_event events[8];
        enum life_action actions[8];
        size_t n;
        enum life_state last;
    } lives[] = {
        {{LIFE_STARTED, LIFE_EXITED_LAST}, {LIFE_SERVE, LIFE_END}, 2, LIFE_OVER},
        {{LIFE_FAILED_LAST}, {LIFE_FAIL}, 1, LIFE_OVER},
        {{LIFE_READY, LIFE_GO, LIFE_STARTED},
         {LIFE_HOLD, LIFE_LET_GO, LIFE_SERVE},
         3,
         LIFE_RUNNING},
        {{LIFE_READY, LIFE_TOLD_STOP, LIFE_FAILED_LAST},
         {LIFE_HOLD, LIFE_SLAY, LIFE_FAIL},
         3,
         LIFE_OVER},
        {{LIFE_STARTED, LIFE_EXITED_AGAIN, LIFE_DUE, LIFE_STARTED},
         {LIFE_SERVE, LIFE_REST, LIFE_BEGIN, LIFE_SERVE},
         4,
         LIFE_RUNNING},
        {{LIFE_STARTED, LIFE_EXITED_AGAIN, LIFE_DUE, LIFE_FAILED_AGAIN, LIFE_DUE, LIFE_FAILED_LAST},
         {LIFE_SERVE, LIFE_REST, LIFE_BEGIN, LIFE_REST, LIFE_BEGIN, LIFE_FAIL},
         6,
         LIFE_OVER},
        /* stopped while it waits: at once, whoever asks */
        {{LIFE_STARTED, LIFE_EXITED_AGAIN, LIFE_TOLD_STOP},
         {LIFE_SERVE, LIFE_REST, LIFE_END},
         3,
         LIFE_OVER},
        {{LIFE_STARTED, LIFE_EXITED_AGAIN, LIFE_STOP},
         {LIFE_SERVE, LIFE_REST, LIFE_END},
         3,
         LIFE_OVER},
        /* the host goes down; the program does not listen, and its policy is "always" */
        {{LIFE_STARTED, LIFE_STOP, LIFE_STOP, LIFE_GRACE_OVER, LIFE_EXITED_AGAIN},
         {LIFE_SERVE, LIFE_ASK, LIFE_IGNORE, LIFE_SLAY, LIFE_END},
         5,
         LIFE_OVER},
        /* what stands still is not asked */
        {{LIFE_STARTED, LIFE_PAUSE, LIFE_STOP, LIFE_EXITED_LAST},
         {LIFE_SERVE, LIFE_HUSH, LIFE_SLAY, LIFE_END},
         4,
         LIFE_OVER},
        {{LIFE_STARTED, LIFE_PAUSE, LIFE_RESUME, LIFE_TIMEOUT, LIFE_EXITED_LAST},
         {LIFE_SERVE, LIFE_HUSH, LIFE_WAKE, LIFE_SLAY, LIFE_END},
         5,
         LIFE_OVER},
        {{LIFE_STARTED, LIFE_KILL, LIFE_EXITED_AGAIN},
         {LIFE_SERVE, LIFE_SLAY, LIFE_REST},
         3,
         LIFE_WAITING},
        /* a timer that was due in the same round as the end */
        {{LIFE_STARTED, LIFE_EXITED_LAST, LIFE_TIMEOUT},
         {LIFE_SERVE, LIFE_END, LIFE_IGNORE},
         3,
         LIFE_OVER},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lives); i++) {
        enum life_state now = LIFE_STARTING;

        for (size_t k = 0; k < lives[i].n; k++) {
            struct life_step step = life_step(now, lives[i].events[k]);

            if (step.action != lives[i].actions[k])
                fail_msg("life %zu, event %zu: %s, %s: %s", i, k, life_state_word(now),
                         life_event_word(lives[i].events[k]), life_action_word(step.action));
            now = step.next;
        }
        assert_string_equal(life_state_word(now), life_state_word(lives[i].last));
    }
}

static void restarts_follow_the_policy(void **state)
{
    static const struct {
        struct policy p;
        int status, count;
        bool wanted;
    } cases[] = {
        {{.restart = POLICY_RESTART_NO}, 1, 0, false},
        {{.restart = POLICY_RESTART_ALWAYS}, 0, 1000, true},
        {{.restart = POLICY_RESTART_UNLESS_STOPPED}, 0, 0, true},
        {{.restart = POLICY_RESTART_ON_FAILURE}, 0, 0, false},
        {{.restart = POLICY_RESTART_ON_FAILURE}, 1, 1000, true},
        {{.restart = POLICY_RESTART_ON_FAILURE, .restart_max = 3}, 1, 2, true},
        {{.restart = POLICY_RESTART_ON_FAILURE, .restart_max = 3}, 1, 3, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (restart_wanted(&cases[i].p, cases[i].status, cases[i].count) != cases[i].wanted)
            fail_msg("case %zu", i);
}

static void pauses_grow_and_begin_anew_after_a_long_life(void **state)
{
    static const long long want[] = {100,  200,   400,   800,   1600,  3200,
                                     6400, 12800, 25600, 51200, 60000, 60000};
    long long pause = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(want); i++)
        assert_int_equal(restart_pause(&pause, 9999), want[i]);
    assert_int_equal(restart_pause(&pause, 10000), 100);
    assert_int_equal(restart_pause(&pause, 0), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_keeps_the_rules),
        cmocka_unit_test(lives_go_as_they_should),
        cmocka_unit_test(restarts_follow_the_policy),
        cmocka_unit_test(pauses_grow_and_begin_anew_after_a_long_life),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
