// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "format_fixture.h"

#define OUT_MAX (1 << 20)

int format_fixture__setup(void **state)
{
	const struct build_thread main_thread = { 100, 100, 10, "py" };
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/vtbpf-formats-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->in, sizeof(f->in), "%s/in", f->dir);
	snprintf(f->out, sizeof(f->out), "%s/out", f->dir);
	builder__init(&f->b);
	builder__session(&f->b, 100, 1000);
	builder__code(&f->b, 1, "main", "f.py");
	builder__code(&f->b, 2, "leaf", "f.py");
	builder__code(&f->b, 3, "a;\"b\n\xc2\x85", "g h.py");
	builder__thread(&f->b, &main_thread);
	builder__thread_name(&f->b, 100, "Main;Thread", 1);
	f->opts.input = f->in;
	f->opts.output = f->out;
	f->opts.output_named = true;
	f->opts.filter.max_stack_depth = -1;
	f->text = calloc(1, OUT_MAX);
	*state = f;
	return 0;
}

int format_fixture__teardown(void **state)
{
	struct fixture *f = *state;
	int err;

	unlink(f->in);
	unlink(f->out);
	err = rmdir(f->dir); /* nothing else is left there */
	builder__release(&f->b);
	free(f->text);
	free(f);
	return err;
}

void add_call(struct fixture *f, uint32_t code, uint64_t start, uint64_t end, uint16_t depth)
{
	const struct build_call c = {
		.tid = 100, .code = code, .start = start, .end = end, .depth = depth
	};

	builder__call(&f->b, &c);
}

void add_calls(struct fixture *f)
{
	add_call(f, 2, 2000, 2010, 1);
	add_call(f, 2, 2010, 2030, 1);
	add_call(f, 2, 2050, 2055, 2);
	add_call(f, 3, 2040, 2060, 1);
	add_call(f, 1, 1900, 2100, 0);
	add_call(f, 1, 3000, 3001, 0);
	builder__end(&f->b, 9000);
}

static void add_stack(struct fixture *f, uint32_t id, const uint32_t *codes, uint32_t n)
{
	struct vtbpf_rec_stack *s =
		builder__record(&f->b, VTBPF_REC_STACK, 100, sizeof(*s) - 8 + n * 4);

	s->id = id;
	s->n = n;
	if (n)
		memcpy(s->codes, codes, n * 4);
}

static void add_sample(struct fixture *f, uint64_t ts, uint32_t stack, uint32_t weight)
{
	struct vtbpf_rec_sample *s = builder__record(&f->b, VTBPF_REC_SAMPLE, 100, sizeof(*s) - 8);

	s->ts = ts;
	s->stack = stack;
	s->weight = weight;
}

void add_samples(struct fixture *f)
{
	static const uint32_t leaf[] = { 2, 1 }; /* innermost first */
	struct vtbpf_rec_sampling *s =
		builder__record(&f->b, VTBPF_REC_SAMPLING, 100, sizeof(*s) - 8);

	s->ts = 2000;
	s->period = 1000;
	add_stack(f, 1, leaf, 2);
	add_stack(f, 2, leaf + 1, 1);
	add_stack(f, 3, NULL, 0);
	add_sample(f, 4000, 1, 1);
	add_sample(f, 6000, 1, 2);
	add_sample(f, 7000, 2, 1);
	add_sample(f, 8000, 3, 1);
	builder__end(&f->b, 9000);
}

static void read_output(struct fixture *f)
{
	gzFile gz = gzopen(f->out, "rb");
	int n;

	assert_non_null(gz);
	n = gzread(gz, f->text, OUT_MAX - 1);
	assert_true(n >= 0);
	f->n = (size_t)n;
	f->text[n] = '\0';
	gzclose(gz);
}

void convert(struct fixture *f, const char *format)
{
	f->opts.format = format;
	assert_int_equal(convert__run(&f->opts, &f->sum), 0);
	read_output(f);
}

void convert_capture(struct fixture *f, const char *format)
{
	builder__save(&f->b, f->in);
	convert(f, format);
}

void convert_json(struct fixture *f, const char *format, const char *json)
{
	FILE *file = fopen(f->in, "w");

	assert_non_null(file);
	fputs(json, file);
	fclose(file);
	convert(f, format);
}

void has(const struct fixture *f, const char *what)
{
	if (!memmem(f->text, f->n, what, strlen(what))) /* NULs may be in it */
		fail_msg("no \"%s\" in: %s", what, f->text);
}
