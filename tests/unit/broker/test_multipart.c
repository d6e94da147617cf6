/* multipart/form-data: parts, edges, and bodies cut anywhere. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/broker/http/multipart.h"

#define TYPE "multipart/form-data; boundary=xyz"

static const char two_parts[] = "--xyz\r\n"
                                "Content-Disposition: form-data; name=\"model\"\r\n"
                                "\r\n"
                                "m1\r\n"
                                "--xyz\r\n"
                                "Content-Type: image/png\r\n"
                                "content-disposition: form-data; filename=\"a;name=evil.png\"; name=\"image\"\r\n"
                                "\r\n"
                                "\x89PNG\r\n\r\n--xy\0z\r\n"
                                "--xyz--\r\n";

static void every_part_is_found_with_its_name_and_bytes(void **state)
{
    (void)state;
    struct multipart multipart;
    struct multipart_part part;
    struct err err = ERR_INIT;
    assert_int_equal(multipart_init(&multipart, TYPE, two_parts, sizeof two_parts - 1, &err), 0);
    assert_int_equal(multipart_next(&multipart, &part, &err), 1);
    assert_string_equal(part.name, "model");
    assert_int_equal(part.count, 2);
    assert_memory_equal(part.bytes, "m1", 2);
    assert_int_equal(multipart_next(&multipart, &part, &err), 1);
    assert_string_equal(part.name, "image");
    assert_int_equal(part.count, 14);
    assert_memory_equal(part.bytes, "\x89PNG\r\n\r\n--xy\0z", 14);
    assert_int_equal(multipart_next(&multipart, &part, &err), 0);
    assert_int_equal(multipart_next(&multipart, &part, &err), 0);
}

static void a_body_cut_at_any_byte_is_an_error(void **state)
{
    (void)state;
    /* Only what follows the closing boundary may lack. The copy is as long as the cut, so that a tool that watches
     * memory sees a read behind it. */
    for (size_t count = 0; count < sizeof two_parts - 1 - 2; count++) {
        char *body = malloc(count + 1);
        assert_non_null(body);
        char *cut = body + 1;
        memcpy(cut, two_parts, count);
        struct multipart multipart;
        struct multipart_part part;
        struct err err = ERR_INIT;
        int status = multipart_init(&multipart, TYPE, cut, count, &err);
        while (status >= 0 && (status = multipart_next(&multipart, &part, &err)) > 0) {
        }
        if (status != -1)
            fail_msg("cut at %zu it is taken", count);
        assert_true(err.text[0] != '\0');
        free(body);
    }
}

static int count_parts(const char *type, const char *body)
{
    struct multipart multipart;
    struct multipart_part part;
    if (multipart_init(&multipart, type, body, strlen(body), NULL))
        return -1;
    int count = 0, status;
    while ((status = multipart_next(&multipart, &part, NULL)) > 0)
        count++;
    return status < 0 ? -1 : count;
}

static void edges_of_the_format_are_read(void **state)
{
    (void)state;
    assert_int_equal(count_parts(TYPE, "--xyz--"), 0);
    assert_int_equal(count_parts(TYPE, "preamble\r\n--xyz\r\n\r\na\r\n--xyz--\r\nepilogue"), 1);
    assert_int_equal(count_parts(TYPE, "--xyz \t\r\n\r\na\r\n--xyz--"), 1);
    assert_int_equal(count_parts("Multipart/Form-Data;Boundary=\"xyz\"; a=b", "--xyz\r\n\r\na\r\n--xyz--"), 1);
    assert_int_equal(count_parts("multipart/form-data; a=\"; boundary=no\"; boundary=xyz", "--xyz\r\n\r\n\r\n--xyz--"),
                     1);

    struct multipart multipart;
    struct multipart_part part;
    const char *empty = "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--xyz--";
    assert_int_equal(multipart_init(&multipart, TYPE, empty, strlen(empty), NULL), 0);
    assert_int_equal(multipart_next(&multipart, &part, NULL), 1);
    assert_string_equal(part.name, "a");
    assert_int_equal(part.count, 0);
}

static void malformed_types_and_bodies_are_refused(void **state)
{
    (void)state;
    assert_int_equal(count_parts("multipart/form-data", "--xyz--"), -1);
    assert_int_equal(count_parts("multipart/form-data; boundary=", "--xyz--"), -1);
    assert_int_equal(count_parts("multipart/form-data; boundary=\"xyz", "--xyz--"), -1);
    assert_int_equal(count_parts("multipart/mixed; boundary=xyz", "--xyz--"), -1);
    assert_int_equal(count_parts("multipart/form-dataset; boundary=xyz", "--xyz--"), -1);
    char type[200];
    snprintf(type, sizeof type, "multipart/form-data; boundary=%071d", 0);
    assert_int_equal(count_parts(type, "--xyz--"), -1);
    assert_int_equal(count_parts(TYPE, "no boundary here"), -1);
    assert_int_equal(count_parts(TYPE, "--xyz\r\nno end of headers\r\n--xyz--"), -1);
    assert_int_equal(count_parts(TYPE, "--xyzzy\r\n\r\na\r\n--xyz--"), -1);
    char body[400];
    snprintf(body, sizeof body, "--xyz\r\nContent-Disposition: form-data; name=%0200d\r\n\r\n\r\n--xyz--", 0);
    assert_int_equal(count_parts(TYPE, body), -1);
    assert_false(multipart_is(NULL));
    assert_false(multipart_is("image/png"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_is_found_with_its_name_and_bytes),
        cmocka_unit_test(a_body_cut_at_any_byte_is_an_error),
        cmocka_unit_test(edges_of_the_format_are_read),
        cmocka_unit_test(malformed_types_and_bodies_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
