// SPDX-License-Identifier: GPL-2.0-only
/* Strings and ints read from a forged memory image, debug offsets, ids across namespaces. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../user/discover/py_objects.h"
#include "../../user/discover/py_tids.h"
#include "py_image.h"

static void check_str(struct image *im, uint64_t object, const char *expected)
{
	char *text = py_str(&im->r, object, 1 << 20);

	if (expected) {
		assert_non_null(text);
		assert_string_equal(text, expected);
	} else {
		assert_null(text);
	}
	free(text);
}

static void test_strings(void **state)
{
	static const uint16_t two[] = { 0x76d1, 0x63a7, 'A', 0xd800, 0, 0x3a9 };
	static const uint32_t four[] = { 0x1f600, 0xdc00, 0x110000, 0xffffffff, 'z' };
	static const unsigned char one[] = { 0xe9, 'x', 0xff };
	struct image *im;
	unsigned int minor;

	(void)state;
	FOR_MINORS(minor)
	{
		im = image__new(minor);
		check_str(im, image__new_ascii(im, ""), "");
		check_str(im, image__new_ascii(im, "worker-1"), "worker-1");
		check_str(im,
			  image__new_ascii(
				  im, "longer than what is read along with the header of a str"),
			  "longer than what is read along with the header of a str");
		check_str(im, image__new_str(im, one, 3, 1), "éxÿ");
		check_str(im, image__new_str(im, two, 6, 2), "监控A\xef\xbf\xbd\xef\xbf\xbdΩ");
		check_str(im, image__new_str(im, four, 5, 4),
			  "😀\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
		image__free(im);
	}
}

static void test_string_apart(void **state)
{
	struct image *im = image__new(11);
	uint64_t text = image__alloc(im, 64), object = image__new_ascii(im, "");
	const struct vtbpf_layout *l = &im->r.frame;

	(void)state;
	memcpy(image__at(im, text), "elsewhere", 9);
	image__put(im, object + l->str_length, 9);
	image__put(im, object + l->str_state, image__str_state(im, 1, false, false));
	image__put(im, object + l->str_compact, text);
	check_str(im, object, "elsewhere");
	image__put(im, object + l->str_compact, 8);
	check_str(im, object, NULL);
	image__free(im);
}

static void test_c_strings(void **state)
{
	struct image *im = image__new(12);
	uint64_t text = image__alloc(im, 64);
	char *got;

	(void)state;
	memcpy(image__at(im, text), "caf\xe9", 5);
	got = py_c_string(&im->r, text, 4);
	assert_string_equal(got, "café");
	free(got);
	assert_null(py_c_string(&im->r, text, 3));
	assert_null(py_c_string(&im->r, 8, 4));
	image__free(im);
}

static void test_string_limits(void **state)
{
	static const uint16_t two[] = { 0x76d1, 0x63a7, 0x7ebf };
	struct image *im = image__new(12);
	const struct vtbpf_layout *l = &im->r.frame;
	uint64_t object = image__new_str(im, two, 3, 2), last;
	char *text;

	(void)state;
	text = py_str(&im->r, object, 5); /* two code points and a half */
	assert_string_equal(text, "监控");
	free(text);
	image__put(im, object + l->str_length, 1ULL << 60);
	check_str(im, object, NULL);
	image__put(im, object + l->str_length, UINT64_MAX);
	check_str(im, object, NULL);
	image__put(im, object + l->str_length,
		   1ULL << 40); /* as far as the limit goes it is mapped */
	text = py_str(&im->r, object, 4000);
	assert_non_null(text);
	assert_true(strlen(text) <= 4000 / 2 * 3);
	free(text);
	image__put(im, object + l->str_length, 3);
	image__put(im, object + l->str_state, image__str_state(im, 3, true, false));
	check_str(im, object, NULL);
	image__put(im, object + l->str_state, image__str_state(im, 0, true, false));
	check_str(im, object, NULL);
	/* the last object of the last page */
	last = BASE + SIZE - l->str_ascii - 2;
	image__put(im, last, 1);
	image__put(im, last + 8, im->t_str);
	image__put(im, last + l->str_length, 1);
	memcpy(image__at(im, last + l->str_state),
	       (uint32_t[]){ image__str_state(im, 1, true, true) }, 4);
	*(char *)image__at(im, last + l->str_ascii) = 'q';
	check_str(im, last, "q");
	check_str(im, BASE + SIZE - 8, NULL);
	check_str(im, 0, NULL);
	check_str(im, UINT64_MAX - 4, NULL);
	check_str(im, im->t_str, NULL);
	image__free(im);
}

static void check_long(struct image *im, uint64_t object, int err, uint64_t expected)
{
	uint64_t value = 0;

	assert_int_equal(py_long__value(&im->r, object, &value), err);
	if (!err)
		assert_true(value == expected);
}

static void test_longs(void **state)
{
	static const uint64_t values[] = { 0,	      1,	  255,
					   1 << 29,   1ULL << 30, 140513369466560ULL,
					   UINT64_MAX };
	static const uint32_t digits[3] = { 5, 0, 16 };
	struct image *im;
	unsigned int minor;
	size_t i;

	(void)state;
	FOR_MINORS(minor)
	{
		im = image__new(minor);
		for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
			check_long(im, image__new_number(im, values[i]), 0, values[i]);
		check_long(im, image__new_int(im, minor >= 12 ? 3 << 3 : 3, digits), -ERANGE, 0);
		check_long(im, image__new_int(im, minor >= 12 ? 1 << 3 | 2 : (uint64_t)-1, digits),
			   -ERANGE, 0);
		check_long(im, image__new_int(im, minor >= 12 ? 4 << 3 : 4, digits), -ERANGE, 0);
		check_long(im, image__new_int(im, 1ULL << 62, digits), -ERANGE, 0);
		check_long(im, image__new_ascii(im, "7"), -EINVAL, 0);
		image__free(im);
	}
}

