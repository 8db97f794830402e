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

#include "convert_fixture.h"

int convert_fixture__setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/vtbpf-convert-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->in, sizeof(f->in), "%s/in", f->dir);
	snprintf(f->more, sizeof(f->more), "%s/more", f->dir);
	snprintf(f->out, sizeof(f->out), "%s/out.json", f->dir);
	builder__init(&f->b);
	f->opts.input = f->in;
	f->opts.output = f->out;
	f->opts.output_named = true;
	f->opts.filter.max_stack_depth = -1;
	*state = f;
	return 0;
}

int convert_fixture__teardown(void **state)
{
	struct fixture *f = *state;
	int err;

	unlink(f->in);
	unlink(f->more);
	unlink(f->out);
	err = rmdir(f->dir);
	builder__release(&f->b);
	free(f);
	return err;
}
