/* Buffers, reasons, log lines, clocks and digests. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdio.h>

#include "dcls/base/buf.h"
#include "dcls/base/clock.h"
#include "dcls/base/err.h"
#include "dcls/base/log.h"
#include "dcls/base/sha256.h"

static void a_buffer_grows_to_its_maximum_and_no_further(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(buf_append(&buf, "x", 1), 0);
        assert_int_equal(buf.data[buf.len], '\0');
    }
    assert_int_equal(buf_append(&buf, "x", 1), -1);
    assert_int_equal(buf_puts(&buf, "x"), -1);
    assert_int_equal(buf_printf(&buf, "%d", 1), -1);
    assert_int_equal(buf_append(&buf, "", 0), 0);
    assert_int_equal(buf.len, 100);
    assert_true(buf.cap <= 101);
    buf_release(&buf);
}

static void what_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 5);
    assert_string_equal(buf_text(&buf), "");
    assert_int_equal(buf_puts(&buf, "abc"), 0);
    assert_int_equal(buf_puts(&buf, "def"), -1);
    assert_int_equal(buf_printf(&buf, "%s", "def"), -1);
    assert_int_equal(buf_append(&buf, "x", SIZE_MAX), -1);
    assert_string_equal(buf_text(&buf), "abc");
    assert_int_equal(buf_printf(&buf, "%c%d", 'd', 5), 0);
    assert_string_equal(buf_text(&buf), "abcd5");
    buf_release(&buf);
}

static void bytes_are_dropped_from_the_front(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    buf_drop(&buf, 5);
    buf_puts(&buf, "hello world");
    buf_drop(&buf, 0);
    buf_drop(&buf, 6);
    assert_string_equal(buf_text(&buf), "world");
    buf_drop(&buf, 100);
    assert_string_equal(buf_text(&buf), "");
    assert_int_equal(buf.len, 0);
    buf_puts(&buf, "x");
    buf_clear(&buf);
    assert_string_equal(buf_text(&buf), "");
    buf_release(&buf);
}

static void a_detached_text_is_the_callers_and_the_buffer_is_empty(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    char *none = buf_detach(&buf);
    assert_string_equal(none, "");
    buf_puts(&buf, "x");
    char *text = buf_detach(&buf);
    assert_string_equal(text, "x");
    assert_null(buf.data);
    assert_int_equal(buf_puts(&buf, "y"), 0); /* the maximum still holds */
    assert_string_equal(text, "x");
    free(none);
    free(text);
    buf_release(&buf);
}

static void a_reason_is_one_line_and_returns_minus_one(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_int_equal(err_set(&err, "bad '%s'", "a\nb\x01\x7f"), -1);
    assert_string_equal(err.text, "bad 'a b  '");
    err_set(&err, "%s", "caf\xc3\xa9 \xe9\xff \xe7\x8c");
    assert_string_equal(err.text, "caf\xc3\xa9 ?? ??");
    assert_int_equal(err_set(&err, "bad '%s'", "a\nb\x01\x7f"), -1);
    assert_int_equal(err_prefix(&err, "in '%s'", "x\ty"), -1);
    assert_string_equal(err.text, "in 'x y': bad 'a b  '");
    assert_int_equal(err_set(&err, "%s again", err.text), -1);
    assert_string_equal(err.text, "in 'x y': bad 'a b  ' again");
    assert_int_equal(err_set(NULL, "x"), -1);
    assert_int_equal(err_prefix(NULL, "x"), -1);
    struct err empty = ERR_INIT;
    assert_int_equal(err_prefix(&empty, "alone"), -1);
    assert_string_equal(empty.text, "alone");
}

static void a_reason_too_long_is_cut_between_characters(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char text[1000];
    for (size_t i = 0; i + 2 < sizeof text; i += 3)
        memcpy(text + i, "\xe2\x82\xac", 3);
    text[sizeof text - 1] = '\0';
    for (int shift = 0; shift < 3; shift++) {
        err_set(&err, "%.*s%s", shift, "xx", text);
        size_t len = strlen(err.text);
        assert_in_range(len, sizeof err.text - 4, sizeof err.text - 1);
        assert_int_equal((len - (size_t)shift) % 3, 0);
        for (int i = 0; i < 100; i++)
            err_prefix(&err, "more");
        assert_true(strlen(err.text) < sizeof err.text);
    }
}

