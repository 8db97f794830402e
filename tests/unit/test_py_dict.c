// SPDX-License-Identifier: GPL-2.0-only
/* Dictionaries and instances read from a forged memory image: well-formed, hostile and torn. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../user/discover/py_objects.h"
#include "py_image.h"

/* A dict of three names, one of them deleted. */
static uint64_t new_names(struct image *im, unsigned int kind, uint64_t values_of[2])
{
	uint64_t keys[3] = { image__new_ascii(im, "_ident"), 0, image__new_ascii(im, "_name") };
	uint64_t values[3] = { image__new_number(im, 77), 0, image__new_ascii(im, "called so") };

	values_of[0] = values[0];
	values_of[1] = values[2];
	return image__new_dict(im, image__new_keys(im, kind, keys, values, 3), 0);
}

static void test_dicts(void **state)
{
	const struct py_dict_item *item;
	uint64_t expected[2], dict;
	unsigned int minor, kind;
	struct image *im;
	struct py_dict d;

	(void)state;
	FOR_MINORS(minor)
	{
		for (kind = 0; kind < 2; kind++) {
			im = image__new(minor);
			dict = new_names(im, kind, expected);
			assert_int_equal(py_dict__load(&im->r, dict, &d), 0);
			assert_int_equal(d.n, 2);
			item = py_dict__find(&im->r, &d, PY_SYM_NAME);
			assert_non_null(item);
			assert_true(item->value == expected[1]);
			assert_true(py_dict__holds(&im->r, &d, item));
			item = py_dict__find(&im->r, &d, PY_SYM_IDENT);
			assert_true(item && item->value == expected[0]);
			/* once more, by the address of the name */
			assert_ptr_equal(py_dict__find(&im->r, &d, PY_SYM_IDENT), item);
			assert_null(py_dict__find(&im->r, &d, PY_SYM_ACTIVE));
			py_dict__free(&d);
			image__free(im);
		}
	}
}

static void test_split_dict(void **state)
{
	struct image *im;
	unsigned int minor;
	struct py_dict d;

	(void)state;
	FOR_MINORS(minor)
	{
		uint64_t keys[2], values[2], dict;
		const struct py_dict_item *item;

		im = image__new(minor);
		keys[0] = image__new_ascii(im, "_name");
		keys[1] = image__new_ascii(im, "_daemonic");
		values[0] = image__new_ascii(im, "split");
		values[1] = 0;
		dict = image__new_dict(im, image__new_keys(im, 2, keys, NULL, 2),
				       image__put_values(im, image__alloc(im, 64), values, 2));
		assert_int_equal(py_dict__load(&im->r, dict, &d), 0);
		assert_int_equal(d.n, 1);
		item = py_dict__find(&im->r, &d, PY_SYM_NAME);
		assert_true(item && item->value == values[0]);
		assert_true(py_dict__holds(&im->r, &d, item));
		image__put(im, d.values, 0);
		assert_false(py_dict__holds(&im->r, &d, item));
		py_dict__free(&d);
		image__free(im);
	}
}

static void test_dict_changes_later(void **state)
{
	struct image *im = image__new(13);
	const struct py_dict_item *item;
	uint64_t expected[2], dict, keys;
	struct py_dict d;

	(void)state;
	dict = new_names(im, 1, expected);
	assert_int_equal(py_dict__load(&im->r, dict, &d), 0);
	item = py_dict__find(&im->r, &d, PY_SYM_NAME);
	keys = d.keys;
	image__put(im, dict + im->r.l.ma_keys, keys + 64);
	assert_false(py_dict__holds(&im->r, &d, item));
	image__put(im, dict + im->r.l.ma_keys, keys);
	assert_true(py_dict__holds(&im->r, &d, item));
	image__put(im, d.entries + (uint64_t)item->slot * d.stride + 8, expected[0]);
	assert_false(py_dict__holds(&im->r, &d, item));
	py_dict__free(&d);
	image__free(im);
}

static void check_dict_fails(struct image *im, uint64_t dict, int err)
{
	unsigned long reads = im->reads;
	struct py_dict d;

	py_reader__begin(&im->r);
	assert_int_equal(py_dict__load(&im->r, dict, &d), err);
	assert_int_equal(d.n, 0);
	py_dict__free(&d);
	assert_true(im->reads - reads < 100);
}

