// SPDX-License-Identifier: GPL-2.0-only
/* Thread states and frames read from a forged memory image, cyclic and endless ones too. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "../../user/discover/py_threads.h"
#include "py_image.h"

static void test_cyclic_states(void **state)
{
	struct image *im = image__new(12);
	uint64_t interp = image__alloc(im, 2048), one = image__alloc(im, 512),
		 two = image__alloc(im, 512);
	struct py_threads t;

	(void)state;
	image__put(im, RUNTIME + im->r.l.runtime_interpreters, interp);
	image__put(im, interp + im->r.l.interp_next, interp);
	image__put(im, interp + im->r.l.interp_threads, one);
	image__put(im, one + im->r.l.tstate_interp, interp);
	image__put(im, one + im->r.l.tstate_ident, 111);
	image__put(im, one + im->r.l.tstate_next, two);
	image__put(im, one + im->r.l.tstate_prev, two);
	image__put(im, two + im->r.l.tstate_interp, interp);
	image__put(im, two + im->r.l.tstate_ident, 222);
	image__put(im, two + im->r.l.tstate_next, one);
	image__put(im, two + im->r.l.tstate_prev, one);
	assert_int_equal(py_threads__read(&im->r, &t), 0);
	assert_true(t.n >= 2 && t.n <= 65536);
	py_threads__free(&t);
	assert_true(im->reads < 4000000);
	/* a link that does not lead back */
	image__put(im, interp + im->r.l.interp_next, 0);
	image__put(im, two + im->r.l.tstate_prev, interp);
	assert_int_equal(py_threads__read(&im->r, &t), 0);
	assert_int_equal(t.n, 1);
	assert_true(t.threads[0].ident == 111);
	py_threads__free(&t);
	py_threads__free(NULL);
	image__free(im);
}

static ssize_t read_nothing(void *ctx, uint64_t addr, void *buf, size_t len)
{
	(void)ctx, (void)addr, (void)buf, (void)len;
	return -ESRCH;
}

static void test_gone(void **state)
{
	struct image *im = image__new(12);
	struct py_threads t;

	(void)state;
	assert_false(py_reader__is_gone(&im->r));
	im->r.read = read_nothing;
	assert_true(py_reader__is_gone(&im->r));
	assert_int_equal(py_threads__read(&im->r, &t), -ESRCH);
	assert_int_equal(t.n, 0);
	image__free(im);
}

/* Everything a pass follows leads to the same few bytes: it ends all the same, and soon. */
static ssize_t read_same(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct image *im = ctx;
	uint64_t word = *(uint64_t *)im->mem;
	size_t i;

	(void)addr;
	im->reads++;
	for (i = 0; i < len; i++)
		((unsigned char *)buf)[i] = word >> i % 8 * 8;
	return len;
}

static void test_same_everywhere(void **state)
{
	static const uint64_t words[] = { 0x0000555555555550ULL, 0x2020202020202020ULL,
					  0x3535353535353535ULL, 0x0101010101010101ULL,
					  0x0000000030000001ULL };
	struct timespec start, end;
	struct py_frame frames[16];
	struct py_thread thread = { .frame = BASE };
	struct py_threads t;
	struct image *im;
	unsigned int minor;
	size_t i;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (minor = 10; minor <= 13; minor++) {
		im = image__new(minor);
		im->r.read = read_same;
		for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			memcpy(im->mem, &words[i], 8);
			if (py_threads__read(&im->r, &t) == 0)
				assert_true(t.n <= 65536);
			py_threads__free(&t);
			free(py_thread_name(&im->r, words[i], 0));
			free(py_str(&im->r, words[i], SIZE_MAX));
			assert_true(py_thread_frames(&im->r, &thread, frames, 16) <= 16);
		}
		image__free(im);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - start.tv_sec < 60);
}

static uint64_t new_code(struct image *im, const char *name)
{
	const struct vtbpf_layout *l = &im->r.frame;
	uint64_t code = image__new_object(im, im->t_code, 256);

	image__put(im, code + l->code_name, image__new_ascii(im, name));
	image__put(im, code + l->code_filename, image__new_ascii(im, "file.py"));
	memcpy(image__at(im, code + l->code_firstlineno), (uint32_t[]){ 42 }, 4);
	return code;
}

static void test_frames(void **state)
{
	struct py_thread t = { 0 };
	struct py_frame out[8];
	unsigned int minor, i;

	(void)state;
	FOR_MINORS(minor)
	{
		struct image *im = image__new(minor);
		const struct vtbpf_layout *l = &im->r.frame;
		uint64_t frame[3], text = image__alloc(im, 8);
		char *name;

		memcpy(image__at(im, text), "code", 5);
		image__put(im, im->t_code + im->r.l.tp_name, text);
		for (i = 0; i < 3; i++) {
			frame[i] = image__alloc(im, 512);
			image__put(im, frame[i] + l->frame_code, new_code(im, "f") | (minor >= 14));
		}
		image__put(im, frame[0] + l->frame_previous, frame[1]);
		image__put(im, frame[1] + l->frame_previous, frame[2]);
		if (l->frame_owner)
			*(unsigned char *)image__at(im, frame[1] + l->frame_owner) =
				l->owner_first_shim;
		t.frame = frame[0];
		assert_int_equal(py_thread_frames(&im->r, &t, out, 8), l->frame_owner ? 2 : 3);
		assert_int_equal(out[0].firstlineno, 42);
		name = py_str(&im->r, out[1].name, 100);
		assert_string_equal(name, "f");
		free(name);
		assert_int_equal(py_thread_frames(&im->r, &t, out, 1), 1);
		assert_int_equal(py_thread_frames(&im->r, &t, out, 0), 0);
		/* cyclic */
		image__put(im, frame[2] + l->frame_previous, frame[0]);
		assert_int_equal(py_thread_frames(&im->r, &t, out, 8), 8);
		/* the second one's code is no code object */
		image__put(im, frame[2] + l->frame_code, image__new_ascii(im, "x"));
		image__put(im, frame[1] + l->frame_code, image__new_ascii(im, "x"));
		assert_int_equal(py_thread_frames(&im->r, &t, out, 8), 1);
		t.frame = 3;
		assert_int_equal(py_thread_frames(&im->r, &t, out, 8), 0);
		image__free(im);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cyclic_states),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_same_everywhere),
		cmocka_unit_test(test_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
