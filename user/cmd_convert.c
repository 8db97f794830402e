// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "convert.h"
#include "finish.h"
#include "log.h"
#include "sandbox.h"

int cmd_convert(const struct options *o)
{
	struct convert_options c = finish__options(o, o->inputs.items[0]);
	struct convert_summary sum;
	int err;

	c.more_inputs = o->inputs.items + 1;
	c.n_more_inputs = o->inputs.n - 1;
	err = convert__check_output(o->output, o->format, o->output_named);

	if (err)
		return err == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	finish__catch_signals();
	sandbox__enter(SANDBOX_CONVERT);
	err = convert__run(&c, &sum);
	if (err)
		return EXIT_FAILED;
	finish__say(o->output, &sum, 0);
	return EXIT_OK;
}