static void test_hostile_dicts(void **state)
{
	uint64_t expected[2], dict, keys;
	struct image *im;

	(void)state;
	im = image__new(13);
	dict = new_names(im, 1, expected);
	memcpy(&keys, image__at(im, dict + im->r.l.ma_keys), 8);
	image__put(im, keys + 24, 1ULL << 40); /* more entries than slots */
	check_dict_fails(im, dict, -EINVAL);
	*(unsigned char *)image__at(im, keys + 8) = 32;
	image__put(im, keys + 24, 1ULL << 31);
	check_dict_fails(im, dict, -EFBIG);
	image__put(im, keys + 24, UINT64_MAX);
	check_dict_fails(im, dict, -EINVAL);
	*(unsigned char *)image__at(im, keys + 8) = 255;
	check_dict_fails(im, dict, -EINVAL);
	*(unsigned char *)image__at(im, keys + 8) = 3;
	image__put(im, keys + 24, 3);
	*(unsigned char *)image__at(im, keys + 10) = 9; /* no such kind */
	check_dict_fails(im, dict, -EINVAL);
	*(unsigned char *)image__at(im, keys + 10) = 1;
	*(unsigned char *)image__at(im, keys + 9) = 35; /* the entries lie beyond what is mapped */
	check_dict_fails(im, dict, -EFAULT);
	image__put(im, dict + im->r.l.ma_keys, UINT64_MAX - 16);
	check_dict_fails(im, dict, -EFAULT);
	image__put(im, dict + 8, dict); /* its own type, without flags */
	check_dict_fails(im, dict, -EINVAL);
	check_dict_fails(im, 0, -EFAULT);
	check_dict_fails(im, image__new_ascii(im, "a str"), -EINVAL);
	image__free(im);

	im = image__new(10);
	dict = new_names(im, 0, expected);
	memcpy(&keys, image__at(im, dict + im->r.l.ma_keys), 8);
	image__put(im, keys + 8, 7); /* no power of two */
	check_dict_fails(im, dict, -EINVAL);
	image__put(im, keys + 8, 1ULL << 63);
	check_dict_fails(im, dict, -EINVAL);
	image__put(im, keys + 8, 0);
	check_dict_fails(im, dict, -EINVAL);
	image__free(im);
}

static void test_dead_object(void **state)
{
	struct image *im = image__new(12);
	uint64_t expected[2], dict = new_names(im, 1, expected);

	(void)state;
	image__put(im, dict, 0);
	check_dict_fails(im, dict, -ESTALE);
	im->r.l.refcount_counts = false;
	image__put(im, dict, 0);
	assert_int_equal(py_object__check(&im->r, dict, PY_TYPE_DICT), 0);
	image__free(im);
}

static void grow_always(struct image *im)
{
	uint64_t n;

	memcpy(&n, image__at(im, im->hook_addr), 8);
	image__put(im, im->hook_addr, n % 3 + 1);
}

static void grow_once(struct image *im)
{
	if (im->reads > 8)
		im->hook = NULL;
	else
		grow_always(im);
}

static void test_torn_dict(void **state)
{
	uint64_t expected[2], dict, keys;
	struct image *im = image__new(13);
	struct py_dict d;

	(void)state;
	dict = new_names(im, 1, expected);
	memcpy(&keys, image__at(im, dict + im->r.l.ma_keys), 8);
	im->hook_addr = keys + 24;
	im->hook = grow_always;
	check_dict_fails(im, dict, -EAGAIN);
	im->reads = 0;
	im->hook = grow_once;
	image__put(im, keys + 24, 3);
	assert_int_equal(py_dict__load(&im->r, dict, &d), 0);
	assert_null(im->hook);
	py_dict__free(&d);
	image__free(im);
}

/* An instance of a class with cached keys (_name, _ident), its attributes where they belong. */
static uint64_t new_instance(struct image *im, uint64_t *type, const uint64_t values[2])
{
	uint64_t keys[2] = { image__new_ascii(im, "_name"), image__new_ascii(im, "_ident") };
	uint64_t flags = PY_TYPE_HEAP, object, table;

	table = image__new_keys(im, 2, keys, NULL, 2);
	if (im->r.l.instance != VTBPF_ATTRS_DICT)
		flags |= PY_TYPE_MANAGED_DICT;
	if (im->r.l.instance == VTBPF_ATTRS_INLINE)
		flags |= PY_TYPE_INLINE_VALUES;
	*type = image__new_type(im, flags, 32, im->r.l.instance == VTBPF_ATTRS_DICT ? 16 : -1);
	image__put(im, *type + im->r.l.ht_cached_keys, table);
	object = image__new_object(im, *type, 128);
	switch (im->r.l.instance) {
	case VTBPF_ATTRS_DICT:
		image__put(im, object + 16,
			   image__new_dict(im, table,
					   image__put_values(im, image__alloc(im, 64), values, 2)));
		break;
	case VTBPF_ATTRS_VALUES:
		image__put(im, object - 32, image__put_values(im, image__alloc(im, 64), values, 2));
		break;
	case VTBPF_ATTRS_TAGGED:
		image__put(im, object - 24,
			   image__put_values(im, image__alloc(im, 64), values, 2) - 1);
		break;
	default:
		image__put_values(im, object + 32, values, 2);
		break;
	}
	return object;
}

