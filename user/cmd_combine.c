// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "combine.h"
#include "commands.h"
#include "finish.h"
#include "sandbox.h"

int cmd_combine(const struct options *o)
{
	struct combine_options c = {
		.convert = finish__options(o, o->inputs.items[0]),
		.align = o->align,
		.marker = o->marker,
	};
	struct convert_summary sum;
	int err;

	c.convert.more_inputs = o->inputs.items + 1;
	c.convert.n_more_inputs = o->inputs.n - 1;
	err = convert__check_output(o->output, o->format, o->output_named);
	if (err)
		return err == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	finish__catch_signals();
	sandbox__enter(SANDBOX_CONVERT);
	if (combine__run(&c, &sum))
		return EXIT_FAILED;
	finish__say(o->output, &sum, 0);
	return EXIT_OK;
}
