/* libevent's words, as lines of the log. */
#include "dcls/net/loop.h"

#include "dcls/base/log.h"

static void on_word(int severity, const char *text)
{
    switch (severity) {
    case EVENT_LOG_DEBUG: log_debug("libevent: %s", text); break;
    case EVENT_LOG_MSG: log_info("libevent: %s", text); break;
    case EVENT_LOG_WARN: log_warn("libevent: %s", text); break;
    default: log_error("libevent: %s", text);
    }
}

struct event_base *loop_new(void)
{
    event_set_log_callback(on_word);
    return event_base_new();
}