static void check_instance(struct image *im, uint64_t object, uint64_t name)
{
	const struct py_dict_item *item;
	struct py_dict d;

	assert_int_equal(py_instance__load(&im->r, object, &d), 0);
	item = py_dict__find(&im->r, &d, PY_SYM_NAME);
	assert_true(item && item->value == name);
	assert_true(py_dict__holds(&im->r, &d, item));
	py_dict__free(&d);
}

static void test_instances(void **state)
{
	uint64_t values[2], expected[2], object, type, dict;
	struct image *im;
	unsigned int minor;
	struct py_dict d;

	(void)state;
	FOR_MINORS(minor)
	{
		im = image__new(minor);
		values[0] = image__new_ascii(im, "inside");
		values[1] = image__new_number(im, 5);
		object = new_instance(im, &type, values);
		check_instance(im, object, values[0]);
		/* the same with a dict of its own */
		dict = new_names(im, minor >= 11, expected);
		if (minor < 11) {
			image__put(im, object + 16, dict);
		} else {
			image__put(im, object - 32, 0);
			image__put(im, object - 24, dict);
		}
		check_instance(im, object, expected[1]);
		/* and without any */
		image__put(im, minor < 11 ? object + 16 : object - 24, 0);
		if (minor >= 13)
			*(unsigned char *)image__at(im, object + 32 + 3) = 0;
		assert_int_not_equal(py_instance__load(&im->r, object, &d), 0);
		py_dict__free(&d);
		image__free(im);
	}
}

static void test_hostile_instances(void **state)
{
	uint64_t values[2], object, type;
	struct image *im = image__new(13);
	struct py_dict d;

	(void)state;
	values[0] = values[1] = image__new_ascii(im, "x");
	object = new_instance(im, &type, values);
	image__put(im, type + im->r.l.tp_basicsize, UINT64_MAX - 5);
	py_reader__begin(&im->r);
	assert_int_not_equal(py_instance__load(&im->r, object, &d), 0);
	image__put(im, type + im->r.l.tp_basicsize, 32);
	image__put(im, type + im->r.l.ht_cached_keys, 1);
	py_reader__begin(&im->r);
	assert_int_equal(py_instance__load(&im->r, object, &d), -EFAULT);
	image__put(im, type + im->r.l.tp_flags, PY_TYPE_HEAP);
	image__put(im, type + im->r.l.tp_dictoffset, 1ULL << 40);
	py_reader__begin(&im->r);
	assert_int_equal(py_instance__load(&im->r, object, &d), -ENOENT);
	/* an instance whose dict pointer leads to itself */
	image__put(im, type + im->r.l.tp_flags, PY_TYPE_HEAP | PY_TYPE_MANAGED_DICT);
	image__put(im, object - 24, object);
	py_reader__begin(&im->r);
	assert_int_equal(py_instance__load(&im->r, object, &d), -EINVAL);
	assert_null(py_thread_name(&im->r, object, 0));
	image__free(im);
}

static void test_thread_name(void **state)
{
	static const char *const names[] = { "_name", "_ident", "_native_id", "_daemonic" };
	uint64_t keys[4], values[4], object, type, table;
	struct image *im = image__new(13);
	char *name;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		keys[i] = image__new_ascii(im, names[i]);
		values[i] = image__new_number(im, i);
	}
	values[0] = image__new_ascii(im, "from the object");
	table = image__new_keys(im, 2, keys, NULL, 4);
	type = image__new_type(im, PY_TYPE_HEAP | PY_TYPE_MANAGED_DICT | PY_TYPE_INLINE_VALUES, 16,
			       -1);
	image__put(im, type + im->r.l.ht_cached_keys, table);
	object = image__new_object(im, type, 128);
	image__put_values(im, object + 16, values, 4);
	name = py_thread_name(&im->r, object, 0);
	assert_string_equal(name, "from the object");
	free(name);
	/* something else that has a _name */
	image__put(im, object + 16 + 8 + 3 * 8, 0);
	assert_null(py_thread_name(&im->r, object, 0));
	/* a Thread whose name is no str */
	values[0] = values[1];
	image__put_values(im, object + 16, values, 4);
	assert_null(py_thread_name(&im->r, object, 0));
	assert_null(py_thread_name(&im->r, 0, 0));
	assert_null(py_thread_name(&im->r, 1ULL << 63, 0));
	image__free(im);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dicts),
		cmocka_unit_test(test_split_dict),
		cmocka_unit_test(test_dict_changes_later),
		cmocka_unit_test(test_hostile_dicts),
		cmocka_unit_test(test_dead_object),
		cmocka_unit_test(test_torn_dict),
		cmocka_unit_test(test_instances),
		cmocka_unit_test(test_hostile_instances),
		cmocka_unit_test(test_thread_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
