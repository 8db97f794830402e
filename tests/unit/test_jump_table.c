// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "../../user/discover/jump_table.h"
#include "fake_elf.h"

#define AT(n) (FAKE_CODE + (n))
#define TABLE (FAKE_DATA + 0x40)

/* The instructions of a run and what was found at its end. */
struct found {
	struct elf_image *img;
	struct jump_table table;
	bool ok;
};

static struct fake_elf e;

static void find(struct found *f, const void *code, size_t size)
{
	struct decoder *d = decoder__new(EM_X86_64);
	struct insn run[64];
	uint64_t at = AT(0);
	size_t n = 0;
	int fd;

	fake_elf__put(&e, AT(0), code, size);
	fd = fake_elf__open(&e);
	f->img = elf_image__new(fd);
	while (at < AT(size)) {
		assert_true(decoder__insn(d, f->img, at, &run[n]));
		at += run[n++].len;
	}
	f->ok = jump_table__find(run, n, &f->table);
	decoder__free(d);
	close(fd);
}

#define FIND(f, code) find(f, code, sizeof(code) - 1)

/* cmp $2,%edx; ja; mov %edx,%eax; lea TABLE,%rsi; movslq (%rsi,%rax,4),%rax; add; jmp *%rax */
#define COPY_AND_READ "\x89\xd0\x48\x8d\x35\x32\x70\0\0\x48\x63\x04\x86\x48\x01\xf0"
#define RELATIVE "\x83\xfa\x02\x77\x10" COPY_AND_READ

static void put_relative(int32_t i, int32_t to)
{
	int32_t entry = to - TABLE;

	fake_elf__put(&e, TABLE + 4 * (uint64_t)i, &entry, sizeof(entry));
}

static void test_relative(void **state)
{
	struct found f;
	uint64_t vaddr;

	(void)state;
	fake_elf__init(&e);
	put_relative(0, AT(0x20));
	put_relative(1, AT(0x30));
	put_relative(2, FAKE_DATA);
	FIND(&f, RELATIVE "\xff\xe0");
	assert_true(f.ok);
	assert_true(f.table.relative);
	assert_int_equal(f.table.vaddr, TABLE);
	assert_int_equal(f.table.n, 3);
	assert_true(jump_table__entry(&f.table, f.img, 1, &vaddr));
	assert_int_equal(vaddr, AT(0x30));
	assert_false(jump_table__entry(&f.table, f.img, 2, &vaddr));
	elf_image__free(f.img);
	fake_elf__init(&e);
	FIND(&f, RELATIVE "\x3e\xff\xe0"); /* notrack, as -fcf-protection makes it */
	assert_true(f.ok);
	elf_image__free(f.img);
}

/* cmp $1,%ecx; ja; jmp *TABLE(,%rcx,8), and the same with `and $1,%ecx` */
static void test_absolute(void **state)
{
	struct found f;
	uint64_t vaddr;

	(void)state;
	fake_elf__init(&e);
	fake_elf__put_u64(&e, TABLE + 8, AT(0x20));
	FIND(&f, "\x83\xf9\x01\x77\x10\xff\x24\xcd\x40\x80\0\0");
	assert_true(f.ok);
	assert_false(f.table.relative);
	assert_int_equal(f.table.vaddr, TABLE);
	assert_int_equal(f.table.n, 2);
	assert_true(jump_table__entry(&f.table, f.img, 1, &vaddr));
	assert_int_equal(vaddr, AT(0x20));
	assert_false(jump_table__entry(&f.table, f.img, 0, &vaddr));
	elf_image__free(f.img);
	fake_elf__init(&e);
	FIND(&f, "\x83\xe1\x01\xff\x24\xcd\x40\x80\0\0");
	assert_true(f.ok);
	assert_int_equal(f.table.n, 2);
	elf_image__free(f.img);
}

static bool is_found(const void *code, size_t size)
{
	struct found f;

	fake_elf__init(&e);
	find(&f, code, size);
	elf_image__free(f.img);
	return f.ok;
}

#define IS_FOUND(code) is_found(code, sizeof(code) - 1)

/* Tables whose size is not told, or whose number is another one than what was compared. */
static void test_unbounded(void **state)
{
	(void)state;
	assert_true(IS_FOUND("\x83\xf9\x01\x77\x10\xff\x24\xcd\x40\x80\0\0"));
	assert_false(IS_FOUND("\xff\x24\xcd\x40\x80\0\0"));
	assert_false(IS_FOUND("\xff\xe0"));
	assert_false(IS_FOUND("\xc3"));
	/* je: asks for one number only */
	assert_false(IS_FOUND("\x83\xf9\x01\x74\x10\xff\x24\xcd\x40\x80\0\0"));
	/* the compare is of another register, or an older value: mov (%rax),%ecx */
	assert_false(IS_FOUND("\x83\xfa\x01\x77\x10\xff\x24\xcd\x40\x80\0\0"));
	assert_false(IS_FOUND("\x83\xf9\x01\x77\x10\x8b\x08\xff\x24\xcd\x40\x80\0\0"));
	/* larger than any switch: cmp $0x10000,%ecx */
	assert_false(IS_FOUND("\x81\xf9\0\0\x01\0\x77\x10\xff\x24\xcd\x40\x80\0\0"));
	/* the table's address comes from elsewhere: mov %rdi,%rsi */
	assert_false(IS_FOUND("\x83\xfa\x02\x77\x10\x89\xd0\x48\x89\xfe\x48\x63\x04\x86"
			      "\x48\x01\xf0\xff\xe0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relative),
		cmocka_unit_test(test_absolute),
		cmocka_unit_test(test_unbounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
