/* ImageNet weights: where they are looked for, and what is refused. Nothing here leaves this machine. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcls/base/fs.h"
#include "dcls/net/http_client.h"
#include "src/node/daemon.h"
#include "src/node/preparation.h"
#include "src/node/pretrained.h"

#define NOBODY 65534

static const char content[] = "abc";
#define CONTENT_DIGEST "ba7816bf" /* of "abc", from FIPS 180-4's examples */

static const struct network known = { .name = "small",
                                      .weights_file = "small-ba7816bf.pth",
                                      .weights_sha256 = CONTENT_DIGEST };

#define NAME "small-ba7816bf.pth"

static void set_variable(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

static void the_cache_is_the_persons_or_else_the_nodes(void **state)
{
    (void)state;
    /* Below a folder of the test's, which each path but the node's begins with. */
    static const struct {
        const char *cache, *home, *path;
    } cases[] = {
        { "/c", "/h", "/c/dcls/" NAME },
        { NULL, "/h", "/h/.cache/dcls/" NAME },
        { "", "/h", "/h/.cache/dcls/" NAME },
        { "relative", "/h", "/h/.cache/dcls/" NAME },
        { "/full", "/h", "/full/dcls/" NAME }, /* holds the file, but may not be written */
        { "/locked", "/h", NULL },
        { "/file", "/h", NULL },
        { NULL, "/locked", NULL },
        { NULL, "/none", NULL },
        { NULL, "", NULL },
        { NULL, NULL, NULL },
    };
    static const char *const homes[] = { "/", "//", "", "relative" };
    char dir[] = "/tmp/dcls-pretrained-XXXXXX", path[128], cache[128], home[128];
    assert_false(!geteuid() && seteuid(NOBODY)); /* for root no folder is locked */
    assert_non_null(mkdtemp(dir));
    static const char *const folders[] = { "h", "locked", "full/dcls" };
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, folders[i]);
        assert_int_equal(fs_make_dirs(path, NULL), 0);
    }
    snprintf(path, sizeof path, "%s/full/dcls/" NAME, dir);
    assert_int_equal(fs_write(path, content, strlen(content), NULL), 0);
    snprintf(path, sizeof path, "%s/file", dir);
    assert_int_equal(fs_write(path, "", 0, NULL), 0);
    for (size_t i = 1; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, folders[i]);
        assert_int_equal(chmod(path, 0555), 0);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(cache, sizeof cache, "%s%s", dir, cases[i].cache ? cases[i].cache : "");
        snprintf(home, sizeof home, "%s%s", dir, cases[i].home ? cases[i].home : "");
        bool is_below = cases[i].cache && *cases[i].cache == '/';
        set_variable("XDG_CACHE_HOME", is_below ? cache : cases[i].cache);
        set_variable("HOME", cases[i].home && *cases[i].home ? home : cases[i].home);
        char *found = pretrained_path(&known, "node0/cache/weights", NULL);
        snprintf(path, sizeof path, "%s%s", cases[i].path ? dir : "",
                 cases[i].path ? cases[i].path : "node0/cache/weights/" NAME);
        assert_string_equal(found, path);
        free(found);
    }
    unsetenv("XDG_CACHE_HOME");
    for (size_t i = 0; i < sizeof homes / sizeof *homes; i++) {
        setenv("HOME", homes[i], 1);
        char *found = pretrained_path(&known, "node0/cache/weights", NULL);
        assert_string_equal(found, "node0/cache/weights/" NAME);
        free(found);
    }
    snprintf(path, sizeof path, "%s/none", dir);
    assert_false(fs_is_dir(path)); /* nobody's home is made */
    assert_false(!getuid() && seteuid(0));
    assert_int_equal(fs_remove_tree(dir, NULL), 0);
}

static void a_whole_file_in_a_cache_that_is_only_read_is_taken(void **state)
{
    (void)state;
    static const atomic_bool go_on = false;
    char dir[] = "/tmp/dcls-pretrained-XXXXXX", path[64];
    struct err err = ERR_INIT;
    assert_false(!geteuid() && seteuid(NOBODY));
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/" NAME, dir);
    assert_int_equal(fs_write(path, content, strlen(content), NULL), 0);
    assert_int_equal(chmod(dir, 0555), 0);
    if (pretrained_fetch(&known, path, &go_on, &err))
        fail_msg("%s", err.text);
    assert_false(!getuid() && seteuid(0));
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(fs_remove_tree(dir, NULL), 0);
}

