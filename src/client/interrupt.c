/* See interrupt.h. A signal handler has no argument: its flag is the one variable of the client that is not passed. */
#include "interrupt.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "dcls/base/clock.h"

static atomic_bool interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = true;
}

void interrupt_catch(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

const atomic_bool *interrupt_flag(void)
{
    return &interrupted;
}

void interrupt_sleep(double seconds)
{
    /* In short pieces: a signal may come between looking at the flag and falling asleep. */
    for (double end = clock_seconds() + seconds; !interrupted && clock_seconds() < end;) {
        struct timespec piece = { .tv_nsec = 50 * 1000 * 1000 };
        nanosleep(&piece, NULL);
    }
}