static void put_at(unsigned char *raw, size_t offset, uint64_t value)
{
	memcpy(raw + offset, &value, sizeof(value));
}

static void test_debug_offsets(void **state)
{
	unsigned char raw[PY_DEBUG_OFFSETS_MAX];
	struct py_layout l = *py_layout__find(13), before = l;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(raw); i += 8)
		put_at(raw, i, i); /* each field tells its own position */
	memcpy(raw, "xdebugpy", 8);
	put_at(raw, 8, 0x030d00f0);
	put_at(raw, 16, 1);
	assert_int_equal(py_layout__refine(&l, raw, 100), -EINVAL);
	raw[0] = 'y';
	assert_int_equal(py_layout__refine(&l, raw, sizeof(raw)), -EINVAL);
	raw[0] = 'x';
	put_at(raw, 8, 0x030e00f0);
	assert_int_equal(py_layout__refine(&l, raw, sizeof(raw)), -EINVAL);
	put_at(raw, 8, 0x030d00f0);
	put_at(raw, 72, 1 << 20); /* too far away to be an offset */
	assert_int_equal(py_layout__refine(&l, raw, sizeof(raw)), -EINVAL);
	assert_memory_equal(&l, &before, sizeof(l));
	put_at(raw, 72, 72);
	put_at(raw, 360, 0x18); /* ob_type of a free-threaded build */
	assert_int_equal(py_layout__refine(&l, raw, sizeof(raw)), 0);
	assert_int_equal(l.interp_threads, 72);
	assert_int_equal(l.tstate_native, 200);
	assert_int_equal(l.tp_dictoffset, before.tp_dictoffset + 0x10);
	assert_int_equal(l.md_dict, 0x20);
	assert_int_equal(l.managed_dict, -8);
	assert_false(l.refcount_counts);
	l = *py_layout__find(12);
	assert_int_equal(py_layout__refine(&l, raw, sizeof(raw)), -EINVAL);
	assert_null(py_layout__find(7));
	assert_null(py_layout__find(16));
}

static void check_ns(const char *text, int err, pid_t outer, pid_t inner)
{
	char path[] = "/tmp/test_py_tids.XXXXXX";
	int fd = mkstemp(path);
	pid_t o = 0, i = 0;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(py_tids__read_ns(path, &o, &i), err);
	unlink(path);
	assert_int_equal(o, outer);
	assert_int_equal(i, inner);
}

/* What the BPF side is told, for each version; nothing where it would be wrong. */
static void test_attrs(void **state)
{
	static const uint8_t forms[] = {
		[8] = VTBPF_ATTRS_DICT,	   [9] = VTBPF_ATTRS_DICT,    [10] = VTBPF_ATTRS_DICT,
		[11] = VTBPF_ATTRS_VALUES, [12] = VTBPF_ATTRS_TAGGED, [13] = VTBPF_ATTRS_INLINE,
		[14] = VTBPF_ATTRS_INLINE, [15] = VTBPF_ATTRS_INLINE,
	};
	unsigned int minor;

	(void)state;
	FOR_MINORS(minor)
	{
		struct image *im = image__new(minor);
		struct vtbpf_attrs attrs;

		im->r.refined = false;
		py_reader__attrs(&im->r, &attrs);
		assert_int_equal(attrs.form, forms[minor]);
		assert_int_equal(attrs.keys_log2, minor >= 11);
		assert_int_equal(attrs.ma_keys, im->r.l.ma_keys);
		assert_int_equal(attrs.ob_type, im->r.l.ob_type);
		assert_int_equal(attrs.managed_dict, im->r.l.managed_dict);
		im->r.frame.flags |= VTBPF_LAYOUT_FREE_THREADED;
		py_reader__attrs(&im->r, &attrs);
		assert_int_equal(attrs.form, VTBPF_ATTRS_NONE);
		im->r.refined = true;
		py_reader__attrs(&im->r, &attrs);
		assert_int_equal(attrs.form, forms[minor]);
		image__free(im);
	}
}

static void test_nspid(void **state)
{
	(void)state;
	check_ns("Name:\tx\nPid:\t12\nNSpid:\t12\n", 0, 12, 12);
	check_ns("Pid:\t4000\nNSpid:\t4000\t17\t3\nNSpgid:\t1\t2\n", 0, 4000, 3);
	check_ns("Pid:\t77\n", 0, 77, 77);
	check_ns("Name:\tx\n", -EINVAL, 0, 0);
	assert_int_equal(py_tids__read_ns("/nonexistent/status", NULL, NULL), -ESRCH);
	assert_true(py_tids__has(getpid(), getpid()));
	assert_false(py_tids__has(getpid(), 1 << 30));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),	  cmocka_unit_test(test_string_apart),
		cmocka_unit_test(test_c_strings), cmocka_unit_test(test_string_limits),
		cmocka_unit_test(test_longs),	  cmocka_unit_test(test_debug_offsets),
		cmocka_unit_test(test_nspid),	  cmocka_unit_test(test_attrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