/* Fetches into a new folder that holds `file`, where that is not NULL. */
static int fetch(const char *place, const char *file, const atomic_bool *stop, struct err *err)
{
    char dir[] = "/tmp/dcls-pretrained-XXXXXX", *path = NULL;
    static const atomic_bool go_on = false;
    assert_non_null(mkdtemp(dir));
    setenv("DCLS_WEIGHTS_URL", place, 1);
    assert_true(asprintf(&path, "%s/deeper/%s", dir, known.weights_file) > 0);
    if (file) {
        char *below = fs_join(dir, "deeper");
        assert_int_equal(fs_make_dirs(below, NULL), 0);
        assert_int_equal(fs_write(path, file, strlen(file), NULL), 0);
        free(below);
    }
    int status = pretrained_fetch(&known, path, stop ? stop : &go_on, err);
    if (!status)
        assert_int_equal(fs_size(path), strlen(content));
    free(path);
    assert_int_equal(fs_remove_tree(dir, NULL), 0);
    return status;
}

static void a_cached_file_of_the_right_digest_needs_no_network(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    if (fetch("https://127.0.0.1:1", content, NULL, &err))
        fail_msg("%s", err.text);
}

static void a_cached_file_of_another_digest_is_refused(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_int_equal(fetch("https://127.0.0.1:1", "abd", NULL, &err), -1);
    assert_non_null(strstr(err.text, "is refused: its SHA-256 begins with 'a52d159f' instead of 'ba7816bf'"));
    assert_non_null(strstr(err.text, "connection refused"));
}

static void what_is_not_there_and_cannot_be_fetched_fails_at_once(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    static const atomic_bool stop = true;
    assert_int_equal(fetch("https://127.0.0.1:1", NULL, NULL, &err), -1);
    assert_non_null(strstr(err.text, "connection refused"));
    assert_int_equal(fetch("http://127.0.0.1:1/models", NULL, NULL, &err), -1);
    assert_string_equal(err.text, "DCLS_WEIGHTS_URL 'http://127.0.0.1:1/models' is no https:// URL");
    assert_int_equal(fetch("https://127.0.0.1:1", NULL, &stop, &err), -1);
}

static void others_are_not_told_where_the_persons_cache_is(void **state)
{
    static const char reason[] = "cannot write 'weights/" NAME ".lock': Is a directory";
    char images[] = "images", weights[] = "node0/cache/weights";
    struct daemon daemon = { .images_dir = images, .weights_dir = weights };
    const atomic_bool stop = false;
    char dir[] = "/tmp/dcls-pretrained-XXXXXX", said[256];
    (void)state;
    assert_non_null(mkdtemp(dir));
    for (int asked_for = 0; asked_for < 2; asked_for++) {
        struct err err = ERR_INIT;
        struct preparation preparation = { .daemon = &daemon, .pretrained = &known, .asked_for = asked_for };
        preparation.weights_file = fs_join(dir, NAME);
        char *lock = fs_join(dir, NAME ".lock");
        assert_int_equal(fs_make_dirs(lock, NULL), 0);
        free(lock);
        assert_int_equal(preparation_run(&preparation, &stop, &err), asked_for ? -1 : 0);
        const char *starts = asked_for ? "" : ", so training starts at random";
        snprintf(said, sizeof said, "ImageNet weights cannot be had%s: %s", starts, reason);
        assert_int_equal(preparation.notices.count, !asked_for);
        assert_string_equal(asked_for ? err.text : preparation.notices.lines[0], said);
        preparation_release(&preparation);
    }
    assert_int_equal(fs_remove_tree(dir, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cache_is_the_persons_or_else_the_nodes),
        cmocka_unit_test(a_whole_file_in_a_cache_that_is_only_read_is_taken),
        cmocka_unit_test(a_cached_file_of_the_right_digest_needs_no_network),
        cmocka_unit_test(a_cached_file_of_another_digest_is_refused),
        cmocka_unit_test(what_is_not_there_and_cannot_be_fetched_fails_at_once),
        cmocka_unit_test(others_are_not_told_where_the_persons_cache_is),
    };
    if (http_global_init(NULL))
        return 1;
    return cmocka_run_group_tests_name("pretrained", tests, NULL, NULL);
}
