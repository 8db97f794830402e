// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "../../user/write/json_writer.h"

struct fixture {
	int fd;
	struct outbuf out;
	struct json_writer json;
	char text[4096];
};

static void start(struct fixture *f)
{
	f->fd = memfd_create("json", MFD_CLOEXEC);
	assert_true(f->fd >= 0);
	assert_int_equal(outbuf__init(&f->out, f->fd, false), 0);
	json__init(&f->json, &f->out);
}

static void expect(struct fixture *f, const char *want)
{
	ssize_t n;

	assert_int_equal(outbuf__finish(&f->out), 0);
	n = pread(f->fd, f->text, sizeof(f->text) - 1, 0);
	assert_true(n >= 0);
	f->text[n] = '\0';
	assert_int_equal(f->out.bytes, n);
	assert_string_equal(f->text, want);
	close(f->fd);
}

static void test_structure(void **state)
{
	struct fixture f;
	struct json_writer *j = &f.json;

	(void)state;
	start(&f);
	json__open(j, '{');
	json__key(j, "a");
	json__open(j, '[');
	json__close(j, ']');
	json__u64_field(j, "b", 12);
	json__key(j, "c");
	json__open(j, '[');
	json__u64(j, 1);
	json__string(j, "x");
	json__open(j, '{');
	json__close(j, '}');
	json__bool(j, true);
	json__bool(j, false);
	json__close(j, ']');
	json__us_field(j, "d", 1234567);
	json__str_field(j, "e", "");
	json__key(j, "f");
	json__i64(j, INT64_MIN);
	json__close(j, '}');
	expect(&f, "{\"a\":[],\"b\":12,\"c\":[1,\"x\",{},true,false],\"d\":1234.567,\"e\":\"\","
		   "\"f\":-9223372036854775808}");
}

static void test_escapes(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	json__string_n(&f.json, "a\"b\\c\n\t\r\b\f\x01\x1f\x7f\0z", 15);
	expect(&f, "\"a\\\"b\\\\c\\n\\t\\r\\b\\f\\u0001\\u001f\x7f\\u0000z\"");
}

/* Perfetto takes U+007F raw in events only, and escaped elsewhere only. */
static void test_del(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	json__string(&f.json, "a\x7f"
			      "b");
	json__quoted(&f.json, "\"\x7f\"", 3);
	f.json.escape_del = true;
	json__key(&f.json, "\x7f"
			   "k\x7f");
	json__string(&f.json, "\"\x7f\x7f\n");
	json__quoted(&f.json, "\"\x7fq\x7f\"", 5);
	json__quoted(&f.json, "\"\"", 2);
	expect(&f, "\"a\x7f"
		   "b\",\"\x7f\","
		   "\"\\u007fk\\u007f\":\"\\\"\\u007f\\u007f\\n\",\"\\u007fq\\u007f\",\"\"");
}

static void test_utf8_stays_raw(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	json__string(&f.json, "\xe7\x9b\x91 \xf0\x9f\x90\x8d \xc3\xa9");
	expect(&f, "\"\xe7\x9b\x91 \xf0\x9f\x90\x8d \xc3\xa9\"");
}

static void test_invalid_utf8(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	json__string(&f.json, "a\xff"
			      "b\xe7\x9b"
			      "c\xed\xa0\x80\xe7");
	expect(&f, "\"a\xef\xbf\xbd"
		   "b\xef\xbf\xbd"
		   "c\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

/* The same text in parts of every size is the same string. */
static void test_parts(void **state)
{
	static const char text[] = "x\xf0\x9f\x90\x8d\xe7\x9b\x91\xc3\xa9\"\xff\xe7\x9b"
				   "a\xf0\x9f";
	const size_t n = sizeof(text) - 1;
	char whole[256];
	struct fixture f;
	size_t step, at;

	(void)state;
	start(&f);
	json__string_n(&f.json, text, n);
	outbuf__flush(&f.out);
	at = (size_t)pread(f.fd, whole, sizeof(whole) - 1, 0);
	whole[at] = '\0';
	expect(&f, whole);
	for (step = 1; step <= n; step++) {
		start(&f);
		json__string_begin(&f.json);
		for (at = 0; at < n; at += step)
			json__string_part(&f.json, text + at, at + step < n ? step : n - at);
		json__string_end(&f.json);
		expect(&f, whole);
	}
}

static void expect_u64(uint64_t value)
{
	char got[32], want[32];

	*json__put_u64(got, value) = '\0';
	snprintf(want, sizeof(want), "%llu", (unsigned long long)value);
	assert_string_equal(got, want);
	*json__put_us(got, value) = '\0';
	snprintf(want, sizeof(want), "%llu.%03u", (unsigned long long)value / 1000,
		 (unsigned int)(value % 1000));
	assert_string_equal(got, want);
}

static void test_numbers(void **state)
{
	uint64_t value;
	int i;

	(void)state;
	expect_u64(0);
	for (value = 1, i = 0; i < 20; i++, value *= 10) {
		expect_u64(value - 1);
		expect_u64(value);
		expect_u64(value + 1);
	}
	expect_u64(UINT64_MAX);
}

/* Larger than the buffer, and across its end. */
static void test_large_output(void **state)
{
	const size_t n = OUTBUF_BYTES * 3 + 17;
	char *text = malloc(n + 2), *back = malloc(n + 16);
	struct fixture f;

	(void)state;
	memset(text, 'y', n);
	start(&f);
	json__u64(&f.json, 1);
	json__string_n(&f.json, text, n);
	json__string_n(&f.json, text, OUTBUF_BYTES - 20);
	assert_int_equal(outbuf__finish(&f.out), 0);
	assert_int_equal(f.out.bytes, n + OUTBUF_BYTES - 20 + 1 + 6);
	assert_int_equal(pread(f.fd, back, n + 4, 0), n + 4);
	assert_memory_equal(back, "1,\"y", 4);
	assert_memory_equal(back + n + 1, "yy\"", 3);
	close(f.fd);
	free(text);
	free(back);
}

static void test_gzip(void **state)
{
	const size_t n = OUTBUF_BYTES * 2 + 5;
	char *text = malloc(n), *back = malloc(n + 10);
	struct outbuf out;
	int fd = memfd_create("gz", MFD_CLOEXEC);
	gzFile gz;

	(void)state;
	memset(text, 'z', n);
	assert_int_equal(outbuf__init(&out, fd, true), 0);
	outbuf__write(&out, text, n);
	assert_int_equal(outbuf__finish(&out), 0);
	assert_true(out.bytes > 0 && out.bytes < n / 10);
	lseek(fd, 0, SEEK_SET);
	gz = gzdopen(fd, "rb");
	assert_int_equal(gzread(gz, back, (unsigned int)n + 10), n);
	assert_memory_equal(text, back, n);
	assert_int_equal(gzclose(gz), Z_OK);
	free(text);
	free(back);
}

static void test_errors_stick(void **state)
{
	struct outbuf out;
	struct json_writer j;
	int i, fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(outbuf__init(&out, fd, false), 0);
	json__init(&j, &out);
	for (i = 0; i < 200000; i++)
		json__u64(&j, 123456789);
	assert_int_equal(out.err, -ENOSPC);
	assert_int_equal(out.bytes, 0);
	assert_int_equal(outbuf__finish(&out), -ENOSPC);
	outbuf__release(&out);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_structure),      cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_utf8_stays_raw), cmocka_unit_test(test_invalid_utf8),
		cmocka_unit_test(test_parts),	       cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_large_output),   cmocka_unit_test(test_gzip),
		cmocka_unit_test(test_errors_stick),   cmocka_unit_test(test_del),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
