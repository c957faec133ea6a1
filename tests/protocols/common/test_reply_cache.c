/* tests/protocols/common/test_reply_cache.c: the reply cache has one serialisation, and only that one is read (PROTOCOLS.md 1.6). */
#include "protocols/common/reply_cache.h"
#include "tests/support/test.h"

static void cache_new(struct common_reply_cache *c, struct nika_config *config)
{
    nika_config_default(config);
    config->clients = 4;
    config->reply_size_max = 16;
    common_reply_cache_init(c, config, calloc(1, common_reply_cache_size(config)));
}

static uint32_t write(const struct common_reply_cache *c, uint8_t *out, uint32_t capacity)
{
    struct nika_writer w = nika_writer_of(out, capacity);
    common_reply_cache_write(c, &w);
    assert_false(w.failed);
    assert_int_equal(w.at, common_reply_cache_encoded_size(c));
    return w.at;
}

static void test_what_is_written_reads_back_the_same(void **state)
{
    (void)state;
    struct nika_config config;
    struct common_reply_cache a, b;
    uint8_t first[256], second[256];
    cache_new(&a, &config);
    cache_new(&b, &config);
    common_reply_cache_set(&a, 3, 7, 2, (struct nika_span){(const uint8_t *)"hello", 5});
    common_reply_cache_set(&a, 1, 9, 4, (struct nika_span){NULL, 0});
    common_reply_cache_set(&b, 0, 5, 5, (struct nika_span){(const uint8_t *)"gone", 4});
    uint32_t size = write(&a, first, sizeof first);
    assert_int_equal(common_reply_cache_read(&b, (struct nika_span){first, size}), NIKA_OK);
    assert_int_equal(write(&b, second, sizeof second), size);
    assert_memory_equal(first, second, size);
    assert_int_equal(b.entries[0].last_timestamp, 0);
    assert_int_equal(b.entries[3].issued_timestamp, 7);
    assert_memory_equal(&a.entries[3].digest, &b.entries[3].digest, sizeof a.entries[3].digest);
    free(a.entries);
    free(b.entries);
}

static void test_anything_not_canonical_changes_nothing(void **state)
{
    (void)state;
    struct nika_config config;
    struct common_reply_cache a, b;
    uint8_t bytes[256];
    cache_new(&a, &config);
    cache_new(&b, &config);
    common_reply_cache_set(&a, 1, 7, 2, (struct nika_span){(const uint8_t *)"x", 1});
    common_reply_cache_set(&a, 2, 7, 2, (struct nika_span){(const uint8_t *)"y", 1});
    uint32_t size = write(&a, bytes, sizeof bytes);
    for (uint32_t cut = 0; cut < size; cut++)
        assert_int_equal(common_reply_cache_read(&b, (struct nika_span){bytes, cut}),
                         NIKA_ERR_MALFORMED);
    assert_int_equal(common_reply_cache_read(&b, (struct nika_span){bytes, size + 1}),
                     NIKA_ERR_MALFORMED);
    bytes[4] = 2; /* Client 2 twice. */
    assert_int_equal(common_reply_cache_read(&b, (struct nika_span){bytes, size}),
                     NIKA_ERR_MALFORMED);
    assert_int_equal(b.entries[2].last_timestamp, 0);
    bytes[4] = 1;
    assert_int_equal(common_reply_cache_read(&b, (struct nika_span){bytes, size}), NIKA_OK);
    free(a.entries);
    free(b.entries);
}

static void test_the_chunk_root_covers_every_byte_and_their_order(void **state)
{
    (void)state;
    uint8_t bytes[100];
    struct nika_digest leaves[4], root, other;
    for (uint32_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)i;
    assert_int_equal(common_chunk_count(100, 32), 4);
    assert_int_equal(common_chunk_count(96, 32), 3);
    common_chunks_root((struct nika_span){bytes, 100}, 32, leaves, &root);
    bytes[99] ^= 1;
    common_chunks_root((struct nika_span){bytes, 100}, 32, leaves, &other);
    assert_memory_not_equal(&root, &other, sizeof root);
    bytes[99] ^= 1;
    common_chunks_root((struct nika_span){bytes, 100}, 32, leaves, &other);
    assert_memory_equal(&root, &other, sizeof root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_reads_back_the_same),
        cmocka_unit_test(test_anything_not_canonical_changes_nothing),
        cmocka_unit_test(test_the_chunk_root_covers_every_byte_and_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
