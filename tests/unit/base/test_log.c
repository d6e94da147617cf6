/* The log never waits for its reader, loses nothing silently, and changes nothing for those it shares stderr with. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "dcls/base/clock.h"
#include "dcls/base/err.h"
#include "dcls/base/log.h"

#define TEXT_SIZE (4 * 1024 * 1024)
#define AT_ONCE_MS 1500 /* for thousands of lines, on a busy machine */

static char text[TEXT_SIZE];
static int kept_stderr;

static void replace_stderr(int fd)
{
    kept_stderr = dup(STDERR_FILENO);
    assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
}

static void restore_stderr(void)
{
    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
}

/* All that can be read now, as a string. */
static const char *drain(int fd)
{
    size_t used = 0;
    ssize_t got;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    while ((got = read(fd, text + used, sizeof text - 1 - used)) > 0)
        used += (size_t)got;
    text[used] = '\0';
    return text;
}

static int count(const char *in, const char *what)
{
    int found = 0;
    for (const char *at = strstr(in, what); at; at = strstr(at + 1, what))
        found++;
    return found;
}

/* The sum of what "N lines of the log were lost" says. */
static int count_lost(const char *in)
{
    int lost = 0;
    for (const char *at = strstr(in, " of the log w"); at; at = strstr(at + 1, " of the log w")) {
        const char *number = at;
        while (number > in && strncmp(number, "warn: ", 6))
            number--;
        lost += (int)strtol(number + 6, NULL, 10);
    }
    return lost;
}

static void log_many(int lines)
{
    int64_t start = clock_ms();
    for (int i = 0; i < lines; i++)
        log_info("line %d of a log that nobody reads", i);
    assert_in_range(clock_ms() - start, 0, AT_ONCE_MS);
}

/* `reader` is the other end of what stderr is now. */
static void fill_and_read(int reader)
{
    log_many(20000);
    int written = count(drain(reader), "of a log that nobody reads\n");
    assert_in_range(written, 10, 19990);
    assert_int_equal(count_lost(text), 0);
    log_info("the reader is back");
    drain(reader);
    assert_int_equal(count_lost(text), 20000 - written);
    assert_int_equal(count(text, "the reader is back\n"), 1);
    log_info("and stays");
    assert_int_equal(count(drain(reader), "\n"), 1);
}

static void a_full_pipe_is_not_waited_for_and_what_was_lost_is_told(void **state)
{
    int ends[2];
    (void)state;
    log_init("x");
    assert_int_equal(pipe(ends), 0);
    replace_stderr(ends[1]);
    int flags = fcntl(ends[1], F_GETFL);
    fill_and_read(ends[0]);
    int now = fcntl(ends[1], F_GETFL);
    restore_stderr();
    assert_int_equal(flags, now); /* whoever shares the pipe finds it as it was */
    close(ends[0]);
    close(ends[1]);
}

static void a_socket_that_nobody_reads_is_not_waited_for(void **state)
{
    int ends[2];
    (void)state;
    log_init("x");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    replace_stderr(ends[1]);
    fill_and_read(ends[0]);
    restore_stderr();
    close(ends[0]);
    close(ends[1]);
}

static void a_stopped_terminal_is_not_waited_for(void **state)
{
    int master, slave;
    struct termios modes;
    (void)state;
    log_init("x");
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    tcgetattr(slave, &modes);
    cfmakeraw(&modes);
    tcsetattr(slave, TCSANOW, &modes);
    replace_stderr(slave);
    int flags = fcntl(slave, F_GETFL);
    tcflow(slave, TCOOFF); /* as Ctrl-S does */
    log_many(100);
    tcflow(slave, TCOON);
    log_info("Ctrl-Q");
    int now = fcntl(slave, F_GETFL);
    restore_stderr();
    usleep(50000);
    drain(master);
    assert_int_equal(count_lost(text), 100);
    assert_int_equal(count(text, "Ctrl-Q\n"), 1);
    assert_int_equal(flags, now);
    close(master);
    close(slave);
}

static void lines_that_a_terminal_took_in_part_are_finished_first(void **state)
{
    int master, slave;
    struct termios modes;
    (void)state;
    log_init("x");
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    tcgetattr(slave, &modes);
    cfmakeraw(&modes);
    tcsetattr(slave, TCSANOW, &modes);
    replace_stderr(slave);
    log_many(5000); /* more than it holds */
    char *first = strdup(drain(master));
    log_info("the end");
    usleep(50000);
    drain(master);
    restore_stderr();
    /* Together: whole lines, each written or counted. */
    size_t size = strlen(first) + strlen(text) + 1;
    char *all = malloc(size);
    snprintf(all, size, "%s%s", first, text);
    assert_int_equal(count(all, "nobody reads\n") + count_lost(all), 5000);
    assert_int_equal(count(all, "\n"), count(all, " x: "));
    assert_int_equal(count(all, "the end\n"), 1);
    free(all);
    free(first);
    close(master);
    close(slave);
}

