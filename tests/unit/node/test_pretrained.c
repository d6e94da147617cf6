/* ImageNet weights: where they are looked for, and what is refused. Nothing here leaves this machine. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "dcls/net/http_client.h"
#include "src/node/pretrained.h"

static const char content[] = "abc";
#define CONTENT_DIGEST "ba7816bf" /* of "abc", from FIPS 180-4's examples */

static const struct network known = { .name = "small",
                                      .weights_file = "small-ba7816bf.pth",
                                      .weights_sha256 = CONTENT_DIGEST };

static void the_cache_is_where_xdg_says(void **state)
{
    (void)state;
    static const struct {
        const char *cache, *home, *path;
    } cases[] = {
        { "/c", "/h", "/c/dcls/small-ba7816bf.pth" },
        { NULL, "/h", "/h/.cache/dcls/small-ba7816bf.pth" },
        { "", "/h", "/h/.cache/dcls/small-ba7816bf.pth" },
        { "relative", "/h", "/h/.cache/dcls/small-ba7816bf.pth" },
        { NULL, NULL, NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = ERR_INIT;
        cases[i].cache ? setenv("XDG_CACHE_HOME", cases[i].cache, 1) : unsetenv("XDG_CACHE_HOME");
        cases[i].home ? setenv("HOME", cases[i].home, 1) : unsetenv("HOME");
        char *path = pretrained_path(&known, &err);
        if (cases[i].path)
            assert_string_equal(path, cases[i].path);
        else
            assert_true(!path && strstr(err.text, "no cache folder"));
        free(path);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cache_is_where_xdg_says),
        cmocka_unit_test(a_cached_file_of_the_right_digest_needs_no_network),
        cmocka_unit_test(a_cached_file_of_another_digest_is_refused),
        cmocka_unit_test(what_is_not_there_and_cannot_be_fetched_fails_at_once),
    };
    if (http_global_init(NULL))
        return 1;
    return cmocka_run_group_tests_name("pretrained", tests, NULL, NULL);
}
