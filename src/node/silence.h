/* For how long somebody said nothing, as far as one listened: time during which this process did not run itself (it was
 * stopped, the machine slept) is nobody's silence. Pure; to be looked at every SILENCE_LOOK_MS. */
#ifndef DCLS_NODE_SILENCE_H
#define DCLS_NODE_SILENCE_H

#include <stdint.h>

#define SILENCE_LOOK_MS 2000
#define SILENCE_GAP_MS 6000 /* who looks later than this did not run meanwhile */

struct silence {
    int64_t heard_ms, looked_ms;
};

/* Something was heard, or is waited for from now on. */
void silence_end(struct silence *silence, int64_t now);
/* Milliseconds since then. */
int64_t silence_look(struct silence *silence, int64_t now);

#endif