/* What `log_line` writes to stderr. */
static void a_reason_calls_a_path_by_another_name(void **state)
{
    static const struct {
        const char *text, *path, *wanted;
    } cases[] = {
        { "no '/home/ann/kids'", "/home/ann/kids", "no 'images'" },
        { "'/home/ann/kids/train/1.jpg' and '/home/ann/kids'", "/home/ann/kids//",
          "'images/train/1.jpg' and 'images'" },
        { "'/home/ann/kids2' /home/ann/kids 'x/home/ann/kids'", "/home/ann/kids",
          "'/home/ann/kids2' /home/ann/kids 'x/home/ann/kids'" },
        { "'./train/a.b' is no '.'", ".", "'images/train/a.b' is no 'images'" },
        { "'/a/\xe9 /1.jpg'", "/a/\xe9\n", "'images/1.jpg'" },
        { "'images/1.jpg'", "images", "'images/1.jpg'" },
        { "", "/home", "" },
    };
    (void)state;
    struct err err = ERR_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err_set(&err, "%s", cases[i].text);
        err_rename(&err, cases[i].path, "images");
        assert_string_equal(err.text, cases[i].wanted);
    }
    char path[sizeof err.text] = "/secret";
    memset(path + 7, 'x', sizeof path - 8);
    for (int before = 0; before < 100; before++) { /* what was cut is not told in part either */
        err_set(&err, "%*s '%s/1.jpg'", before, "", path);
        err_rename(&err, path, "images");
        assert_null(strstr(err.text, "secret"));
    }
    err_set(&err, "'%.300s' and '%.300s'", path, path);
    err_rename(&err, "/secret", "more"); /* longer than it was, or shorter: it fits */
    err_rename(NULL, path, "images");
}

static void expect_log(const char *wanted, enum log_level level, const char *text)
{
    int pipes[2], kept = dup(STDERR_FILENO);
    char line[2048];
    assert_int_equal(pipe2(pipes, O_NONBLOCK), 0);
    dup2(pipes[1], STDERR_FILENO);
    log_line(level, "%s", text);
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(pipes[1]);
    ssize_t got = read(pipes[0], line, sizeof line - 1);
    close(pipes[0]);
    assert_true(got >= 0);
    line[got] = '\0';
    if (!wanted) {
        assert_int_equal(got, 0);
        return;
    }
    assert_true(got > 24);
    assert_string_equal(line + 23, wanted); /* "2026-11-23 05:15:46.780" comes first */
}

static void a_log_line_is_one_line_with_its_role(void **state)
{
    (void)state;
    log_init("node node0");
    expect_log(" node node0: hello\n", LOG_INFO, "hello");
    expect_log(" node node0: error: a b\n", LOG_ERROR, "a\nb");
    expect_log(" node node0: warn: x\n", LOG_WARN, "x");
    char longest[2000];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    int pipes[2], kept = dup(STDERR_FILENO);
    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], STDERR_FILENO);
    log_info("%s", longest);
    dup2(kept, STDERR_FILENO);
    ssize_t got = read(pipes[0], longest, sizeof longest);
    assert_in_range(got, 100, 1024);
    assert_int_equal(longest[got - 1], '\n');
    close(kept);
    close(pipes[0]);
    close(pipes[1]);
}

static void a_line_below_the_level_is_not_written(void **state)
{
    (void)state;
    log_init("x");
    expect_log(NULL, LOG_DEBUG, "quiet");
    log_set_level(LOG_DEBUG);
    expect_log(" x: debug: loud\n", LOG_DEBUG, "loud");
    log_set_level(LOG_ERROR);
    expect_log(NULL, LOG_WARN, "quiet");
    setenv("DCLS_LOG", "warn", 1);
    log_init("x");
    expect_log(" x: warn: loud\n", LOG_WARN, "loud");
    expect_log(NULL, LOG_INFO, "quiet");
    unsetenv("DCLS_LOG");
    log_set_level(LOG_INFO);
}

