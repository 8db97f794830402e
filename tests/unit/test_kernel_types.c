// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/trace/kernel_types.h"

/* A kernel in which the members of a task lie elsewhere than in the programs, some of them in an
 * anonymous struct, as with CONFIG_RANDSTRUCT. */
static struct btf *make_kernel(void)
{
	struct btf *b = btf__new_empty();
	int u64, u32, alias, thread, inner, ptr;

	assert_non_null(b);
	u64 = btf__add_int(b, "unsigned long", 8, 0);
	u32 = btf__add_int(b, "int", 4, BTF_INT_SIGNED);
	alias = btf__add_typedef(b, "u64", u64);
	ptr = btf__add_ptr(b, u32);
	thread = btf__add_struct(b, "thread_struct", 64);
	assert_int_equal(btf__add_field(b, "sp", alias, 0, 0), 0);
	assert_int_equal(btf__add_field(b, "fsbase", alias, 40 * 8, 0), 0);
	inner = btf__add_struct(b, "", 128);
	assert_int_equal(btf__add_field(b, "pid", u32, 0, 0), 0);
	assert_int_equal(btf__add_field(b, "start_time", alias, 16 * 8, 0), 0);
	assert_true(btf__add_struct(b, "other", 8) > 0);
	assert_true(btf__add_struct(b, "task_struct", 4096) > 0);
	assert_int_equal(btf__add_field(b, "flags", u32, 8, 3), 0);
	assert_int_equal(btf__add_field(b, "", inner, 64 * 8, 0), 0);
	assert_int_equal(btf__add_field(b, "parent", ptr, 512 * 8, 0), 0);
	assert_int_equal(btf__add_field(b, "thread", thread, 1024 * 8, 0), 0);
	return b;
}

static int begin_task(struct btf *b, const char *name)
{
	int u64 = btf__add_int(b, "unsigned long long", 8, 0);

	assert_true(btf__add_struct(b, name, 64) > 0);
	return u64;
}

static const struct btf_member *member_of(const struct btf *b, const char *type, const char *name)
{
	int id = btf__find_by_name_kind(b, type, BTF_KIND_STRUCT);
	const struct btf_type *t = id > 0 ? btf__type_by_id(b, id) : NULL;

	for (uint32_t i = 0; t && i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(b, btf_members(t)[i].name_off), name))
			return &btf_members(t)[i];
	return NULL;
}

static uint32_t offset_of(const struct btf *b, const char *type, const char *name)
{
	const struct btf_member *m = member_of(b, type, name);

	assert_non_null(m);
	return BTF_MEMBER_BIT_OFFSET(m->offset) / 8;
}

static void test_members(void **state)
{
	struct btf *kernel = make_kernel(), *local = btf__new_empty(), *got;
	int thread, u64, ptr;

	(void)state;
	u64 = begin_task(local, "thread_struct");
	assert_int_equal(btf__add_field(local, "fsbase", u64, 0, 0), 0);
	thread = btf__type_cnt(local) - 1;
	ptr = btf__add_ptr(local, 0);
	begin_task(local, "task_struct");
	assert_int_equal(btf__add_field(local, "start_time", u64, 0, 0), 0);
	assert_int_equal(btf__add_field(local, "pid", u64, 64, 0), 0);
	assert_int_equal(btf__add_field(local, "flags", u64, 128, 0), 0);
	assert_int_equal(btf__add_field(local, "gone", u64, 192, 0), 0);
	assert_int_equal(btf__add_field(local, "thread", thread, 256, 0), 0);
	assert_int_equal(btf__add_field(local, "parent", ptr, 320, 0), 0);
	begin_task(local, "of_the_program");
	got = kernel_types__of(kernel, local);
	assert_non_null(got);
	assert_int_equal(offset_of(got, "task_struct", "start_time"), 64 + 16);
	assert_int_equal(offset_of(got, "task_struct", "pid"), 64);
	assert_int_equal(offset_of(got, "task_struct", "thread"), 1024);
	assert_int_equal(offset_of(got, "task_struct", "parent"), 512);
	assert_int_equal(offset_of(got, "thread_struct", "fsbase"), 40);
	assert_null(member_of(got, "task_struct", "gone"));
	assert_null(member_of(got, "thread_struct", "sp"));
	assert_int_equal(BTF_MEMBER_BITFIELD_SIZE(member_of(got, "task_struct", "flags")->offset),
			 3);
	assert_int_equal(btf__resolve_size(got, member_of(got, "task_struct", "pid")->type), 4);
	assert_true(btf__find_by_name(got, "other") < 0);
	assert_true(btf__find_by_name(got, "of_the_program") < 0);
	btf__free(got);
	btf__free(local);
	btf__free(kernel);
}

/* A member that is of another kind now is not what the program means; a variant of a type is. */
static void test_variants(void **state)
{
	struct btf *kernel = make_kernel(), *local = btf__new_empty(), *got;
	int u64 = begin_task(local, "task_struct___old");

	(void)state;
	assert_int_equal(btf__add_field(local, "parent", u64, 0, 0), 0);
	assert_int_equal(btf__add_field(local, "pid", u64, 64, 0), 0);
	begin_task(local, "task_struct_not");
	got = kernel_types__of(kernel, local);
	assert_non_null(got);
	assert_int_equal(offset_of(got, "task_struct", "pid"), 64);
	assert_null(member_of(got, "task_struct", "parent"));
	btf__free(got);
	btf__free(local);
	btf__free(kernel);
}

static void test_unknown_kinds(void **state)
{
	struct btf *kernel = btf__new_empty(), *local = btf__new_empty();
	struct btf *both[] = { kernel, local };

	(void)state;
	for (int i = 0; i < 2; i++) {
		int u64 = btf__add_int(both[i], "long", 8, 0);
		int array = btf__add_array(both[i], u64, u64, 4);

		begin_task(both[i], "task_struct");
		assert_int_equal(btf__add_field(both[i], "comm", array, 0, 0), 0);
	}
	assert_null(kernel_types__of(kernel, local));
	assert_int_equal(errno, ENOTSUP);
	btf__free(local);
	btf__free(kernel);
}

/* A struct that holds itself: no compiler writes that. */
static void test_endless(void **state)
{
	struct btf *kernel = btf__new_empty(), *local = btf__new_empty();
	struct btf *both[] = { kernel, local };

	(void)state;
	for (int i = 0; i < 2; i++) {
		int id = btf__add_struct(both[i], "task_struct", 8);

		assert_int_equal(btf__add_field(both[i], "self", id, 0, 0), 0);
	}
	assert_null(kernel_types__of(kernel, local));
	assert_int_equal(errno, ENOTSUP);
	btf__free(local);
	btf__free(kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_variants),
		cmocka_unit_test(test_unknown_kinds),
		cmocka_unit_test(test_endless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