static void what_a_full_disk_refuses_is_counted_too(void **state)
{
    int full = open("/dev/full", O_WRONLY), ends[2];
    (void)state;
    log_init("x");
    assert_true(full >= 0);
    replace_stderr(full);
    log_many(7);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    log_info("there is room");
    drain(ends[0]);
    restore_stderr();
    assert_non_null(strstr(text, " x: warn: 7 lines of the log were lost"));
    close(full);
    close(ends[0]);
    close(ends[1]);
}

static void another_users_full_pipe_is_not_waited_for(void **state)
{
    int ends[2];
    (void)state;
    if (geteuid())
        skip();
    log_init("x");
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (!child) {
        alarm(10);
        dup2(ends[1], STDERR_FILENO);
        if (setuid(65534))
            _exit(2);
        if (open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK) >= 0)
            _exit(3); /* nothing is tested */
        for (int i = 0; i < 20000; i++)
            log_info("line %d", i);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_in_range(count(drain(ends[0]), "\n"), 10, 19990);
    close(ends[0]);
    close(ends[1]);
}

static void *log_from_a_thread(void *arg)
{
    (void)arg;
    log_many(5000);
    return NULL;
}

static void lines_are_counted_whichever_thread_lost_them(void **state)
{
    int ends[2];
    pthread_t threads[4];
    (void)state;
    log_init("x");
    assert_int_equal(pipe(ends), 0);
    replace_stderr(ends[1]);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, log_from_a_thread, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    int written = count(drain(ends[0]), "nobody reads\n");
    log_info("done");
    drain(ends[0]);
    restore_stderr();
    assert_int_equal(written + count_lost(text), 20000);
    close(ends[0]);
    close(ends[1]);
}

static void what_a_child_said_is_passed_on_as_it_is_or_counted(void **state)
{
    static const char said[] = "one\ntwo \xff\n\nhal", rest[] = "f\n";
    int ends[2];
    (void)state;
    log_init("x");
    assert_int_equal(pipe(ends), 0);
    replace_stderr(ends[1]);
    log_pass_on(said, sizeof said - 1);
    log_pass_on(rest, sizeof rest - 1);
    assert_string_equal(drain(ends[0]), "one\ntwo \xff\n\nhalf\n");
    log_many(20000);
    int written = count(drain(ends[0]), "nobody reads\n");
    log_many(20000);
    log_pass_on(said, 11); /* three lines */
    int again = count(drain(ends[0]), "nobody reads\n"), lost = count_lost(text);
    log_info("x");
    drain(ends[0]);
    restore_stderr();
    assert_int_equal(written + again + lost + count_lost(text), 40003);
    close(ends[0]);
    close(ends[1]);
}

static void *read_later(void *arg)
{
    usleep(300000);
    size_t used = 0;
    while (used < sizeof text - 1) {
        ssize_t got = read(*(int *)arg, text + used, sizeof text - 1 - used);
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    text[used] = '\0';
    return NULL;
}

static void last_words_wait_for_a_reader_that_is_late(void **state)
{
    int ends[2];
    pthread_t reader;
    struct err err = ERR_INIT;
    (void)state;
    log_init("x");
    assert_int_equal(pipe(ends), 0);
    replace_stderr(ends[1]);
    log_many(20000);
    pthread_create(&reader, NULL, read_later, &ends[0]);
    err_set(&err, "no memory left");
    err_print(&err);
    restore_stderr();
    close(ends[1]);
    /* The log's own pipe ends with the next stderr. */
    log_info("elsewhere");
    pthread_join(reader, NULL);
    assert_int_equal(count(text, "dcls: no memory left\n"), 1);
    assert_in_range(count_lost(text), 10, 19990);
    close(ends[0]);
}

static void patience_is_spent_once_and_not_with_every_line(void **state)
{
    int ends[2];
    (void)state;
    log_init("x");
    log_set_patience(200);
    assert_int_equal(pipe(ends), 0);
    replace_stderr(ends[1]);
    int64_t start = clock_ms();
    for (int i = 0; i < 20000; i++)
        log_info("line %d", i);
    int64_t took = clock_ms() - start;
    restore_stderr();
    assert_in_range(took, 200, 200 + AT_ONCE_MS);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_pipe_is_not_waited_for_and_what_was_lost_is_told),
        cmocka_unit_test(a_socket_that_nobody_reads_is_not_waited_for),
        cmocka_unit_test(a_stopped_terminal_is_not_waited_for),
        cmocka_unit_test(lines_that_a_terminal_took_in_part_are_finished_first),
        cmocka_unit_test(what_a_full_disk_refuses_is_counted_too),
        cmocka_unit_test(another_users_full_pipe_is_not_waited_for),
        cmocka_unit_test(lines_are_counted_whichever_thread_lost_them),
        cmocka_unit_test(what_a_child_said_is_passed_on_as_it_is_or_counted),
        cmocka_unit_test(last_words_wait_for_a_reader_that_is_late),
        cmocka_unit_test(patience_is_spent_once_and_not_with_every_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
