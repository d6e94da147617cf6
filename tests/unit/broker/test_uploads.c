/* Images that wait for their answer: found by their digest, bounded together, gone with the last who needs them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "src/broker/http/uploads.h"

static struct upload *add(struct uploads *uploads, const char *text)
{
    struct upload *upload = upload_new(uploads, text, strlen(text));
    assert_non_null(upload);
    assert_int_equal(upload_hash(upload, NULL), 0);
    return upload;
}

static void an_image_is_found_by_its_digest_while_someone_waits_for_it(void **state)
{
    struct uploads *uploads = uploads_new(100);
    char digest[SHA256_HEX_SIZE];
    (void)state;
    assert_int_equal(sha256_bytes("photo", 5, digest, NULL), 0);
    struct upload *upload = add(uploads, "photo"), *same = add(uploads, "photo"), *other = add(uploads, "other");
    assert_null(uploads_find(uploads, digest));
    upload_list(upload);
    upload_list(same);
    upload_list(other);
    const struct shared_bytes *found = uploads_find(uploads, digest);
    assert_int_equal(found->size, 5);
    assert_memory_equal(found->bytes, "photo", 5);
    upload_free(same);
    assert_non_null(uploads_find(uploads, digest));
    upload_free(upload);
    assert_null(uploads_find(uploads, digest));
    upload_free(other);
    uploads_free(uploads);
}

static void bytes_that_are_being_sent_outlive_who_waited(void **state)
{
    struct uploads *uploads = uploads_new(100);
    (void)state;
    struct upload *upload = add(uploads, "photo");
    upload_list(upload);
    struct shared_bytes *held = shared_bytes_hold(uploads_find(uploads, upload->sha256));
    upload_free(upload);
    uploads_free(uploads);
    assert_memory_equal(held->bytes, "photo", 5);
    shared_bytes_let_go(held);
}

static void all_images_together_are_bounded(void **state)
{
    struct uploads *uploads = uploads_new(10);
    (void)state;
    struct upload *first = add(uploads, "12345"), *second = add(uploads, "67890");
    assert_null(upload_new(uploads, "x", 1));
    upload_free(first);
    assert_null(upload_new(uploads, "123456", 6));
    first = add(uploads, "12345");
    upload_free(first);
    upload_free(second);
    upload_free(NULL);
    uploads_free(uploads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_is_found_by_its_digest_while_someone_waits_for_it),
        cmocka_unit_test(bytes_that_are_being_sent_outlive_who_waited),
        cmocka_unit_test(all_images_together_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