static void clocks_run_forward_and_the_date_reads_as_pythons(void **state)
{
    (void)state;
    int64_t start = clock_ms();
    double seconds = clock_seconds();
    usleep(20000);
    assert_in_range(clock_ms() - start, 15, 5000);
    assert_true(clock_seconds() > seconds);
    assert_true(clock_wall_ms() > 1700000000000);
    char text[CLOCK_ISO_SIZE];
    int fields[7];
    clock_iso(text);
    assert_int_equal(strlen(text), 26);
    assert_int_equal(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%6d", &fields[0], &fields[1], &fields[2], &fields[3],
                            &fields[4], &fields[5], &fields[6]),
                     7);
}

static void digests_are_those_of_the_standard(void **state)
{
    (void)state;
    char hex[SHA256_HEX_SIZE], pieces[SHA256_HEX_SIZE];
    struct err err = ERR_INIT;
    assert_int_equal(sha256_bytes("", 0, hex, &err), 0);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(sha256_bytes("abc", 3, hex, &err), 0);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct sha256 *sha = sha256_new();
    assert_int_equal(sha256_update(sha, "a", 1), 0);
    assert_int_equal(sha256_update(sha, "bc", 2), 0);
    assert_int_equal(sha256_finish(sha, pieces), 0);
    assert_string_equal(pieces, hex);
    sha256_free(sha256_new());
    sha256_free(NULL);
}

static void a_file_has_the_digest_of_its_bytes_and_a_fifo_none(void **state)
{
    (void)state;
    char path[] = "/tmp/dcls-sha-XXXXXX", hex[SHA256_HEX_SIZE], wanted[SHA256_HEX_SIZE];
    struct err err = ERR_INIT;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    char *bytes = calloc(1, 1000000);
    assert_int_equal(write(fd, bytes, 1000000), 1000000);
    close(fd);
    assert_int_equal(sha256_file(path, hex, &err), 0);
    assert_int_equal(sha256_bytes(bytes, 1000000, wanted, &err), 0);
    assert_string_equal(hex, wanted);
    free(bytes);
    unlink(path);
    assert_int_equal(sha256_file(path, hex, &err), -1);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(sha256_file(path, hex, &err), -1);
    assert_non_null(strstr(err.text, "no regular file"));
    unlink(path);
}

static void only_lower_case_digits_of_the_right_number_are_a_digest(void **state)
{
    (void)state;
    assert_true(sha256_is_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    assert_false(sha256_is_hex("E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    assert_false(sha256_is_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85"));
    assert_false(sha256_is_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555"));
    assert_false(sha256_is_hex("../0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    assert_false(sha256_is_hex(""));
    assert_false(sha256_is_hex(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_grows_to_its_maximum_and_no_further),
        cmocka_unit_test(what_does_not_fit_leaves_the_buffer_as_it_was),
        cmocka_unit_test(bytes_are_dropped_from_the_front),
        cmocka_unit_test(a_detached_text_is_the_callers_and_the_buffer_is_empty),
        cmocka_unit_test(a_reason_is_one_line_and_returns_minus_one),
        cmocka_unit_test(a_reason_too_long_is_cut_between_characters),
        cmocka_unit_test(a_reason_calls_a_path_by_another_name),
        cmocka_unit_test(a_log_line_is_one_line_with_its_role),
        cmocka_unit_test(a_line_below_the_level_is_not_written),
        cmocka_unit_test(clocks_run_forward_and_the_date_reads_as_pythons),
        cmocka_unit_test(digests_are_those_of_the_standard),
        cmocka_unit_test(a_file_has_the_digest_of_its_bytes_and_a_fifo_none),
        cmocka_unit_test(only_lower_case_digits_of_the_right_number_are_a_digest),
    };
    unsetenv("DCLS_LOG");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
